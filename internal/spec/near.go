package spec

import (
	"iter"
	"maps"
	"strconv"

	"opsafe/internal/words"
)

// quote is %q without touching letters of other languages.
func quote(s string) string { return strconv.Quote(s) }

// maxHints is how many problems have a suggestion: finding one takes time.
const maxHints = 100

// hint is words.DidYouMean for the next problem, unless there are many already.
func (ps *Problems) hint(name string, known iter.Seq[string]) string {
	if len(*ps) >= maxHints {
		return ""
	}
	return words.DidYouMean(name, known)
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
