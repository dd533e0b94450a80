package kind

import (
	"strings"
	"testing"
)

// TestChangedLines: a changed line takes the place of the one that it was, wherever the
// lists have it.
func TestChangedLines(t *testing.T) {
	for _, tt := range []struct{ name, former, now, want string }{
		{"a value", "a 1,b 2", "a 1,b 3", "a 1,b 3"},
		{"moved, and another gone", "alpha 3,beta 2,gamma 4", "gamma 4,alpha 5", "alpha 5,beta 2,gamma 4"},
		{"moved before a new one", "delta 9,gamma 4,eps 1", "eps 2,zeta 1,gamma 4", "delta 9,gamma 4,eps 2,zeta 1"},
		{"swapped", "a 1,b 2", "b 3,a 4", "a 4,b 3"},
		{"an equals sign", "A=1,B=2", "B=3,A=1", "A=1,B=3"},
		{"a second word tells apart", "export A=1,export B=2", "export B=1,export A=2", "export A=2,export B=1"},
		{"single words", "10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.3", "10.0.0.1,10.0.0.3"},
		{"the first word", "10.0.0.1 db", "10.0.0.9 db", "10.0.0.9 db"},
		{"something else", "umask 027", "ulimit 5", "umask 027,ulimit 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			split := func(s string) []string { return strings.Split(s, ",") }
			have := []byte(strings.ReplaceAll(tt.former, ",", "\n") + "\n")
			now := split(tt.now)
			got := string(editLines(replaceLines(have, now, replaced([][]string{split(tt.former)}, now)), now))
			if want := strings.ReplaceAll(tt.want, ",", "\n") + "\n"; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
