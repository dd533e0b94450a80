package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// RunProgram runs a program of a deployment to its end and returns its standard output.
// It has the account's groups and its home, and a process group of its own, which is
// killed when ctx ends. What others than root could have put there is not run as root.
func (h *Host) RunProgram(ctx context.Context, p host.Program) (string, error) {
	account, env, err := credential(p.As)
	if err != nil {
		return "", err
	}
	if account.Uid == 0 && len(p.Argv) > 0 && path.IsAbs(p.Argv[0]) {
		at, exposed, err := host.Exposed(p.Argv[0], h.Stat)
		if err != nil {
			return "", err
		}
		if exposed != "" {
			return "", fmt.Errorf("cannot run %s as root: others than root can write %s, and so decide what it is", at, exposed)
		}
	}
	if os.Geteuid() != 0 && uint32(os.Geteuid()) == account.Uid { //nolint:gosec // ids are not negative
		account = nil // there is nothing to change to, and no right to
	}
	o := runOptions{env: append(env, p.Env...), dir: p.Dir, as: account}
	if p.Stdin != nil {
		o.stdin = bytes.NewReader(p.Stdin)
	}
	return run(ctx, p.Argv, o)
}

// credential is who an account is to the kernel, and what its environment says of it.
func credential(name string) (*syscall.Credential, []string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot run anything as %s: there is no such account", name)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot tell the groups of %s: %w", name, err)
	}
	id := func(text string) uint32 {
		n, parse := strconv.ParseUint(text, 10, 32)
		err = errors.Join(err, parse)
		return uint32(n)
	}
	c := &syscall.Credential{Uid: id(u.Uid), Gid: id(u.Gid)}
	for _, g := range ids {
		c.Groups = append(c.Groups, id(g))
	}
	return c, []string{"HOME=" + u.HomeDir, "USER=" + name, "LOGNAME=" + name}, err
}

// MakeRelease makes an empty directory for an account, in one that is root's.
func (h *Host) MakeRelease(dir, account string) error {
	u, err := user.Lookup(account)
	if err != nil {
		return fmt.Errorf("cannot make %s: there is no account %s", dir, account)
	}
	return h.makeDir(host.MakeDir{Path: dir, Owner: account, Group: "#" + u.Gid, Access: host.AccessOf(0o755)})
}

// RemoveRelease removes a directory of an account: what is in it with the account's own
// rights as far as these go, and then the directory. It is none's fault if it is not there.
func (h *Host) RemoveRelease(ctx context.Context, dir, account string) error {
	n, err := h.Stat(dir)
	if err != nil || n == nil {
		return err
	}
	if n.Type == host.TypeDir {
		empty := host.Program{Argv: []string{"/usr/bin/find", dir, "-xdev", "-mindepth", "1", "-delete"}, As: account}
		if _, err := h.RunProgram(ctx, empty); err != nil {
			if err := h.emptyRelease(dir); err != nil {
				return fmt.Errorf("cannot remove what is in %s: %w", dir, err)
			}
		}
	}
	return h.removePath(host.RemovePath{Path: dir})
}

// emptyRelease removes what the account could not: what is in directories that it may not
// write, as Go's cache of modules has them, and what others have made in it. That is done by
// descriptors, once nobody can get at it: a name on the way may be exchanged meanwhile.
func (h *Host) emptyRelease(dir string) error {
	fd, err := h.openDir(dir)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := h.setAllFD(fd, os.Geteuid(), os.Getegid(), host.AccessOf(0o700)); err != nil {
		return err
	}
	return emptyStaged(fd)
}

// Point makes a link of root's lead somewhere else, in one step that outlives a power
// cut; an empty target removes it.
func (h *Host) Point(link, target string) error {
	if target == "" {
		if n, err := h.Stat(link); err != nil || n == nil {
			return err
		}
		return h.removePath(host.RemovePath{Path: link})
	}
	return h.makeLink(host.MakeLink{Path: link, Target: target, Owner: "root", Group: "root"})
}

// Changed is when the content of a file was last written.
func (h *Host) Changed(at string) (time.Time, error) {
	st, err := os.Lstat(at)
	if err != nil {
		return time.Time{}, pathErr("look at", at, err)
	}
	return st.ModTime(), nil
}

// Save writes a note of root's that everybody may read, whole or not at all.
func (h *Host) Save(ctx context.Context, at string, data []byte) error {
	return h.writeFile(ctx, host.WriteFile{Path: at, Content: host.NewContent(data), Owner: "root", Group: "root", Access: host.AccessOf(0o644)})
}

// SyncTree brings to the disk all that was written to the file system of a directory.
func (h *Host) SyncTree(dir string) error {
	fd, err := h.openNode(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return pathErr("open", dir, err)
	}
	defer unix.Close(fd)
	if err := unix.Syncfs(fd); err != nil {
		return pathErr("sync", dir, err)
	}
	return nil
}

// ActOn restarts or reloads a unit, and starts one that does not run; it waits until
// the job is done.
func (h *Host) ActOn(ctx context.Context, unit string, verb host.Verb) error {
	h.units.forget()
	u, err := h.Unit(ctx, unit)
	switch {
	case err != nil:
		return err
	case u == nil:
		return fmt.Errorf("there is no unit %s", unit)
	case u.Running():
		return h.doUnit(ctx, host.ActOnUnit{Name: unit, Verb: verb})
	}
	return h.doUnit(ctx, host.StartUnit{Name: unit})
}

// StartUnit starts a unit and waits until the job is done: of a oneshot service, until it
// has ended.
func (h *Host) StartUnit(ctx context.Context, unit string) error {
	return h.doUnit(ctx, host.StartUnit{Name: unit})
}

// Settled waits until units that were restarted have settled; the error is a
// *host.UnsettledError if one of them does not stay up.
func (h *Host) Settled(ctx context.Context, units []string) error {
	return h.doUnit(ctx, host.AwaitUnits{Names: units})
}

// UnitNow is Unit as it is at this moment.
func (h *Host) UnitNow(ctx context.Context, name string) (*host.Unit, error) {
	h.units.forget()
	return h.Unit(ctx, name)
}

// OwnUnit is the unit of systemd's in which this process runs; empty: none.
func OwnUnit() string {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if _, at, ok := strings.Cut(strings.TrimSpace(line), "::"); ok {
			return path.Base(at)
		}
		if _, at, ok := strings.Cut(strings.TrimSpace(line), ":name=systemd:"); ok {
			return path.Base(at)
		}
	}
	return ""
}
