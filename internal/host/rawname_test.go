package host_test

import (
	"testing"
	"unicode/utf8"

	"opsafe/internal/host"
)

// TestReadable: whatever bytes a name has, it can be written down, and read again.
func TestReadable(t *testing.T) {
	for name, want := range map[string]string{
		"/srv/plain":         "/srv/plain",
		"/srv/ü":             "/srv/ü",
		"/srv/\xff\xfe":      `/srv/\xff\xfe`,
		"/srv/ok\xe9ü":       `/srv/ok\xe9ü`,
		"\xc3":               `\xc3`,
		`dev-x\x2duuid.swap`: `dev-x\x2duuid.swap`,
		`caf\xc3\xa9.mount`:  `caf\xc3\xa9.mount`,
		"/srv/\ufffd":        "/srv/\ufffd",
	} {
		got := host.Readable(name)
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q is written %q, not %q", name, got, want)
		}
		if back := host.FromReadable(got); back != name {
			t.Errorf("%q is read as %q", got, back)
		}
	}
}
