package drift

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/policy"
)

const root = "root"

// rootsOwn are paths of every Debian host of which whoever can write them becomes root: root's
// programs read, run or load what is there.
func rootsOwn() []string {
	return []string{
		"/", "/boot", "/bin", "/sbin", "/lib", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib",
		"/root", "/root/.ssh", "/root/.ssh/authorized_keys", "/root/.bashrc", "/root/.profile",
		"/etc", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/pam.d", "/etc/security", "/etc/polkit-1/rules.d",
		"/etc/ssh", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d", "/etc/nsswitch.conf", "/etc/environment",
		"/etc/crontab", "/etc/anacrontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/var/spool/cron",
		"/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/rc.local", "/etc/init.d",
		"/etc/systemd", "/etc/systemd/system", "/etc/systemd/system.conf", "/usr/lib/systemd/system", "/etc/tmpfiles.d", "/etc/udev/rules.d", "/etc/modprobe.d", "/etc/logrotate.d",
		"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/apt", "/etc/apt/apt.conf.d", "/etc/apt/sources.list.d", "/var/lib/dpkg", "/var/lib/dpkg/info",
		"/etc/docker", "/etc/docker/daemon.json", "/run/docker.sock", "/run/containerd/containerd.sock", "/var/lib/opsafe", "/usr/local/bin/opsafe",
	}
}

// rootsGroups are the groups that may write some of these as Debian has it: who is in them is
// root by that, and shown as that.
func rootsGroups(at string) []string {
	switch {
	case at == "/run/docker.sock":
		return []string{"docker"}
	case strings.HasPrefix(at, "/usr/local"):
		return []string{"staff"}
	}
	return nil
}

// open are paths of root's that others can write, and hashes of passwords that others can read.
// Those of which the spec says who may do what are the plan's.
func (f *finder) open(context.Context) error {
	for _, at := range rootsOwn() {
		b := f.in.Backend
		if b.Files[at] != nil || b.Directories[at] != nil || b.ACLs[at] != nil {
			continue
		}
		n, err := f.Stat(at)
		if err != nil {
			f.Unknown(err)
			continue
		}
		if n == nil || n.Type == host.TypeSymlink {
			continue
		}
		if who := others(n, host.Write, rootsGroups(at)); len(who) > 0 {
			f.add(Orphan{Category: Open, Name: at, What: strings.Join(who, ", ") + " can write it, and become root by it", Way: shut(at, n)}, "files/"+at)
		}
		if at == "/etc/shadow" || at == "/etc/gshadow" {
			if who := others(n, host.Read, []string{"shadow"}); len(who) > 0 {
				f.add(Orphan{Category: Open, Name: at, What: strings.Join(who, ", ") + " can read the hashes of passwords in it", Way: shut(at, n)}, "files/"+at)
			}
		}
	}
	return nil
}

// others are whom a path lets do something besides root and the groups that are to.
func others(n *host.Node, what host.Perm, groups []string) []string {
	var out []string
	a := n.Access
	may := func(p host.Perm) bool { return p&what != 0 }
	if n.Owner != root && may(a.User) {
		out = append(out, n.Owner)
	}
	if n.Group != root && !slices.Contains(groups, n.Group) && may(a.EffectiveGroup()) {
		out = append(out, "the group "+n.Group)
	}
	for _, e := range a.Named {
		if a.Mask != nil && !may(*a.Mask) || !may(e.Perm) || e.Name == root || e.Tag == host.TagGroup && slices.Contains(groups, e.Name) {
			continue
		}
		name := e.Name
		if e.Tag == host.TagGroup {
			name = "the group " + name
		}
		out = append(out, name)
	}
	if may(a.Other) && a.Special&0o1000 == 0 {
		out = append(out, "everybody")
	}
	return out
}

// shut is how only root, and whom Debian lets, may do that again.
func shut(at string, n *host.Node) string {
	var ways []string
	if len(n.Access.Named) > 0 {
		ways = append(ways, "setfacl -b "+at)
	}
	if n.Owner != root {
		ways = append(ways, "chown root "+at)
	}
	if strings.HasSuffix(at, "shadow") {
		return strings.Join(append(ways, "chown root:shadow "+at, "chmod 0640 "+at), "; ")
	}
	if strings.HasSuffix(at, ".sock") {
		return "see which unit opens it so, and restart that"
	}
	return strings.Join(append(ways, "chmod go-w "+at), "; ")
}

// alsoRoot are accounts with root's number, whatever they are called.
func (f *finder) alsoRoot(context.Context) error {
	users, err := f.Users()
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.UID == 0 && u.Name != root && !f.listed(u.Name) {
			f.addPerson(Root, u.Name, u.Name+" has the number 0: whoever gets in so is root", "usermod --uid NUMBER "+u.Name+", or userdel --force "+u.Name)
		}
	}
	return nil
}

// ruledElsewhere reports whether it is by another file than drop-ins that are orphans themselves.
func (f *finder) ruledElsewhere(u host.User) bool {
	files, _ := policy.SudoersNaming(f.Reader, u)
	return slices.ContainsFunc(files, func(s policy.SudoersFile) bool {
		stray := path.Dir(s.Path) == debian.SudoersDir && f.in.Backend.Files[s.Path] == nil && !slices.Contains(f.in.Backend.Owned(), s.Path)
		return len(s.Named) > 0 && !stray
	})
}

// ruled are people on no list whom a rule of sudo names, in sudoers itself or where the spec
// declares it.
func (f *finder) ruled(context.Context) error {
	users, err := f.Users()
	if err != nil {
		return err
	}
	ranges, err := f.IDRanges()
	if err != nil {
		return err
	}
	var named policy.SudoNamed // read if there is somebody to ask for
	for _, u := range users {
		if u.Name == root || u.Source != "" || isSystem(u, ranges) || f.listed(u.Name) || f.closed(u.Name) != "" {
			continue
		}
		if named == nil {
			named = policy.ReadSudoNamed(f.Reader)
		}
		if named.Names(f.Reader, u) && f.ruledElsewhere(u) {
			f.addPerson(Sudo, u.Name, "a rule of sudo names "+u.Name+", "+f.missing(u.Name), closeBy(u, ranges))
		}
	}
	return nil
}
