package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// sudoRules is what cvtsudoers(1) prints with -f json: sudo's own reading of its
// rules, aliases expanded.
type sudoRules struct {
	Specs []struct {
		Users    []sudoMember `json:"User_List"`
		Hosts    []sudoMember `json:"Host_List"`
		Commands []struct {
			RunAs    []sudoMember     `json:"runasusers"`
			AsGroups []sudoMember     `json:"runasgroups"`
			Options  []map[string]any `json:"Options"`
			Commands []sudoMember     `json:"Commands"`
		} `json:"Cmnd_Specs"`
	} `json:"User_Specs"`
	Defaults []struct {
		Binding []sudoMember     `json:"Binding"`
		Options []map[string]any `json:"Options"`
	} `json:"Defaults"`
}

type sudoMember struct {
	User    string `json:"username"`
	UID     *int   `json:"userid"`
	Group   string `json:"usergroup"`
	GID     *int   `json:"usergid"`
	Host    string `json:"hostname"`
	Command string `json:"command"`
	Negated bool   `json:"negated"`
	// Digests of a command are what its file has to have.
	SHA224 string `json:"sha224"`
	SHA256 string `json:"sha256"`
	SHA384 string `json:"sha384"`
	SHA512 string `json:"sha512"`
}

// everything reports whether any command is meant.
func (m sudoMember) everything() bool {
	return m.Command == all && m.SHA224+m.SHA256+m.SHA384+m.SHA512 == ""
}

const all = "ALL"

// sudo judges whether sudo lets them run everything as root. The last rule that
// matches decides, see sudoers(5).
func (j *judge) sudo(ctx context.Context) error {
	if j.user.UID == 0 {
		j.everything, j.free = true, true
		return nil
	}
	out, err := j.Evaluate(ctx, host.Check{
		Argv: []string{"cvtsudoers", "-e", "-f", "json", "%"}, Root: true,
		Tree: &host.CheckTree{Main: debian.Sudoers, Dir: debian.SudoersDir},
	})
	var refused *host.CheckError
	if errors.As(err, &refused) {
		j.noRoot("sudo's rules are wrong: " + refused.Error())
		return nil
	}
	if err != nil {
		return err
	}
	rules, err := once(j.Reader, "cvtsudoers says "+out, func(*traced) (rules sudoRules, err error) {
		return rules, json.Unmarshal([]byte(out), &rules)
	})
	if err != nil {
		return &host.UnknownError{What: "sudo's rules", Why: fmt.Sprintf("cvtsudoers prints something else than expected: %v", err), Err: err}
	}
	facts, err := j.Facts()
	if err != nil {
		return err
	}
	allowed, asks := j.runsAll(rules, facts.Hostname)
	j.everything, j.free = allowed, allowed && !asks
	another := j.defaults(rules, facts.Hostname) && asks
	switch {
	case !allowed:
		j.noRoot("no rule of sudo lets them run everything as root")
	case another:
		return j.askedForRoots()
	case asks && j.password.State != host.PasswordSet && !j.password.MustChange:
		j.unset = true
		j.noRoot(fmt.Sprintf("sudo asks for a password, and theirs is %s", j.password.State))
		j.way.Locked = j.password.State == host.PasswordLocked
	}
	return nil
}

// askedForRoots is what there is to say where sudo asks for root's password.
func (j *judge) askedForRoots() error {
	p, err := j.Password(root)
	switch {
	case err != nil:
		return err
	case p == nil || p.State != host.PasswordSet:
		j.noRoot("sudo asks for root's password, and there is none")
	default:
		j.doubt("sudo asks for root's password, and whether they know it is not known")
	}
	return nil
}

// runsAll reports whether the rules let them run everything as root on this
// host, and whether sudo asks for their password first.
func (j *judge) runsAll(rules sudoRules, hostname string) (allowed, asks bool) {
	authenticate, doubt := true, ""
	for _, d := range rules.Defaults {
		if len(d.Binding) == 0 || matches(d.Binding, j.isMe) {
			authenticate = option(d.Options, "authenticate", authenticate)
		}
	}
	for _, s := range rules.Specs {
		here := func(m sudoMember) bool { return m.Host == all || m.Host == hostname }
		if !matches(s.Users, j.isMe) || !matches(s.Hosts, here) {
			continue
		}
		for _, c := range s.Commands {
			counts, unsure := timed(c.Options, j.now)
			if !counts {
				continue
			}
			asRoot := func(m sudoMember) bool { return m.User == all || m.User == "root" || m.UID != nil && *m.UID == 0 }
			runs := len(c.RunAs)+len(c.AsGroups) == 0 || matches(c.RunAs, asRoot)
			j.logs.note(c.Options)
			for _, m := range c.Commands {
				noexec := option(c.Options, "noexec", j.noexec(rules, m.Command))
				j.allows(m, m.words(c.RunAs, !option(c.Options, "authenticate", authenticate)), runs && m.rootInEffect(noexec))
				switch {
				case !runs:
				case m.everything() && !m.Negated:
					allowed, asks, doubt = true, option(c.Options, "authenticate", authenticate), unsure
				case m.Negated:
					// Something is taken out again: a way to be root that has
					// holes is not counted on.
					allowed, asks = false, false
				}
			}
		}
	}
	if allowed && doubt != "" {
		j.doubt(doubt)
	}
	return allowed, asks
}

// words say what a rule is about: a command, and as whom if not as root.
func (m sudoMember) words(as []sudoMember, free bool) string {
	what := m.Command
	if what == all {
		what = "everything"
	}
	if m.Negated {
		what = "not " + what
	}
	var names []string
	for _, a := range as {
		switch {
		case a.User == all:
			names = append(names, "anybody")
		case a.User != "":
			names = append(names, a.User)
		case a.UID != nil:
			names = append(names, "uid "+strconv.Itoa(*a.UID))
		case a.Group != "":
			names = append(names, "group "+a.Group)
		}
	}
	if who := strings.Join(names, ", "); who != "" && who != "root" {
		what += " as " + who
	}
	if free && !m.Negated {
		what += " without a password"
	}
	return what
}

func (j *judge) isMe(m sudoMember) bool {
	return m.User == all || m.User != "" && m.User == j.user.Name || m.UID != nil && *m.UID == j.user.UID ||
		m.Group != "" && slices.Contains(j.groups, m.Group) || m.GID != nil && slices.Contains(j.gids, *m.GID)
}

// matches reports whether the last member of a list that is meant by is decides
// for it.
func matches(list []sudoMember, is func(sudoMember) bool) bool {
	matched := false
	for _, m := range list {
		if is(m) {
			matched = !m.Negated
		}
	}
	return matched
}

func option(options []map[string]any, name string, otherwise bool) bool {
	for _, o := range options {
		if v, ok := o[name].(bool); ok {
			otherwise = v
		}
	}
	return otherwise
}
