package access

import (
	"path"
	"slices"
	"strings"
)

// Verbs of systemctl's, and of the older programs for that.
const (
	// looking are those that change nothing of a unit.
	looking = `
	status show cat help is-active is-enabled is-failed is-system-running list-units list-unit-files list-dependencies
	list-timers list-sockets list-jobs get-default show-environment daemon-reload reset-failed`
	// bringing are those after which a unit runs, or may.
	bringing = "start restart try-restart reload reload-or-restart try-reload-or-restart force-reload enable reenable unmask defaults"
	// taking are the others that may be named.
	taking = "stop kill disable mask isolate freeze edit set-property revert set-default rescue emergency poweroff reboot halt kexec remove"
)

// unitsReached names what systemctl and its like make of a unit on which the way rests.
func unitsReached(program string, args []string) string {
	words := slices.DeleteFunc(slices.Clone(args), func(w string) bool { return strings.HasPrefix(w, "-") })
	at := 0
	if program != "systemctl" {
		at = 1
	}
	verb := ""
	if at < len(words) {
		verb = words[at]
	}
	for _, w := range words {
		network := isAmong(w, networks) || isAmong(w+".service", networks)
		switch {
		case isAmong(verb, looking):
			continue
		case isAmong(verb, bringing):
			again := strings.Contains(verb, "re") && verb != "reenable" && (strings.HasPrefix(w, "dbus") || path.Ext(w) == ".target")
			if !network && !isAmong(w, endingTargets) && !again {
				continue
			}
		case !network && !ofStart(w):
			continue
		}
		if out := program; isAmong(verb, bringing+" "+taking) {
			if w != verb {
				return out + " " + verb + " " + w
			}
			return out + " " + verb
		}
		return program + " of " + w
	}
	return ""
}

// asks reports whether a program that could shut the way only says something here, or
// adds somebody to a group.
func asks(program string, args []string) bool {
	one := func(of string) bool {
		return slices.ContainsFunc(args, func(w string) bool { return isAmong(w, of) })
	}
	all := func(is func(string) bool) bool {
		return len(args) > 0 && !slices.ContainsFunc(args, func(w string) bool { return !is(w) })
	}
	first := ""
	if i := slices.IndexFunc(args, func(w string) bool { return !strings.HasPrefix(w, "-") }); i >= 0 {
		first = args[i]
	}
	switch program {
	case "nft":
		return isAmong(first, "list monitor describe") || one("-c --check -v --version")
	case "iptables", "ip6tables", "iptables-nft", "iptables-legacy", "ebtables", "arptables":
		return slices.ContainsFunc(args, lists) && !one("-A -D -I -R -F -N -X -P -E --append --delete --insert --replace --flush --new-chain --delete-chain --policy --rename-chain")
	case "ufw":
		return isAmong(first, "status show version app")
	case "firewall-cmd":
		return all(func(w string) bool {
			return slices.ContainsFunc(strings.Fields("--list --get --state --query --info --zone --permanent --version"), func(o string) bool { return strings.HasPrefix(w, o) })
		})
	case "nmcli":
		return one("show status list") && !one("up down delete modify add off on connect disconnect edit reload set reapply")
	case "netplan":
		return isAmong(first, "get status info")
	case "shutdown":
		return one("-c")
	case "passwd":
		return one("-S --status")
	case "chage":
		return one("-l --list")
	case "gpasswd":
		return one("-a --add") && !one("-d --delete -r -R -M -A")
	case "usermod":
		return one("-aG -Ga -a --append") && all(func(w string) bool {
			return !strings.HasPrefix(w, "-") || isAmong(w, "-aG -Ga -a -G --append --groups")
		})
	}
	return false
}

// lists reports whether an option has a packet filter list its rules, or look for one.
func lists(option string) bool {
	return isAmong(option, "--list --list-rules -C --check -V --version") || strings.HasPrefix(option, "-") && !strings.HasPrefix(option, "--") &&
		strings.ContainsAny(option, "LS") && strings.Trim(option, "-LSnvx") == ""
}
