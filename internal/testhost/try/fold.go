package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// folding says how much of opsafe's output is shown. The zero value shows all.
type folding struct {
	// Items is the number of changes shown of each kind, 0 for all.
	Items int
	// Lines is the number of lines shown of each change besides its first; it
	// counts only if Items does.
	Lines int
	// Skip names sections that are left out.
	Skip []string
}

// folder shows lines, those that are left out as a count.
type folder struct {
	*screen
	folding

	mu      sync.Mutex
	all     strings.Builder
	items   int  // of this section
	lines   int  // of this item
	skip    bool // this section
	folded  int  // items left out since the last line that was shown
	cut     int  // lines left out likewise
	blank   bool // an empty line is due
	started bool
}

// escapes are those that set colours.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// line takes the next line of output. Sections begin at the margin, items are
// indented by two, all else by more.
func (f *folder) line(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	plain := escapes.ReplaceAllString(line, "")
	f.all.WriteString(plain + "\n")
	switch indent := len(plain) - len(strings.TrimLeft(plain, " ")); {
	case plain == "":
		f.flush()
		f.blank = f.started
		return
	case indent == 0:
		f.flush()
		f.items, f.lines, f.skip = 0, 0, contains(f.Skip, plain)
	case indent == 2:
		f.items, f.lines = f.items+1, 0
	default:
		f.lines++
	}
	switch {
	case f.skip:
	case f.Items > 0 && f.items > f.Items:
		if f.lines == 0 {
			f.folded++
		}
	case f.Items > 0 && f.lines > f.Lines:
		f.cut++
	default:
		f.flush()
		f.show(line)
	}
}

// flush says what has been left out.
func (f *folder) flush() {
	if f.cut > 0 {
		f.show("      " + f.paint(dim, fmt.Sprintf("… %d more %s", f.cut, many(f.cut, "line"))))
	}
	if f.folded > 0 {
		f.show("  " + f.paint(dim, fmt.Sprintf("… and %d more", f.folded)))
	}
	f.cut, f.folded = 0, 0
}

func (f *folder) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flush()
}

func (f *folder) show(line string) {
	if f.blank {
		fmt.Fprintln(f.out, f.paint(dim, strings.TrimRight(gutter, " ")))
		f.blank = false
	}
	f.started = true
	columns := width - utf8.RuneCountInString(gutter)
	if isDiff(line) && visible(line) > columns {
		plain := []rune(escapes.ReplaceAllString(line, ""))
		line = string(plain[:columns-1]) + "…"
	}
	for _, l := range wrap(line, columns) {
		fmt.Fprintln(f.out, f.paint(dim, gutter)+l)
	}
}

// isDiff tells the lines of a file, which are cut rather than broken, from what
// opsafe says itself.
func isDiff(line string) bool {
	text, ok := strings.CutPrefix(escapes.ReplaceAllString(line, ""), "      ")
	return ok && text != "" && strings.ContainsRune("+-@ ", rune(text[0]))
}

// wrap breaks a line at spaces; what follows is indented further than it.
func wrap(line string, columns int) []string {
	text := strings.TrimLeft(line, " ")
	indent := strings.Repeat(" ", len(line)-len(text)+4)
	var lines []string
	for visible(line) > columns {
		at := lastSpace(line, columns)
		if at <= len(indent) {
			break // one long word
		}
		lines = append(lines, strings.TrimRight(line[:at], " "))
		line = indent + strings.TrimLeft(line[at:], " ")
	}
	return append(lines, line)
}

// visible is the number of columns that the text takes.
func visible(text string) int {
	return utf8.RuneCountInString(escapes.ReplaceAllString(text, ""))
}

// lastSpace is the index of the last space within the columns; without one it is
// that of the first after them.
func lastSpace(line string, columns int) int {
	last := -1
	for i, c := range line {
		if c != ' ' {
			continue
		}
		if visible(line[:i]) > columns {
			if last < 0 || strings.TrimLeft(line[:last], " ") == "" {
				return i
			}
			return last
		}
		last = i
	}
	return last
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

func many(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
