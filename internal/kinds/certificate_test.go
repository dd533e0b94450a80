package kinds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestCertificateProblems says what is wrong with certificates before a host is looked
// at, in one go.
func TestCertificateProblems(t *testing.T) {
	at := filepath.Join(t.TempDir(), "backends/x/backend.yaml")
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	text := `
files: {/etc/made.pem: {content: x}}
certificates:
  good: {path: /etc/a.pem, key_from: {file: /etc/a.env, variable: KEY}, warn_before: 30d}
  fine: {path: /etc/f.pem, key: /etc/f.key, self_signed: {names: ["*.web.test", "::1"], trusted: true}}
  none: {key: /etc/a.key}
  both: {path: /etc/a.pem, path_from: {file: /etc/a.env, variable: A}, key: /etc/a.key, key_from: {file: /etc/a.env}}
  weeks: {path: /etc/a.pem, warn_before: 2w}
  owned: {path: /etc/a.pem, owner: root}
  made: {path: /etc/made.pem, key: /etc/made.key, self_signed: {names: [a.test]}}
  keyless: {path: /etc/k.pem, self_signed: {names: [a b, "::0001"]}}
  short: {path: /etc/s.pem, key: /etc/s.key, self_signed: {days: 14}}
  notes: {path: /etc/n.pem, key: /etc/n.key, self_signed: {names: [a.test]}, notify: {restart: [compose/app]}}
`
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := kinds.Load(spec.LoadOptions{Dir: filepath.Dir(filepath.Dir(filepath.Dir(at)))})
	if err == nil {
		t.Fatal("there is no problem")
	}
	for _, want := range []string{
		"certificate none: has no path, and no path_from", "certificate both: has path and path_from", "certificate both: has key and key_from",
		"certificate both: want a file and a variable of it", `certificate weeks: warn_before "2w": want a number of days such as 30d`,
		"certificate owned: has owner, and comes from elsewhere", "/etc/made.pem", "certificate keyless: self_signed: want path and key, two files",
		`names "a b"`, "certificate keyless: self_signed: ::0001 is written ::1", "certificate short: self_signed: has no names",
		"certificate short: self_signed: days: want a number from 15,", "certificate notes: notify: restart: only a file has a content",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, good := range []string{"good", "fine"} {
		if strings.Contains(err.Error(), "certificate "+good+": ") {
			t.Errorf("it refuses %s, which is right", good)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}
