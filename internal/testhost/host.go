package testhost

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is a booted throwaway host.
type Host struct {
	name string

	mu     sync.Mutex
	rec    record
	closed bool
	exited <-chan struct{} // closed when the nspawn that this process started has ended
}

// reserve makes the host's place: its directory, its record and its namespace.
func reserve(ctx context.Context, o Options) (*Host, error) {
	unlock, err := lockState()
	if err != nil {
		return nil, err
	}
	defer unlock()
	owner, err := identify(os.Getpid())
	if err != nil {
		return nil, err
	}
	name := o.Name
	if name == "" {
		name = uniqueName()
	}
	if _, err := os.Lstat(namespacePath(name)); err == nil {
		return nil, fmt.Errorf("a host or a network namespace named %s exists already", name)
	}
	if err := os.Mkdir(hostDir(name), 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("a host named %s exists already", name)
	} else if err != nil {
		return nil, err
	}
	rec := record{Name: name, Suite: o.Suite, Image: o.Image, Keep: o.Keep, Created: time.Now(), Owner: owner}
	if err := rec.furnish(ctx); err != nil {
		return nil, errors.Join(err, rec.destroy())
	}
	return &Host{name: name, rec: rec}, nil
}

// layOn chooses the image that the host lies on.
func (h *Host) layOn(ctx context.Context, o Options) error {
	for {
		layers, err := imageLayers(ctx, o)
		if err != nil {
			return err
		}
		unlock, err := lockCache()
		if err != nil {
			return err
		}
		if !allExist(layers) { // replaced meanwhile by a newer one
			unlock()
			continue
		}
		err = use(layers, h.name, hostDir(h.name))
		unlock()
		h.update(func(r *record) { r.Layers = layers })
		return err
	}
}

// furnish fills the host's directory and adds its namespace.
func (r record) furnish(ctx context.Context) error {
	for _, d := range []struct {
		name string
		mode fs.FileMode
	}{{"root", 0o755}, {"upper", 0o755}, {"work", 0o700}, {"docker", 0o710}} {
		path := filepath.Join(hostDir(r.Name), d.name)
		if err := os.Mkdir(path, d.mode); err != nil {
			return err
		}
		if err := os.Chmod(path, d.mode); err != nil { // whatever the umask
			return err
		}
	}
	if err := r.writeIdentity(); err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	return addNamespace(ctx, r.Name)
}

// writeIdentity gives the host a name and a machine id of its own.
func (r record) writeIdentity() error {
	etc := filepath.Join(hostDir(r.Name), "upper", "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		return err
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	for name, content := range map[string]string{
		"hostname":   r.Name + "\n",
		"hosts":      "127.0.0.1\tlocalhost\n127.0.1.1\t" + r.Name + "\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		"machine-id": hex.EncodeToString(id) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(etc, name), 0o644); err != nil {
			return err
		}
	}
	return os.Chmod(etc, 0o755)
}

// unbooted hands the host's root directory to somebody before the host boots.
func (h *Host) unbooted(work func(dir string) error) error {
	in := func(name string) string { return filepath.Join(hostDir(h.name), name) }
	return withPrivateMounts(func() error {
		if err := mountOverlay(in("root"), h.rec.Layers, in("upper"), in("work")); err != nil {
			return err
		}
		return errors.Join(work(in("root")), unix.Unmount(in("root"), 0))
	})
}

func allExist(paths []string) bool {
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			return false
		}
	}
	return true
}

func uniqueName() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return "opsafe-" + hex.EncodeToString(b)
}

// Open returns a host by name that was booted with Keep, perhaps by another
// process.
func Open(name string) (*Host, error) {
	if name == "" || !validName(name) {
		return nil, fmt.Errorf("cannot open host: invalid name %q", name)
	}
	rec, err := readRecord(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot open host %s: there is no such host", name)
	case err != nil:
		return nil, fmt.Errorf("cannot open host %s: %w", name, err)
	}
	return &Host{name: name, rec: rec}, nil
}

// Name is the host's name, its hostname and its network namespace's name.
func (h *Host) Name() string { return h.name }

// Info describes the host.
func (h *Host) Info() Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rec.info()
}

// Root is the host's root directory as seen from outside. Absolute links in it
// lead out of the host: use ReadFile and WriteFile, which stay within. It
// changes with every boot and ends with the host.
func (h *Host) Root() string { return fmt.Sprintf("/proc/%d/root", h.leader()) }

func (h *Host) leader() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rec.Leader.PID
}

// Reboot shuts the host down in an orderly way and boots it again: same files,
// same network namespace, everything else new. A host that reboots itself only
// stops; Reboot brings it back.
func (h *Host) Reboot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*bootLimit)
	defer cancel()
	if err := h.shutDown(ctx); err != nil {
		return fmt.Errorf("cannot reboot host %s: %w", h.name, err)
	}
	if err := h.launch(ctx); err != nil {
		return fmt.Errorf("cannot reboot host %s: %w", h.name, err)
	}
	return nil
}

// Crash kills everything on the host at once, as when its power goes, and boots it again.
// What its disk was given stays, whether it was synced or not.
func (h *Host) Crash(ctx context.Context) error {
	h.mu.Lock()
	rec, exited := h.rec, h.exited
	h.mu.Unlock()
	// The kernel kills all others of a namespace whose first process is killed.
	if err := rec.Leader.kill(limitOf(ctx, bootLimit)); err != nil {
		return fmt.Errorf("cannot kill host %s: %w", h.name, err)
	}
	if err := h.ended(rec, exited); err != nil {
		return fmt.Errorf("cannot kill host %s: %w", h.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	if err := h.launch(ctx); err != nil {
		return fmt.Errorf("cannot boot host %s again: %w", h.name, err)
	}
	return nil
}

// shutDown asks the host's systemd to power off and waits until it has.
func (h *Host) shutDown(ctx context.Context) error {
	h.mu.Lock()
	rec, exited := h.rec, h.exited
	h.mu.Unlock()
	if rec.Leader.alive() {
		const powerOff = syscall.Signal(34 + 4) // SIGRTMIN+4, see systemd(1)
		if err := unix.Kill(rec.Leader.PID, powerOff); err != nil {
			return fmt.Errorf("cannot ask the host to shut down: %w", err)
		}
	}
	if err := rec.Leader.await(limitOf(ctx, 60*time.Second)); err != nil {
		return err
	}
	return h.ended(rec, exited)
}

// ended waits for what has held the host, once its first process is gone.
func (h *Host) ended(rec record, exited <-chan struct{}) error {
	if exited != nil {
		<-exited
	} else if err := rec.Nspawn.await(5 * time.Second); err != nil {
		return err
	}
	return removeGroups(h.name)
}

// limitOf is the time that the context leaves, at most d.
func limitOf(ctx context.Context, d time.Duration) time.Duration {
	if t, ok := ctx.Deadline(); ok {
		return min(d, max(0, time.Until(t)))
	}
	return d
}

// Close ends the host without ado and deletes all of it. Closing it again does
// nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	if err := h.rec.destroy(); err != nil {
		return err
	}
	if h.exited != nil {
		<-h.exited
	}
	h.closed = true
	return nil
}
