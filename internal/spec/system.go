package spec

import (
	"strings"

	"opsafe/internal/debian"
)

// systemUsers are the accounts that every Debian and Ubuntu has: those of
// base-passwd and of the packages that are always there.
func systemUsers() set {
	return setOf("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy",
		"www-data", "backup", "list", "irc", "gnats", "_apt", "nobody", "messagebus", "sshd", "syslog",
		"systemd-network", "systemd-resolve", "systemd-timesync", "systemd-journal", "systemd-coredump", "systemd-oom")
}

// SystemUser reports whether every host has an account of this name.
func SystemUser(name string) bool { return systemUsers()[name] }

// SystemGroup reports whether every host has a group of this name.
func SystemGroup(name string) bool { return systemGroups()[name] }

// SystemUnit reports whether every host has a unit of this name.
func SystemUnit(name string) bool { return isBaseUnit(name, baseUnits()) }

// systemGroups are the groups that every Debian and Ubuntu has.
func systemGroups() set {
	return setOf("root", "daemon", "bin", "sys", "adm", "tty", "disk", "lp", "mail", "news", "uucp", "man", "proxy",
		"kmem", "dialout", "fax", "voice", "cdrom", "floppy", "tape", "sudo", "audio", "dip", "www-data", "backup",
		"operator", "list", "irc", "src", "gnats", "shadow", "utmp", "video", "sasl", "plugdev", "staff", "games",
		"users", "nogroup", "ssh", "_ssh", "crontab", "input", "sgx", "kvm", "render", "netdev", "messagebus", "syslog",
		"systemd-journal", "systemd-network", "systemd-resolve", "systemd-timesync", "systemd-coredump", "systemd-oom")
}

// baseUnits are the units that a server has by itself.
func baseUnits() set {
	return setOf("ssh.service", "sshd.service", "ssh.socket", "cron.service", "dbus.service", "dbus.socket",
		"rsyslog.service", "apt-daily.service", "apt-daily.timer", "apt-daily-upgrade.service", "apt-daily-upgrade.timer",
		"dpkg-db-backup.service", "dpkg-db-backup.timer", "e2scrub_all.service", "e2scrub_all.timer", "fstrim.service",
		"fstrim.timer", "logrotate.service", "logrotate.timer", "man-db.service", "man-db.timer", "networking.service",
		"tmp.mount", "getty@.service", "serial-getty@.service", "user@.service", "systemd-journald.service",
		"systemd-logind.service", "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service",
		"systemd-tmpfiles-clean.timer", "systemd-tmpfiles-clean.service", "systemd-udevd.service",
		"basic.target", "multi-user.target", "graphical.target", "network.target", "network-online.target",
		"network-pre.target", "nss-lookup.target", "nss-user-lookup.target", "time-sync.target", "time-set.target",
		"timers.target", "sockets.target", "paths.target", "local-fs.target", "local-fs-pre.target", "remote-fs.target",
		"remote-fs-pre.target", "sysinit.target", "default.target", "rescue.target", "emergency.target", "slices.target",
		"shutdown.target", "reboot.target", "poweroff.target", "halt.target", "swap.target", "getty.target", "-.mount",
		"cryptsetup.target", "umount.target", "final.target", "system.slice", "user.slice", "machine.slice")
}

// isBaseUnit also takes systemd's own units, of which there are many.
func isBaseUnit(name string, base set) bool {
	if base[name] || strings.HasPrefix(name, "systemd-") {
		return true
	}
	return base[debian.TemplateOf(name)]
}
