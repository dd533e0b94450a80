package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"opsafe/internal/words"
)

// explain looks for the slips that people make most often where YAML's own words
// are about its grammar, and returns their place and what to do. Not ok: it is none
// of them.
func explain(file string, lines []string, at Pos, text string) (Pos, string, bool) {
	if line, column, quote := openQuote(lines); line > 0 {
		return Pos{File: file, Line: line, Column: column}, fmt.Sprintf("the quote %s that begins here is not closed: add it at the end of the text", quote), true
	}
	n := min(max(at.Line, 1), len(lines))
	here := lines[n-1]
	above := aboveOf(lines, n)
	if strings.Contains(text, "could not find expected ':'") || strings.Contains(text, "mapping values are not allowed") {
		// The parser stops at the line itself, or at the next one, which it takes for more of it.
		for _, at := range []int{above, n} {
			if at == 0 {
				continue
			}
			if text := tightColon(lines[at-1]); text != "" {
				return Pos{File: file, Line: at, Column: 1 + indentOf(lines[at-1])}, text, true
			}
		}
	}
	if column, why := unquoted(here, text); why != "" {
		return Pos{File: file, Line: n, Column: column}, why, true
	}
	switch {
	case strings.Contains(text, "did not find expected ','"), strings.Contains(text, "did not find expected node content"):
		if at, text, ok := flowSlip(file, lines); ok {
			return at, text, true
		}
	case strings.Contains(text, "did not find expected comment or line break"):
		if m := blockText().FindStringSubmatch(strings.TrimRight(here, " \r")); m != nil {
			return Pos{File: file, Line: n, Column: 1 + indentOf(here)}, "a text that begins with > or | is in quotes: want " + m[1] + quote(m[2]), true
		}
	case strings.Contains(text, "could not find expected ':'") && noColon(here):
		return Pos{File: file, Line: n, Column: 1 + indentOf(here)}, colonMissing(here), true
	case strings.Contains(text, "mapping values are not allowed"):
		if above > 0 && noColon(lines[above-1]) && indentOf(lines[above-1]) <= indentOf(here) {
			return Pos{File: file, Line: above, Column: 1 + indentOf(lines[above-1])}, colonMissing(lines[above-1]), true
		}
		if above > 0 && valueLine().MatchString(lines[above-1]) && indentOf(here) > indentOf(lines[above-1]) {
			return at, fmt.Sprintf("is indented deeper than line %d, which has its value already: indent both by %s, or give that one a map of fields",
				above, words.Count(indentOf(lines[above-1]), "space")), true
		}
	case strings.Contains(text, "did not find expected key"):
		if column, want := oddIndent(lines, n); want != "" {
			return Pos{File: file, Line: n, Column: column}, "is indented by " + words.Count(column-1, "space") + ", like none of the lines above that it could belong with: want " + want, true
		}
		if text := tightColon(here); text != "" {
			return Pos{File: file, Line: n, Column: 1 + indentOf(here)}, text, true
		}
	}
	return at, "", false
}

// unquoted finds the text in a line that would have to be in quotes, or in other ones, for
// the error that there is. It does not repeat the text, which may be a secret. Empty: there
// is none.
func unquoted(here, text string) (column int, why string) {
	here = strings.TrimRight(here, " \r")
	say := func(of *regexp.Regexp, why string) (int, string) {
		m := of.FindStringSubmatchIndex(here)
		if m == nil {
			return 0, ""
		}
		return 1 + utf8.RuneCountInString(here[:m[2]]), strings.ReplaceAll(why, "SIGN", here[m[2]:m[2]+1])
	}
	switch {
	case strings.Contains(text, "cannot start any token"), strings.Contains(text, "did not find expected alphabetic or numeric character"),
		strings.Contains(text, "block sequence entries are not allowed"), strings.Contains(text, "mapping keys are not allowed"):
		return say(keptForYAML(), "put text that begins with SIGN in quotes")
	case strings.Contains(text, "unknown escape character"):
		return say(backslash(), `a backslash within " is written \\: or put the text in single quotes`)
	case strings.Contains(text, "did not find expected key"):
		return say(behindQuote(), "the text goes on after its closing quote: put all of it in quotes")
	}
	return 0, ""
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func blank(line string) bool {
	t := strings.TrimSpace(line)
	return t == "" || t[0] == '#'
}

// aboveOf is the number of the last line above one that says anything; 0: none.
func aboveOf(lines []string, n int) int {
	for i := n - 1; i > 0; i-- {
		if !blank(lines[i-1]) {
			return i
		}
	}
	return 0
}

var (
	blockText = words.Pattern(`^ *([A-Za-z_]+: +)([>|][^#]*)$`)
	bareWords = words.Pattern(`^ *[A-Za-z0-9_./@-]+( +[^:#]*)?$`)
	// keptForYAML is a value that begins with a character that means something in YAML.
	keptForYAML = words.Pattern("(?:[:-] +|[{\\[,] *)([@%*!&?`-][^,}\\]#]*)")
	backslash   = words.Pattern(`(\\[^0abt\tnvfre "/\\N_LPxuU])`)
	behindQuote = words.Pattern(`(?:: +|- +)(("(?:[^"\\]|\\.)*"|'(?:[^']|\'\')*') *[^ #,].*)$`)
	valueLine   = words.Pattern(`^ *[^\s#:]+: +[^\s{\[|>#]`)
	tight       = words.Pattern(`^([a-z_]+):([^\s:/].*|/[^/\s].*)$`)
)

// noColon reports whether a line has words and no colon.
func noColon(line string) bool {
	return bareWords().MatchString(strings.TrimRight(line, " \r")) && !strings.HasPrefix(strings.TrimSpace(line), "-")
}

func colonMissing(line string) string {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	return fmt.Sprintf("a colon is missing: want %s", quote(strings.TrimSpace(word+": "+strings.TrimSpace(rest))))
}

// tightColon explains a colon without a space behind it, which is a part of the word
// in YAML; empty if there is none.
func tightColon(text string) string {
	m := tight().FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return ""
	}
	return fmt.Sprintf("a space is missing behind the colon: want %s", quote(m[1]+": "+m[2]))
}

// oddIndent says by how much the line could be indented, if it is so by something
// else.
func oddIndent(lines []string, n int) (column int, want string) {
	own := indentOf(lines[n-1])
	var levels []int
	least := own + 1 + maxDepth
	for i := n - 1; i > 0; i-- {
		if d := indentOf(lines[i-1]); !blank(lines[i-1]) && d < least {
			least = d
			levels = append(levels, d)
		}
	}
	if len(levels) == 0 || slices.Contains(levels, own) {
		return 0, ""
	}
	slices.Sort(levels)
	words := make([]string, len(levels))
	for i, d := range levels {
		words[i] = strconv.Itoa(d)
	}
	return own + 1, strings.Join(words, " or ")
}

// openQuote finds a text whose quote is not closed on its line; line 0: there is
// none. Texts in blocks (| and >) have no quotes.
func openQuote(lines []string) (line, column int, quote string) {
	block := -1
	for i, l := range lines {
		if block >= 0 && (strings.TrimSpace(l) == "" || indentOf(l) > block) {
			continue
		}
		block = -1
		if blank(l) {
			continue
		}
		if at, q := openIn(l); at >= 0 {
			return i + 1, 1 + utf8.RuneCountInString(l[:at]), string(q)
		}
		if blockStart().MatchString(strings.TrimRight(l, " \r")) {
			block = indentOf(l)
		}
	}
	return 0, 0, ""
}

var blockStart = words.Pattern(`(^|[:\-] +)[|>][+\-0-9]*( +#.*)?$`)

// openIn finds the quote in a line that begins a text and is not closed in it; -1:
// there is none.
func openIn(l string) (at int, quote byte) {
	for i := 0; i < len(l); i++ {
		switch c := l[i]; {
		case c == '#' && (i == 0 || l[i-1] == ' '):
			return -1, 0
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,", l[i-1]) >= 0):
			end := closing(l, i)
			if end < 0 {
				return i, c
			}
			i = end
		}
	}
	return -1, 0
}

// closing is where the quote at i is closed.
func closing(l string, i int) int {
	q := l[i]
	for j := i + 1; j < len(l); j++ {
		switch {
		case q == '"' && l[j] == '\\':
			j++
		case l[j] == q && q == '\'' && j+1 < len(l) && l[j+1] == q:
			j++
		case l[j] == q:
			return j
		}
	}
	return -1
}
