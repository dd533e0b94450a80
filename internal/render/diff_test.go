package render

import (
	"slices"
	"strings"
	"testing"

	"opsafe/internal/change"
)

// TestUnifiedIsMinimal: two lines that go are two lines with a minus, or it would
// read like rights that are granted.
func TestUnifiedIsMinimal(t *testing.T) {
	const before = "A\nrestart1\nstart1\nstop1\nrestart2\nstart2\nstop2\nZ\n"
	rules := "Cmnd_Alias X = /usr/bin/systemctl\n"
	for _, unit := range []string{"agent", "runner", "airlock"} {
		for _, verb := range []string{"restart", "start", "stop", "status"} {
			rules += "%ops ALL=(root) NOPASSWD: /usr/bin/systemctl " + verb + " " + unit + "\n"
		}
	}
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"two go":   {before, "A\nstart1\nstop1\nstart2\nstop2\nZ\n", []string{"-restart1", "-restart2"}},
		"two come": {"A\nstart1\nstop1\nstart2\nstop2\nZ\n", before, []string{"+restart1", "+restart2"}},
		"sudoers": {rules, strings.ReplaceAll(strings.ReplaceAll(rules, "%ops ALL=(root) NOPASSWD: /usr/bin/systemctl restart agent\n", ""), "%ops ALL=(root) NOPASSWD: /usr/bin/systemctl stop runner\n", ""), []string{
			"-%ops ALL=(root) NOPASSWD: /usr/bin/systemctl restart agent", "-%ops ALL=(root) NOPASSWD: /usr/bin/systemctl stop runner",
		}},
		"the first goes":  {"a\nb\na\nb\n", "b\na\nb\n", []string{"-a"}},
		"no last newline": {"a\nb", "a\nb\nc", []string{"-b", "+b", "+c"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, line := range unified(&change.Diff{Path: "/x", Before: c.before, After: c.after}) {
				if line[0] == '+' || line[0] == '-' {
					got = append(got, line)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
