package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// githubURL is where the backends ask for keys; a host of the tests has a stub of
// it on its loopback.
const githubURL = "url: https://github-proxy.opensafely.org"

// stubGitHub serves a key for everybody inside the host, in GitHub's plain form.
func stubGitHub(e *env) {
	e.t.Helper()
	serveKeys(e, keyServer(e.t))
}

// pinnedTrust is what the backends trust: what is pinned, and that the keys of a
// test are not.
const pinnedTrust = "trust: pinned"

// serveKeys makes the host's copy of the spec ask a server of the test for keys,
// which listens on the host's loopback, and trust what it answers.
func serveKeys(e *env, handler http.Handler) {
	e.t.Helper()
	listener, err := e.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	e.t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			e.t.Error(err)
		}
	})
	base := guestRepository + "/backends/common/base.yaml"
	e.replace(base, githubURL, "url: http://"+listener.Addr().String())
	e.replace(base, pinnedTrust, "trust: live")
}

// keyServer answers NAME.keys with a key that is made once for each name.
func keyServer(t *testing.T) http.Handler {
	keys := map[string]string{}
	for _, name := range []string{
		"madwort", "inglesp", "evansd", "iaindillingham", "rebkwok", "lucyb", "jongmassey",
		"LFISHER7", "HelenCEBM", "andrewscolm",
	} {
		keys[name] = newKey(t)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ok := keys[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".keys")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, key)
	})
}

// newKey is a public key as a line of authorized_keys.
func newKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(key))
}
