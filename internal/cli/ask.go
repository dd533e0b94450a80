package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ask asks a question on the terminal and returns the answer, in one line; empty is
// the usual one. An interrupted run gets no answer.
func (a *App) ask(ctx context.Context, question, usual string) (string, error) {
	if usual != "" {
		question += " [" + usual + "]"
	}
	fmt.Fprintf(a.Err, "%s: ", question)
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := readLine(a.In)
		got <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return "", ctx.Err()
	case r := <-got:
		if r.err != nil {
			fmt.Fprintln(a.Err)
			return "", fmt.Errorf("cannot read the answer: %w", r.err)
		}
		return firstOf(strings.TrimSpace(r.text), usual), nil
	}
}

// readLine reads up to the end of a line and no further, so that the next question
// gets what follows. An input that ends without one is no answer.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); ; {
		n, err := in.Read(one)
		switch {
		case n > 0 && one[0] == '\n':
			return string(line), nil
		case n > 0:
			line = append(line, one[0])
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		case err != nil:
			return "", err
		}
	}
}
