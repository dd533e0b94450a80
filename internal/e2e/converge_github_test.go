package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"

	"golang.org/x/crypto/ssh"
)

// githubURL is where the backends ask for keys; a host of the tests has a stub of
// it on its loopback.
const githubURL = "url: https://github-proxy.opensafely.org"

// pinnedMode is how the backends know registered keys: as they are pinned.
const pinnedMode = "mode: locked"

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
	e.replace(base, pinnedMode, "mode: live\n    trust: live")
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
