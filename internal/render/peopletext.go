package render

import (
	"io"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/words"
)

// WriteAccess writes the report for people.
func WriteAccess(out io.Writer, r *AccessReport, style Style) {
	t := NewText(out, style)
	switch {
	case r.Detail:
		for _, p := range r.Now {
			t.person(p)
		}
	case len(r.ByPath) > 0:
		for _, p := range r.ByPath {
			t.path(p, r.Now)
		}
	default:
		t.everybody(r.Now)
		t.ruled(r.Ruled, r.Now)
	}
	if len(r.ByPath) == 0 || r.Detail {
		t.openGroups(r.Open)
	}
	switch {
	case !r.Planned:
	case len(r.Access.Turns) == 0:
		t.section("after manage", bold)
		t.lines("  " + style.paint(dim, "the same"))
	default:
		t.section("after manage", bold)
		for _, turn := range r.Access.Turns {
			t.turn(clean(turn.Who()), turn.Gain(), green, turn.Gains)
			t.turn(clean(turn.Who()), turn.Lose(), red, turn.Loses)
		}
	}
	t.untold(r.Access.Unknown)
}

// everybody is a line of each.
func (t *Text) everybody(people []Person) {
	t.section("now", bold)
	nobody := true
	for _, p := range people {
		if p.Account {
			nobody = false
			t.lines(t.style.fill("  "+clean(p.Name), p.inShort())...)
		}
	}
	if nobody {
		t.lines("  " + t.style.paint(dim, "nobody"))
	}
}

// inShort is a person in one line.
func (p Person) inShort() []string {
	out := []string{p.login()}
	for _, w := range p.Ways {
		if !w.plain() {
			out = append(out, clean(w.Words))
		}
	}
	if p.Awaits {
		out = append(out, awaits)
	}
	for _, what := range p.Sudo.words() {
		out = append(out, clean(what))
	}
	for _, r := range p.Root {
		out = append(out, clean(r.Group)+change.RootInEffect)
	}
	for _, g := range p.Administers {
		out = append(out, "administers "+clean(g.Group)+g.root())
	}
	return out
}

// plain reports whether a way is a key that gives a shell, as most are.
func (w WayDoc) plain() bool { return w.By == "key" && w.Shell && w.Doubt == "" }

func (p Person) login() string {
	n := 0
	for _, w := range p.Ways {
		if w.plain() {
			n++
		}
	}
	other := slices.ContainsFunc(p.Ways, func(w WayDoc) bool { return w.By != "password" })
	switch {
	case n > 0:
		return "login (" + words.Count(n, "key") + ")"
	case p.Login == nil:
		return "login cannot be told"
	case *p.Login:
		return "login"
	case len(p.Why) > 0:
		return "no login by ssh: " + clean(p.Why[0])
	case other:
		return "no session by ssh"
	}
	return "no login by ssh"
}

func (s SudoDoc) words() []string {
	switch {
	case s.Everything && s.Free:
		return []string{"sudo without a password"}
	case s.Everything && s.Unset:
		return []string{"sudo once they have a password"}
	case s.Everything:
		return []string{"sudo"}
	}
	return change.SudoFor(s.Rules)
}

// person is all that there is to say of one.
func (t *Text) person(p Person) {
	t.section(clean(p.Name), bold)
	if !p.Account {
		t.lines("  there is no such account")
		return
	}
	const column = 10
	say := func(label string, words ...string) {
		for _, w := range words {
			t.lines(t.style.broken("  " + pad(label, column) + "  " + clean(w))...)
			label = ""
		}
	}
	switch {
	case p.Login == nil:
		say("login", append([]string{"cannot be told"}, p.Unknown...)...)
	case *p.Login && len(p.Keys) > 0:
		say("login", "with "+words.Count(len(p.Keys), "key"))
	case *p.Login:
		say("login", "yes")
	default:
		say("login", append([]string{"no"}, p.Why...)...)
	}
	for _, w := range p.Ways {
		words := w.Words
		if w.At != "" && w.By != "password" {
			words += "  " + w.At
		}
		say("way in", words)
	}
	if p.Awaits {
		say("password", "to be set by an administrator: passwd "+p.Name)
	}
	switch {
	case p.Sudo.Everything && p.Sudo.Free:
		say("sudo", "everything as root, without a password")
	case p.Sudo.Everything && p.Sudo.Unset:
		say("sudo", "everything as root, once they have a password: sudo asks for it, and none is set")
	case p.Sudo.Everything:
		say("sudo", "everything as root")
	case len(p.Sudo.Rules) == 0:
		say("sudo", "nothing")
	default:
		say("sudo", slices.Compact(slices.Sorted(slices.Values(p.Sudo.Rules)))...)
	}
	say("groups", strings.Join(p.Groups, ", "))
	for _, r := range p.Root {
		say(r.Group, "root in effect: "+r.Why)
	}
	for _, g := range p.Administers {
		say("gpasswd", "administers the group "+g.Group+", and can take anybody in"+g.root())
	}
	var rows [][2]string
	for _, at := range p.Paths {
		if len(at.May) > 0 {
			rows = append(rows, [2]string{mayWords(at.May), clean(at.Path)})
		}
	}
	label := "paths"
	for _, r := range rows {
		say(label, pad(r[0], mayColumn)+"  "+r[1])
		label = ""
	}
}

func mayWords(may []string) string {
	if len(may) == 0 {
		return "nothing"
	}
	return strings.Join(may, ", ")
}
