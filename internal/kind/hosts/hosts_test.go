package hosts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestHostsProblems finds all that is wrong with names at once.
func TestHostsProblems(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"common/base.yaml": "hosts:\n  over.example: {address: 192.0.2.1, aliases: [mine.example]}\n",
		"one/backend.yaml": `include: [../common/base.yaml]
files: {/etc/hosts: {lines: [x]}}
hosts:
  mine.example: {address: 192.0.2.2}
  none.example: {}
  -odd.example: {address: 192.0.2.3}
  six.example: {address: "::1", address6: 192.0.2.4}
  bad.example: {address: 192.0.2.400, aliases: [a_b.example, "a b", self.example, self.example, bad.example]}
  twice.example: {address: 192.0.2.5, aliases: [Self.example, none.example]}
  gone.example: {state: absent, address: 192.0.2.6}
  NONE.example: {address: 192.0.2.7}
  loop.example: {address: 192.0.2.8, address6: "::1"}
  home.example: {address: 127.0.0.1, address6: "::1"}
`,
	} {
		file := filepath.Join(dir, "backends", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	const at = "backends/one/backend.yaml:"
	want := []string{
		at + "2:9: file /etc/hosts: hosts is at ",
		at + "5:3: host none.example: has no address: want address, address6 or state: absent",
		at + `6:3: host -odd.example: the name "-odd.example": want a host name`,
		at + "7:26: host six.example: address ::1: want an address of IPv4",
		at + "7:43: host six.example: address6 192.0.2.4: want an address of IPv6",
		at + "8:26: host bad.example: address 192.0.2.400: want an address of IPv4",
		at + `8:62: host bad.example: aliases "a b": want a host name`,
		at + "8:83: host bad.example: aliases: self.example is there twice",
		at + "8:97: host bad.example: aliases: bad.example is an item at " + at + "8:3, too",
		at + "9:49: host twice.example: aliases: Self.example is an alias of bad.example, too",
		at + "9:63: host twice.example: aliases: none.example is an item at " + at + "5:3, too",
		at + "10:42: host gone.example: is absent and has address: want one or the other",
		at + "12:48: host loop.example: address6 ::1: is answered as 127.0.0.1 to whoever asks for IPv4, not as 192.0.2.8: leave one of them out",
		at + "5:3: host none.example: differs only in capitals from NONE.example",
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("it does not say %s", w)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(want) || t.Failed() {
		t.Errorf("it says\n%v", err)
	}
}
