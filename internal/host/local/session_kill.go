package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// killProcesses sends SIGTERM, then SIGKILL, until no process of the uid is
// left. It looks again each time, since processes can fork while it works. Those
// that grow in number are not asked: they are killed at once.
func killProcesses(ctx context.Context, user string, uid int) error {
	begin := time.Now()
	termed := map[int]bool{}
	before := 0
	for {
		left, err := processesOf("/proc", uid)
		if err != nil {
			return fmt.Errorf("cannot end processes of %s: %w", user, err)
		}
		if len(left) == 0 {
			return nil
		}
		late := time.Since(begin)
		if late > termPatience+killPatience {
			return fmt.Errorf("cannot end processes of %s: still running after SIGKILL: %s", user, joinInts(left))
		}
		kill := late > termPatience || before > 0 && len(left) > before
		before = len(left)
		if kill {
			if err := killAll(uid); err != nil {
				return fmt.Errorf("cannot end processes of %s: %w", user, err)
			}
		}
		for _, pid := range left {
			switch {
			case kill:
				err = signalOwned(pid, uid, unix.SIGKILL)
			case !termed[pid]:
				termed[pid] = true
				err = signalOwned(pid, uid, unix.SIGTERM)
			}
			if err != nil {
				return fmt.Errorf("cannot end process %d of %s: %w", pid, user, err)
			}
		}
		if err := pauseFor(ctx, killPause); err != nil {
			return fmt.Errorf("cannot end processes of %s: %w", user, err)
		}
	}
}

// strangerUID is nobody's: no range of login.defs, systemd or a user namespace
// comes near it.
const strangerUID = 1<<31 - 7

// killAll kills all processes of a uid in one call, which no fork can outrun: the
// kernel lets none through meanwhile. For that, one thread takes on the uid as
// its effective one, which kill(2) goes by. Its real one is nobody's, so that it
// meets none of root's processes, and none of the user's can signal it. The
// calling process itself is never met.
func killAll(uid int) error {
	if uid <= 0 {
		return fmt.Errorf("uid %d is not a user's", uid)
	}
	var err error
	onOwnThread(func() {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, strangerUID, uintptr(uid), 0); errno != 0 {
			err = fmt.Errorf("cannot take on uid %d: %w", uid, errno)
			return
		}
		// That there is none to be met, or none more, is as it should be.
		if e := unix.Kill(-1, unix.SIGKILL); e != nil && !errors.Is(e, unix.ESRCH) && !errors.Is(e, unix.EPERM) {
			err = fmt.Errorf("cannot kill the processes of uid %d: %w", uid, e)
		}
	})
	return err
}
