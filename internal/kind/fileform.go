package kind

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/host"
)

// textForm is the content of a whole file.
type textForm struct{ text text }

func (f textForm) content(ctx context.Context, r host.Reader, _ []byte) ([]byte, error) {
	data, err := f.text.render(ctx, r)
	if err == nil && len(data) > host.MaxFile {
		err = fmt.Errorf("the content is larger than %d MiB, which is the most that opsafe compares", host.MaxFile>>20)
	}
	return data, err
}

func (textForm) whole() bool       { return true }
func (textForm) ensured() []string { return nil }

// linesForm are lines that have to be in a file.
type linesForm struct{ lines []string }

func (f linesForm) content(_ context.Context, _ host.Reader, have []byte) ([]byte, error) {
	return orEmpty(editLines(have, f.lines)), nil
}

func (linesForm) whole() bool         { return false }
func (f linesForm) ensured() []string { return f.lines }

// blockForm is a part of a file between two marker lines.
type blockForm struct{ comment, block string }

func (f blockForm) content(_ context.Context, _ host.Reader, have []byte) ([]byte, error) {
	return editBlock(have, f.comment, f.block)
}

func (blockForm) whole() bool { return false }

func (f blockForm) ensured() []string {
	lines := []string{marker(f.comment, blockBegin)}
	for line := range strings.Lines(f.block) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return append(lines, marker(f.comment, blockEnd))
}
