package cli_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// brokenOutput takes so many bytes.
type brokenOutput struct {
	room int
	err  error
}

func (b *brokenOutput) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, b.err
	}
	return len(p), nil
}

// TestOutputFails: what could not be written as a whole is an error, whichever command
// and format it is; who closes a pipe has read enough.
func TestOutputFails(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage", "--only", "file//etc/one")
	commands := []string{
		"plan", "plan --format json", "plan --format markdown", "plan --exit-code", "validate", "access", "access --format json", "show 1",
		"show 1 --format json", "history", "history --format json", "adopt --only user", "explain", "explain file", "schema", "schema output",
		"status", "status --format json", "status --format prometheus", "whereami", "version", "version --format json", "help", "manage --help", "completion bash",
		"undo 1 --plan", "manage --only file//etc/two --format json",
	}
	for _, c := range commands {
		plain := w.run(strings.Fields(c)...)
		whole := w.out.Len()
		for _, room := range []int{0, whole - 1} {
			if strings.Contains(c, "manage --only") {
				w.do(rootsFile("/etc/two", "before\n"))
			}
			out := w.app.Out
			for _, err := range []error{syscall.ENOSPC, syscall.EPIPE} {
				w.app.Out = &brokenOutput{room: room, err: fmt.Errorf("write: %w", err)}
				code := w.run(strings.Fields(c)...)
				silent := errors.Is(err, syscall.EPIPE)
				if said := strings.Contains(w.err.String(), "not all could be written"); said == silent {
					t.Errorf("%s, %v after %d bytes: %s", c, err, room, w.err.String())
				}
				if want := map[bool]int{true: plain, false: 1}[silent]; code != want && !strings.Contains(c, "manage --only") {
					t.Errorf("%s, %v after %d bytes: exit code %d, not %d", c, err, room, code, want)
				}
			}
			w.app.Out = out
		}
	}
	// The run is made all the same, with its record.
	w.wantFiles(map[string]string{"/etc/two": "two\n"})
	w.want(0, []string{"manage", "succeeded"}, nil, "history")
}
