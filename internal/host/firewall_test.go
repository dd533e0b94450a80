package host

import (
	"fmt"
	"strings"
	"testing"
)

// TestMostAddresses: a firewall takes as many addresses as it may have once those that
// are within others, or there twice, are left out.
func TestMostAddresses(t *testing.T) {
	var words []string
	for i := range MaxAddresses {
		words = append(words, fmt.Sprintf("10.%d.%d.0/24", i>>8, i&0xff))
	}
	text := strings.Join(words, " ")
	for name, more := range map[string]string{"twice": text, "within another": "10.0.0.1,10.3.255.7"} {
		if out, err := Addresses(text + " " + more); err != nil || len(out) != MaxAddresses {
			t.Errorf("%s: %d addresses, %v", name, len(out), err)
		}
	}
	if _, err := Addresses(text + " 192.0.2.1"); err == nil || !strings.Contains(err.Error(), "1025 addresses are more than a firewall takes (1024)") || strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("one more: %v", err)
	}
}
