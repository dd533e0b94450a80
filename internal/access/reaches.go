package access

import (
	"path"
	"slices"
	"strings"
)

const (
	// reachers are programs that have to do with packets, networks or accounts, or end
	// the host.
	reachers = `
	iptables ip6tables iptables-restore ip6tables-restore iptables-nft iptables-legacy nft ufw firewall-cmd ebtables
	arptables ifdown nmcli netplan shutdown poweroff reboot halt telinit
	passwd chpasswd usermod userdel deluser gpasswd groupdel delgroup chage vipw`
	networks = "networking.service systemd-networkd.service NetworkManager.service nftables.service firewalld.service ufw.service"
	// prefixes are words before a command that leave it what it is.
	prefixes = "exec env nice ionice nohup setsid sudo command if then elif else do while until ! time { [ test"
	// readers only look at what they are given.
	readers = "cat grep egrep awk cut sort wc stat ls md5sum sha256sum tar diff cmp getent head tail find ["
	// movers take away what they are given, or give it to others.
	movers = "rm mv ln chmod chown chgrp setfacl chattr mount umount"
	// tops are directories without which nobody gets in.
	tops = "/ /etc /usr /usr/bin /usr/sbin /usr/lib /bin /sbin /lib /lib64 /home /root /dev /dev/pts /proc /sys /run /var"
	// ways are paths on which the way in rests, with what is below them.
	ways = `
	/etc/ssh /etc/pam.d /etc/pam.conf /etc/sudo.conf /etc/sudoers /etc/sudoers.d /etc/security /etc/passwd /etc/shadow
	/etc/group /etc/gshadow /etc/nsswitch.conf /etc/hosts.allow /etc/hosts.deny /etc/nologin /run/nologin
	/var/run/nologin /run/sshd /etc/ld.so.preload /etc/profile /etc/profile.d /etc/bash.bashrc /etc/environment
	/usr/bin/sudo /usr/sbin/sshd /bin/bash /usr/bin/bash /bin/sh /usr/bin/sh /dev/null /dev/tty /dev/ptmx`
)

// concerns reports whether a script, or a file with commands in it, has a command that
// reaches for the way in.
func concerns(text string) bool {
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && reaches(line) {
			return true
		}
	}
	return false
}

// reaches reports whether a line of commands stops what a start goes through, has to do
// with packets, networks or accounts, or touches what the way in rests on. What it takes
// a program for is what it calls it: one that is put together out of parts is not known.
func reaches(line string) bool {
	const ends = ";&|()[]`,"
	return anyReaches(line, ends+`"'`) || anyReaches(strings.NewReplacer(`"`, "", "'", "").Replace(line), ends)
}

// anyReaches looks at the commands of a line, each of which goes up to one of some signs.
func anyReaches(line, ends string) bool {
	for command := range strings.FieldsFuncSeq(line, func(c rune) bool { return strings.ContainsRune(ends, c) }) {
		bare := strings.TrimLeft(command, " -@:+!")
		if strings.HasPrefix(strings.TrimSpace(command), "@") && !path.IsAbs(bare) {
			bare = "@" + bare // a time of crontab(5): no prefix of systemd's, nor a command
		}
		words := strings.Fields(bare)
		for len(words) > 0 && (isAmong(path.Base(words[0]), prefixes) || strings.Contains(words[0], "=") && !strings.HasPrefix(words[0], "-")) {
			words = words[1:]
		}
		for i, command := range begins(words) {
			if commandReaches(program(command), words[i+1:]) {
				return true
			}
		}
	}
	return false
}

// begins are the words, by where they stand, with which a command may begin: the first
// or, after the times of crontab(5), that and the one after it, since some name a user.
func begins(words []string) map[int]string {
	out, i := map[int]string{}, 0
	for i < len(words) && (strings.HasPrefix(words[i], "@") || strings.Trim(words[i], "0123456789*/-") == "") {
		i++
	}
	for n := i; n < len(words) && (n == i || n == i+1 && i > 0); n++ {
		out[n] = words[n]
	}
	return out
}

// program is the name of one, if a path leads to where programs are.
func program(word string) string {
	if dir := path.Base(path.Dir(word)); dir == "bin" || dir == "sbin" {
		return path.Base(word)
	}
	return word
}

func commandReaches(program string, args []string) bool {
	if isAmong(program, "cp install rsync scp") && len(args) > 0 {
		args = args[len(args)-1:] // what is read is left as it is
	}
	some := func(is func(string) bool) bool { return slices.ContainsFunc(args, is) }
	one := func(of string) bool { return some(func(w string) bool { return isAmong(w, of) }) }
	switch {
	case isAmong(program, reachers), isAmong(program, "sshd ssh.service ssh.socket sshd.service"), some(func(w string) bool { return path.Base(w) == sshdProgram }):
		return true
	case isAmong(program, "systemctl service invoke-rc.d update-rc.d"):
		return some(ofStart) || one(networks) || one(strings.ReplaceAll(networks, ".service", ""))
	case isAmong(program, "pkill killall"):
		return some(broad)
	case program == "loginctl":
		return some(func(w string) bool { return strings.HasPrefix(w, "terminate-") || strings.HasPrefix(w, "kill-") })
	case program == "kill":
		return len(args) > 1 && args[len(args)-1] == "-1"
	case program == "ip":
		return one("link addr address route rule a l r") && one("set del delete flush replace change down")
	case program == "ifconfig":
		return one("down")
	case isAmong(program, "apt apt-get aptitude dpkg"):
		return one("remove purge autoremove -r -P --purge --remove") && one("sudo openssh-server login passwd systemd libpam-modules libpam-runtime libpam-systemd")
	}
	return some(func(w string) bool { return wayPath(program, w) })
}

// broad reports whether an argument of pkill may mean sshd: by its name, or by others
// than a process's own.
func broad(arg string) bool {
	return strings.Contains(arg, "ssh") || strings.Contains(arg, "login") || strings.ContainsAny(arg, "*.$?^") ||
		isAmong(arg, "-u -U -G -f -v -t -P -s --euid --uid --full --inverse --terminal --parent")
}

// wayPath reports whether a program changes what is at a path of the way.
func wayPath(program, word string) bool {
	writes := strings.HasPrefix(strings.TrimLeft(word, "0123456789&"), ">")
	if isAmong(program, readers) && !writes {
		return false
	}
	at := strings.TrimLeft(word, "0123456789&><")
	if !path.IsAbs(at) {
		return strings.Contains(at, ".ssh/") || strings.HasSuffix(at, "authorized_keys")
	}
	if at = path.Clean(at); at == "/dev/null" && !isAmong(program, movers) {
		return false
	}
	return isAmong(program, movers) && isAmong(at, tops) || strings.Contains(at, "/.ssh") ||
		slices.ContainsFunc(strings.Fields(ways), func(w string) bool { return at == w || strings.HasPrefix(at, w+"/") })
}

// ofStart reports whether a word of systemctl's names a unit of the start, or has the
// host leave it.
func ofStart(word string) bool {
	return isAmong(word, earlyUnits+" "+laterUnits+" "+endingTargets+" isolate rescue emergency poweroff reboot halt") || isAmong(word+".service", earlyUnits)
}
