package testhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launch starts the host's container and waits until its systemd is up.
func (h *Host) launch(ctx context.Context) error {
	dir := hostDir(h.name)
	notify := filepath.Join(dir, "notify")
	_ = os.Remove(notify) // of the boot before
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("cannot listen for the host's readiness: %w", err)
	}
	defer func() { _ = socket.Close() }()

	pid := make(chan int, 1)
	failed := make(chan error, 1)
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		alone(func() {
			cmd, err := h.spawn(notify)
			if err != nil {
				failed <- err
				return
			}
			pid <- cmd.Process.Pid
			// The thread has to live as long as nspawn: its end is nspawn's, too.
			_ = cmd.Wait() // however it ends
		})
	}()
	select {
	case err := <-failed:
		return err
	case p := <-pid:
		h.update(func(r *record) { r.Nspawn, _ = identify(p) })
		h.mu.Lock()
		h.exited = exited
		h.mu.Unlock()
	}
	if err := h.awaitReady(ctx, socket, exited); err != nil {
		return fmt.Errorf("%w; its console's last words:\n%s", err, h.console(20))
	}
	return h.settle(ctx)
}

// spawn starts nspawn from the calling thread, which it gives a view of the
// mounts of its own with the host's root in it.
func (h *Host) spawn(notify string) (*exec.Cmd, error) {
	dir := hostDir(h.name)
	root := filepath.Join(dir, "root")
	if err := unshareMounts(); err != nil {
		return nil, err
	}
	if err := mountOverlay(root, h.rec.Layers, filepath.Join(dir, "upper"), filepath.Join(dir, "work")); err != nil {
		return nil, err
	}
	console, err := os.OpenFile(filepath.Join(dir, "console.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = console.Close() }()
	v2, leave, err := enterGroups(h.name)
	if err != nil {
		return nil, err
	}
	defer leave()
	cmd := nspawnCommand(context.Background(), root,
		"--capability=all",
		"--machine="+h.name,
		"--network-namespace-path="+namespacePath(h.name),
		// overlay on overlay does not work, so docker gets a plain directory
		"--bind="+filepath.Join(dir, "docker")+":/var/lib/docker",
		// What this process's end sends to nspawn: it kills its systemd then. Were
		// nspawn killed itself, its systemd would go on.
		"--kill-signal=SIGKILL",
		"--notify-ready=yes", "--boot")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+notify)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: v2 >= 0, CgroupFD: v2}
	if !h.rec.Keep {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start systemd-nspawn: %w", err)
	}
	return cmd, nil
}

// nspawnCommand is systemd-nspawn on a root directory, on a machine that may
// have no systemd of its own.
func nspawnCommand(ctx context.Context, root string, args ...string) *exec.Cmd {
	common := []string{
		"--quiet", "--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--directory=" + root,
	}
	cmd := exec.CommandContext(ctx, "systemd-nspawn", append(common, args...)...)
	cmd.Env = []string{
		"PATH=" + guestPath, "LANG=C.UTF-8",
		// Only the network settings, which are the host's own, can be written:
		// everything else in /proc/sys and /sys is this machine's.
		"SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "SYSTEMD_SECCOMP=0",
	}
	return cmd
}

// awaitReady waits for nspawn to tell who leads the container, and that it is up.
func (h *Host) awaitReady(ctx context.Context, socket *net.UnixConn, exited <-chan struct{}) error {
	messages := make(chan string)
	done := make(chan struct{})
	defer close(done)
	go func() { // until the caller closes the socket
		buf := make([]byte, 4096)
		for {
			n, err := socket.Read(buf)
			if err != nil {
				return
			}
			select {
			case messages <- string(buf[:n]):
			case <-done:
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it did not come up: %w", context.Cause(ctx))
		case <-exited:
			return errors.New("its systemd-nspawn ended")
		case m := <-messages:
			ready, err := h.hear(ctx, m)
			if ready || err != nil {
				return err
			}
		}
	}
}

// hear takes in what nspawn said.
func (h *Host) hear(ctx context.Context, message string) (ready bool, err error) {
	for line := range strings.Lines(message) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case key == "X_NSPAWN_LEADER_PID":
			pid, err := strconv.Atoi(value)
			if err != nil {
				return false, fmt.Errorf("cannot understand nspawn: %w", err)
			}
			leader, err := identify(pid)
			if err != nil {
				return false, err
			}
			h.update(func(r *record) { r.Leader = leader })
			// Early: dockerd starts containers again when it starts itself.
			if err := openGroups(ctx, pid); err != nil {
				return false, err
			}
		case key == "READY" && value == "1":
			ready = true
		}
	}
	return ready, nil
}

// settle waits until systemd has done all it has to do.
func (h *Host) settle(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		res, err := h.Run(ctx, "systemctl", "is-system-running")
		state := strings.TrimSpace(res.Stdout)
		if err == nil && (state == "running" || state == "degraded") {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("its systemd stays %q: %w; its console's last words:\n%s", state, context.Cause(ctx), h.console(20))
		}
	}
}

// update changes the host's record, also on disk.
func (h *Host) update(f func(*record)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.rec)
	_ = h.rec.save() // the next process will miss it, this one does not
}

// console returns the last lines of what the host said while booting.
func (h *Host) console(n int) string {
	data, err := os.ReadFile(filepath.Join(hostDir(h.name), "console.log"))
	if err != nil {
		return err.Error()
	}
	return tail(string(data), n)
}
