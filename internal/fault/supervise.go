package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is what runs under supervision.
type Command struct {
	Root string // its root directory, which has a directory proc; empty: /
	Argv []string
	Env  []string
	// OuterProc has it see the processes of its root directory's own /proc, as
	// systemd counts them, though its own ids are others: it runs in a PID
	// namespace, which is what ends all of it at once.
	OuterProc bool
}

// Plan says what is to go wrong.
type Plan struct {
	Fault Fault
	At    int // at which call that the fault applies to, from 1; 0: at none
	// See, if not nil, is called before each counted call, while all that the
	// tree does about it stands still.
	See func(Call)
	// Cut, for a power cut, takes the disk away. The tree is killed afterwards.
	Cut func() error
}

// Outcome is how a supervised command ended.
type Outcome struct {
	Calls  int   // counted
	Struck *Call // the call that the fault befell; nil if it was not reached
	Times  int   // how many calls it befell
	Code   int   // exit code; -1: killed
	Output string
}

type supervisor struct {
	plan     Plan
	table    map[int32]sysCall
	listener int
	leader   int // process 1 of the command's namespace
	out      Outcome
	applied  int // calls so far to which the fault applies
	cut      bool
}

// Run runs a command to its end, or to the end that the plan has for it.
func Run(ctx context.Context, c Command, p Plan) (Outcome, error) {
	s := &supervisor{plan: p, table: map[int32]sysCall{}}
	for _, sc := range sysCalls() {
		s.table[int32(sc.nr)] = sc //nolint:gosec // numbers of calls are small
	}
	if c.Root == "" {
		c.Root = "/"
	}
	if err := s.run(ctx, c); err != nil {
		return s.out, fmt.Errorf("cannot supervise %s: %w", c.Argv[0], err)
	}
	return s.out, nil
}

func (s *supervisor) run(ctx context.Context, c Command) error {
	order, err := json.Marshal(stageOrder(c))
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	theirs := os.NewFile(uintptr(pair[1]), "stage") //nolint:gosec // a descriptor is not negative
	defer unix.Close(pair[0])
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "/proc/self/exe", stageName, string(order)) //nolint:gosec // this program itself
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, theirs.Close())
	}
	if err := theirs.Close(); err != nil {
		return err
	}
	s.leader = cmd.Process.Pid
	watchErr := s.watch(pair[0])
	if watchErr != nil {
		_ = cmd.Process.Kill()
	}
	err = cmd.Wait()
	s.out.Code, s.out.Output = cmd.ProcessState.ExitCode(), output.String()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	if s.out.Code == stageFailed && watchErr == nil {
		err = errors.New(s.out.Output)
	}
	return errors.Join(watchErr, err)
}

// watch answers every stopped call until nobody is left.
func (s *supervisor) watch(socket int) error {
	var err error
	if s.listener, err = receiveListener(socket); err != nil {
		return err
	}
	defer unix.Close(s.listener)
	prefer(s.listener)
	for {
		r, err := receive(s.listener)
		if errors.Is(err, errGone) {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := s.judge(r)
		// Once the tree is being killed, whoever stops stays where it is.
		if err == nil && !s.cut {
			err = answer(s.listener, v)
		}
		if err != nil {
			return err
		}
	}
}

// receiveListener takes the descriptor of reports from the stage.
func receiveListener(socket int) (int, error) {
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return -1, err
	}
	if len(messages) == 0 {
		return -1, errors.New("the command could not be started")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// judge decides what becomes of a stopped call.
func (s *supervisor) judge(r report) (verdict, error) {
	carryOn := verdict{id: r.id, flags: letContinue}
	c, counts := s.look(r)
	if !counts || s.cut {
		return carryOn, nil
	}
	s.out.Calls++
	c.N = s.out.Calls
	if s.plan.See != nil {
		c.Program = programOf(r.pid)
		s.plan.See(c)
	}
	if s.plan.At == 0 || !s.plan.Fault.Applies(c) {
		return carryOn, nil
	}
	s.applied++
	if s.applied < s.plan.At || s.applied > s.plan.At && !s.plan.Fault.goesOn() {
		return carryOn, nil
	}
	if s.out.Struck == nil {
		c.Program = programOf(r.pid)
		s.out.Struck = &c
	}
	s.out.Times++
	return s.strike(r, c, carryOn)
}

// strike does to a call what the plan has for it.
func (s *supervisor) strike(r report, c Call, carryOn verdict) (verdict, error) {
	switch s.plan.Fault {
	case PowerCut, Kill:
		if s.plan.Fault == PowerCut && s.plan.Cut != nil {
			if err := s.plan.Cut(); err != nil {
				return carryOn, fmt.Errorf("cannot cut the power: %w", err)
			}
		}
		s.cut = true
		// The kernel kills all of the namespace with its first process.
		return carryOn, unix.Kill(s.leader, unix.SIGKILL)
	case Short:
		n, err := writeHalf(r, c.Name)
		if err != nil {
			return carryOn, err
		}
		return verdict{id: r.id, value: int64(n)}, nil
	case NoSpace, DiskFull, IOError, DiskGone, ReadOnly:
		return verdict{id: r.id, errno: -int32(s.plan.Fault.errno())}, nil //nolint:gosec // errnos are small
	case None:
	}
	return carryOn, nil
}
