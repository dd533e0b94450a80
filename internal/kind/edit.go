package kind

import (
	"bytes"
	"fmt"
	"strings"
)

// The words of the lines around a block, after the comment sign.
const (
	blockBegin = "BEGIN managed by opsafe"
	blockEnd   = "END managed by opsafe"
)

// editLines gives content with each of the lines in it: those that are missing
// are added at the end, in their order. A last line that lacks its newline gets
// it first.
func editLines(content []byte, lines []string) []byte {
	out := bytes.Clone(content)
	for _, line := range missingLines(content, lines) {
		out = append(EndLine(out), line...)
		out = append(out, '\n')
	}
	return out
}

// missingLines lists the lines that content lacks, each once.
func missingLines(content []byte, lines []string) []string {
	there := map[string]bool{}
	for line := range bytes.Lines(content) {
		there[strings.TrimSuffix(string(line), "\n")] = true
	}
	var out []string
	for _, line := range lines {
		if !there[line] {
			there[line] = true
			out = append(out, line)
		}
	}
	return out
}

// EditBlock gives content with the block between its marker lines, in the
// place where it is or else at the end. Markers that do not make one pair are
// an error: opsafe does not guess what is the host's own.
func EditBlock(content []byte, comment, block string) ([]byte, error) {
	from, to, err := FindBlock(content, comment)
	if err != nil {
		return nil, err
	}
	body := append([]byte(marker(comment, blockBegin)+"\n"), block...)
	body = append(EndLine(body), marker(comment, blockEnd)+"\n"...)
	if from < 0 {
		return append(EndLine(bytes.Clone(content)), body...), nil
	}
	return bytes.Join([][]byte{content[:from], body, content[to:]}, nil), nil
}

// FindBlock gives the bytes from the first marker line to the end of the last;
// from is -1 when there is no block.
func FindBlock(content []byte, comment string) (from, to int, err error) {
	begin, end := marker(comment, blockBegin), marker(comment, blockEnd)
	from, to = -1, -1
	var at, number, beginLine, endLine int
	for line := range bytes.Lines(content) {
		number++
		switch strings.TrimRight(string(line), " \t\r\n") {
		case begin:
			if beginLine > 0 {
				return 0, 0, badBlock("%q is there twice, in lines %d and %d", begin, beginLine, number)
			}
			from, beginLine = at, number
		case end:
			if endLine > 0 {
				return 0, 0, badBlock("%q is there twice, in lines %d and %d", end, endLine, number)
			}
			if beginLine == 0 {
				return 0, 0, badBlock("%q in line %d has no %q before it", end, number, begin)
			}
			to, endLine = at+len(line), number
		}
		at += len(line)
	}
	if beginLine > 0 && endLine == 0 {
		return 0, 0, badBlock("%q in line %d has no %q after it", begin, beginLine, end)
	}
	return from, to, nil
}

func badBlock(format string, args ...any) error {
	return fmt.Errorf("cannot tell where the block is: %s: put the markers right by hand", fmt.Sprintf(format, args...))
}

// marker is a line around a block. The comment sign is # unless said otherwise.
func marker(comment, words string) string {
	if comment == "" {
		comment = "#"
	}
	return comment + " " + words
}

// EndLine ends a last line that has no newline.
func EndLine(content []byte) []byte {
	if len(content) > 0 && content[len(content)-1] != '\n' {
		return append(content, '\n')
	}
	return content
}

// BlockOf is what stands between the marker lines of a block. Nil: there is none,
// or the markers do not make one pair.
func BlockOf(content []byte, comment string) []byte {
	from, to, err := FindBlock(content, comment)
	if err != nil || from < 0 {
		return nil
	}
	_, body, _ := bytes.Cut(content[from:to], []byte("\n"))
	return body[:bytes.LastIndexByte(bytes.TrimRight(body, "\n"), '\n')+1]
}
