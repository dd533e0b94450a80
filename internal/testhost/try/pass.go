package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// gutter stands before each line of a command's output, to tell it from ours.
const gutter = "  │ "

// pass runs the command and passes on what it says, line by line as it comes.
// It returns all that was said, without colours, and the exit code. On a terminal
// the command's standard output is one too, so that it uses colours.
func (s *screen) pass(cmd *exec.Cmd, how folding) (text string, code int, err error) {
	out, outEnd, err := s.stdout()
	if err != nil {
		return "", 0, err
	}
	errs, errEnd, err := os.Pipe()
	if err != nil {
		return "", 0, errors.Join(err, out.Close(), outEnd.Close())
	}
	defer out.Close()
	defer errs.Close()
	if s.terminal && !s.color {
		cmd.Env = append(cmd.Env, "NO_COLOR=1")
	}
	cmd.Stdout, cmd.Stderr = outEnd, errEnd
	err = cmd.Start()
	if err := errors.Join(outEnd.Close(), errEnd.Close()); err != nil {
		return "", 0, err
	}
	if err != nil {
		return "", 0, fmt.Errorf("cannot run %s: %w", strings.Join(cmd.Args, " "), err)
	}
	f := &folder{screen: s, folding: how}
	var readers sync.WaitGroup
	for _, r := range []io.Reader{out, errs} {
		readers.Go(func() { f.read(r) })
	}
	readers.Wait()
	err = cmd.Wait()
	f.end()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("cannot run %s: %w", strings.Join(cmd.Args, " "), err)
	}
	return f.all.String(), cmd.ProcessState.ExitCode(), nil
}

// stdout makes the two ends of a command's standard output.
func (s *screen) stdout() (read, write *os.File, err error) {
	if s.terminal {
		return openTerminal(width - len([]rune(gutter)))
	}
	return os.Pipe()
}

// openTerminal makes a terminal of so many columns.
func openTerminal(columns int) (read, write *os.File, err error) {
	read, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(read.Fd())
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	}
	if err == nil {
		write, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot make a terminal: %w", err), read.Close())
	}
	return read, write, nil
}

// read takes a stream to its end; a terminal ends with an error.
func (f *folder) read(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			f.line(strings.TrimRight(line, "\r\n"))
		}
		if err != nil {
			return
		}
	}
}
