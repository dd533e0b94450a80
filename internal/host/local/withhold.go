package local

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// withheld is the least length of a value that is taken out of what a program has said:
// shorter ones, such as yes or 8080, are in too many words.
const withheld = 5

// withhold takes values out of what a program that has failed has said, and says so.
func withhold(err error, values []host.Content) error {
	var failed *runError
	if !errors.As(err, &failed) {
		return err
	}
	less := *failed
	var some bool
	if less.Output, some = without(failed.Output, values); !some {
		return err
	}
	less.Output += " (values of its environment files are left out)"
	return &less
}

// without is a text with values taken out of it, and whether any was in it.
func without(text string, values []host.Content) (string, bool) {
	var words []string
	for _, v := range values {
		words = append(words, spellings(string(v.Bytes()))...)
	}
	// The longer of two that begin alike goes first.
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, w := range words {
		pairs = append(pairs, w, "(secret)")
	}
	less := strings.NewReplacer(pairs...).Replace(text)
	return less, less != text
}

// spellings are how a value may stand in what a program says: as it is, line by line,
// and as Go quotes it, which is how compose and the engine show what they refuse. Of
// one that is no secret, since it is too short or a truth value, there are none.
func spellings(value string) []string {
	var out []string
	for _, text := range append(strings.Split(value, "\n"), value) {
		text = strings.TrimSpace(text)
		if _, err := strconv.ParseBool(text); err == nil || len(text) < withheld {
			continue
		}
		quoted := strconv.Quote(text)
		out = append(out, text, quoted[1:len(quoted)-1])
	}
	return out
}
