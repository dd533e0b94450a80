package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// width is that of a classic terminal: it fits wherever it is read.
const width = 80

const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	blue  = "\x1b[36m"
	reset = "\x1b[0m"
)

// screen is what is shown: headings, explanations, commands and what these say.
type screen struct {
	out      io.Writer
	terminal bool
	color    bool
	part     int // number of the heading shown last
}

func newScreen(f *os.File) *screen {
	terminal := term.IsTerminal(int(f.Fd()))
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	return &screen{out: f, terminal: terminal, color: terminal && !plain}
}

func (s *screen) paint(code, text string) string {
	if !s.color {
		return text
	}
	return code + text + reset
}

func (s *screen) title(name, what string) {
	fmt.Fprintf(s.out, "%s: %s\n", s.paint(bold, name), what)
}

// heading begins the next part.
func (s *screen) heading(text string) {
	s.part++
	line := fmt.Sprintf("━━ %d. %s ", s.part, text)
	line += strings.Repeat("━", max(0, width-utf8.RuneCountInString(line)))
	fmt.Fprintf(s.out, "\n\n%s\n", s.paint(bold, line))
}

// say explains. The text is broken into lines already.
func (s *screen) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n"+format+"\n", args...)
}

// command shows commands as somebody would type them.
func (s *screen) command(argvs ...[]string) {
	fmt.Fprintln(s.out)
	for _, argv := range argvs {
		fmt.Fprintf(s.out, "  %s %s\n", s.paint(blue, "$"), s.paint(bold, typed(argv)))
	}
}

// checked says something that has just been verified.
func (s *screen) checked(format string, args ...any) {
	fmt.Fprintf(s.out, "\n%s %s\n", s.paint(green, "✓"), fmt.Sprintf(format, args...))
}

func (s *screen) failed(err error) {
	fmt.Fprintf(s.out, "\n%s %v\n", s.paint(red, "✗"), err)
}

// typed writes an argument vector so that a shell reads it back.
func typed(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		if words[i] = a; a == "" || strings.ContainsAny(a, " \t'\"$&|;<>()*?[]\\^!{}~#`") {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
