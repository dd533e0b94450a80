package cli

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// written is the output of a command. It keeps the first error and goes on as if
// nothing had happened: what is done to a host does not hang on who reads of it. The
// error is asked for once, in the end.
type written struct {
	out io.Writer

	mu  sync.Mutex
	err error
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
	return len(p), nil
}

// failure is why not all has been written. Who closes a pipe has read enough.
func (w *written) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil || errors.Is(w.err, syscall.EPIPE) {
		return nil
	}
	return fmt.Errorf("not all could be written, so the output is not complete: %w", w.err)
}
