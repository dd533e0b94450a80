package roster_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// load loads a repository that consists of these files.
func load(t *testing.T, files map[string]string) *spec.Repository {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	repo, err := spec.Load(spec.LoadOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// pins is a person's entry of the lock file.
func pins(t *testing.T, name string, keys ...string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", name)
	for _, k := range keys {
		fmt.Fprintf(&b, "  - fingerprint: %s\n    key: %s\n", fingerprint(t, k), k)
	}
	return b.String()
}

// one is a backend whose developers use both sources, with these settings of
// keys.github beside the url.
func one(settings, url string) string {
	return "people: [developers]\nroles: {developers: {keys: [repository, github]}}\nkeys: {github: {" + settings + `url: "` + url + "\"}}\n"
}

// TestPins crosses what is pinned, registered and in the repository with what a
// backend trusts.
func TestPins(t *testing.T) {
	a, b, c, stranger := newKey(t), newKey(t), newKey(t), newKey(t)
	const none, failing = "", "502"
	for name, tt := range map[string]struct {
		settings   string // of keys.github
		file       string // keys/alice
		lock       string
		registered string
		want       []string // the keys that are certain
		notes      []string
		problem    []string
		keeps      []string // on the host, as a doubt
		loses      []string
	}{
		"live: what is pinned and registered": {
			lock: pins(t, "alice", a, b), registered: a + "\n" + b, want: []string{a, b},
		},
		"live: what nobody has pinned is reported": {
			lock: pins(t, "alice", a), registered: a + "\n" + b, want: []string{a},
			notes: []string{"alice has registered the key ssh-ed25519 " + fingerprint(t, b), "/alice.keys), which is not pinned: it is not installed", "opsafe keys update"},
		},
		"live: what is registered no more goes": {
			lock: pins(t, "alice", a, b), registered: b, want: []string{b},
			notes: []string{fingerprint(t, a) + " is pinned for alice (keys/github.lock:3)", "registered no more: it is not installed", "opsafe keys update"},
		},
		"live: the repository pins, too": {
			file: c, registered: c, want: []string{c},
		},
		"live: a key of the repository that is registered no more": {
			file: c, lock: pins(t, "alice", c, a), registered: a, want: []string{c, a},
		},
		"live: nothing is pinned, beside the repository": {
			file: c, registered: a, want: []string{c}, notes: []string{fingerprint(t, a), "not pinned"},
		},
		"live: nothing is pinned at all": {
			registered: a + "\n" + b,
			problem:    []string{"none of the keys that alice has registered is pinned", fingerprint(t, a) + ", " + fingerprint(t, b), "the present keys stay", "opsafe keys update"},
		},
		"live: the name was given up and taken by a stranger": {
			lock: pins(t, "alice", a, b), registered: stranger,
			notes: []string{fingerprint(t, stranger), "not pinned"},
			keeps: []string{a, b}, loses: []string{stranger, c},
		},
		"live: the same, beside the repository": {
			file: c, lock: pins(t, "alice", a), registered: stranger, want: []string{c},
			notes: []string{fingerprint(t, stranger) + " (http", "not pinned", fingerprint(t, a) + " is pinned for alice"}, loses: []string{stranger, a},
		},
		"live: an empty answer takes no pinned key": {
			file: c, lock: pins(t, "alice", a), registered: none, want: []string{c}, keeps: []string{a}, loses: []string{stranger},
		},
		"live: an empty answer, and nothing else": {
			lock: pins(t, "alice", a), registered: none, problem: []string{"without any key for alice", "the present keys stay"},
		},
		"live: a bad answer": {
			lock: pins(t, "alice", a), registered: failing, problem: []string{"502 Bad Gateway", "the present keys stay"},
		},
		"live, written out": {
			settings: "mode: live, trust: pinned, ", lock: pins(t, "alice", a), registered: a + "\n" + stranger, want: []string{a}, notes: []string{fingerprint(t, stranger)},
		},
		"trust live: what is registered, pinned or not": {
			settings: "trust: live, ", file: c, lock: pins(t, "alice", a), registered: b, want: []string{c, b},
		},
		"locked: what is pinned": {
			settings: "mode: locked, ", file: c, lock: pins(t, "alice", b, a), registered: "asked", want: []string{c, b, a},
		},
		"locked: nothing is pinned": {
			settings: "mode: locked, ", lock: "# nobody\n", registered: "asked", notes: []string{"there is no keys/alice, and no key is pinned for them: alice has no key"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch tt.registered {
				case "asked":
					t.Errorf("asked for %s", r.URL)
				case failing:
					w.WriteHeader(http.StatusBadGateway)
				default:
					text(w, tt.registered)
				}
			})
			files := map[string]string{"developers.yaml": "alice: {roles: [developers]}\n", "backends/one/backend.yaml": one(tt.settings, url)}
			if tt.file != "" {
				files["keys/alice"] = tt.file + "\n"
			}
			if tt.lock != "" {
				files[spec.LockFile] = tt.lock
			}
			checkSet(t, collectAlice(t, load(t, files)), tt.want, tt.notes, tt.problem)
			s := collectAlice(t, load(t, files))
			for _, k := range tt.keeps {
				if !s.Doubt.Keeps(roster.Key{Fingerprint: fingerprint(t, k)}) {
					t.Errorf("does not keep %s", k)
				}
			}
			for _, k := range tt.loses {
				if s.Doubt.Keeps(roster.Key{Fingerprint: fingerprint(t, k), Comment: url + "/alice.keys"}) {
					t.Errorf("keeps %s", k)
				}
			}
			if (s.Doubt != nil) != (tt.keeps != nil) {
				t.Errorf("in doubt: %v", s.Doubt)
			}
		})
	}
}

func collectAlice(t *testing.T, repo *spec.Repository) roster.KeySet {
	t.Helper()
	b := repo.Backends["one"]
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var f *roster.Fetcher
	if !b.Keys.GitHub.Locked() {
		if f, err = roster.NewFetcher(roster.FetchOptionsOf(b, files{})); err != nil {
			t.Fatal(err)
		}
	}
	sets, err := r.CollectKeys(t.Context(), repo, b, f)
	if err != nil {
		t.Fatal(err)
	}
	return sets["alice"]
}

func checkSet(t *testing.T, s roster.KeySet, want, notes, problem []string) {
	t.Helper()
	var got []string
	for _, k := range s.Keys {
		got = append(got, k.Type+" "+k.Blob)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("keys\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := strings.Join(s.Notes, "\n")
	for _, n := range notes {
		if !strings.Contains(all, n) {
			t.Errorf("no note says %q:\n%s", n, all)
		}
	}
	if len(notes) == 0 && all != "" {
		t.Errorf("notes: %s", all)
	}
	if len(problem) > 0 {
		mustContain(t, s.Problem, problem...)
	} else if s.Problem != nil {
		t.Error(s.Problem)
	}
}

// TestPinsOfGuests: who has no account here is said to a service account that
// lets them in, and what is in doubt for them is so for it.
func TestPinsOfGuests(t *testing.T) {
	a, b, mine := newKey(t), newKey(t), newKey(t)
	answer := a + "\n" + b
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { text(w, answer) })
	repo := load(t, map[string]string{
		"developers.yaml": "alice: {roles: [developers]}\n", "keys/alice": mine, spec.LockFile: pins(t, "alice", a),
		"backends/one/backend.yaml": strings.Replace(one("", url), "people: [developers]", "users: {app: {}}\nauthorized_keys: {app: {people: [alice]}}", 1),
	})
	collect := func() roster.KeySet {
		bk := repo.Backends["one"]
		r, err := roster.Resolve(repo, bk, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.ServiceKeys(repo, bk, bk.AuthorizedKeys["app"], map[string]roster.KeySet{"alice": collectAlice(t, repo)})
	}
	checkSet(t, collect(), []string{mine, a}, []string{fingerprint(t, b), "not pinned"}, nil)
	answer = ""
	s := collect()
	checkSet(t, s, []string{mine}, nil, nil)
	if !s.Doubt.Keeps(roster.Key{Fingerprint: fingerprint(t, a)}) || s.Doubt.Keeps(roster.Key{Fingerprint: fingerprint(t, b)}) {
		t.Errorf("%+v", s.Doubt)
	}
}

// TestPinProblems: all that is wrong with a lock file is said at once, by
// validate and before any run.
func TestPinProblems(t *testing.T) {
	a, b, c, d := newKey(t), newKey(t), newKey(t), newKey(t)
	repo := load(t, map[string]string{
		"developers.yaml":           "alice: {roles: [developers]}\nbob: {roles: [developers]}\ncarol: {roles: []}\n",
		"keys/bob":                  d,
		"backends/one/backend.yaml": strings.Replace(one("mode: locked, ", "https://github.com"), "keys: {", "keys: {min_rsa_bits: 4096, ", 2),
		spec.LockFile: "alice:\n" +
			"  - {fingerprint: " + fingerprint(t, a) + ", key: " + a + "}\n" +
			"  - {fingerprint: " + fingerprint(t, a) + ", key: " + a + "}\n" +
			"  - {fingerprint: " + fingerprint(t, a) + ", key: " + b + "}\n" +
			"  - {fingerprint: x, key: " + c + " comment}\n" +
			"  - {fingerprint: x, key: \"\"}\n" +
			"  - {fingerprint: x, key: \"" + c + "\\n" + b + "\"}\n" +
			"  - {fingerprint: x, key: " + dsaLine() + "}\n" +
			"  - {fingerprint: x, key: restrict " + c + "}\n" +
			"  - {fingerprint: " + fingerprint(t, rsaLine(t, 3072)) + ", key: " + rsaLine(t, 3072) + "}\n" +
			"  - {fingerprint: " + fingerprint(t, d) + ", key: " + d + "}\n" +
			"bob:\n" +
			"  - {fingerprint: " + fingerprint(t, a) + ", key: " + a + "}\n" +
			"mallory:\n" +
			"  - {fingerprint: " + fingerprint(t, c) + ", key: " + c + "}\n" +
			"carol:\n" + // uses no registered keys: the floor is enough
			"  - {fingerprint: " + fingerprint(t, rsaLine(t, 2048)) + ", key: " + rsaLine(t, 2048) + "}\n",
	})
	run := []string{
		"keys/github.lock:3:76: the key " + fingerprint(t, a) + " is pinned twice for alice",
		"keys/github.lock:4:19: this is not the fingerprint of the key, which is " + fingerprint(t, b),
		"keys/github.lock:5:27: want one key without a comment",
		"keys/github.lock:6:27: want one key without a comment",
		"keys/github.lock:7:27: want one key without a comment",
		"keys/github.lock:8:27: DSA keys are not accepted",
		"keys/github.lock:9:27: options stand in front of the key",
		"keys/github.lock:10:76: the RSA key " + fingerprint(t, rsaLine(t, 3072)) + " has 3072 bits, fewer than 4096",
		"keys/github.lock:13:76: the key " + fingerprint(t, a) + " is pinned for alice too (keys/github.lock:2)",
		"keys/github.lock:14:1: mallory is not in developers.yaml, and has keys here: run opsafe keys update",
	}
	_, err := roster.Resolve(repo, repo.Backends["one"], nil)
	checkLines(t, err, run)
	files := []string{"keys/github.lock:11:76: the key " + fingerprint(t, d) + ", pinned for alice, is in keys/bob:1 too: a key belongs to one person"}
	checkLines(t, roster.Validate(repo), append(append(append([]string{}, run[:8]...), files...), run[8:]...))

	repo.Lock = nil
	_, err = roster.Resolve(repo, repo.Backends["one"], nil)
	mustContain(t, err, "backends/one/backend.yaml:3:", "mode locked, and there is no keys/github.lock yet", "opsafe keys update")
	repo.Lock = &spec.Lock{}
	if err := roster.Validate(repo); err != nil {
		t.Error(err)
	}
}

// checkLines demands that each line of an error begins as wanted.
func checkLines(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		if i >= len(want) || !strings.HasPrefix(l, want[i]) {
			t.Fatalf("problem %d is\n%s\nof\n%v\nwant\n%s", i+1, l, err, strings.Join(want, "\n"))
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(lines), len(want), err)
	}
}

// TestRegisteredKeyOfAnother: what is pinned for somebody without an account
// here is no key for somebody else.
func TestRegisteredKeyOfAnother(t *testing.T) {
	a := newKey(t)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { text(w, a) })
	repo := load(t, map[string]string{
		"developers.yaml": "alice: {roles: [developers]}\ncarol: {roles: []}\n", spec.LockFile: pins(t, "carol", a),
		"backends/one/backend.yaml": one("trust: live, ", url),
	})
	mustContain(t, collectAlice(t, repo).Problem, "carol (keys/github.lock:3)", "alice ("+url, fingerprint(t, a), "the present keys of both stay")
}
