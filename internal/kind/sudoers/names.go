package sudoers

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// notes says what the rules name that neither the spec nor the host has: people,
// groups, programs and units. Such a rule gives nobody anything, until somebody makes
// an account or a file of that name.
func notes(ctx context.Context, in *kind.Input, r host.Reader, rules []byte) []string {
	var lines []string
	for _, l := range policy.SudoRules(rules) {
		lines = append(lines, escaped().ReplaceAllString(l.Text, `\`))
	}
	missing := noAccounts(in, r, lines)
	missing = append(missing, noPrograms(in, r, lines)...)
	if len(missing) == 0 {
		return unitNotes(ctx, in, r, lines)
	}
	note := fmt.Sprintf("it has rules that name %s, which neither the spec nor this host has: they give nobody anything until it has", strings.Join(missing, ", "))
	return append([]string{note}, unitNotes(ctx, in, r, lines)...)
}

var (
	// escaped is what separates nothing, as a comma in an argument (sudoers(5)).
	escaped = words.Pattern(`\\.`)
	// alias begins the definition of an alias.
	alias = words.Pattern(`^(User|Runas|Host|Cmnd|Cmd)_Alias\s+`)
	// runAs is as whom a command is run.
	runAs = words.Pattern(`[=,:]\s*\(([^()]*)\)`)
	// option stands before a command and is none, whatever its value.
	option = words.Pattern(`\b(?:CWD|CHROOT|ROLE|TYPE|NOTBEFORE|NOTAFTER|TIMEOUT|APPARMOR_PROFILE|PRIVS|LIMITPRIVS)=\S+`)
	// program is a path where a command begins. A pattern or a regular expression
	// is none that can be looked for.
	program = words.Pattern(`[=,:)!]\s*(/[\w./+@-]+)(?:[\s,:]|$)`)
	// accountName is a name of an account or, after a percent sign, of a group. One in
	// capitals is an alias, as ALL is.
	accountName = words.Pattern(`^!*(%?)([A-Za-z_][\w.-]*\$?)$`)
	upper       = words.Pattern(`^[A-Z][A-Z0-9_]*$`)
)

// noAccounts are the users and groups of rules that are certainly neither declared
// nor there.
func noAccounts(in *kind.Input, r host.Reader, lines []string) []string {
	var out []string
	for _, name := range accountsNamed(lines) {
		group, isGroup := strings.CutPrefix(name, "%")
		if slices.Contains(out, accountWords(name)) {
			continue
		}
		if isGroup {
			g, err := r.Group(group)
			isGroup = err == nil && g == nil && len(in.NeedGroup(group)) == 0
		}
		if isGroup || !strings.HasPrefix(name, "%") && noUser(in, r, name) {
			out = append(out, accountWords(name))
		}
	}
	return out
}

func accountWords(name string) string {
	if group, is := strings.CutPrefix(name, "%"); is {
		return "group " + group
	}
	return "user " + name
}

func noUser(in *kind.Input, r host.Reader, name string) bool {
	u, err := r.User(name)
	return err == nil && u == nil && !in.HasUser(name)
}

// accountsNamed are the users and, after a percent sign, the groups that rules are
// for, or that commands are run as.
func accountsNamed(lines []string) []string {
	var out []string
	add := func(members string, prefix string) {
		for member := range strings.SplitSeq(members, ",") {
			m := accountName().FindStringSubmatch(strings.TrimSpace(member))
			if m != nil && !upper().MatchString(m[2]) {
				out = append(out, prefix+m[1]+m[2])
			}
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "Defaults") {
			continue
		}
		if def := alias().FindStringSubmatch(line); def != nil {
			if def[1] == "User" || def[1] == "Runas" {
				for list := range strings.SplitSeq(line, ":") {
					_, members, _ := strings.Cut(list, "=")
					add(members, "")
				}
			}
			continue
		}
		add(strings.Join(policy.SudoUsers(line), ","), "")
		for _, m := range runAs().FindAllStringSubmatch(line, -1) {
			users, groups, _ := strings.Cut(m[1], ":")
			add(users, "")
			add(groups, "%")
		}
	}
	return out
}

// noPrograms are the programs of rules that are certainly neither declared nor there.
// Where packages bring programs, it is theirs to say.
func noPrograms(in *kind.Input, r host.Reader, lines []string) []string {
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, "Defaults") {
			continue
		}
		_, commands, _ := strings.Cut(line, "=")
		commands = "=" + option().ReplaceAllString(commands, "")
		for _, m := range program().FindAllStringSubmatch(commands, -1) {
			at := path.Clean(m[1])
			if kind.Packaged(at) || slices.Contains(out, at) || declares(in.Backend, at) {
				continue
			}
			if n, err := r.Stat(at); err == nil && n == nil {
				out = append(out, at)
			}
		}
	}
	return out
}

// declares reports whether the spec has something make a path, or what lies below it.
func declares(b *spec.Backend, at string) bool {
	for p := at; p != "/"; p = path.Dir(p) {
		if f := b.Files[p]; f != nil {
			return f.State != kind.Absent
		}
		if slices.Contains(b.Owned(), p) {
			return true
		}
	}
	return false
}
