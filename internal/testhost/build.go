package testhost

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// The hosts' archive and the file that keeps daemons from starting while
// packages are installed into an image that is not booted.
const (
	archivePath = "srv/archive"
	policyPath  = "usr/sbin/policy-rc.d"
)

// buildBare builds the bare image in dir/root: debootstrap from the mirror that
// this machine itself uses, and a local archive for the hosts' apt.
func buildBare(ctx context.Context, o Options, dir string) error {
	r := bareRecipe(o.Suite)
	root := filepath.Join(dir, "root")
	m, err := findMirror()
	if err != nil {
		return err
	}
	return withPrivateMounts(func() error {
		cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+strings.Join(r.Base, ","),
			"--keyring="+debianKeyring, o.Suite, root, m.uri)
		cmd.Env = append(os.Environ(), m.proxyEnv(ctx)...)
		// It ends with this process, and so does all that it started: the next
		// attempt finds nobody at work in the directory that it clears.
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
		if _, err := runTool(cmd); err != nil {
			return err
		}
		if err := buildArchive(ctx, o, r.Archive, m, dir, root); err != nil {
			return err
		}
		if err := anonymize(root); err != nil {
			return err
		}
		if err := inImage(ctx, root, "apt-get", "-qq", "update"); err != nil {
			return err
		}
		return markUpdated(root)
	})
}

// buildFull builds what lies on the bare image to make the full one, in
// dir/root.
func buildFull(ctx context.Context, o Options, r recipe, bare, dir string) error {
	upper, work, root := filepath.Join(dir, "root"), filepath.Join(dir, "work"), filepath.Join(dir, "merged")
	for _, d := range []string{upper, work, root} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	err := withPrivateMounts(func() error {
		if err := mountOverlay(root, []string{bare}, upper, work); err != nil {
			return err
		}
		return installFull(ctx, o, r, root)
	})
	if err != nil {
		return err
	}
	return errors.Join(removeTree(work), removeTree(root))
}

func installFull(ctx context.Context, o Options, r recipe, root string) error {
	policy := filepath.Join(root, policyPath)
	if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return err
	}
	names, err := available(filepath.Join(root, archivePath), r.Install)
	if err != nil {
		return err
	}
	o.Log("installing %s", strings.Join(names, " "))
	argv := append([]string{"apt-get", "-qq", "-o=Dpkg::Use-Pty=0", "install", "-y", "--no-install-recommends"}, names...)
	if err := inImage(ctx, root, argv...); err != nil {
		return err
	}
	if err := inImage(ctx, root, "apt-get", "clean"); err != nil {
		return err
	}
	if err := os.Remove(policy); err != nil {
		return err
	}
	if err := disableUnits(root, r.Disable); err != nil {
		return err
	}
	return markUpdated(root)
}

// available keeps the packages of which the archive has a file.
func available(archive string, packages []string) ([]string, error) {
	var names []string
	for _, p := range packages {
		files, err := filepath.Glob(filepath.Join(archive, p+"_*.deb"))
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			names = append(names, p)
		}
	}
	return names, nil
}

// inImage runs a program in an image that is not booted and has no network.
func inImage(ctx context.Context, root string, argv ...string) error {
	args := append([]string{
		"--pipe", "--as-pid2", "--private-network", "--capability=all",
		"--setenv=DEBIAN_FRONTEND=noninteractive", "--setenv=LANG=C.UTF-8",
	}, argv...)
	cmd := nspawnCommand(ctx, root, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	_, err := runTool(cmd)
	return err
}

// anonymize takes out what debootstrap copied from this machine and what every
// host has for itself.
func anonymize(root string) error {
	debs, err := filepath.Glob(filepath.Join(root, "var/cache/apt/archives/*.deb"))
	if err != nil {
		return err
	}
	for _, d := range debs {
		if err := os.Remove(d); err != nil {
			return err
		}
	}
	for _, f := range []struct{ path, content string }{
		{"etc/resolv.conf", "nameserver 127.0.0.1\n"}, // answers at once that nobody is there
		{"etc/hostname", "debian\n"},
		{"etc/machine-id", ""},
		{"etc/modules", ""}, // trixie has a link to it that fails the boot if it leads nowhere
		{"etc/apt/sources.list", "deb [trusted=yes] file:/" + archivePath + " ./\n"},
		{"etc/dpkg/dpkg.cfg.d/opsafe-test", "force-unsafe-io\n"},
	} {
		path := filepath.Join(root, f.path)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, []byte(f.content), 0o644); err != nil {
			return err
		}
	}
	dbus := filepath.Join(root, "var/lib/dbus/machine-id")
	if err := os.Remove(dbus); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink("/etc/machine-id", dbus)
}

// disableUnits keeps units from being started at boot.
func disableUnits(root string, units []string) error {
	for _, u := range units {
		links, err := filepath.Glob(filepath.Join(root, "etc/systemd/system/*.wants", u))
		if err != nil {
			return err
		}
		for _, l := range links {
			if err := os.Remove(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// markUpdated tells systemd that /etc and /var fit /usr, as on a host that was
// booted before, so that it does not rebuild its caches at every first boot.
func markUpdated(root string) error {
	usr, err := os.Stat(filepath.Join(root, "usr"))
	if err != nil {
		return err
	}
	for _, f := range []string{"etc/.updated", "var/.updated"} {
		path := filepath.Join(root, f)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(path, usr.ModTime(), usr.ModTime()); err != nil {
			return err
		}
	}
	return nil
}
