package testhost

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guestPath is root's PATH inside a host.
const guestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Result is what a program in the host said and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int // exit status; 128 and the signal's number if killed
}

// Command is a program to run in the host as root, in /root, with an
// environment like a root shell's. What the context ends is the program and
// the process group that it is in.
func (h *Host) Command(ctx context.Context, argv ...string) *exec.Cmd {
	return h.enter(ctx, "/root", []string{"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash"}, argv)
}

// As is a program to run in the host as a user, with the groups that the user
// has now, in the user's home directory if it exists.
func (h *Host) As(ctx context.Context, user string, argv ...string) *exec.Cmd {
	home, shell := h.lookUp(user)
	dir := home
	if f, err := h.openat(home, unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
		dir = "/"
	} else {
		_ = f.Close()
	}
	env := []string{"HOME=" + home, "USER=" + user, "LOGNAME=" + user, "SHELL=" + shell}
	return h.enter(ctx, dir, env, append([]string{"runuser", "-u", user, "--"}, argv...))
}

// lookUp finds the user's home and shell in the host; runuser complains about
// one who does not exist.
func (h *Host) lookUp(user string) (home, shell string) {
	passwd, err := h.ReadFile("/etc/passwd")
	if err == nil {
		for line := range strings.Lines(string(passwd)) {
			f := strings.Split(strings.TrimSpace(line), ":")
			if len(f) == 7 && f[0] == user {
				return f[5], f[6]
			}
		}
	}
	return "/", "/bin/sh"
}

func (h *Host) enter(ctx context.Context, dir string, env, argv []string) *exec.Cmd {
	args := append(h.entry(dir), argv...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append([]string{"PATH=" + guestPath, "LANG=C.UTF-8", "TERM=xterm-256color"}, env...)
	// nsenter waits for a child in the host's process namespace; killing nsenter
	// alone would leave that one running.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// entry is the argument vector that enters the host: its namespaces, and its
// root. Where systemd-nspawn could not pivot to that (in a chroot, or from an
// initial file system), the mount namespace alone leads to the machine's own.
func (h *Host) entry(dir string) []string {
	return []string{"nsenter", "-t", strconv.Itoa(h.leader()), "-a", "-r", "--wdns=" + dir, "--"}
}

// Run runs a program in the host as root and waits for it. A program that
// fails is no error, one that could not be run is.
func (h *Host) Run(ctx context.Context, argv ...string) (Result, error) {
	return run(ctx, h.Command(ctx, argv...))
}

func run(ctx context.Context, cmd *exec.Cmd) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	res := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, fmt.Errorf("cannot run %s: %w", strings.Join(cmd.Args, " "), context.Cause(ctx))
	case errors.As(err, &exit):
		status, ok := exit.Sys().(syscall.WaitStatus)
		if res.Code = exit.ExitCode(); ok && status.Signaled() {
			res.Code = 128 + int(status.Signal())
		}
	case err != nil:
		return res, fmt.Errorf("cannot run %s: %w", strings.Join(cmd.Args, " "), err)
	}
	return res, nil
}

// SSH is a login over SSH from outside, running the program in the user's
// login shell; without one it is the login shell itself. Arguments arrive as
// they are given, whatever is in them.
func (h *Host) SSH(ctx context.Context, user, keyFile string, argv ...string) *exec.Cmd {
	args := []string{
		"--net=" + namespacePath(h.name), "--", "ssh", "-F", "none", "-p", "22",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		// First tried is what costs 15 ms of processor time; ssh's own first choice costs 100.
		"-o", "KexAlgorithms=^curve25519-sha256",
		"-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "ConnectTimeout=10",
		"-i", keyFile, user + "@127.0.0.1",
	}
	if len(argv) > 0 {
		args = append(args, "--")
	}
	for _, a := range argv {
		args = append(args, shellQuote(a))
	}
	return exec.CommandContext(ctx, "nsenter", args...)
}

// shellQuote makes s one word of a shell; ssh hands its arguments to one.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Login is a login of the user with a terminal of the host's own, connected to
// this process's standard streams, which have to be a terminal.
func (h *Host) Login(ctx context.Context, user string) *exec.Cmd {
	// nsenter brings a terminal along that the host does not know; script makes
	// one that it does. It takes a shell line, so the name has to be a plain one.
	login := "exec su --login " + shellQuote(user)
	args := append(h.entry("/"), "script", "--quiet", "--return", "--command", login, "/dev/null")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=" + guestPath, "LANG=C.UTF-8", "TERM=" + cmp.Or(os.Getenv("TERM"), "xterm-256color"), "SHELL=/bin/sh"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}
