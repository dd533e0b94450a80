package words

import (
	"slices"
	"strings"
)

// Mentions reports whether a name stands in a text, not as a part of another.
func Mentions(text, name string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	return slices.Contains(words, name)
}
