package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lab is the place of one scenario inside a throwaway host: the state in which
// each point begins, below it, and a root directory that lies over it.
type lab struct {
	scenario
	dir   string            // on a tmpfs
	base  string            // a root directory in the state in which each point begins; only read
	root  string            // the root directory of a point
	upper string            // what a point has changed, as it lies on the disk
	live  map[string]string // the scenario's live directories, and where their old content is kept

	seen     visits
	want     state  // after a run in which nothing went wrong
	came     string // what the outcome was then
	verdicts map[string][]string
}

// links are directories of the host by which programs reach its systemd.
func links() []string { return []string{"run/systemd", "run/dbus", "proc"} }

// newLab makes the state of a scenario.
func newLab(s scenario, dir string) (*lab, error) {
	l := &lab{scenario: s, dir: filepath.Join(dir, s.name), live: map[string]string{}, seen: visits{}, verdicts: map[string][]string{}}
	l.base, l.root, l.upper = l.in("base"), l.in("root"), l.in("point/upper")
	for _, d := range []string{"base", "root", "prep", "prepwork", "point", "dev", "live"} {
		if err := os.MkdirAll(l.in(d), 0o755); err != nil {
			return nil, err
		}
	}
	if err := l.devices(); err != nil {
		return nil, err
	}
	if err := overlay(l.base, "/", l.in("prep"), l.in("prepwork")); err != nil {
		return nil, err
	}
	if err := errors.Join(onHost(s.setUp), l.prepare()); err != nil {
		return nil, fmt.Errorf("cannot prepare %s: %w", s.name, err)
	}
	for _, d := range l.scenario.live {
		l.live[d] = filepath.Join(l.in("live"), strings.ReplaceAll(d, "/", "_"))
		if out, err := exec.Command("cp", "-a", d, l.live[d]).CombinedOutput(); err != nil { //nolint:gosec // a test's own path
			return nil, fmt.Errorf("cannot keep %s: %w: %s", d, err, out)
		}
	}
	return l, nil
}

func (l *lab) in(name string) string { return filepath.Join(l.dir, name) }

// devices makes a /dev without a log in it, which would fill the journal.
func (l *lab) devices() error {
	for _, name := range []string{"null", "zero", "random", "urandom", "tty"} {
		to := filepath.Join(l.in("dev"), name)
		if err := os.WriteFile(to, nil, 0o644); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot make /dev/%s: %w", name, err)
		}
	}
	return nil
}

func (l *lab) prepare() error {
	if err := l.install(l.base); err != nil {
		return err
	}
	for _, d := range append([]string{"run/sshd", "run/opsafe"}, links()...) {
		if err := os.MkdirAll(filepath.Join(l.base, d), 0o755); err != nil {
			return err
		}
	}
	for _, socket := range l.links {
		if err := os.WriteFile(filepath.Join(l.base, socket), nil, 0o600); err != nil {
			return err
		}
	}
	script, err := l.prep()
	if err != nil {
		return err
	}
	if err := unix.Mount(l.in("dev"), filepath.Join(l.base, "dev"), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	code, out := l.enter(l.base, "/bin/sh", "-euc", script)
	if code != 0 {
		return errors.New(out)
	}
	return unix.Unmount(filepath.Join(l.base, "dev"), unix.MNT_DETACH)
}

// onHost runs a shell script on the host itself, apart from any root directory.
func onHost(script string) error {
	if script == "" {
		return nil
	}
	if out, err := exec.Command("sh", "-euc", script).CombinedOutput(); err != nil { //nolint:gosec // a test's own script
		return fmt.Errorf("cannot bring the host to where a point finds it: %w: %s", err, out)
	}
	return nil
}

// begin lays a fresh root directory over the prepared state. Where says on what
// the changes lie; empty: on the tmpfs.
func (l *lab) begin(where string) error {
	if where == "" {
		where = l.in("point")
	}
	l.upper = filepath.Join(where, "upper")
	for _, d := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(where, d), 0o755); err != nil {
			return err
		}
	}
	return l.mount(where)
}

// mount puts the point's root directory together.
func (l *lab) mount(where string) error {
	if err := overlay(l.root, l.in("prep")+":/", l.upper, filepath.Join(where, "work")); err != nil {
		return err
	}
	binds := map[string]string{l.in("dev"): "dev"}
	for _, d := range append(links(), l.links...) {
		binds["/"+d] = d
	}
	for d := range l.live {
		binds[d] = d
	}
	for from, to := range binds {
		if err := unix.Mount(from, filepath.Join(l.root, to), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("cannot mount /%s: %w", to, err)
		}
	}
	return nil
}

func (l *lab) unmount() error {
	if err := unix.Unmount(l.root, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot take a point's root directory away: %w", err)
	}
	return nil
}

// end throws away what the point has changed.
func (l *lab) end() error {
	err := l.unmount()
	if l.upper == l.in("point/upper") {
		err = errors.Join(err, os.RemoveAll(l.in("point")))
	}
	for d, kept := range l.live {
		err = errors.Join(err, putBack(d, kept))
	}
	if len(l.live) > 0 {
		err = errors.Join(err, resetUnits())
	}
	return errors.Join(err, onHost(l.reset))
}

// putBack gives a directory that systemd reads its old content.
func putBack(dir, kept string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := os.RemoveAll(filepath.Join(dir, n.Name())); err != nil {
			return err
		}
	}
	if out, err := exec.Command("cp", "-a", kept+"/.", dir).CombinedOutput(); err != nil { //nolint:gosec // a test's own path
		return fmt.Errorf("cannot put %s back: %w: %s", dir, err, out)
	}
	return nil
}

// resetUnits brings units back to how a point finds them.
func resetUnits() error {
	script := `systemctl stop 'lab-app.*' 'lab-job.*' lab-changed lab-old 2>/dev/null
systemctl daemon-reload && systemctl reset-failed && systemctl restart lab-old lab-changed chrony`
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot reset units: %w: %s", err, out)
	}
	return nil
}

// patience is how long any run may take: one that hangs is ended, and counts as
// killed.
const patience = 3 * time.Minute

// enter runs a program in a root directory, and returns its exit code and what
// it said.
func (l *lab) enter(root string, argv ...string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // a test's own programs
	cmd.Dir, cmd.Env = "/", environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return -1, err.Error()
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func environment() []string {
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"}
}

func overlay(at, lower, upper, work string) error {
	// Without xino, files of different layers would seem to lie on different disks.
	options := "xino=on,redirect_dir=on,lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work
	if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
		return fmt.Errorf("cannot lay a root directory over %s: %w", lower, err)
	}
	return nil
}
