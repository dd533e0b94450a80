package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"opsafe/internal/host"
)

const (
	// programPath is where programs are looked for, whatever the caller's
	// PATH says.
	programPath = "/usr/sbin:/usr/bin:/sbin:/bin"
	// maxOutput is how many bytes of standard output are kept: more than dpkg
	// or visudo ever say. Output beyond it is an error, not a silent cut.
	maxOutput = 16 << 20
	// outputTail is how many bytes of a failed program's words an error keeps.
	outputTail = 4 << 10
	// pipeGrace is how long the pipes of a program that has ended are waited
	// for: a daemon that it started may hold them open for ever.
	pipeGrace = 5 * time.Second
)

// runOptions are what differs between one program's run and another's.
type runOptions struct {
	env []string // in addition to PATH and LANG, as NAME=value
	dir string   // working directory; empty: /
	as  *syscall.Credential
	// stdin is what it reads; nil: nothing.
	stdin io.Reader
	// status is told each line that it writes to statusFD; nil: it has no such descriptor.
	status func(line string)
	// errors gets the end of what it writes to standard error; nil: that is kept only if it fails.
	errors *string
}

// runError is a program that ran and failed, or could not be run to its end.
type runError struct {
	Program string // argv[0]
	Code    int    // exit code; -1 when a signal or the context ended it
	Output  string // end of standard error, or else of standard output, trimmed
	Err     error
}

func (e *runError) Error() string {
	text := fmt.Sprintf("%s ended with exit code %d", e.Program, e.Code)
	if e.Code < 0 {
		text = fmt.Sprintf("cannot run %s: %v", e.Program, e.Err)
	}
	if e.Output != "" {
		text += ": " + e.Output
	}
	return text
}

func (e *runError) Unwrap() error { return e.Err }

// run runs a program to its end and returns its standard output. The program
// is found on a fixed path, gets a clean environment, nothing on standard input
// unless that is said, and a process group of its own, which is killed when ctx
// ends. No shell takes part. Errors are a *runError, or match host.ErrNoProgram.
func run(ctx context.Context, argv []string, o runOptions) (string, error) {
	if len(argv) == 0 {
		return "", errors.New("cannot run a program: the argument vector is empty")
	}
	program, err := findProgram(argv[0])
	if err != nil {
		return "", err
	}
	stdout, stderr := &tailBuffer{max: maxOutput}, &tailBuffer{max: outputTail}
	cmd := exec.CommandContext(ctx, program, argv[1:]...) //nolint:gosec // argument vectors come from steps and checks; no shell
	cmd.Args[0] = argv[0]
	cmd.Dir = o.dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Env = append([]string{"PATH=" + programPath, "LANG=C.UTF-8"}, o.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: o.as}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	cmd.WaitDelay = pipeGrace

	status, err := newStatusPipe(o.status)
	if err != nil {
		return "", err
	}
	cmd.ExtraFiles = status.files()
	err = cmd.Start()
	status.started()
	if err == nil {
		err = cmd.Wait()
	}
	status.end()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well; only a daemon still holds its pipes
	}
	if o.errors != nil {
		*o.errors = stderr.lines(outputTail)
	}
	if err == nil && stdout.cut {
		err = fmt.Errorf("it said more than %d bytes", maxOutput)
	}
	if err != nil {
		return stdout.String(), newRunError(ctx, argv[0], err, stdout, stderr)
	}
	return stdout.String(), nil
}

func newRunError(ctx context.Context, program string, err error, stdout, stderr *tailBuffer) error {
	e := &runError{Program: program, Code: -1, Err: err}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.Code = exit.ExitCode()
	}
	if cause := context.Cause(ctx); cause != nil && e.Code < 0 {
		e.Err = cause
	}
	if e.Output = stderr.lines(outputTail); e.Output == "" {
		e.Output = stdout.lines(outputTail)
	}
	return e
}

// findProgram looks a name up on the fixed path; a name with a slash has to be
// absolute.
func findProgram(name string) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = candidates[:0]
		for _, dir := range filepath.SplitList(programPath) {
			candidates = append(candidates, filepath.Join(dir, name))
		}
	} else if !filepath.IsAbs(name) {
		return "", fmt.Errorf("cannot run %s: a program is named by its bare name or an absolute path", name)
	}
	for _, c := range candidates {
		info, err := os.Stat(c)
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return c, nil
		}
	}
	return "", fmt.Errorf("cannot run %s: %w", name, host.ErrNoProgram)
}

// tailBuffer keeps the last max bytes that are written to it.
type tailBuffer struct {
	max int
	buf bytes.Buffer
	cut bool
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > t.max {
		p, t.cut = p[len(p)-t.max:], true
	}
	if over := t.buf.Len() + len(p) - t.max; over > 0 {
		t.buf.Next(over)
		t.cut = true
	}
	t.buf.Write(p)
	return n, nil
}

func (t *tailBuffer) String() string { return t.buf.String() }

// lines are the last whole lines, of most bytes together at most, trimmed. A line that
// is cut is left out: the end of a secret in it would not be known for one.
func (t *tailBuffer) lines(most int) string {
	text, cut := strings.ReplaceAll(t.String(), "\r\n", "\n"), t.cut // as ssh ends its lines
	if len(text) > most {
		text, cut = text[len(text)-most:], true
	}
	if cut {
		if _, whole, more := strings.Cut(text, "\n"); more && strings.TrimSpace(whole) != "" {
			text = whole
		} else {
			text = fmt.Sprintf("(a line of more than %d bytes)", most)
		}
	}
	return strings.TrimSpace(text)
}
