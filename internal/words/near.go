package words

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// Comparing a name with all others takes minutes where a hostile file holds tens
// of thousands of them, or very long ones.
const (
	// MaxKnown is how many known names are compared at the most.
	MaxKnown = 5000
	// MaxName is the longest name, in bytes, that is compared.
	MaxName = 100
	// alike is how alike two names are, from 0 to 1, of which one may be meant by
	// the other.
	alike = 0.6
)

// Nearest is the known name that is most like name, however little; "" where
// there is none, or more than MaxKnown.
func Nearest(name string, known iter.Seq[string]) string {
	best, _ := nearest(name, known)
	return best
}

// Meant is as Nearest, and "" where no known name is like it.
func Meant(name string, known iter.Seq[string]) string {
	best, score := nearest(name, known)
	if score < alike {
		return ""
	}
	return best
}

// DidYouMean is the end of a message about an unknown name, and "" where no known
// name is like it.
func DidYouMean(name string, known iter.Seq[string]) string {
	if n := Meant(name, known); n != "" {
		return ": did you mean " + strconv.Quote(n) + "?"
	}
	return ""
}

func nearest(name string, known iter.Seq[string]) (best string, score float64) {
	if len(name) > MaxName {
		return "", 0
	}
	score = -1
	n, lower := 0, strings.ToLower(name)
	for k := range known {
		if n++; n > MaxKnown {
			return "", 0
		}
		if k == name || len(k) > MaxName {
			continue
		}
		if s := likeness(lower, strings.ToLower(k)); s > score || s == score && k < best {
			best, score = k, s
		}
	}
	return best, score
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
