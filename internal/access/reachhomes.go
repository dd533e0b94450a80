package access

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// homes is where people's homes are.
const homes = "/home"

// homeReached reports whether a program shuts somebody out of a home that it is given, or
// has sshd take no key from there: one that goes, is another's, or can be written by others.
func homeReached(program string, args []string, at string) bool {
	if path.Dir(at) != homes {
		return false
	}
	first := ""
	if i := slices.IndexFunc(args, func(w string) bool { return !strings.HasPrefix(w, "-") || symbolicMode(w) }); i >= 0 {
		first = args[i]
	}
	switch program {
	case "rm", "mv", "mount", "umount":
		return true
	case "chown":
		owner, _, _ := strings.Cut(first, ":")
		return owner != "" && owner != path.Base(at)
	case "chmod":
		return !homeMode(first)
	}
	return false
}

// symbolicMode reports whether a word that begins as an option does is a mode of chmod's.
func symbolicMode(word string) bool {
	return len(word) > 1 && word[0] == '-' && strings.Trim(word[1:], "rwx") == ""
}

// homeMode reports whether a mode of chmod's leaves a home to its owner, and lets nobody
// else write.
func homeMode(mode string) bool {
	if n, err := strconv.ParseUint(mode, 8, 32); err == nil {
		const owners, others = 0o500, 0o022
		return n&owners == owners && n&others == 0
	}
	for part := range strings.SplitSeq(mode, ",") {
		who, what, takes := strings.Cut(part, "-")
		switch {
		case takes && who != "" && strings.Trim(who, "go") == "" && strings.Trim(what, "rwxXst") == "":
		case strings.HasPrefix(part, "u+"), !takes && strings.Trim(part, "goa+=rxX") == "":
		default:
			return false
		}
	}
	return mode != ""
}

// foundReached names what a line has find, or xargs after it, do to what it finds in
// directories on which the way rests; empty: nothing.
func foundReached(words []string) string {
	begin := slices.IndexFunc(words, func(w string) bool { return program(w) == "find" })
	if begin < 0 {
		return ""
	}
	words = words[begin+1:]
	tests := slices.IndexFunc(words, func(w string) bool {
		return len(w) > 1 && (w[0] == '(' || w[0] == '!' || w[0] == '-' && !isAmong(w, "-H -L -P"))
	})
	if tests < 0 {
		return ""
	}
	const places = "/ /etc /usr /usr/bin /usr/sbin /usr/lib /usr/libexec /bin /sbin /lib /lib64"
	at := slices.IndexFunc(words[:tests], func(w string) bool { return isAmong(path.Clean(w), places) })
	if at < 0 {
		return ""
	}
	for i, w := range words[tests:] {
		if !isAmong(w, "-exec -execdir -ok xargs") {
			continue
		}
		for _, next := range words[tests+i+1:] {
			if isAmong(program(next), "chmod chown chgrp setfacl chattr mv") {
				return program(next) + " of what is found in " + path.Clean(words[at])
			}
			if !strings.HasPrefix(next, "-") && strings.Trim(next, "0123456789") != "" {
				break
			}
		}
	}
	return ""
}

// valueReached names a value of the kernel that a program sets and that may keep somebody
// out; empty: none.
func valueReached(args []string) string {
	for _, w := range args {
		name, value, sets := strings.Cut(w, "=")
		if sets && !strings.HasPrefix(name, "-") && !valueHarmless(strings.ReplaceAll(name, "/", "."), value) {
			return name
		}
	}
	return ""
}
