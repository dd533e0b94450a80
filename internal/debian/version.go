package debian

import (
	"strconv"
	"strings"
)

// Major is the first number of a Debian version, after its epoch; 0 if there is
// none.
func Major(version string) int {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	digits := strings.FieldsFunc(version, func(c rune) bool { return c < '0' || c > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}
