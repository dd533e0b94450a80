package spec

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// flow looks for what is wrong with maps and lists in brackets, where the parser only says
// that one has no end.
type flow struct {
	lines []string
	open  []bracket
	n, i  int // where it reads: the line and the byte in it, from 0
}

// bracket is one that is not closed yet.
type bracket struct {
	char  byte // { or [
	n, i  int
	value bool // its entry has its key, or its text, already
}

// flowSlip finds the first slip; not ok: there is none that it knows.
func flowSlip(file string, lines []string) (at Pos, text string, ok bool) {
	f := &flow{lines: lines}
	block := -1
	for f.n = range lines {
		l := strings.TrimRight(lines[f.n], " \r")
		if blank(l) || block >= 0 && indentOf(l) > block {
			continue
		}
		block = -1
		if n, i, why := f.line(l); why != "" {
			return Pos{File: file, Line: n + 1, Column: 1 + utf8.RuneCountInString(lines[n][:i])}, why, true
		}
		if len(f.open) == 0 && blockStart().MatchString(l) {
			block = indentOf(l)
		}
	}
	if len(f.open) == 0 {
		return at, "", false
	}
	n, i, text := f.unclosed()
	return Pos{File: file, Line: n + 1, Column: 1 + utf8.RuneCountInString(lines[n][:i])}, text, true
}

// line reads a line. Why is what is wrong, at byte i of line n.
func (f *flow) line(l string) (n, i int, why string) {
	if len(f.open) > 0 && indentOf(l) <= indentOf(f.lines[f.open[0].n]) && strings.IndexByte("}],", strings.TrimSpace(l)[0]) < 0 {
		return f.unclosed()
	}
	for f.i = 0; f.i < len(l); {
		switch c := l[f.i]; {
		case c == ' ':
			f.i++
		case c == '#' && (f.i == 0 || l[f.i-1] == ' '):
			return 0, 0, ""
		case len(f.open) == 0:
			f.outside(l)
		default:
			if n, i, why := f.inside(l, c); why != "" {
				return n, i, why
			}
		}
	}
	return 0, 0, ""
}

// outside passes over a word that is in no brackets.
func (f *flow) outside(l string) {
	before := strings.TrimSpace(l[:f.i])
	first := before == "" || strings.HasSuffix(before, ":") || before == "-"
	switch c := l[f.i]; {
	case first && (c == '{' || c == '['):
		f.open = append(f.open, bracket{char: c, n: f.n, i: f.i})
		f.i++
	case first && (c == '"' || c == '\'') && closing(l, f.i) > 0:
		f.i = closing(l, f.i) + 1
	default:
		f.i = wordEnd(l, f.i)
	}
}

func wordEnd(l string, i int) int {
	if end := strings.IndexByte(l[i:], ' '); end >= 0 {
		return i + end
	}
	return len(l)
}

// inside reads what is next in brackets.
func (f *flow) inside(l string, c byte) (n, i int, why string) {
	top := &f.open[len(f.open)-1]
	at := f.i
	f.i++
	switch c {
	case ',':
		top.value = false
	case ':':
		top.value = true
	case '{', '[':
		top.value = true
		f.open = append(f.open, bracket{char: c, n: f.n, i: at})
	case '}', ']':
		if want := closer(top.char); c != want {
			return f.unclosed()
		}
		f.open = f.open[:len(f.open)-1]
	case '"', '\'':
		end := closing(l, at)
		if end < 0 {
			f.i = len(l)
			return 0, 0, ""
		}
		f.i = end + 1
		if rest := strings.TrimLeft(l[f.i:], " "); rest != "" && strings.IndexByte(",:}]#", rest[0]) < 0 {
			return f.n, at, "the text goes on after its closing quote: put all of it in quotes, or a comma between two entries"
		}
	default:
		return f.plain(l, at, top)
	}
	return 0, 0, ""
}

// plain reads a text without quotes.
func (f *flow) plain(l string, at int, top *bracket) (n, i int, why string) {
	for f.i = at; f.i < len(l); f.i++ {
		switch rest := l[f.i:]; {
		case strings.HasPrefix(rest, " #") || strings.IndexByte(",}]", rest[0]) >= 0:
			return 0, 0, ""
		case rest[0] == '{' || rest[0] == '[':
			return f.n, at, fmt.Sprintf("within { } and [ ], put text that holds %c in quotes", rest[0])
		case rest[0] == ':' && (len(rest) == 1 || strings.IndexByte(" ,{}[]", rest[1]) >= 0):
			if top.value && top.char == '{' {
				return f.n, at, `put text that holds ": " in quotes; if another field begins there, a comma is missing before it`
			}
			top.value = true
			f.i++
			return 0, 0, ""
		}
	}
	return 0, 0, ""
}

// unclosed tells of the innermost bracket.
func (f *flow) unclosed() (n, i int, why string) {
	b := f.open[len(f.open)-1]
	why = fmt.Sprintf("the %c that begins here is not closed: add %c at its end", b.char, closer(b.char))
	if strings.Contains(f.lines[b.n][b.i:], " #") {
		why += "; what follows # on a line is a comment"
	}
	return b.n, b.i, why
}

func closer(open byte) byte {
	if open == '{' {
		return '}'
	}
	return ']'
}
