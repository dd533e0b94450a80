package snapshot

import (
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// baseUsers are those of Debian's base-passwd, and sshd's.
func baseUsers() []host.User {
	return []host.User{
		{Name: "root", Comment: "root", Home: "/root", Shell: "/bin/bash"},
		{Name: "daemon", UID: 1, GID: 1, Comment: "daemon", Home: "/usr/sbin", Shell: debian.NoLogin},
		{Name: "bin", UID: 2, GID: 2, Comment: "bin", Home: "/bin", Shell: debian.NoLogin},
		{Name: "sys", UID: 3, GID: 3, Comment: "sys", Home: "/dev", Shell: debian.NoLogin},
		{Name: "sync", UID: 4, GID: 65534, Comment: "sync", Home: "/bin", Shell: "/bin/sync"},
		{Name: "games", UID: 5, GID: 60, Comment: "games", Home: "/usr/games", Shell: debian.NoLogin},
		{Name: "man", UID: 6, GID: 12, Comment: "man", Home: "/var/cache/man", Shell: debian.NoLogin},
		{Name: "lp", UID: 7, GID: 7, Comment: "lp", Home: "/var/spool/lpd", Shell: debian.NoLogin},
		{Name: "mail", UID: 8, GID: 8, Comment: "mail", Home: "/var/mail", Shell: debian.NoLogin},
		{Name: "news", UID: 9, GID: 9, Comment: "news", Home: "/var/spool/news", Shell: debian.NoLogin},
		{Name: "uucp", UID: 10, GID: 10, Comment: "uucp", Home: "/var/spool/uucp", Shell: debian.NoLogin},
		{Name: "proxy", UID: 13, GID: 13, Comment: "proxy", Home: "/bin", Shell: debian.NoLogin},
		{Name: "www-data", UID: 33, GID: 33, Comment: "www-data", Home: "/var/www", Shell: debian.NoLogin},
		{Name: "backup", UID: 34, GID: 34, Comment: "backup", Home: "/var/backups", Shell: debian.NoLogin},
		{Name: "list", UID: 38, GID: 38, Comment: "Mailing List Manager", Home: "/var/list", Shell: debian.NoLogin},
		{Name: "irc", UID: 39, GID: 39, Comment: "ircd", Home: "/run/ircd", Shell: debian.NoLogin},
		{Name: "_apt", UID: 42, GID: 65534, Home: "/nonexistent", Shell: debian.NoLogin},
		{Name: "nobody", UID: 65534, GID: 65534, Comment: "nobody", Home: "/nonexistent", Shell: debian.NoLogin},
		{Name: "sshd", UID: 100, GID: 65534, Home: "/run/sshd", Shell: debian.NoLogin},
	}
}

// baseGroups are those of Debian's base-passwd.
func baseGroups() []host.Group {
	var gs []host.Group
	for _, g := range []struct {
		name string
		gid  int
	}{
		{"root", 0},
		{"daemon", 1},
		{"bin", 2},
		{"sys", 3},
		{"adm", 4},
		{"tty", 5},
		{"disk", 6},
		{"lp", 7},
		{"mail", 8},
		{"news", 9},
		{"uucp", 10},
		{"man", 12},
		{"proxy", 13},
		{"kmem", 15},
		{"dialout", 20},
		{"fax", 21},
		{"voice", 22},
		{"cdrom", 24},
		{"floppy", 25},
		{"tape", 26},
		{"sudo", 27},
		{"audio", 29},
		{"dip", 30},
		{"www-data", 33},
		{"backup", 34},
		{"operator", 37},
		{"list", 38},
		{"irc", 39},
		{"src", 40},
		{"shadow", 42},
		{"utmp", 43},
		{"video", 44},
		{"sasl", 45},
		{"plugdev", 46},
		{"staff", 50},
		{"games", 60},
		{"users", 100},
		{"nogroup", 65534},
	} {
		gs = append(gs, host.Group{Name: g.name, GID: g.gid})
	}
	return gs
}
