package spec

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// quote is %q without touching letters of other languages.
func quote(s string) string { return strconv.Quote(s) }

// Comparing names with all others takes minutes where a hostile file holds tens
// of thousands of either: so many are compared, and so many problems have a
// suggestion.
const (
	maxKnown = 5000
	maxHints = 100
	// maxName is the longest name, in bytes, that is compared.
	maxName = 100
)

// nearest returns the known name that is most like name, or "" where none is
// like it, or where there are too many to compare.
func nearest(name string, known iter.Seq[string]) string {
	if len(name) > maxName {
		return ""
	}
	best, bestScore, n := "", 0.0, 0
	lower := strings.ToLower(name)
	for k := range known {
		if n++; n > maxKnown {
			return ""
		}
		if k == name || len(k) > maxName {
			continue
		}
		score := likeness(lower, strings.ToLower(k))
		if score > bestScore || score == bestScore && k < best {
			best, bestScore = k, score
		}
	}
	if bestScore < 0.6 {
		return ""
	}
	return best
}

// likeness is 1 for equal words, 0 for those that have nothing in common. The
// same letters in another order are a common slip that edits count twice.
func likeness(a, b string) float64 {
	if len(a) == len(b) && a != b {
		x, y := []byte(a), []byte(b)
		slices.Sort(x)
		slices.Sort(y)
		if slices.Equal(x, y) {
			return 0.9
		}
	}
	return levenshtein.Match(a, b, nil)
}

// didYouMean is the end of a message about an unknown name.
func didYouMean(name string, known iter.Seq[string]) string {
	if n := nearest(name, known); n != "" {
		return ": did you mean " + quote(n) + "?"
	}
	return ""
}

// hint is didYouMean for the next problem, unless there are many already.
func (ps *Problems) hint(name string, known iter.Seq[string]) string {
	if len(*ps) >= maxHints {
		return ""
	}
	return didYouMean(name, known)
}

// set is a set of names.
type set map[string]bool

func setOf(names ...string) set {
	s := make(set, len(names))
	s.add(names...)
	return s
}

func (s set) add(names ...string) {
	for _, n := range names {
		s[n] = true
	}
}

func (s set) names() iter.Seq[string] { return maps.Keys(s) }

// oneOf is a list of words for a message: a, b or c.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
