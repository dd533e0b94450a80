package roster_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

func fingerprint(t *testing.T, line string) string {
	t.Helper()
	k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(k)
}

// repoOnly is a role that takes keys from the repository alone.
func repoOnly() map[string]*spec.Role { return map[string]*spec.Role{"reviewers": reviewers()} }

func TestCollectFromRepositoryAsksNobody(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) })
	a, c := newKey(t), newKey(t)
	roles := repoOnly()
	roles["reviewers"].KeyOptions = "restrict,pty"
	b := backend([]string{"reviewers"}, roles)
	repo := repository(b, person("alice", 1, "reviewers"), person("bob", 2, "reviewers"), person("carol", 3, "reviewers"))
	repo.KeyFiles["alice"] = []byte("# laptop\n" + a + "\n" + c + " desk\n" + a + " again\n")
	repo.KeyFiles["carol"] = []byte("nonsense\n")
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := roster.NewFetcher(roster.FetchOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := r.CollectKeys(t.Context(), repo, b, f)
	if err != nil {
		t.Fatal(err)
	}
	want := "restrict,pty " + a + " again\nrestrict,pty " + c + " desk\n"
	if got := string(sets["alice"].File()); got != want || sets["alice"].Problem != nil {
		t.Errorf("%s%v\nwant %s", got, sets["alice"].Problem, want)
	}
	if s := sets["bob"]; s.Problem != nil || len(s.File()) != 0 || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "no keys/bob") {
		t.Errorf("%+v", s)
	}
	mustContain(t, sets["carol"].Problem, "keys/carol:1:1", "the present keys stay")
}

func TestWithoutFetcher(t *testing.T) {
	b := backend([]string{"developers"}, map[string]*spec.Role{"developers": developers()})
	repo := repository(b, person("alice", 1, "developers"))
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	sets, err := r.CollectKeys(t.Context(), repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, sets["alice"].Problem, "not been asked for")
}

func TestOneKeyTwoPeople(t *testing.T) {
	shared, stranger := newKey(t), newKey(t)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text(w, map[string]string{"/alice.keys": shared, "/bob.keys": shared, "/carol.keys": stranger, "/dave.keys": newKey(t)}[r.URL.Path]+"\n")
	})
	b := backend([]string{"developers"}, map[string]*spec.Role{"developers": developers()})
	repo := repository(b, person("alice", 1, "developers"), person("bob", 2, "developers"), person("carol", 3, "developers"),
		person("dave", 4, "developers"), person("mallory", 5))
	repo.KeyFiles["mallory"] = []byte(stranger) // has no account here
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := roster.NewFetcher(roster.FetchOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := r.CollectKeys(t.Context(), repo, b, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		mustContain(t, sets[name].Problem, "alice ("+url+"/alice.keys)", "bob ("+url+"/bob.keys)", fingerprint(t, shared))
	}
	mustContain(t, sets["carol"].Problem, "mallory (keys/mallory:1)", "carol")
	if sets["dave"].Problem != nil {
		t.Error(sets["dave"].Problem)
	}
}

func TestServiceKeys(t *testing.T) {
	alice, carol, gus, inline, file := newKey(t), newKey(t), newKey(t), newKey(t), newKey(t)
	b := backend([]string{"reviewers"}, repoOnly())
	a := &spec.AuthorizedKeys{
		Item: item(40), Keys: []string{inline + " deploy@gw"}, People: []string{"alice", "carol", "gus"},
		From: []string{"gw.pub", "../../keys/alice", "../../keys/dora"}, FromData: [][]byte{[]byte(file + " gw\n"), nil, nil}, Options: `restrict,command="/usr/bin/deploy"`,
	}
	b.AuthorizedKeys = map[string]*spec.AuthorizedKeys{"deploy": a}
	repo := repository(b, person("alice", 1, "reviewers"), person("carol", 2, "reviewers"), person("gus", 3))
	repo.KeyFiles = map[string][]byte{"alice": []byte(alice), "carol": []byte(carol), "gus": []byte(gus), "dora": []byte(newKey(t))}
	r, err := roster.Resolve(repo, b, map[string]roster.Tombstone{
		"carol": {Name: "carol"}, "dora": {Name: "dora", Keys: []string{fingerprint(t, inline)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	people, err := r.CollectKeys(t.Context(), repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := r.ServiceKeys(repo, b, a, people)
	if s.Problem != nil {
		t.Fatal(s.Problem)
	}
	o := a.Options + " "
	want := o + inline + " deploy@gw\n" + o + alice + " keys/alice\n" + o + gus + " keys/gus\n" + o + file + " gw\n"
	if got := string(s.File()); got != want {
		t.Errorf("the file is\n%swant\n%s", got, want)
	}
	if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, "carol is disabled") || !strings.Contains(notes, "keys/dora is left out") || !strings.Contains(notes, "one of dora") {
		t.Errorf("the notes are %s", notes)
	}

	broken := *a
	broken.Keys, broken.From, broken.FromData = []string{"restrict " + inline, inline + "\n" + file}, []string{"none.pub"}, nil
	s = r.ServiceKeys(repo, b, &broken, people)
	mustContain(t, s.Problem, "backend.yaml:40:5: options", "want one key", "no file backends/tpp/none.pub")
	delete(people, "gus")
	mustContain(t, r.ServiceKeys(repo, b, a, people).Problem, "no keys of gus")
	people["gus"] = roster.KeySet{Problem: http.ErrHandlerTimeout}
	mustContain(t, r.ServiceKeys(repo, b, a, people).Problem, "Handler timeout")
}

func TestValidate(t *testing.T) {
	a, c := newKey(t), newKey(t)
	b := backend([]string{"reviewers"}, repoOnly())
	b.AuthorizedKeys = map[string]*spec.AuthorizedKeys{"deploy": {Item: item(40), Keys: []string{"x"}, From: []string{"../../keys/gw", "gone.pub"}, Options: "nonsense"}}
	lax := backend([]string{"old"}, map[string]*spec.Role{"old": reviewers()})
	lax.Name, lax.Keys.MinRSABits = "lax", 2048
	repo := repository(b, person("alice", 1, "reviewers"), person("bob", 2, "reviewers"), person("olga", 3, "old"), person("rita", 4, "reviewers"))
	repo.Backends["lax"] = lax
	repo.KeyFiles = map[string][]byte{
		"alice": []byte(a + "\n"), "bob": []byte(c + "\n" + a + "\n"), "gw": []byte(newKey(t)),
		"olga": []byte(rsaLine(t, 2048)), "rita": []byte(rsaLine(t, 2048)),
	}
	err := roster.Validate(repo)
	mustContain(t, err,
		"backends/tpp/backend.yaml:40:5: key option \"nonsense\"", "backends/tpp/backend.yaml:40:5: the line does not begin with a key type",
		"backends/tpp/backend.yaml:40:5: there is no file backends/tpp/gone.pub", "keys/bob:2:1: the key", "keys/alice:1",
		"keys/rita:1:9: the RSA key")
	for _, fine := range []string{"keys/gw", "keys/olga"} {
		if strings.Contains(err.Error(), fine+":") {
			t.Errorf("%s is refused: %v", fine, err)
		}
	}
	delete(b.AuthorizedKeys, "deploy")
	repo.KeyFiles = map[string][]byte{"alice": []byte(a)}
	if err := roster.Validate(repo); err != nil {
		t.Error(err)
	}
}
