package kind

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/host"
)

// pieces are a form of which it can be told piece by piece what is missing.
type pieces interface {
	form
	missing(have []byte) []wish
}

// textForm is the content of a whole file.
type textForm struct{ text text }

func (f textForm) content(ctx context.Context, r host.Reader, _ []byte) ([]byte, error) {
	data, err := f.text.render(ctx, r)
	if err == nil && len(data) > host.MaxFile {
		err = fmt.Errorf("the content is larger than %d MiB, which is the most that opsafe compares", host.MaxFile>>20)
	}
	return data, err
}

func (textForm) whole() bool     { return true }
func (textForm) ensured() []wish { return nil }

// linesForm are lines that have to be in a file.
type linesForm struct {
	path  string
	lines []string
}

func (f linesForm) content(_ context.Context, r host.Reader, have []byte) ([]byte, error) {
	have = replaceLines(have, f.lines, replaced(ReadLines(r)[f.path], f.lines))
	return orEmpty(editLines(have, f.lines)), nil
}

func (linesForm) whole() bool       { return false }
func (f linesForm) ensured() []wish { return lineWishes(f.lines) }

func (f linesForm) missing(have []byte) []wish { return lineWishes(missingLines(have, f.lines)) }

// blockForm is a part of a file between two marker lines.
type blockForm struct{ comment, block string }

func (f blockForm) content(_ context.Context, _ host.Reader, have []byte) ([]byte, error) {
	return EditBlock(have, f.comment, f.block)
}

func (blockForm) whole() bool { return false }

func (f blockForm) ensured() []wish {
	lines := []string{marker(f.comment, blockBegin)}
	for line := range strings.Lines(f.block) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lineWishes(append(lines, marker(f.comment, blockEnd)))
}
