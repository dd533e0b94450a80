package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// stageName is the first argument by which a program knows that it is to be the
// stage: the process that becomes the command.
const stageName = "fault-stage"

// stageSocket is where the stage hands over the descriptor of reports.
const stageSocket = 3

// stageOrder is what the stage is to become.
type stageOrder struct {
	Root      string
	Argv      []string
	Env       []string
	OuterProc bool
}

// Stage becomes the command if this process has been started to do so by Run;
// otherwise it returns at once. Programs and tests that use Run call it first.
func Stage() {
	if len(os.Args) != 3 || os.Args[1] != stageName {
		return
	}
	err := becomeCommand(os.Args[2])
	fmt.Fprintln(os.Stderr, "fault:", err)
	os.Exit(stageFailed) //nolint:forbidigo // it stands in for main
}

// stageFailed is the exit code of a stage that could not become the command.
const stageFailed = 126

func becomeCommand(order string) error {
	var o stageOrder
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return fmt.Errorf("cannot understand the order: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if proc := filepath.Join(o.Root, "proc"); !o.OuterProc {
		if err := unix.Mount("proc", proc, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("cannot mount %s: %w", proc, err)
		}
	}
	if o.Root != "/" {
		if err := errors.Join(unix.Chroot(o.Root), unix.Chdir("/")); err != nil {
			return fmt.Errorf("cannot enter %s: %w", o.Root, err)
		}
	}
	// The filter is the thread's; it is this thread that becomes the command.
	// Another one hands the listener over: this one's messages are stopped now.
	listeners, sent := make(chan int), make(chan error)
	go func() {
		runtime.LockOSThread()
		sent <- unix.Sendmsg(stageSocket, []byte{0}, unix.UnixRights(<-listeners), nil, 0)
	}()
	runtime.LockOSThread()
	listener, err := install()
	if err != nil {
		return err
	}
	listeners <- listener
	if err := <-sent; err != nil {
		return fmt.Errorf("cannot hand over the reports: %w", err)
	}
	unix.CloseOnExec(listener)
	unix.CloseOnExec(stageSocket)
	return fmt.Errorf("cannot start %s: %w", o.Argv[0], unix.Exec(o.Argv[0], o.Argv, o.Env))
}
