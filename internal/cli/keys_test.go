package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"opsafe/internal/roster"
)

// Two keys besides aliceKey.
const (
	bobKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC/9jkIbBb0EJnxBdaaCPEjAUpGs1/06j44yYRPPqENA"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFgvkXQdcMfjxTQqeFjVgyJaAzZuOqBVbnyGwWGzLEbx"
)

// registry is a key server: names with what they have registered.
type registry struct {
	mu    sync.Mutex
	keys  map[string]string
	asked int
}

func (s *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	answer, ok := s.keys[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".keys")]
	if !ok {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(w, answer)
}

// newRegistered makes a world whose developers use a key server; settings stand
// in keys.github, beside its url.
func newRegistered(t *testing.T, settings string) (*world, *registry) {
	t.Helper()
	s := &registry{keys: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	w := newWorld(t, `
-- developers.yaml --
alice: {roles: [developers]}
bob: {roles: [developers]}
-- backends/one/backend.yaml --
people: [developers]
roles: {developers: {shell: /bin/bash, home_mode: "0750", keys: [repository, github]}}
keys: {github: {`+settings+`url: "`+server.URL+`"}}
-- backends/two/backend.yaml --
description: asks nobody
`)
	return w, s
}

func fingerprintOf(t *testing.T, line string) string {
	t.Helper()
	keys, err := roster.ParseKeys([]byte(line), "", roster.ParseOptions{})
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	return keys[0].Fingerprint
}

func (w *world) repoFile(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(w.dir + "/" + name)
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(data)
}

func TestKeysUpdate(t *testing.T) {
	w, s := newRegistered(t, "")
	w.app.Root = false
	s.keys["alice"], s.keys["bob"] = aliceKey, bobKey+"\n"+otherKey+"\n"
	alice, bob, other := fingerprintOf(t, aliceKey), fingerprintOf(t, bobKey), fingerprintOf(t, otherKey)

	w.want(2, []string{"+ alice", "key ssh-ed25519 " + alice, "Plan: 2 to add."}, nil, "keys", "update", "--check")
	if w.repoFile("keys/github.lock") != "" {
		t.Error("--check wrote")
	}
	w.want(0, []string{"pins\n", "+ alice", "+ bob", "ssh-ed25519 " + bob, "ssh-ed25519 " + other, "Done: 2 added.", "keys/github.lock has been written"}, nil, "keys", "update")
	if got := w.repoFile("keys/github.lock"); !strings.Contains(got, "\nalice:\n  - fingerprint: "+alice+"\n    key: "+aliceKey+"\n") {
		t.Errorf("the file is\n%s", got)
	}
	w.want(0, []string{"Nothing to do. 2 unchanged"}, nil, "keys", "update")
	w.want(0, nil, nil, "keys", "update", "--check")
	w.want(0, []string{"valid"}, nil, "validate")

	s.keys["bob"] = otherKey
	w.want(0, []string{"~ bob", "key -ssh-ed25519 " + bob, "Done: 1 changed."}, nil, "keys", "update", "--backend", "one")

	// Somebody leaves: validate says so, and a run is refused, until their pins go.
	w.write("developers.yaml", "alice: {roles: [developers]}\n")
	says := []string{"bob is not in developers.yaml, and has keys here: run opsafe keys update"}
	w.want(1, nil, says, "validate")
	w.want(1, nil, says, "plan", "--backend", "one")
	w.want(0, []string{"- bob", "not in developers.yaml", "key ssh-ed25519 " + other, "Done: 1 removed."}, nil, "keys", "update", "--format", "text")
	w.want(0, nil, nil, "validate")

	w.write("keys/github.lock", strings.Replace(w.repoFile("keys/github.lock"), "# The", "# Mine: the", 1))
	w.want(2, nil, []string{"note: keys/github.lock holds the right keys, but is not as opsafe writes it"}, "keys", "update", "--check")
	w.want(0, nil, []string{"it has been written anew"}, "keys", "update")
	if entries, err := os.ReadDir(w.dir + "/keys"); err != nil || len(entries) != 1 {
		t.Errorf("left in keys/: %v, %v", entries, err)
	}
	w.untouched()
}

func TestKeysUpdateBadAnswers(t *testing.T) {
	w, s := newRegistered(t, "")
	w.want(1, []string{"pin alice developers.yaml:1:1", "502 Bad Gateway; nothing is pinned", "2 failed."}, nil, "keys", "update")
	if w.repoFile("keys/github.lock") != "" {
		t.Error("a file was written for nobody")
	}
	s.keys["alice"], s.keys["bob"] = aliceKey, bobKey
	w.want(0, nil, nil, "keys", "update")
	before := w.repoFile("keys/github.lock")

	s.keys["alice"] = ""
	w.want(1, []string{"without any key for alice", "the pins stay", "1 failed."}, nil, "keys", "update")
	w.want(1, nil, nil, "keys", "update", "--check")
	if got := w.repoFile("keys/github.lock"); got != before {
		t.Errorf("the file is\n%s", got)
	}
	s.keys["bob"] = otherKey
	w.want(1, []string{"~ bob", "1 failed; 1 changed."}, nil, "keys", "update")
	if got := w.repoFile("keys/github.lock"); !strings.Contains(got, aliceKey) || !strings.Contains(got, otherKey) || strings.Contains(got, bobKey) {
		t.Errorf("the file is\n%s", got)
	}
	w.want(1, nil, nil, "keys", "update", "--format", "json")
	doc := w.document()
	if failed := doc["failed"].([]any); doc["command"] != "keys update" || doc["backend"] != "one" || len(failed) != 1 || failed[0].(map[string]any)["name"] != "alice" {
		t.Errorf("%v", doc)
	}
	w.write("keys/github.lock", "alice: []\n<<<<<<< HEAD\n")
	w.want(1, nil, []string{"keys/github.lock:2:1:"}, "keys", "update")
}

func TestKeysUpdateRefusals(t *testing.T) {
	w, s := newRegistered(t, "")
	s.keys["alice"], s.keys["bob"] = aliceKey, bobKey
	w.want(1, nil, []string{"backend two asks no key server"}, "keys", "update", "--backend", "two")
	w.want(1, nil, []string{`there is no backend "three"`}, "keys", "update", "--backend", "three")
	w.want(1, nil, []string{`unknown format "xml"`}, "keys", "update", "--format", "xml")
	w.want(1, nil, []string{"there is no command opsafe keys updat: did you mean opsafe keys update?"}, "keys", "updat")
	w.want(0, []string{"update", "Pin the keys"}, nil, "keys")
	w.want(0, []string{"one\ntwo\n"}, nil, "__complete", "keys", "update", "--backend", "")
	w.want(0, []string{"text\njson\n"}, nil, "__complete", "keys", "update", "--format", "")
	chmod(t, w.dir+"/backends", 0o777)
	w.want(1, nil, []string{"others than root can write it"}, "keys", "update")
	chmod(t, w.dir+"/backends", 0o755)
	w.write("backends/two/backend.yaml", "keys: {github: {form: api, url: \"http://127.0.0.1:1\"}}\n")
	w.want(1, []string{"connection refused"}, []string{"note: http://127.0.0.1:1 is asked, as two says; --backend asks another server, as one would"}, "keys", "update")
	w.want(0, nil, nil, "keys", "update", "--backend", "one")
}

// TestKeysWhatCounts: on a host, what is pinned decides.
func TestKeysWhatCounts(t *testing.T) {
	const authorized = "/home/alice/.ssh/authorized_keys"
	w, s := newRegistered(t, "")
	s.keys["alice"], s.keys["bob"] = aliceKey, bobKey
	w.want(1, []string{"the keys of alice", "none of the keys that alice has registered is pinned", "the present keys stay"}, nil, "manage", "--backend", "one")
	w.want(0, nil, nil, "keys", "update")
	w.want(0, nil, nil, "manage", "--backend", "one")
	before := w.file(authorized)
	if !strings.HasPrefix(before, aliceKey) {
		t.Errorf("alice has %q", before)
	}
	s.keys["alice"] += "\n" + otherKey
	note := "alice has registered the key ssh-ed25519 " + fingerprintOf(t, otherKey)
	w.want(0, []string{"notes", note, "opsafe keys update", "Nothing to do."}, nil, "manage", "--backend", "one")
	s.keys["alice"] = otherKey
	w.want(1, []string{note, "as if somebody else had taken the name over", "of the present keys the pinned ones stay"}, nil, "manage", "--backend", "one")
	if w.file(authorized) != before {
		t.Errorf("alice has %q", w.file(authorized))
	}
	// On a new host nobody gets in, and that is no success.
	fresh, _ := newRegistered(t, "")
	for _, f := range []string{"developers.yaml", "keys/github.lock", "backends/one/backend.yaml"} {
		fresh.write(f, w.repoFile(f))
	}
	fresh.want(1, []string{"the keys of alice", "as if somebody else had taken the name over"}, nil, "manage", "--backend", "one")
	if got := fresh.file(authorized); got != "" {
		t.Errorf("alice has %q", got)
	}
}

// TestKeysLocked: with locked keys nobody is asked.
func TestKeysLocked(t *testing.T) {
	w, s := newRegistered(t, "mode: locked, ")
	s.keys["alice"], s.keys["bob"] = aliceKey, bobKey
	w.want(1, nil, []string{"backends/one/backend.yaml:3:", "mode locked, and there is no keys/github.lock yet"}, "plan", "--backend", "one")
	w.want(0, nil, nil, "keys", "update")
	s.keys, s.asked = nil, 0
	w.want(0, []string{"+ alice"}, nil, "plan", "--backend", "one")
	w.want(0, nil, nil, "manage", "--backend", "one")
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--backend", "one")
	if s.asked != 0 {
		t.Errorf("%d requests", s.asked)
	}
	if got := w.file("/home/alice/.ssh/authorized_keys"); got != aliceKey+" keys/github.lock\n" {
		t.Errorf("alice has %q", got)
	}
}

// TestKeysUpdateGitHubID: whose number is known is asked for by the API alone,
// and a name that has become another account's brings no keys.
func TestKeysUpdateGitHubID(t *testing.T) {
	var id atomic.Int64
	id.Store(4711)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/bob/keys"):
			fmt.Fprintf(w, "[{\"key\": %q}]", bobKey)
		case strings.HasSuffix(r.URL.Path, "/keys"):
			fmt.Fprintf(w, "[{\"key\": %q}]", aliceKey)
		default:
			fmt.Fprintf(w, "{\"id\": %d}", id.Load())
		}
	}))
	t.Cleanup(api.Close)
	w, s := newRegistered(t, "")
	w.write("developers.yaml", "alice: {roles: [admins], github_id: 4711}\nbob: {roles: [developers]}\n")
	w.write("backends/two/backend.yaml", "people: [admins]\nroles: {admins: {keys: [github]}}\nkeys: {github: {form: api, url: \""+api.URL+"\"}}\n")
	s.keys["bob"] = bobKey
	w.want(1, []string{"+ bob", "pin alice", "github_id of alice (developers.yaml:1:37) can only be checked in form api", "nothing is pinned"}, nil, "keys", "update", "--backend", "one")
	w.want(0, []string{"+ alice"}, nil, "keys", "update")
	before := w.repoFile("keys/github.lock")
	id.Store(815)
	w.want(1, []string{"the name alice belongs to the account 815, but developers.yaml says 4711", "the pins stay"}, nil, "keys", "update")
	if got := w.repoFile("keys/github.lock"); got != before || !strings.Contains(got, aliceKey) {
		t.Errorf("the file is\n%s", got)
	}
}
