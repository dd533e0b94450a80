package host

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"opsafe/internal/words"
)

// Readable is a name with the bytes of it that are not UTF-8 written as \xNN: on a
// terminal, in JSON and in Markdown alike.
func Readable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		c, n := utf8.DecodeRuneInString(name)
		if c == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:n])
		}
		name = name[n:]
	}
	return b.String()
}

// rawByte is one that Readable has written.
var rawByte = words.Pattern(`\\x[89a-f][0-9a-f]`)

// FromReadable is the name that Readable has written. What it would not have written,
// such as the name of a unit, stays as it is.
func FromReadable(text string) string {
	name := rawByte().ReplaceAllStringFunc(text, func(s string) string {
		b, err := strconv.ParseUint(s[2:], 16, 8)
		if err != nil {
			return s
		}
		return string([]byte{byte(b)})
	})
	if Readable(name) != text {
		return text
	}
	return name
}
