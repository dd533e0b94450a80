package snapshot

import (
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Bare is a Debian host on which nothing has been set up, as far as opsafe
// looks: the accounts of base-passwd, the usual directories, sshd, sudo and
// systemd-timesyncd. There is no package index.
func Bare(release string) State {
	s := State{
		Facts: host.MachineFacts{
			Hostname: "host", Distro: "debian", Release: release,
			Version: versionOf(release), Arch: "amd64", Kernel: "6.1.0",
		},
		Ranges: host.IDRanges{
			UIDMin: 1000, UIDMax: 60000, SysUIDMin: 100, SysUIDMax: 999,
			GIDMin: 1000, GIDMax: 60000, SysGIDMin: 100, SysGIDMax: 999,
		},
		Users:  baseUsers(),
		Groups: baseGroups(),
	}
	s.makeMaps()
	for _, u := range s.Users {
		s.Passwords[u.Name] = host.Password{State: host.PasswordLocked, Expires: -1}
	}
	s.bareFiles()
	for _, p := range strings.Fields("adduser apt base-files base-passwd bash coreutils dbus login openssh-server passwd sudo systemd systemd-timesyncd") {
		s.Packages[p] = host.Package{Name: p, State: host.Installed}
	}
	for _, u := range []host.Unit{
		{Name: "ssh.service", File: "enabled", Links: []string{"/etc/systemd/system/multi-user.target.wants/ssh.service", "/etc/systemd/system/sshd.service"}},
		{Name: "systemd-timesyncd.service", File: "enabled", Links: []string{"/etc/systemd/system/dbus-org.freedesktop.timesync1.service", "/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service"}},
		{Name: "dbus.service", File: "static"},
		{Name: "multi-user.target", File: "static", Sub: "active"},
	} {
		s.bareUnit(u)
	}
	return s
}

func versionOf(release string) string {
	switch release {
	case "bullseye":
		return "11"
	case "bookworm":
		return "12"
	case "trixie":
		return "13"
	}
	return ""
}

func (s *State) bareUnit(u host.Unit) {
	u.Load, u.Active = "loaded", "active"
	if u.Sub == "" {
		u.Sub = "running"
	}
	u.Fragment = debian.ShownUnitDir + "/" + u.Name
	s.Units[u.Name] = u
	s.file("/usr"+u.Fragment, "[Unit]\n")
	for _, l := range u.Links {
		s.dir(l[:strings.LastIndex(l, "/")], 0o755)
		s.link(l, u.Fragment)
	}
}

func (s *State) bareFiles() {
	for _, d := range strings.Fields(bareDirs) {
		s.dir(d, 0o755)
	}
	s.dir("/etc/sudoers.d", 0o750)
	s.dir("/root", 0o700)
	s.dir("/tmp", 0o1777)
	s.dir("/var/tmp", 0o1777)
	s.link("/bin", "usr/bin")
	s.link("/sbin", "usr/sbin")
	s.link("/lib", "usr/lib")
	s.link("/var/run", "/run")
	s.link("/var/lock", "/run/lock")
	s.file("/etc/skel/.bash_logout", "# ~/.bash_logout\n")
	s.file("/etc/skel/.bashrc", "# ~/.bashrc\n")
	s.file("/etc/skel/.profile", "# ~/.profile\n")
	s.file("/etc/hosts", "127.0.0.1\tlocalhost\n")
	s.file("/etc/bash.bashrc", "# System-wide .bashrc file\n")
	s.file("/etc/login.defs", "UMASK\t\t022\nUID_MIN\t\t1000\nUID_MAX\t\t60000\nGID_MIN\t\t1000\nGID_MAX\t\t60000\n")
	s.file("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n")
	s.file("/etc/sudoers", "root\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n")
	for _, d := range []string{"", "/kernel", "/net", "/net/core", "/net/ipv4", "/vm"} {
		s.dir("/proc/sys"+d, 0o555)
	}
	s.file("/proc/sys/net/ipv4/ip_default_ttl", "64\n")
	s.file("/proc/sys/net/ipv4/ip_forward", "0\n")
	s.file("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
	s.file("/proc/sys/vm/swappiness", "60\n")
	s.file("/usr/local/bin/opsafe", "")
	sudoers := s.Files["/etc/sudoers"]
	sudoers.Node.Access = host.AccessOf(0o440)
	s.Files["/etc/sudoers"] = sudoers
}

const bareDirs = `/ /boot /dev /etc /etc/apt /etc/apt/keyrings /etc/apt/preferences.d /etc/apt/sources.list.d
/etc/cron.d /etc/default /etc/pam.d /etc/profile.d /etc/security /etc/skel /etc/ssh /etc/ssh/sshd_config.d
/etc/systemd /etc/systemd/system /etc/systemd/system/multi-user.target.wants /etc/tmpfiles.d
/etc/update-motd.d /home /media /mnt /opt /proc /run /run/lock /run/systemd /run/systemd/system /srv /sys
/usr /usr/bin /usr/lib /usr/lib/systemd /usr/lib/systemd/system /usr/local /usr/local/bin /usr/local/lib
/usr/local/sbin /usr/local/share /usr/sbin /usr/share /var /var/cache /var/lib /var/lib/systemd /var/log
/var/mail /var/spool`

func (s *State) dir(p string, m host.Mode) {
	s.Files[p] = File{Node: host.Node{Type: host.TypeDir, Owner: "root", Group: "root", Access: host.AccessOf(m), Links: 1}}
}

func (s *State) link(p, target string) {
	s.Files[p] = File{Node: host.Node{
		Type: host.TypeSymlink, Owner: "root", Group: "root", Access: host.AccessOf(0o777),
		Size: int64(len(target)), Links: 1, Target: target,
	}}
}

func (s *State) file(p, content string) {
	s.Files[p] = File{Content: []byte(content), Node: host.Node{
		Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644),
		Size: int64(len(content)), Links: 1,
	}}
}
