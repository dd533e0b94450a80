package cli

import (
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// What is recorded beside what today's spec asks, so that a change of it can be
// planned, too: places where declared things of all kinds go.
const (
	maxCovered = 64 << 10 // of a file's content, in bytes
	maxNames   = 2000     // in a directory
)

// contentDirs are directories whose files are compared whole: what is in them is
// recorded.
func contentDirs() []string {
	return []string{"/etc/apt/sources.list.d", "/etc/ssh/sshd_config.d", "/etc/sudoers.d", "/etc/systemd/system"}
}

// nameDirs are directories of which it is recorded what is there.
func nameDirs() []string {
	return []string{
		"/etc", "/etc/apt", "/etc/apt/keyrings", "/etc/chrony", "/etc/chrony/conf.d", "/etc/cron.d", "/etc/default",
		"/etc/docker", "/etc/opsafe", "/etc/pam.d", "/etc/profile.d", "/etc/security", "/etc/skel", "/etc/ssh", "/etc/tmpfiles.d", "/etc/update-motd.d",
		"/home", "/opt", "/srv", "/usr/local/bin", "/usr/local/sbin",
	}
}

// cover asks a recorder for what a plan of a slightly different spec would ask.
// What cannot be seen is recorded as that.
func cover(rec *snapshot.Recorder, repo *spec.Repository, b *spec.Backend) error {
	for _, p := range []string{"/etc/sudoers", "/etc/ssh/sshd_config", "/etc/apt/sources.list", "/etc/docker/daemon.json", "/etc/chrony/chrony.conf"} {
		coverContent(rec, p)
	}
	for _, dir := range contentDirs() {
		coverFiles(rec, dir)
	}
	for _, dir := range nameDirs() {
		coverNames(rec, dir)
	}
	for _, p := range declaredPaths(b) {
		_, _ = rec.Stat(p)
		if dir := path.Dir(p); !passing(dir) {
			coverNames(rec, dir)
		}
	}
	if err := coverHomes(rec, repo, b); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(b.Packages)) {
		_, _ = rec.Candidate(name)
	}
	return nil
}

// passing are directories whose names change from minute to minute.
func passing(dir string) bool {
	for _, top := range []string{"/dev", "/proc", "/run", "/sys", "/tmp", "/var/log", "/var/run", "/var/tmp"} {
		if dir == top || strings.HasPrefix(dir, top+"/") {
			return true
		}
	}
	return false
}

func declaredPaths(b *spec.Backend) []string {
	return slices.Concat(
		slices.Sorted(maps.Keys(b.Files)), slices.Sorted(maps.Keys(b.Directories)), slices.Sorted(maps.Keys(b.ACLs)),
		slices.Sorted(maps.Keys(b.KeyPairs)),
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

// coverFiles records a directory with the files in it and in the directories of
// drop-ins in it.
func coverFiles(rec *snapshot.Recorder, dir string) {
	for _, name := range coverNames(rec, dir) {
		p := path.Join(dir, name)
		n, err := rec.Stat(p)
		switch {
		case err != nil || n == nil:
		case n.Type == host.TypeDir && strings.Count(dir, "/") < 4:
			coverFiles(rec, p)
		default:
			coverContent(rec, p)
		}
	}
}

// coverContent records a file that is not large.
func coverContent(rec *snapshot.Recorder, p string) {
	n, err := rec.Stat(p)
	if err == nil && n != nil && n.Type == host.TypeFile && n.Size <= maxCovered {
		_, _ = rec.ReadFile(p)
	}
}

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
		}
	}
	for _, home := range slices.Sorted(maps.Keys(homes)) {
		_, _ = rec.Stat(home)
		_, _ = rec.Stat(path.Join(home, ".ssh"))
		for _, name := range []string{"authorized_keys", "authorized_keys2"} {
			coverContent(rec, path.Join(home, ".ssh", name))
		}
	}
	_, _ = rec.ReadDir(roster.TombstoneDir)
	return nil
}
