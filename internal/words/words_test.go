package words_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/words"
)

func TestCount(t *testing.T) {
	for _, tc := range []struct {
		n          int
		noun, want string
	}{
		{0, "path", "0 paths"},
		{1, "path", "1 path"},
		{999, "entry", "999 entries"},
		{3401, "process", "3,401 processes"},
		{1234567, "key", "1,234,567 keys"},
		{2, "directory", "2 directories"},
		{2, "prefix", "2 prefixes"},
		{2, "switch", "2 switches"},
	} {
		if got := words.Count(tc.n, tc.noun); got != tc.want {
			t.Errorf("Count(%d, %q) = %q, want %q", tc.n, tc.noun, got, tc.want)
		}
	}
}

func TestArticle(t *testing.T) {
	for noun, want := range map[string]string{"path": "a path", "address": "an address", "": "a "} {
		if got := words.Article(noun); got != want {
			t.Errorf("Article(%q) = %q, want %q", noun, got, want)
		}
	}
}

func TestLists(t *testing.T) {
	for _, tc := range []struct{ items, and, or string }{
		{"", "", ""},
		{"a", "a", "a"},
		{"a b", "a and b", "a or b"},
		{"a b c", "a, b and c", "a, b or c"},
	} {
		if got := words.And(strings.Fields(tc.items)); got != tc.and {
			t.Errorf("And(%q) = %q, want %q", tc.items, got, tc.and)
		}
		if got := words.Or(strings.Fields(tc.items)); got != tc.or {
			t.Errorf("Or(%q) = %q, want %q", tc.items, got, tc.or)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"sudoers", "users", "groups"}
	for _, tc := range []struct{ name, nearest, meant string }{
		{"user", "users", "users"},
		{"GRUOPS", "groups", "groups"},
		{"xyz", "groups", ""}, // of equal ones the first by name
		{strings.Repeat("u", words.MaxName+1), "", ""},
	} {
		if got := words.Nearest(tc.name, slices.Values(known)); got != tc.nearest {
			t.Errorf("Nearest(%q) = %q, want %q", tc.name, got, tc.nearest)
		}
		if got := words.Meant(tc.name, slices.Values(known)); got != tc.meant {
			t.Errorf("Meant(%q) = %q, want %q", tc.name, got, tc.meant)
		}
	}
	if got := words.DidYouMean("user", slices.Values(known)); got != `: did you mean "users"?` {
		t.Errorf("DidYouMean = %q", got)
	}
	if got := words.DidYouMean("xyz", slices.Values(known)); got != "" {
		t.Errorf("DidYouMean of a name that is like none = %q", got)
	}
	many := slices.Repeat([]string{"users"}, words.MaxKnown+1)
	if got := words.Nearest("user", slices.Values(many)); got != "" {
		t.Errorf("Nearest of too many names = %q, want none", got)
	}
}

// TestSpan leaves out units that are zero.
func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "1m30s", 15 * time.Minute: "15m", 2 * time.Hour: "2h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s",
	} {
		if got := words.Span(d); got != want {
			t.Errorf("%d: %s, not %s", d, got, want)
		}
	}
}
