package roster_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// updated asks a server that answers with these keys by name, and "502" for
// trouble.
func updated(t *testing.T, repo *spec.Repository, answers map[string]string) (roster.PinUpdate, error) {
	t.Helper()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".keys")]
		switch {
		case !ok:
			t.Errorf("asked for %s", r.URL)
		case answer == "502":
			w.WriteHeader(http.StatusBadGateway)
		default:
			text(w, answer)
		}
	})
	f, err := roster.NewFetcher(roster.FetchOptions{URL: url, MinRSABits: roster.FloorRSABits, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return roster.UpdatePins(t.Context(), repo, f)
}

const lockHead = "# The keys that people have registered with GitHub and that are trusted. Written\n" +
	"# by opsafe keys update: look whose keys come and go here before you commit it.\n"

// inOrder sorts key lines as the lock file has them.
func inOrder(t *testing.T, keys ...string) []string {
	return slices.SortedFunc(slices.Values(keys), func(a, b string) int { return strings.Compare(fingerprint(t, a), fingerprint(t, b)) })
}

func TestUpdatePins(t *testing.T) {
	a, b, c, d, e := newKey(t), newKey(t), newKey(t), newKey(t), newKey(t)
	const people = "alice: {roles: [developers]}\nbob: {roles: [developers]}\n"
	bobs := pins(t, "bob", b)
	for name, tt := range map[string]struct {
		people  string // besides alice and bob
		files   map[string]string
		lock    string
		answers map[string]string
		want    string              // the file, without its head
		errs    map[string][]string // what is said, by name
		why     map[string]string
	}{
		"new": {
			answers: map[string]string{"alice": a + " laptop\n" + c + "\n" + a + "\n", "bob": b},
			want:    "\n" + pins(t, "alice", inOrder(t, a, c)...) + "\n" + bobs,
		},
		"keys come and go": {
			lock: pins(t, "alice", a, d) + bobs, answers: map[string]string{"alice": c + "\n" + a, "bob": b},
			want: "\n" + pins(t, "alice", inOrder(t, a, c)...) + "\n" + bobs,
		},
		"a bad answer is one person's": {
			lock: pins(t, "alice", a) + bobs, answers: map[string]string{"alice": "502", "bob": d},
			want: "\n" + pins(t, "alice", a) + "\n" + pins(t, "bob", d),
			errs: map[string][]string{"alice": {"cannot fetch the keys of alice", "502 Bad Gateway; the pins stay"}},
		},
		"an empty answer takes no pins away": {
			lock: pins(t, "alice", a), answers: map[string]string{"alice": "", "bob": ""},
			want: "\n" + pins(t, "alice", a),
			errs: map[string][]string{"alice": {"without any key for alice", "the pins stay"}, "bob": {"without any key for bob", "nothing is pinned"}},
		},
		"a page that is no key": {
			lock: bobs, answers: map[string]string{"alice": "<html>", "bob": b + "\nrate limit exceeded\n"},
			want: "\n" + bobs,
			errs: map[string][]string{"alice": {"line 1", "nothing is pinned"}, "bob": {"line 2", "the pins stay"}},
		},
		"a weak key": {
			lock: bobs, answers: map[string]string{"alice": a, "bob": b + "\n" + rsaLine(t, 2048)},
			want: "\n" + pins(t, "alice", a) + "\n" + bobs,
			errs: map[string][]string{"bob": {"refused as a whole: the RSA key " + fingerprint(t, rsaLine(t, 2048)), "the pins stay"}},
		},
		"a weak key that its backend allows": {
			people: "old: {roles: [old]}\n", answers: map[string]string{"alice": a, "bob": b, "old": rsaLine(t, 2048)},
			files: map[string]string{"backends/two/backend.yaml": "people: [old]\nroles: {old: {keys: [github]}}\nkeys: {min_rsa_bits: 2048, github: {url: \"https://two.example\"}}\n"},
			want:  "\n" + pins(t, "alice", a) + "\n" + bobs + "\n" + pins(t, "old", rsaLine(t, 2048)),
		},
		"a key that two register": {
			lock: bobs, answers: map[string]string{"alice": a + "\n" + c, "bob": b + "\n" + c},
			want: "\n" + bobs,
			errs: map[string][]string{
				"alice": {"alice (http", "bob (http", "the same key " + fingerprint(t, c), "nothing is pinned"},
				"bob":   {"the same key " + fingerprint(t, c), "the pins stay"},
			},
		},
		"a key that stays pinned for another": {
			lock: bobs, answers: map[string]string{"alice": a + "\n" + b, "bob": "502"},
			want: "\n" + bobs,
			errs: map[string][]string{"alice": {"bob (keys/github.lock:3)", "the same key " + fingerprint(t, b), "nothing is pinned"}, "bob": {"502"}},
		},
		"a key that changes hands": {
			lock: pins(t, "alice", a, b), answers: map[string]string{"alice": a, "bob": b},
			want: "\n" + pins(t, "alice", a) + "\n" + bobs,
		},
		"a key of another's file": {
			files: map[string]string{"keys/carol": d}, people: "carol: {roles: []}\n",
			answers: map[string]string{"alice": a + "\n" + d, "bob": b},
			want:    "\n" + bobs,
			errs:    map[string][]string{"alice": {"carol (keys/carol:1)", "the same key " + fingerprint(t, d), "nothing is pinned"}},
		},
		"a taken back key may clash in its turn": {
			// alice's new keys clash with bob's; bob's old one, which comes back, with carol's new one.
			people: "carol: {roles: [developers]}\n", lock: pins(t, "alice", e) + bobs,
			answers: map[string]string{"alice": a + "\n" + c, "bob": c, "carol": b},
			want:    "\n" + pins(t, "alice", e) + "\n" + bobs,
			errs:    map[string][]string{"alice": {"the same key"}, "bob": {"the same key"}, "carol": {"the same key " + fingerprint(t, b)}},
		},
		"who is not listed or may not": {
			people: "carol: {roles: [reviewers]}\n", lock: pins(t, "carol", c) + pins(t, "mallory", d) + pins(t, "alice", a),
			answers: map[string]string{"alice": a, "bob": b},
			want:    "\n" + pins(t, "alice", a) + "\n" + bobs,
			why:     map[string]string{"mallory": "not in developers.yaml", "carol": "may use registered keys on no backend"},
		},
		"names that YAML has its own ideas of": {
			people:  `"null": {roles: [developers]}` + "\nyes: {roles: [developers]}\n\"0x10\": {roles: [developers]}\n",
			answers: map[string]string{"alice": a, "bob": b, "null": c, "yes": d, "0x10": e},
			want:    "\n" + pins(t, "0x10", e) + "\n" + pins(t, "alice", a) + "\n" + bobs + "\n" + pins(t, `"null"`, c) + "\n" + pins(t, "yes", d),
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{
				"developers.yaml": people + tt.people,
				"backends/one/backend.yaml": strings.Replace(one("", "https://one.example"), "roles: {",
					"roles: {reviewers: {keys: [repository]}, ", 1),
			}
			for n, text := range tt.files {
				files[n] = text
			}
			if tt.lock != "" {
				files[spec.LockFile] = tt.lock
			}
			u, err := updated(t, load(t, files), tt.answers)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(u.Lock); got != lockHead+tt.want {
				t.Errorf("the file is\n%swant\n%s", got, lockHead+tt.want)
			}
			for _, p := range u.People {
				if (p.Err != nil) != (tt.errs[p.Name] != nil) || p.Why != tt.why[p.Name] {
					t.Errorf("%s: %q %v", p.Name, p.Why, p.Err)
				}
				if p.Err != nil {
					mustContain(t, p.Err, tt.errs[p.Name]...)
				}
				delete(tt.errs, p.Name)
				delete(tt.why, p.Name)
			}
			if len(tt.errs)+len(tt.why) > 0 {
				t.Errorf("not said: %v %v", tt.errs, tt.why)
			}
			// What has been written is valid, and written again it is the same.
			files[spec.LockFile] = string(u.Lock)
			repo := load(t, files)
			if err := roster.Validate(repo); err != nil {
				t.Error(err)
			}
			again, err := updated(t, repo, tt.answers)
			if err != nil || string(again.Lock) != string(u.Lock) {
				t.Errorf("again: %v\n%s", err, again.Lock)
			}
		})
	}
}

// TestUpdateRefusesABrokenLock: what somebody has written into it by hand is not
// swept under the carpet.
func TestUpdateRefusesABrokenLock(t *testing.T) {
	a, b := newKey(t), newKey(t)
	repo := load(t, map[string]string{
		"developers.yaml": "alice: {roles: [developers]}\n", "backends/one/backend.yaml": one("", "https://one.example"),
		spec.LockFile: "mallory: []\n" + strings.Replace(pins(t, "alice", a), fingerprint(t, a), fingerprint(t, b), 1),
	})
	_, err := updated(t, repo, nil)
	checkLines(t, err, []string{"keys/github.lock:3:18: this is not the fingerprint of the key, which is " + fingerprint(t, a)})
}

func TestServer(t *testing.T) {
	repo := func(backends ...string) *spec.Repository {
		files := map[string]string{"developers.yaml": "alice: {roles: []}\n"}
		for i, b := range backends {
			files["backends/"+string(rune('a'+i))+"/backend.yaml"] = "description: x\n" + b
		}
		return load(t, files)
	}
	const plain, other, api, none, off = "keys: {github: {url: \"https://p.example\"}}", "keys: {github: {form: plain, url: \"https://o.example\"}}",
		"keys: {github: {form: api, url: \"https://p.example\"}}", "", "keys: {github: {form: api, url: \"https://p.example\", mode: off}}"
	for name, tt := range map[string]struct {
		repo             *spec.Repository
		backend          string
		want, others, is string
	}{
		"one":           {repo: repo(none, plain), want: "b"},
		"two alike":     {repo: repo(plain, plain), want: "a"},
		"two":           {repo: repo(other, none, plain), want: "a", others: "c"},
		"api first":     {repo: repo(plain, other, api, api), want: "c", others: "a b"},
		"off":           {repo: repo(off, plain), want: "b"},
		"named off":     {repo: repo(off), backend: "a", is: "backend a asks no key server"},
		"named":         {repo: repo(plain, other, api), backend: "b", want: "b"},
		"none":          {repo: repo(none), is: "no backend asks a key server"},
		"named without": {repo: repo(none, plain), backend: "a", is: "backend a asks no key server"},
		"not there":     {repo: repo(plain), backend: "x", is: `there is no backend "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			b, others, err := roster.Server(tt.repo, tt.backend)
			if tt.is != "" {
				mustContain(t, err, tt.is)
				return
			}
			if err != nil || b.Name != tt.want || strings.Join(others, " ") != tt.others {
				t.Errorf("%+v, others %v, %v", b, others, err)
			}
		})
	}
}
