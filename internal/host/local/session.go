package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

const (
	// logindPatience bounds each call of logind: it may be down.
	logindPatience = 5 * time.Second
	// termPatience is how long processes have to end by themselves before they
	// are killed; killPatience, how long the kernel may take then.
	termPatience = 3 * time.Second
	killPatience = 5 * time.Second
	killPause    = 50 * time.Millisecond
)

// endSessions ends a user's sessions through logind, the user's own systemd,
// and then every process that still has the uid as its real, effective or saved
// one, which includes processes in containers that run under it. Never root's.
func (h *Host) endSessions(ctx context.Context, user string) error {
	h.accounts.forget()
	uid, err := h.uid(user)
	if err != nil {
		return fmt.Errorf("cannot end sessions: %w", err)
	}
	if uid == 0 {
		return fmt.Errorf("cannot end sessions of %s: uid 0 is root, whose processes are the machine's", user)
	}
	// Logind and systemd end things in good order. Where they are down, or do
	// not know the user, the processes are ended all the same.
	_ = callLogind(ctx, "TerminateUser", uint32(uid))
	stopCtx, cancel := context.WithTimeout(ctx, 2*logindPatience)
	_ = h.units.stopIfKnown(stopCtx, fmt.Sprintf("user@%d.service", uid))
	cancel()
	h.units.forget()
	err = killProcesses(ctx, user, uid)
	// What runs under ids of a user namespace of theirs is in the slice, too.
	stopCtx, cancel = context.WithTimeout(ctx, logindPatience)
	defer cancel()
	_ = h.units.stopIfKnown(stopCtx, fmt.Sprintf("user-%d.slice", uid))
	h.units.forget()
	return err
}

// signalOwned sends a signal to a process if it still has the uid: through a
// descriptor, so that a process that took over the number is not hit.
func signalOwned(pid, uid int, sig unix.Signal) error {
	if pid == os.Getpid() {
		return errors.New("it is opsafe itself: run this as another user")
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	owned, err := hasUID("/proc", pid, uid)
	if err != nil || !owned {
		return err
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

// setLinger goes through logind, which also starts or stops the user's systemd,
// and by logind's own file where logind is down or refuses.
func (h *Host) setLinger(ctx context.Context, s host.SetLinger) error {
	h.accounts.forget()
	uid, err := h.uid(s.User)
	if err != nil {
		return fmt.Errorf("cannot set linger: %w", err)
	}
	callErr := callLogind(ctx, "SetUserLinger", uint32(uid), s.On, false)
	h.units.forget()
	on, err := lingers("", s.User)
	if err != nil || on == s.On {
		return err
	}
	if err := writeLinger(s); err != nil {
		return errors.Join(fmt.Errorf("cannot set linger of %s: %w", s.User, err), callErr)
	}
	return nil
}

func writeLinger(s host.SetLinger) error {
	path := lingerPath("", s.User)
	if !s.On {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // logind makes it so
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o644) //nolint:gosec // logind makes it so
	if err != nil {
		return err
	}
	return f.Close()
}

// callLogind calls a method of logind's manager on the system bus.
func callLogind(ctx context.Context, method string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, logindPatience)
	defer cancel()
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("cannot reach logind: %w", err)
	}
	defer conn.Close() //nolint:errcheck // the answer is here, or there is none
	call := conn.Object("org.freedesktop.login1", "/org/freedesktop/login1").
		CallWithContext(ctx, "org.freedesktop.login1.Manager."+method, 0, args...)
	if call.Err != nil {
		return fmt.Errorf("cannot have logind do %s: %w", method, call.Err)
	}
	return nil
}

func joinInts(ids []int) string {
	s := make([]string, len(ids))
	for i, id := range ids {
		s[i] = strconv.Itoa(id)
	}
	return strings.Join(s, ", ")
}
