package cli

import (
	"strings"
	"testing"
)

// TestSayUnseen: without root, the many things that only root can see are counted.
func TestSayUnseen(t *testing.T) {
	for _, tt := range []struct {
		root, full bool
		unseen     []string
		lines      int
		want       string
	}{
		{unseen: []string{"a is unknown", "b is unknown"}, lines: 1, want: "2 things could not be seen without root (--full names them)"},
		{unseen: []string{"a is unknown"}, lines: 1, want: "a is unknown"},
		{unseen: []string{"a is unknown", "b is unknown"}, full: true, lines: 2, want: "b is unknown"},
		{unseen: []string{"a is unknown", "b is unknown"}, root: true, lines: 2, want: "b is unknown"},
	} {
		var err strings.Builder
		(&App{Err: &err, Root: tt.root}).sayUnseen(tt.unseen, tt.full)
		if got := err.String(); strings.Count(got, "\n") != tt.lines || !strings.Contains(got, tt.want) {
			t.Errorf("root %v, full %v: %q", tt.root, tt.full, got)
		}
	}
}
