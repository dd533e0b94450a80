package kind

import (
	"fmt"
	"maps"
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

// declareSshd lists the drop-ins of sshd, each of which sshd has to accept
// before it takes effect. sshd is told to read them again, never restarted.
func declareSshd(in *Input) []Resource {
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(in.Backend.Sshd)) {
		d := in.Backend.Sshd[name]
		out = append(out, dropIn(in, d, change.ID{Kind: "sshd", Name: name}, in.needPackage("openssh-server"), dropInLook{
			path: sshdPath(name), mode: sshdFileMode,
			check:  host.Check{Argv: []string{"sshd", "-t", "-f", "%"}, Needs: []string{sshdPrivSep}, Root: true}, // it loads the host's keys
			reader: sshdReads,
			before: sshdRuns,
			notify: []change.Notification{{Unit: sshdUnit, Verb: host.Reload}},
		}))
	}
	return out
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

// sshdReads looks whether the main file reads the drop-in, and what it says of
// the same keywords before: the first value wins.
func sshdReads(r host.Reader, at string, content []byte) ([]string, error) {
	main, err := r.ReadFile(sshdMain)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil, nil // it comes with the package, as Debian has it
	}
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	for _, d := range sshdDirectives(content) {
		ours[d.key] = true
	}
	var notes []string
	for _, d := range sshdDirectives(main) {
		switch {
		case d.key == "match":
			return nil, fmt.Errorf("%s reads %s only within a Match block, from line %d on: it would not have the effect that is declared", sshdMain, sshdDir, d.line)
		case d.key == "include" && slices.ContainsFunc(d.args, func(pattern string) bool { return includes(pattern, at) }):
			return notes, nil
		case ours[d.key]:
			notes = append(notes, fmt.Sprintf("%s sets %s in line %d, before it reads %s: the first value wins", sshdMain, d.name, d.line, at))
		}
	}
	return nil, fmt.Errorf("%s has no line \"Include %s/*.conf\": it would have no effect", sshdMain, sshdDir)
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
	name, key string // as written, and in lower case
	args      []string
	line      int
}

func sshdDirectives(data []byte) []sshdDirective {
	var out []sshdDirective
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.IndexAny(line, " \t=")
		if end < 0 {
			end = len(line)
		}
		args := strings.Fields(strings.TrimLeft(line[end:], " \t="))
		for i, a := range args {
			args[i] = strings.Trim(a, `"`)
		}
		out = append(out, sshdDirective{name: line[:end], key: strings.ToLower(line[:end]), args: args, line: number})
	}
	return out
}
