package local

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ignored are those of SIGHUP and SIGINT that whoever started this process has it
// ignore, as nohup and a shell's & do. Of no other signal can that be told: Go has
// handlers for them in place before any code runs.
func Ignored() []os.Signal {
	return slices.DeleteFunc([]os.Signal{syscall.SIGHUP, syscall.SIGINT}, func(s os.Signal) bool { return !signal.Ignored(s) })
}

// Exec has a program run in the place of this one, with these variables besides its
// own: the PATH on which it is looked for may be among them. Of SIGHUP and SIGINT it
// ignores those that Ignored has told; the others that Go handles, such as SIGPIPE,
// SIGQUIT and SIGTERM, do what they do by default, also if this process was started
// with them ignored. It returns if it cannot.
func Exec(argv []string, variables map[string]string, ignored []os.Signal) error {
	for name, value := range variables {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("cannot set %s: %w", name, err)
		}
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	// What is ignored stays so in the new program; what is caught does not.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	if len(ignored) > 0 {
		signal.Ignore(ignored...)
	}
	if err := syscall.Exec(program, argv, os.Environ()); err != nil { //nolint:gosec // it is what the caller asks for, with their own rights
		return fmt.Errorf("cannot run %s: %w", program, err)
	}
	return nil
}

// ReadOwn is ReadFile of a file that nobody but root and the user of this process can
// have written. Any other is an error: what it says is not to be taken for theirs.
func (h *Host) ReadOwn(path string) ([]byte, error) {
	fd, err := h.openNode(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unseen("content of "+path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("cannot look at %s: %w", path, err)
	}
	const group, others = 0o020, 0o002 // an ACL can give no more than the group's bits
	switch owner := h.userName(int(st.Uid)); {
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return nil, fmt.Errorf("%s is %s's, who could have a program of yours do anything by it: run this as %s", path, owner, owner)
	case st.Mode&(group|others) != 0:
		return nil, fmt.Errorf("others than %s can write %s: chmod go-w it", owner, path)
	}
	return readRegular(fd, path)
}
