package kinds_test

import (
	"os"
	"path/filepath"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestFirewallProblems says once what is wrong with an address: by its form, or by what it
// comes to.
func TestFirewallProblems(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "backends", "one", "backend.yaml")
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "docker: {networks: {jobs: {interface: jobs}}}\nfirewall: {jobs: {allow: [foo.example, 10.1.2.300]}}\n"
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = `backends/one/backend.yaml:2:27: firewall jobs: allow "foo.example": want an address
backends/one/backend.yaml:2:40: firewall jobs: allow: "10.1.2.300" is no address: want one such as 10.1.2.3, 10.1.0.0/16 or fd00::/64`
	if _, err := kinds.Load(spec.LoadOptions{Dir: dir}); err == nil || err.Error() != want {
		t.Errorf("it says %v", err)
	}
}
