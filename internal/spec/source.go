package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"opsafe/internal/words"
)

// maxYAML is the largest YAML file, in bytes. Deep nesting within that size
// costs yaml.v3 milliseconds: it stops by itself at 10,000 levels.
const maxYAML = 1 << 20

// parse reads one YAML document. Nil: a problem, or an empty file.
func parse(file string, data []byte, problems *Problems) *node {
	if !readable(file, data, problems) {
		return nil
	}
	doc, err := parseYAML(data)
	if err != nil {
		at, text := syntaxPlace(file, data, err), syntaxText(data, err)
		if len(data) <= maxSearched && !strings.HasPrefix(text, "a ") && !strings.HasPrefix(text, "nested") {
			if better, why, ok := explain(file, strings.Split(string(data), "\n"), at, text); ok {
				at, text = better, why
			}
		}
		problems.Addf(at, "%s", text)
		return nil
	}
	if doc == nil {
		return nil
	}
	c := &converter{file: file, problems: problems}
	return c.convert(doc, 1)
}

// readable checks bytes before a YAML parser sees them.
func readable(file string, data []byte, problems *Problems) bool {
	at := Pos{File: file, Line: 1, Column: 1}
	switch {
	case len(data) > maxYAML:
		problems.Addf(Pos{File: file}, "it holds %d KiB: a spec file holds at most %s", (len(data)+1023)>>10, size(maxYAML))
		return false
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		problems.Addf(at, "begins with a byte order mark: save the file as UTF-8 without it")
		return false
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		problems.Addf(at, "is UTF-16: save the file as UTF-8")
		return false
	}
	for i := 0; i < len(data); {
		if b := data[i]; b >= ' ' && b < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			problems.Addf(place(file, data, i), "byte 0x%02x is not UTF-8", data[i])
			return false
		case r == 0:
			problems.Addf(place(file, data, i), "NUL character")
			return false
		case r == '\r' && bytes.HasPrefix(data[i:], []byte("\r\n")), r == '\n', r == '\t':
		case unicode.IsControl(r), r == '\ufeff':
			problems.Addf(place(file, data, i), "control character %U", r)
			return false
		case r == '\u2028', r == '\u2029':
			// YAML ends a line there, which no editor shows.
			problems.Addf(place(file, data, i), "line separator %U: write \"\\u%04x\" if it is meant", r, r)
			return false
		}
		i += size
	}
	return true
}

// place is the position of a byte.
func place(file string, data []byte, offset int) Pos {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Pos{File: file, Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[start:])}
}

// parseYAML returns the root of the only document, nil for an empty one.
func parseYAML(data []byte) (root *yaml.Node, err error) {
	defer func() {
		// yaml.v3 has panicked on odd input before: that is a bad file, too.
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("cannot be parsed: %v", r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	if err := dec.Decode(&first); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	err = dec.Decode(&second)
	switch {
	case err == nil:
		return nil, fmt.Errorf("yaml: line %d: a second document: a spec file holds one", second.Line)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if len(first.Content) == 0 {
		return nil, nil
	}
	root = first.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" && root.Anchor == "" {
		return nil, nil
	}
	return root, nil
}

var yamlLine = words.Pattern(`^yaml: (?:line (\d+): )?(.*)$`)

// splitYAML takes the line out of an error of yaml.v3; 0: none in it.
func splitYAML(err error) (line int, text string) {
	m := yamlLine().FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if m == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(m[1])
	return line, m[2]
}

// maxSearched is the largest file, in bytes, in which the place of a syntax error
// is searched for by parsing its beginnings; a larger one is hardly a person's.
const maxSearched = 128 << 10

// syntaxPlace finds where a syntax error is. yaml.v3 names the line on which
// the broken construct begins, counted from 0 or from 1 after the kind of the
// error; but it reads as a stream, so that the shortest beginning of the file
// with the same error ends where the error is.
func syntaxPlace(file string, data []byte, err error) Pos {
	said, text := splitYAML(err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	if strings.HasPrefix(text, "a second document") {
		return Pos{File: file, Line: said, Column: 1}
	}
	if len(data) > maxSearched {
		return Pos{File: file, Line: min(max(said, 1), len(lines)), Column: 1}
	}
	n := sort.Search(len(lines), func(i int) bool {
		_, e := parseYAML(bytes.Join(lines[:i+1], nil))
		return e != nil && e.Error() == err.Error()
	})
	n = min(n, len(lines)-1)
	for n > 0 && len(bytes.TrimSpace(lines[n])) == 0 {
		n--
	}
	column := 1 + len(lines[n]) - len(bytes.TrimLeft(lines[n], " "))
	return Pos{File: file, Line: n + 1, Column: column}
}

// syntaxText explains the commonest errors.
func syntaxText(data []byte, err error) string {
	said, text := splitYAML(err)
	switch {
	case strings.Contains(text, "cannot start any token") && tabIndented(data):
		return "a tab: YAML is indented with spaces"
	case strings.Contains(text, "mapping values are not allowed"):
		return text + `: put text that holds ": " in quotes, or check the indentation`
	case strings.Contains(text, "exceeded max depth"):
		return fmt.Sprintf("nested more than %d deep: nothing in a spec needs that", maxDepth)
	case strings.HasPrefix(text, "a second document"), said == 0:
		return text
	default:
		return "cannot be parsed as YAML: " + text
	}
}

func tabIndented(data []byte) bool {
	return slices.ContainsFunc(bytes.Split(data, []byte("\n")), func(l []byte) bool {
		return bytes.HasPrefix(bytes.TrimLeft(l, " "), []byte("\t"))
	})
}

func isControl(r rune) bool { return unicode.IsControl(r) }
