package kind

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Where sshd reads its configuration, the unit that runs it on Debian and
// Ubuntu, and the directory without which it does not even check one.
const (
	sshdMain     = "/etc/ssh/sshd_config"
	sshdDir      = "/etc/ssh/sshd_config.d"
	sshdUnit     = "ssh.service"
	sshdPrivSep  = "/run/sshd"
	sshdFileMode = host.Mode(0o644)
)

func sshdPath(name string) string { return path.Join(sshdDir, name+".conf") }

// declareSshd lists the drop-ins of sshd. Sshd has to accept the configuration
// as a whole before one of them takes effect; it is told to read them again,
// never restarted.
func declareSshd(in *Input) []Resource {
	return dropIns(in, in.Backend.Sshd, "sshd", in.needPackage("openssh-server"), dropInLook{
		main: sshdMain, dir: sshdDir, suffix: ".conf", mode: sshdFileMode,
		check:  sshdCheck(),
		reader: sshdReads,
		before: sshdRuns,
		notify: []change.Notification{{Unit: sshdUnit, Verb: host.Reload}},
		undo:   true,
	})
}

// sshdRuns makes the directory that sshd needs to check a configuration, which
// only the running service has made.
func sshdRuns(r host.Reader) ([]host.Step, error) {
	n, err := r.Stat(sshdPrivSep)
	if n != nil || err != nil {
		return nil, err
	}
	return []host.Step{host.MakeDir{Path: sshdPrivSep, Owner: rootsOwn, Group: rootsOwn, Access: host.AccessOf(0o755)}}, nil
}

// sshdReads looks whether the main file reads the drop-in, and whether
// something before it sets the same keywords: the first value wins.
func sshdReads(r host.Reader, l dropInLook, content []byte) error {
	main, err := r.ReadFile(sshdMain)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil // it comes with the package, as Debian has it
	}
	if err != nil {
		return err
	}
	ours := map[string]sshdDirective{}
	for _, d := range sshdGlobal(content) {
		if _, again := ours[d.key]; !again && !sshdAccumulates(d.key) {
			ours[d.key] = d
		}
	}
	var lost error
	for _, d := range sshdDirectives(main) {
		switch {
		case d.key == "match":
			return fmt.Errorf("%s reads %s only within a Match block, from line %d on: it would not have the effect that is declared", sshdMain, sshdDir, d.line)
		case d.key == "include" && slices.ContainsFunc(d.args, func(pattern string) bool { return includes(pattern, l.path) }):
			if lost != nil {
				return lost
			}
			return sshdSiblings(r, l, d.args, ours)
		}
		if own, ok := ours[d.key]; ok && lost == nil && !own.equal(d) {
			lost = fmt.Errorf("%q has no effect, since %s says %q in line %d, before it reads %s, and the first value wins: remove that line, or move it below the Include",
				own, sshdMain, d, d.line, l.path)
		}
		delete(ours, d.key) // said already, as we would
	}
	return fmt.Errorf("%s has no line \"Include %s/*.conf\": it would have no effect", sshdMain, sshdDir)
}

// sshdSiblings looks whether a file that the same Include reads before the
// drop-in sets one of its keywords to something else.
func sshdSiblings(r host.Reader, l dropInLook, patterns []string, ours map[string]sshdDirective) error {
	names, err := r.ReadDir(sshdDir)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		at := path.Join(sshdDir, name)
		first := slices.ContainsFunc(patterns, func(pattern string) bool { return includes(pattern, at) })
		if !first || at >= l.path || l.siblings[at].absent {
			continue
		}
		data, err := r.ReadFile(at)
		if host.IsUnknown(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, d := range sshdGlobal(data) {
			if own, ok := ours[d.key]; ok && !own.equal(d) {
				return fmt.Errorf("%q has no effect, since %s, which is read before it, says %q in line %d, and the first value wins: rename the drop-in so that it sorts first, or remove that line",
					own, at, d, d.line)
			}
			delete(ours, d.key)
		}
	}
	return nil
}

// sshdAccumulates reports whether sshd adds up what several lines of a keyword
// say, so that none of them is lost.
func sshdAccumulates(key string) bool {
	switch key {
	case "acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostcertificate", "hostkey", "include",
		"listenaddress", "logverbose", "match", "port", "setenv", "subsystem":
		return true
	}
	return false
}

// includes reports whether an Include's pattern, which is relative to /etc/ssh,
// matches a path.
func includes(pattern, at string) bool {
	if !path.IsAbs(pattern) {
		pattern = path.Join(path.Dir(sshdMain), pattern)
	}
	ok, err := path.Match(pattern, at)
	return ok && err == nil
}

// sshdDirective is one line of sshd_config(5).
type sshdDirective struct {
	name, key string // as written, and as sshd knows it, in lower case
	args      []string
	line      int
}

// equal reports whether both say the same.
func (d sshdDirective) equal(other sshdDirective) bool { return slices.Equal(d.args, other.args) }

func (d sshdDirective) String() string { return strings.Join(append([]string{d.name}, d.args...), " ") }

// sshdGlobal are the directives before the first Match block.
func sshdGlobal(data []byte) []sshdDirective {
	all := sshdDirectives(data)
	if i := slices.IndexFunc(all, func(d sshdDirective) bool { return d.key == "match" }); i >= 0 {
		return all[:i]
	}
	return all
}

// sshdKey is the lower-case name under which sshd knows a keyword, which may be
// an old name of another.
func sshdKey(name string) string {
	switch key := strings.ToLower(name); key {
	case "challengeresponseauthentication", "skeyauthentication":
		return "kbdinteractiveauthentication"
	case "pubkeyacceptedkeytypes":
		return "pubkeyacceptedalgorithms"
	case "hostbasedacceptedkeytypes":
		return "hostbasedacceptedalgorithms"
	default:
		return key
	}
}

func sshdDirectives(data []byte) []sshdDirective {
	var out []sshdDirective
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		// As sshd does, which passes over one = before the keyword, and takes it
		// in quotes.
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "="))
		if line == "" || line[0] == '#' || line[0] == '=' {
			continue
		}
		end := strings.IndexAny(line, " \t=")
		if end < 0 {
			end = len(line)
		}
		args := strings.Fields(strings.TrimLeft(line[end:], " \t="))
		if i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "#") }); i >= 0 {
			args = args[:i] // newer versions know comments behind values
		}
		for i, a := range args {
			args[i] = strings.Trim(a, `"`)
		}
		if name := strings.Trim(line[:end], `"`); name != "" {
			out = append(out, sshdDirective{name: name, key: sshdKey(name), args: args, line: number})
		}
	}
	return out
}
