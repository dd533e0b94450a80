package cli

import "testing"

// TestNameOf keeps the whole name of a host that can be one of a backend.
func TestNameOf(t *testing.T) {
	for host, want := range map[string]string{"n2": "n2", "web-01.example.org": "web-01", "3com": "com", "NAS_4_": "nas-4", "42": "server", "db-backend": "db"} {
		if got := nameOf(host); got != want {
			t.Errorf("%s: %s, not %s", host, got, want)
		}
	}
}
