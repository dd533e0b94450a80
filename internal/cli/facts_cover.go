package cli

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kinds"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// What is recorded beside what today's spec asks, so that a change of it can be
// planned, too: places where declared things of all kinds go.
const (
	maxCovered = 64 << 10 // of a file's content, in bytes
	maxNames   = 2000     // in a directory
)

// contents are files that are often declared, and directories of such, beside those that
// a kind knows. Files that not everybody may read are not recorded, but for sudo's and
// sshd's configuration: that is policy.
func contents() []string {
	return []string{
		"/etc/apt/apt.conf.d", "/etc/apt/preferences.d", "/etc/bash.bashrc", "/etc/cron.d", "/etc/default", "/etc/environment",
		"/etc/fstab", "/etc/hostname", "/etc/issue", "/etc/locale.gen", "/etc/login.defs", "/etc/logrotate.d", "/etc/modprobe.d",
		"/etc/modules-load.d", "/etc/motd", "/etc/nsswitch.conf", "/etc/pam.d", "/etc/profile", "/etc/profile.d",
		"/etc/samba/smb.conf", "/etc/security", "/etc/skel", "/etc/timezone", "/etc/tmpfiles.d", "/etc/update-motd.d",
	}
}

// nameDirs are directories of which it is recorded what is there: beside these, all
// below /etc.
func nameDirs() []string {
	return []string{
		"/", "/dev", "/home", "/media", "/mnt", "/opt", "/run", "/run/systemd", "/srv", "/usr", "/usr/bin", "/usr/sbin",
		"/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/lib", "/usr/local/sbin", "/usr/local/share",
		"/usr/share/keyrings", "/var", "/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/spool", "/var/www",
	}
}

// cover asks a recorder for what a plan of a slightly different spec would ask.
// What cannot be seen is recorded as that.
func cover(ctx context.Context, rec *snapshot.Recorder, repo *spec.Repository, b *spec.Backend) error {
	for _, p := range contents() {
		coverPlace(rec, p)
	}
	for _, dir := range nameDirs() {
		coverNames(rec, dir)
	}
	coverBelow(rec, "/etc", maxDepth)
	coverShells(rec)
	for _, p := range declaredPaths(b) {
		_, _ = rec.Stat(p)
		if dir := path.Dir(p); !passing(dir) {
			coverNames(rec, dir)
		}
	}
	for _, p := range slices.Concat(slices.Sorted(maps.Keys(b.Directories)), slices.Sorted(maps.Keys(b.ACLs))) {
		if n := coverNames(rec, p); n != nil && strings.Count(p, "/") > 1 {
			rec.Tree(p)
		}
	}
	for _, k := range kinds.Table() {
		if k.Covers == nil {
			continue
		}
		places, err := k.Covers(ctx, rec, b)
		if err != nil {
			return err
		}
		for _, p := range places {
			coverPlace(rec, p)
		}
	}
	return coverHomes(rec, repo, b)
}

// maxDepth is how deep below /etc names are recorded.
const maxDepth = 5

// coverBelow records the names in all directories below one.
func coverBelow(rec *snapshot.Recorder, dir string, depth int) {
	for _, name := range coverNames(rec, dir) {
		p := path.Join(dir, name)
		if n, err := rec.Stat(p); depth > 0 && err == nil && n != nil && n.Type == host.TypeDir {
			coverBelow(rec, p, depth-1)
		}
	}
}

// passing are directories whose names change from minute to minute.
func passing(dir string) bool {
	for _, top := range []string{"/dev", "/proc", "/run", "/sys", "/tmp", "/var/run", "/var/tmp"} {
		if dir == top || strings.HasPrefix(dir, top+"/") {
			return true
		}
	}
	return false
}

func declaredPaths(b *spec.Backend) []string {
	return slices.Concat(
		slices.Sorted(maps.Keys(b.Files)), slices.Sorted(maps.Keys(b.Directories)), slices.Sorted(maps.Keys(b.ACLs)),
	)
}

// coverNames records which names are in a directory and what they are, but for
// what is not worth it.
func coverNames(rec *snapshot.Recorder, dir string) []string {
	n, err := rec.Stat(dir)
	if err != nil || n == nil || n.Type != host.TypeDir {
		return nil
	}
	names, err := rec.ReadDir(dir)
	if err != nil || len(names) > maxNames {
		return nil
	}
	return names
}

// coverPlace records a file, or a directory with the files in it and in the directories
// of drop-ins in it.
func coverPlace(rec *snapshot.Recorder, p string) {
	if n, err := rec.Stat(p); err == nil && n != nil && n.Type == host.TypeDir {
		coverFiles(rec, p)
	} else {
		coverContent(rec, p)
	}
}

func coverFiles(rec *snapshot.Recorder, dir string) {
	for _, name := range coverNames(rec, dir) {
		p := path.Join(dir, name)
		n, err := rec.Stat(p)
		switch {
		case err != nil || n == nil:
		case n.Type == host.TypeDir && strings.Count(dir, "/") < 5:
			coverFiles(rec, p)
		default:
			coverContent(rec, p)
		}
	}
}

// coverContent records a file that is not large, and that everybody may read. A link
// is followed.
func coverContent(rec *snapshot.Recorder, p string) {
	for range maxFollowed {
		n, err := rec.Stat(p)
		switch {
		case err != nil || n == nil:
			return
		case n.Type == host.TypeSymlink && path.IsAbs(n.Target):
			p = n.Target
		case n.Type == host.TypeSymlink:
			p = path.Join(path.Dir(p), n.Target)
		default:
			if n.Type == host.TypeFile && n.Size <= maxCovered && n.Access.Mode()&0o004 != 0 {
				_, _ = rec.ReadFile(p)
			}
			return
		}
	}
}

// coverShells records which shells there are: who has none that is there cannot
// log in.
func coverShells(rec *snapshot.Recorder) {
	shells := []string{"/bin/sh", "/bin/bash", "/bin/dash", "/bin/zsh", "/bin/false", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/false", "/usr/sbin/nologin", "/sbin/nologin"}
	coverContent(rec, "/etc/shells")
	if data, err := rec.ReadFile("/etc/shells"); err == nil {
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); path.IsAbs(line) {
				shells = append(shells, line)
			}
		}
	}
	for _, at := range shells {
		for range maxFollowed {
			n, err := rec.Stat(at)
			if err != nil || n == nil || n.Type != host.TypeSymlink {
				break
			}
			if at = path.Join(path.Dir(at), n.Target); path.IsAbs(n.Target) {
				at = n.Target
			}
		}
	}
}

// maxFollowed is how many links are followed to a file.
const maxFollowed = 8

// coverHomes records homes, and the public keys by which people get in.
func coverHomes(rec *snapshot.Recorder, repo *spec.Repository, b *spec.Backend) error {
	homes := map[string]bool{}
	for name, u := range b.Users {
		homes[path.Join("/home", name)] = true
		if u.Home != "" {
			homes[u.Home] = true
		}
	}
	for _, p := range repo.People {
		homes[path.Join("/home", p.Name)] = true
	}
	users, err := rec.Users()
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	ids, err := rec.IDRanges()
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	for _, u := range users {
		if u.UID == 0 || u.UID >= ids.UIDMin && u.UID <= ids.UIDMax {
			homes[u.Home] = true
			_, _ = rec.Traces(u.Name)
		}
	}
	for _, home := range slices.Sorted(maps.Keys(homes)) {
		_, _ = rec.Stat(home)
		_, _ = rec.Stat(path.Join(home, ".ssh"))
		coverNames(rec, path.Dir(home)) // where the next one is to be
		for _, name := range []string{"authorized_keys", "authorized_keys2"} {
			coverKeys(rec, path.Join(home, ".ssh", name))
		}
	}
	_, _ = rec.ReadDir(notes.Disabled)
	_, _ = rec.ReadDir(notes.Revoked)
	return nil
}

// coverKeys records public keys, which only their owner may read.
func coverKeys(rec *snapshot.Recorder, p string) {
	n, err := rec.Stat(p)
	if err == nil && n != nil && n.Type == host.TypeFile && n.Size <= maxCovered {
		_, _ = rec.ReadFile(p)
	}
}
