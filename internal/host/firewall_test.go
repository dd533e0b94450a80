package host

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// TestMostAddresses: a firewall takes as many addresses as it may have once those that
// are within others, or there twice, are left out.
func TestMostAddresses(t *testing.T) {
	var words []string
	for i := range MaxAddresses {
		words = append(words, fmt.Sprintf("10.%d.%d.0/25", i>>8, i&0xff))
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

// TestCanonicalJoins: two halves of a range are the range, so that all addresses are
// all addresses, however they are written.
func TestCanonicalJoins(t *testing.T) {
	for list, want := range map[string]string{
		"0.0.0.0/1 128.0.0.0/1":                 "0.0.0.0/0",
		"10.0.0.0/32 10.0.0.1/32 10.0.0.2/31":   "10.0.0.0/30",
		"10.0.0.1/32 10.0.0.2/32":               "10.0.0.1/32 10.0.0.2/32",
		"10.0.0.0/24 10.0.1.0/25 10.0.1.128/25": "10.0.0.0/23",
		"fd00::/17 fd00:8000::/17 10.0.0.1/32":  "10.0.0.1/32 fd00::/16",
	} {
		var all []netip.Prefix
		for _, word := range strings.Fields(list) {
			all = append(all, netip.MustParsePrefix(word))
		}
		got, err := Canonical(all)
		var words []string
		for _, p := range got {
			words = append(words, p.String())
		}
		if err != nil || strings.Join(words, " ") != want {
			t.Errorf("%s comes to %q, %v, not to %s", list, words, err, want)
		}
	}
}
