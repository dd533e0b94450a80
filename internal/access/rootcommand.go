package access

import (
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
)

// Programs by which whoever runs them as root is root, by what has to be allowed of them for
// that. Another one may be such a program, too, as a script that they can write: that is not
// judged here.
const (
	// rootEdits write any file, and rootPages start a shell, whatever they are called with.
	rootEdits = "ed emacs ex jed joe mcedit micro nano ne nvim pico vi view vigr vim vim.basic vim.nox vim.tiny vimdiff vipw"
	rootPages = "less man more"
	// rootRuns run a program that they are called with, and rootReads code, by which it can
	// write any file, too.
	rootRuns = `
	ansible-playbook apt apt-get aptitude at batch chroot chrt cpulimit docker dpkg env flock gdb gem git insmod ionice lxc
	make modprobe nice nohup npm nsenter parallel passwd pip pip3 podman runuser screen script setarch setpriv setsid ssh
	start-stop-daemon stdbuf strace su sudo systemctl systemd-run taskset time timeout tmux unshare watch xargs`
	rootReads = `
	awk bash busybox crontab csh dash expect fish gawk ksh lua mawk mksh nawk nmap node nodejs perl php python python2
	python3 rbash ruby sh tclsh tcsh visudo zsh`
	// rootWrites write the files, or change the accounts, that they are called with.
	rootWrites = `
	chmod chown chpasswd cp curl dd debugfs find gpasswd install ln mount mv rpm rsync scp sed
	setcap setfacl socat sort tar tee useradd usermod wget zip`
)

// rootInEffect reports whether whoever may run what a rule of sudo allows as root is certainly
// root by that: everything, a shell, an interpreter, an editor, a program that runs others or
// writes any file. With noexec, what is run can start no other program.
func (m sudoMember) rootInEffect(noexec bool) bool {
	at, given, limited := strings.Cut(m.Command, " ")
	_, last, several := strings.Cut(given, " ")
	open := !limited || given == "*" || strings.HasSuffix(given, "/*") && !several
	switch {
	case m.Negated:
		return false
	case m.Command == all, m.Command == "sudoedit":
		return true
	case strings.HasSuffix(at, "/"):
		return isProgramDir(strings.TrimSuffix(at, "/"))
	case isProgram(at, rootEdits), open && isProgram(at, rootReads), isProgram(at, "crontab") && given == "-e":
		return true
	case isProgram(at, rootWrites):
		// A * stands for any number of words, with spaces and slashes in them, see sudoers(5).
		return open || strings.HasSuffix(last, "*") && (last == "*" || strings.HasSuffix(last, " *") || strings.HasSuffix(last, "/*"))
	case noexec:
		return false
	}
	return isProgram(at, rootPages) || open && isProgram(at, rootRuns) ||
		isProgram(at, "systemctl") && strings.HasPrefix(given, "edit") ||
		isProgram(at, "docker podman") && strings.HasPrefix(given, "run ") && strings.HasSuffix(given, "*")
}

// isProgram reports whether the path of a command, which may have wildcards, is that of one of
// some programs.
func isProgram(at, programs string) bool {
	return isProgramDir(path.Dir(at)) && slices.ContainsFunc(strings.Fields(programs), func(name string) bool {
		is, err := path.Match(path.Base(at), name)
		return is && err == nil
	})
}

// isProgramDir reports whether a directory is one of those where Debian has its programs.
func isProgramDir(dir string) bool {
	return isAmong(dir, "/bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin")
}

// allows takes down, in words, what a rule of sudo lets them do. Of rules for the same, the
// last one decides.
func (j *judge) allows(m sudoMember, words string, root bool) {
	if m.Negated {
		for i, what := range j.may {
			if m.Command == all || strings.HasPrefix(what, m.Command+" ") {
				j.may[i] = strings.TrimSuffix(what, change.RootInEffect)
			}
		}
	}
	if root {
		words += change.RootInEffect
	}
	if !slices.Contains(j.may, words) {
		j.may = append(j.may, words)
	}
}

// noexec reports whether Defaults have sudo keep a command from starting others.
func (j *judge) noexec(rules sudoRules, command string) bool {
	on := false
	of := func(m sudoMember) bool { return j.isMe(m) || m.Command != "" && m.Command == command }
	for _, d := range rules.Defaults {
		if len(d.Binding) == 0 || matches(d.Binding, of) {
			on = option(d.Options, "noexec", on)
		}
	}
	return on
}
