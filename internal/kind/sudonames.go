package kind

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/policy"
	"opsafe/internal/words"
)

// sudoNotes says what the rules name that neither the spec nor the host has: people,
// groups, programs and units. Such a rule gives nobody anything, until somebody makes
// an account or a file of that name.
func (in *Input) sudoNotes(ctx context.Context, r host.Reader, rules []byte) []string {
	var lines []string
	for _, l := range policy.SudoRules(rules) {
		lines = append(lines, sudoEscaped().ReplaceAllString(l.Text, `\`))
	}
	missing := in.noAccounts(r, lines)
	missing = append(missing, in.noPrograms(r, lines)...)
	if len(missing) == 0 {
		return in.sudoUnits(ctx, r, lines)
	}
	note := fmt.Sprintf("it has rules that name %s, which neither the spec nor this host has: they give nobody anything until it has", strings.Join(missing, ", "))
	return append([]string{note}, in.sudoUnits(ctx, r, lines)...)
}

var (
	// sudoEscaped is what separates nothing, as a comma in an argument (sudoers(5)).
	sudoEscaped = words.Pattern(`\\.`)
	// sudoAlias begins the definition of an alias.
	sudoAlias = words.Pattern(`^(User|Runas|Host|Cmnd|Cmd)_Alias\s+`)
	// sudoRunAs is as whom a command is run.
	sudoRunAs = words.Pattern(`[=,:]\s*\(([^()]*)\)`)
	// sudoOption stands before a command and is none, whatever its value.
	sudoOption = words.Pattern(`\b(?:CWD|CHROOT|ROLE|TYPE|NOTBEFORE|NOTAFTER|TIMEOUT|APPARMOR_PROFILE|PRIVS|LIMITPRIVS)=\S+`)
	// sudoProgram is a path where a command begins. A pattern or a regular expression
	// is none that can be looked for.
	sudoProgram = words.Pattern(`[=,:)!]\s*(/[\w./+@-]+)(?:[\s,:]|$)`)
	// sudoName is a name of an account or, after a percent sign, of a group. One in
	// capitals is an alias, as ALL is.
	sudoName  = words.Pattern(`^!*(%?)([A-Za-z_][\w.-]*\$?)$`)
	sudoUpper = words.Pattern(`^[A-Z][A-Z0-9_]*$`)
)

// noAccounts are the users and groups of rules that are certainly neither declared
// nor there.
func (in *Input) noAccounts(r host.Reader, lines []string) []string {
	var out []string
	for _, name := range accountsNamed(lines) {
		group, isGroup := strings.CutPrefix(name, "%")
		if slices.Contains(out, accountWords(name)) {
			continue
		}
		if isGroup {
			g, err := r.Group(group)
			isGroup = err == nil && g == nil && len(in.needGroup(group)) == 0
		}
		if isGroup || !strings.HasPrefix(name, "%") && in.noUser(r, name) {
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

func (in *Input) noUser(r host.Reader, name string) bool {
	u, err := r.User(name)
	return err == nil && u == nil && !in.isUser(name)
}

// accountsNamed are the users and, after a percent sign, the groups that rules are
// for, or that commands are run as.
func accountsNamed(lines []string) []string {
	var out []string
	add := func(members string, prefix string) {
		for member := range strings.SplitSeq(members, ",") {
			m := sudoName().FindStringSubmatch(strings.TrimSpace(member))
			if m != nil && !sudoUpper().MatchString(m[2]) {
				out = append(out, prefix+m[1]+m[2])
			}
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "Defaults") {
			continue
		}
		if alias := sudoAlias().FindStringSubmatch(line); alias != nil {
			if alias[1] == "User" || alias[1] == "Runas" {
				for def := range strings.SplitSeq(line, ":") {
					_, members, _ := strings.Cut(def, "=")
					add(members, "")
				}
			}
			continue
		}
		add(strings.Join(policy.SudoUsers(line), ","), "")
		for _, m := range sudoRunAs().FindAllStringSubmatch(line, -1) {
			users, groups, _ := strings.Cut(m[1], ":")
			add(users, "")
			add(groups, "%")
		}
	}
	return out
}

// noPrograms are the programs of rules that are certainly neither declared nor there.
// Where packages bring programs, it is theirs to say.
func (in *Input) noPrograms(r host.Reader, lines []string) []string {
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, "Defaults") {
			continue
		}
		_, commands, _ := strings.Cut(line, "=")
		commands = "=" + sudoOption().ReplaceAllString(commands, "")
		for _, m := range sudoProgram().FindAllStringSubmatch(commands, -1) {
			at := path.Clean(m[1])
			if packaged(at) || slices.Contains(out, at) || in.declares(at) {
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
func (in *Input) declares(at string) bool {
	for p := at; p != "/"; p = path.Dir(p) {
		if f := in.Backend.Files[p]; f != nil {
			return f.State != Absent
		}
		if slices.Contains(in.Backend.Owned(), p) {
			return true
		}
	}
	return false
}
