package testhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process names a process for good: a process id alone is used again.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot
}

// identify returns the process that has the id now.
func identify(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The program's name is in parentheses and may hold anything.
	_, rest, ok := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return process{}, fmt.Errorf("process %d has ended", pid)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return process{}, fmt.Errorf("cannot understand /proc/%d/stat: %w", pid, err)
	}
	return process{PID: pid, Start: start}, nil
}

// alive reports whether the process still runs.
func (p process) alive() bool {
	now, err := identify(p.PID)
	return p.PID > 0 && err == nil && now == p
}

// kill ends the process and waits until it is gone. It never hits another
// process that was given the same id meanwhile.
func (p process) kill(limit time.Duration) error { return p.end(limit, unix.SIGKILL) }

// await waits until the process is gone, and kills it when that takes too long.
func (p process) await(limit time.Duration) error {
	if err := p.end(limit, 0); err == nil {
		return nil
	}
	return p.kill(limit)
}

// end sends the signal, or none if it is zero, and waits for the end.
func (p process) end(limit time.Duration, signal unix.Signal) error {
	if p.PID <= 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	} else if err != nil {
		return fmt.Errorf("cannot open process %d: %w", p.PID, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if !p.alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("cannot signal process %d: %w", p.PID, err)
	}
	return waitPidfd(fd, p.PID, limit)
}

// waitPidfd waits until the process behind the descriptor has ended.
func waitPidfd(fd, pid int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR) && time.Now().Before(deadline):
			continue
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("cannot wait for process %d: %w", pid, err)
		case n == 0:
			return fmt.Errorf("process %d does not end", pid)
		}
		return nil
	}
}

// tool runs a program of the outer machine and returns its standard output.
// The error carries the last lines of what the program said.
func tool(ctx context.Context, argv ...string) (string, error) {
	return runTool(exec.CommandContext(ctx, argv[0], argv[1:]...))
}

func runTool(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot run %s: %w\n%s", strings.Join(cmd.Args, " "), err,
			tail(stdout.String()+"\n"+stderr.String(), 20))
	}
	return stdout.String(), nil
}

// tail returns the last n lines of s, indented.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "\t" + strings.Join(lines, "\n\t")
}
