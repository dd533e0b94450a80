package words

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression that is compiled when it is first asked for. Made at
// start, those of all packages would cost every command a millisecond.
func Pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
