package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// keyStub is a server of GitHub's two forms on the host's loopback.
type keyStub struct {
	url string

	mu   sync.Mutex
	keys map[string]string // registered keys by name, lines
	bad  http.HandlerFunc  // answers instead, if set
	auth []string          // Authorization headers of the API

	asked int // how often
}

func newKeyStub(e *env) *keyStub {
	e.t.Helper()
	listener, err := e.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	s := &keyStub{url: "http://" + listener.Addr().String(), keys: map[string]string{}}
	server := &http.Server{Handler: s}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	e.t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			e.t.Error(err)
		}
	})
	return s
}

// set changes what the server answers.
func (s *keyStub) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *keyStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	name, api := strings.CutPrefix(r.URL.Path, "/api/users/")
	name = strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(name, "/keys"), ".keys"), "/")
	if api {
		s.auth = append(s.auth, r.Header.Get("Authorization"))
	}
	switch {
	case s.bad != nil && (name == "madwort" || name == "solo"):
		s.bad(w, r)
	case api:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		list := []map[string]any{}
		for line := range strings.Lines(s.keys[name]) {
			f := strings.Fields(line)
			list = append(list, map[string]any{"id": len(list) + 1, "key": f[0] + " " + f[1]})
		}
		_ = json.NewEncoder(w).Encode(list)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, s.keys[name])
	}
}

// badAnswers are what a server in trouble says. None may cost anybody a key.
func badAnswers(stranger string) map[string]http.HandlerFunc {
	text := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain; charset=utf-8") }
	return map[string]http.HandlerFunc{
		"a gateway's error page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<html><body><h1>502 Bad Gateway</h1></body></html>\n")
		},
		"a page with 200": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>sign in\n"+stranger+"</html>\n")
		},
		"not found": http.NotFound,
		"redirect elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:1/portal", http.StatusFound)
		},
		"half a body": func(w http.ResponseWriter, _ *http.Request) {
			text(w)
			w.Header().Set("Content-Length", "4000")
			fmt.Fprint(w, stranger)
		},
		"a line of garbage": func(w http.ResponseWriter, _ *http.Request) {
			text(w)
			fmt.Fprint(w, stranger+"rate limit exceeded\n")
		},
		"another type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			fmt.Fprint(w, stranger)
		},
		"more than anybody has": func(w http.ResponseWriter, _ *http.Request) {
			text(w)
			fmt.Fprint(w, strings.Repeat(stranger, 64<<10/len(stranger)+1))
		},
		"nothing": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
		},
	}
}

// TestEffectKeys proves both forms in which GitHub gives keys, and that no answer
// of a server locks anybody out.
func TestEffectKeys(t *testing.T) {
	t.Parallel()
	e := newTPP(t, "description: lab\n")
	stub := newKeyStub(e)
	repository, registered, solo := e.giveKey("madwort"), newSSHKey(t, "registered"), newSSHKey(t, "solo")
	stub.keys["madwort"], stub.keys["solo"] = registered.public, solo.public
	e.appendTo(guestPeople, "solo: {roles: [developers]}\n")
	e.replace(guestBackend, "keys: {github: off}\n", "")
	e.setLab("keys: {github: {form: plain, mode: live, trust: live, url: " + stub.url + "}}\n")

	e.manage(0)
	for _, name := range []string{"madwort", "solo"} {
		e.setPassword(name)
	}
	admits := func(e *env) {
		e.t.Helper()
		for _, l := range []struct {
			name string
			key  sshKey
		}{{"madwort", repository}, {"madwort", registered}, {"solo", solo}} {
			if r := e.ssh(l.name, l.key, "true"); r.code != 0 {
				e.t.Errorf("%s with the key %s: %s", l.name, l.key.public, r)
			}
		}
	}
	admits(e)
	if got := e.authorized("madwort"); strings.Count(got, "ssh-") != 3 {
		t.Errorf("not the two keys of the repository and the registered one:\n%s", got)
	}

	t.Run("plain", func(t *testing.T) {
		proveBadAnswers(e.on(t), stub, stub.url, badAnswers(newSSHKey(t, "stranger").public))
		admits(e.on(t))
	})

	e.write("/etc/opensafely/token", "secret-token-77\n", 0o600)
	e.setLab("keys: {github: {form: api, mode: live, trust: live, url: " + stub.url + "/api, token_file: /etc/opensafely/token}}\n")
	t.Run("api", func(t *testing.T) {
		e := e.on(t)
		if doc := e.manageJSON("tpp"); len(doc.Changes) > 0 && strings.Contains(strings.Join(changed(doc), " "), "file/") {
			t.Errorf("changes: %q", changed(doc))
		}
		stub.set(func() {
			if len(stub.auth) == 0 || strings.Trim(strings.Join(stub.auth, ""), "") != strings.Repeat("Bearer secret-token-77", len(stub.auth)) {
				t.Errorf("the token: %q", stub.auth)
			}
		})
		proveBadAnswers(e, stub, stub.url+"/api", badAnswers(newSSHKey(t, "stranger").public))
		admits(e)
	})

	next := newSSHKey(t, "next")
	t.Run("a key that is given up goes", func(t *testing.T) {
		e := e.on(t)
		stub.set(func() { stub.keys["madwort"] = next.public })
		e.manage(0)
		e.refused("madwort", registered)
		for _, k := range []sshKey{repository, next} {
			if r := e.ssh("madwort", k, "true"); r.code != 0 {
				t.Errorf("a key that is left: %s", r)
			}
		}
	})
	t.Run("an empty answer takes no key away", func(t *testing.T) {
		e := e.on(t)
		before := e.authorized("madwort")
		stub.set(func() { stub.keys["madwort"] = "" })
		said := e.manage(1)
		if !strings.Contains(said, "madwort") || !strings.Contains(said, "without any key") || e.authorized("madwort") != before {
			t.Errorf("an empty answer: %s", said)
		}
		// The repository still has its say.
		rotated := newSSHKey(t, "rotated")
		e.write(guestRepository+"/keys/madwort", rotated.public, 0o644)
		e.manage(1)
		e.refused("madwort", repository)
		for _, k := range []sshKey{rotated, next} {
			if r := e.ssh("madwort", k, "true"); r.code != 0 {
				t.Errorf("a key that stays: %s", r)
			}
		}
	})
	t.Run("nobody is left without a key", func(t *testing.T) {
		e := e.on(t)
		before := e.authorized("solo")
		stub.set(func() { stub.keys["solo"] = "" })
		said := e.manage(1)
		if !strings.Contains(said, "solo") || !strings.Contains(said, "without any key") || e.authorized("solo") != before {
			t.Errorf("an empty answer: %s", said)
		}
	})
	t.Run("pins", func(t *testing.T) { provePins(e.on(t), stub, solo) })
}

func (e *env) authorized(name string) string {
	e.t.Helper()
	return e.read("/home/" + name + "/.ssh/authorized_keys")
}

// proveBadAnswers has the server misbehave in each way.
func proveBadAnswers(e *env, stub *keyStub, url string, answers map[string]http.HandlerFunc) {
	defer stub.set(func() { stub.bad = nil })
	madwort, solo := e.authorized("madwort"), e.authorized("solo")
	for what, answer := range answers {
		stub.set(func() { stub.bad = answer })
		said := e.manage(1)
		for _, name := range []string{"madwort", "solo"} {
			if !strings.Contains(said, name) || !strings.Contains(said, url) || !strings.Contains(said, "the present keys stay") {
				e.t.Errorf("%s: the failure of %s is not explained:\n%s", what, name, said)
			}
			if strings.Contains(said, "secret-token-77") {
				e.t.Errorf("%s: the token is shown:\n%s", what, said)
			}
		}
		if e.authorized("madwort") != madwort || e.authorized("solo") != solo {
			e.t.Errorf("%s: keys have changed", what)
		}
	}
}
