package access

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"opsafe/internal/shellrc"
)

const (
	// reachers are programs that have to do with packets, networks or accounts, or end
	// the host.
	reachers = `
	iptables ip6tables iptables-restore ip6tables-restore iptables-nft iptables-legacy nft ufw firewall-cmd ebtables
	arptables ifdown nmcli netplan shutdown poweroff reboot halt telinit kexec pam-auth-update
	passwd chpasswd usermod userdel deluser gpasswd groupdel delgroup chage vipw`
	networks = "networking.service systemd-networkd.service NetworkManager.service nftables.service firewalld.service ufw.service"
	// prefixes are words before a command that leave it what it is.
	prefixes = "exec env nice ionice nohup setsid sudo command if then elif else do while until ! time { [ test"
	// readers only look at what they are given.
	readers = "cat grep egrep awk cut sort uniq tr wc stat ls md5sum sha256sum tar diff cmp getent head tail find [ : ps"
	// movers take away what they are given, or give it to others.
	movers = "rm mv ln chmod chown chgrp setfacl chattr mount umount"
	// tops are directories without which nobody gets in.
	tops = "/ /etc /usr /usr/bin /usr/sbin /usr/lib /bin /sbin /lib /lib64 /home /root /dev /dev/pts /proc /sys /run /var"
	// ways are paths on which the way in rests, with what is below them.
	ways = `
	/etc/ssh /etc/pam.d /etc/pam.conf /etc/sudo.conf /etc/sudoers /etc/sudoers.d /etc/security /etc/passwd /etc/shadow
	/etc/group /etc/gshadow /etc/nsswitch.conf /etc/hosts.allow /etc/hosts.deny /etc/nologin /run/nologin
	/var/run/nologin /run/sshd /etc/ld.so.preload /etc/profile /etc/profile.d /etc/bash.bashrc /etc/environment
	/usr/bin/sudo /usr/sbin/sshd /bin/bash /usr/bin/bash /bin/sh /usr/bin/sh /dev/null /dev/tty /dev/ptmx
	/proc/sysrq-trigger`
)

// ofTheWay is said of a command that reaches for the way in.
const ofTheWay = " reaches for the way in"

// concerns are the lines of a script, or of a file with commands in it, that have a
// command which reaches for the way in.
func concerns(text string) []shellrc.Line {
	var out []shellrc.Line
	kills := strings.Contains(text, "kill")
	number, began, line := 0, 0, ""
	for part := range strings.Lines(text) {
		number++
		if line == "" {
			began = number
		}
		if more, goesOn := strings.CutSuffix(strings.TrimRight(part, "\n"), `\`); goesOn {
			line += more + " "
			continue
		}
		line = strings.TrimSpace(line + part)
		if line != "" && line[0] != '#' {
			if what := reachesBy(line, kills); what != "" {
				out = append(out, shellrc.Line{Number: began, What: what + ofTheWay, Text: line})
			}
		}
		line = ""
	}
	return out
}

// reaches names the command of a line that stops what a start goes through, has to do
// with packets, networks or accounts, or touches what the way in rests on; empty: none
// does. What it takes a program for is what it calls it: one that is put together out of
// parts is not known.
func reaches(line string) string { return reachesBy(line, strings.Contains(line, "kill")) }

// reachesBy is told whether anything is killed by a number that is looked for elsewhere.
func reachesBy(line string, kills bool) string {
	const ends = ";&|()`"
	line = unsaid(line)
	plain := with(line, `"'`, -1)
	list := with(plain, "[],", ' ') // of another language's
	if what := foundReached(strings.Fields(strings.ReplaceAll(with(plain, ";|", ' '), `\\`, " "))); what != "" {
		return what
	}
	what := anyReaches(line, ends+`[],"'`, kills)
	if what == "" && plain != line {
		what = anyReaches(plain, ends+"[],", kills)
	}
	if what == "" && list != plain {
		what = anyReaches(list, ends, kills)
	}
	return what
}

// with is a line with one sign in the place of each of some; -1: none.
func with(line, signs string, sign rune) string {
	if !strings.ContainsAny(line, signs) {
		return line
	}
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(signs, c) {
			return sign
		}
		return c
	}, line)
}

// anyReaches looks at the commands of a line, each of which goes up to one of some signs.
func anyReaches(line, ends string, kills bool) string {
	for command := range strings.FieldsFuncSeq(line, func(c rune) bool { return strings.ContainsRune(ends, c) }) {
		words := strings.Fields(unmarked(command))
		for len(words) > 0 && (isAmong(path.Base(words[0]), prefixes) || strings.Contains(words[0], "=") && !strings.HasPrefix(words[0], "-")) {
			words = words[1:]
		}
		for _, i := range begins(words) {
			if what := commandReaches(program(words[i]), words[i+1:], kills); what != "" {
				return what
			}
		}
	}
	return ""
}

// unmarked is a command without the signs that systemd has before a path, see
// systemd.service(5), and without those of a list.
func unmarked(command string) string {
	if bare := strings.TrimLeft(command, " -@:+!"); path.IsAbs(bare) {
		return bare
	}
	return strings.TrimLeft(command, " -:+!") // @reboot is a time of crontab(5)
}

// begins are the places of the words with which a command may begin: the first or, after
// the times of crontab(5), that and the one after it, since some name a user.
func begins(words []string) []int {
	const days = "sun mon tue wed thu fri sat jan feb mar apr may jun jul aug sep oct nov dec"
	i := 0
	for i < len(words) && (strings.HasPrefix(words[i], "@") || strings.Trim(words[i], "0123456789*/-") == "" || i > 0 && isAmong(strings.ToLower(words[i]), days)) {
		i++
	}
	switch {
	case i >= len(words):
		return nil
	case i == 0 || i+1 == len(words):
		return []int{i}
	}
	return []int{i, i + 1}
}

// program is the name of one, if a path leads to where programs are.
func program(word string) string {
	if dir := path.Base(path.Dir(word)); dir == "bin" || dir == "sbin" {
		return path.Base(word)
	}
	return word
}

// commandReaches names a command, and what it is about, that reaches for the way in.
func commandReaches(program string, args []string, kills bool) string {
	if name, ok := strings.CutPrefix(program, "/etc/init.d/"); ok {
		program, args = "service", append([]string{name}, args...)
	}
	if isAmong(program, "cp install rsync scp") && len(args) > 0 {
		args = args[len(args)-1:] // what is read is left as it is
	}
	some := func(is func(string) bool) bool { return slices.ContainsFunc(args, is) }
	one := func(of string) bool { return some(func(w string) bool { return isAmong(w, of) }) }
	reached := false
	switch {
	case isAmong(program, reachers):
		reached = !asks(program, args)
	case isAmong(program, "systemctl service invoke-rc.d update-rc.d"):
		return unitsReached(program, args)
	case isAmong(program, "pkill killall"):
		reached = some(broad) && !one("-0")
	case program == "loginctl":
		reached = some(func(w string) bool { return strings.HasPrefix(w, "terminate-") || strings.HasPrefix(w, "kill-") })
	case program == "kill":
		reached = len(args) > 1 && args[len(args)-1] == "-1"
	case program == "ip":
		reached = one("link addr address route rule a l r") && one("set del delete flush replace change down")
	case program == "ifconfig":
		reached = len(args) > 1
	case program == "sysctl":
		if name := valueReached(args); name != "" {
			return program + " of " + name
		}
	case isAmong(program, "apt apt-get aptitude dpkg"):
		reached = one("remove purge autoremove -r -P --purge --remove") && one("sudo openssh-server login passwd systemd libpam-modules libpam-runtime libpam-systemd")
	case program == sshdProgram:
	case some(func(w string) bool { return path.Base(w) == sshdProgram }) && !isAmong(program, readers) && (kills || !isAmong(program, "pidof pgrep")):
		return shownProgram(program) + " of " + sshdProgram
	default:
		for _, w := range args {
			if way := wayPath(program, w); way != "" || homeReached(program, args, path.Clean(w)) {
				way = cmp.Or(way, homes)
				return shownProgram(program) + " of " + way
			}
		}
	}
	if reached {
		return program
	}
	return ""
}

// shownProgram is the name of a program; what does not look like one may be a secret.
func shownProgram(program string) string {
	if strings.Trim(program, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return "a command"
	}
	return program
}

// broad reports whether an argument of pkill may mean sshd: by its name, or by others
// than a process's own.
func broad(arg string) bool {
	return strings.Contains(arg, "ssh") || strings.Contains(arg, "login") || strings.ContainsAny(arg, "*.$?^") ||
		isAmong(arg, "-u -U -G -f -v -t -P -s --euid --uid --full --inverse --terminal --parent")
}

// wayPath is the path of the way of which a program changes what is there; empty: none.
func wayPath(program, word string) string {
	const keys = "~/.ssh"
	writes := strings.HasPrefix(strings.TrimLeft(word, "0123456789&"), ">")
	if isAmong(program, readers) && !writes {
		return ""
	}
	at := strings.TrimPrefix(strings.TrimLeft(word, "0123456789&><"), "of=") // of dd's
	if !path.IsAbs(at) {
		if strings.Contains(at, ".ssh/") || strings.HasSuffix(at, "authorized_keys") {
			return keys
		}
		return ""
	}
	at = path.Clean(at)
	value, isValue := strings.CutPrefix(at, "/proc/sys/")
	switch {
	case isValue && writes && !valueHarmless(strings.ReplaceAll(value, "/", "."), ""):
		return at
	case at == "/dev/null" && !isAmong(program, movers):
		return ""
	case isAmong(program, movers) && isAmong(path.Clean(strings.TrimSuffix(at, "*")), tops) && (program == "rm" || path.Dir(at) != homes):
		return at
	case strings.Contains(at, "/.ssh"):
		return keys
	}
	for way := range strings.FieldsSeq(ways) {
		if at == way || strings.HasPrefix(at, way+"/") {
			return way
		}
	}
	return ""
}

// ofStart reports whether a word of systemctl's names a unit of the start, or has the
// host leave it.
func ofStart(word string) bool {
	return isAmong(word, earlyUnits+" "+laterUnits+" "+endingTargets+" system.slice user.slice -.slice isolate rescue emergency poweroff reboot halt") || isAmong(word+".service", earlyUnits)
}
