package roster_test

import (
	"testing"

	"opsafe/internal/roster"
)

// TestAuthorized finds a key in a line as sshd does, whatever stands before it.
func TestAuthorized(t *testing.T) {
	key := newKey(t)
	want := fingerprint(t, key)
	for _, line := range []string{
		key, "\t" + key, key + "\r\n", "restrict " + key, `command="echo \"a b\"",no-pty` + "\t" + key, "cert-authority " + key, "no-pty   " + key + " a comment",
	} {
		if got := roster.Authorized(line); got != want {
			t.Errorf("%q: %q, not %q", line, got, want)
		}
	}
	for _, line := range []string{"", "# " + key, `command="` + key + `"`, "ssh-rsa AAAA", "ssh-ed25519"} {
		if got := roster.Authorized(line); got != "" {
			t.Errorf("%q holds %s", line, got)
		}
	}
}
