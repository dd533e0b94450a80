// Package words writes numbers of things and lists in English, and finds the
// name that somebody meant who wrote another. It knows nothing of opsafe.
package words

import (
	"strconv"
	"strings"
	"time"
)

// Count is a number of things: 1 path, 3,401 paths.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + Plural(noun)
}

// Span is a length of time without units that are zero: 15m, 2h, 1m30s.
func Span(d time.Duration) string {
	switch {
	case d == 0 || d%time.Minute != 0:
		return d.String()
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strings.TrimSuffix(d.String(), "0s")
}

// Number writes a number that is not negative, with a comma before each three
// digits.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural is the plural of an English noun: paths, entries, processes, people.
func Plural(noun string) string {
	switch {
	case noun == "person":
		return "people"
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	case strings.HasSuffix(noun, "y") && !strings.ContainsAny(noun[max(0, len(noun)-2):len(noun)-1], "aeiou"):
		return strings.TrimSuffix(noun, "y") + "ies"
	}
	return noun + "s"
}

// Article is a noun with its indefinite article: a path, an address.
func Article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiouAEIOU", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// And is a list in a sentence: a, b and c.
func And(items []string) string { return sentence(items, " and ") }

// Or is a choice in a sentence: a, b or c.
func Or(items []string) string { return sentence(items, " or ") }

func sentence(items []string, last string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	end := len(items) - 1
	return strings.Join(items[:end], ", ") + last + items[end]
}
