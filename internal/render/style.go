// Package render shows the results of a run: as text for people, as JSON for
// programs, as Markdown for pull requests. All are made from the same values, and
// none changes them.
package render

import (
	"strings"
	"unicode"

	"opsafe/internal/host"
)

// Style says how text may look.
type Style struct {
	Color bool
	// Full shows what is folded otherwise.
	Full bool
	// Width is that of the terminal in columns; 0: no limit.
	Width int
}

// The colours, as in ECMA-48 (SGR).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

func (s Style) paint(code, text string) string {
	if !s.Color || code == "" || text == "" {
		return text
	}
	return code + text + reset
}

// Clean makes text from the host safe for a terminal.
func Clean(text string) string { return clean(text) }

// clean makes text from the host safe for a terminal: control characters, which
// could move the cursor or hide something, are shown instead.
func clean(text string) string {
	text = host.Readable(text)
	if !strings.ContainsFunc(text, unsafe) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if unsafe(c) {
			b.WriteRune('�')
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// unsafe are C0 and C1 controls, other ends of a line or paragraph, characters that reorder
// text, and all others that are not seen themselves: a name with one looks like another.
func unsafe(c rune) bool {
	if c < 0x7f {
		return c < 0x20 && c != '\t'
	}
	// The fillers of Hangul are letters, and blank.
	return c < 0xa0 || c == 0x2028 || c == 0x2029 || unicode.Is(unicode.Cf, c) || c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0
}
