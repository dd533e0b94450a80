package access

import (
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/host"
)

// maxLinks bounds how many symbolic links are followed on the way to a path.
const maxLinks = 40

// reach says what keeps the user from something at a path, be it a directory on the
// way that they cannot search; empty for nothing. Links are followed as the kernel
// follows them. What is not there is none that they reach.
func (j *judge) reach(to string, want host.Perm) (why string, err error) {
	at, rest, links := "/", strings.Split(path.Clean(to), "/"), 0
	n, err := j.Stat(at)
	for ; err == nil && len(rest) > 0; rest = rest[1:] {
		if rest[0] == "" {
			continue
		}
		if n != nil && n.Type == host.TypeDir && j.perm(n)&host.Execute == 0 {
			return j.cannot("search", at, n), nil
		}
		next := path.Join(at, rest[0])
		if n, err = j.Stat(next); err != nil || n == nil {
			break
		}
		if n.Type != host.TypeSymlink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return to + " leads through too many links", nil
		}
		whole := path.Join(append([]string{target(next, n.Target)}, rest[1:]...)...)
		at, rest = "/", append([]string{""}, strings.Split(whole, "/")...)
		n, err = j.Stat(at)
	}
	switch {
	case err != nil:
		return "", err
	case n == nil:
		return to + " is not there", nil
	case j.perm(n)&want == want:
		return "", nil
	}
	do := "use"
	switch {
	case want == host.Read:
		do = "read"
	case want == host.Execute && n.Type == host.TypeDir:
		do = "search"
	case want == host.Execute:
		do = "run"
	}
	return j.cannot(do, at, n), nil
}

// cannot says that the user lacks a right at a path.
func (j *judge) cannot(do, at string, n *host.Node) string {
	return fmt.Sprintf("%s cannot %s %s (mode %s, of %s:%s)", j.user.Name, do, at, n.Access.Mode(), n.Owner, n.Group)
}

// runnable looks for what every program needs that the user starts, besides its own
// file: the linker and the C library, through directories that they can search.
func (j *judge) runnable() error {
	facts, err := j.Facts()
	if err != nil {
		return err
	}
	for _, at := range libraries(facts.Arch) {
		why, err := j.reach(at, host.Read)
		if err != nil {
			return err
		}
		if why != "" {
			j.gate("no program of theirs runs, since "+why, true)
			return nil
		}
	}
	return nil
}

// everyLogin are what shells and programs take for granted, and what has to be allowed
// there: without it a login is crippled, or sudo cannot ask for a password.
const everyLogin = `
	/dev/null rw /dev/zero r /dev/full r /dev/random r /dev/urandom r /dev/tty rw /dev/ptmx rw /dev/pts x
	/proc x /sys x /run x /run/user x /var x /var/tmp x /tmp wx
	/etc x /etc/passwd r /etc/group r /etc/nsswitch.conf r`

// takenForGranted looks whether a plan takes from them what a login comes across wherever
// it leads: nobody can tell what is left of it.
func (j *judge) takenForGranted(context.Context) error {
	after := planned(j.Reader)
	if after == nil {
		return nil
	}
	was, is := *j, *j
	was.Reader, is.Reader = after.Before(), after
	words := strings.Fields(everyLogin)
	for i := 0; i < len(words); i += 2 {
		at, want := words[i], host.Perm(0)
		for letter, perm := range map[string]host.Perm{"r": host.Read, "w": host.Write, "x": host.Execute} {
			if strings.Contains(words[i+1], letter) {
				want |= perm
			}
		}
		why, err := is.reach(at, want)
		if host.IsUnknown(err) || err == nil && why == "" {
			continue
		}
		if err != nil {
			return err
		}
		if before, err := was.reach(at, want); err == nil && before == "" {
			j.doubt(why)
			if t, ok := j.Reader.(*traced); ok {
				t.note("taken for granted at "+at, why, nil)
			}
		}
	}
	return nil
}

// libraries are files that every dynamic program reads, by Debian's name of the
// architecture. None is known of others.
func libraries(arch string) []string {
	switch arch {
	case "amd64":
		return []string{"/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"}
	case "arm64":
		return []string{"/lib/ld-linux-aarch64.so.1", "/lib/aarch64-linux-gnu/libc.so.6"}
	}
	return nil
}
