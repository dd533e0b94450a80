package render

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/words"
)

// AccessReport is who may do what on a host.
type AccessReport struct {
	Backend, Host string
	Made          time.Time
	// Now and Then are the same people, in the present state and in the planned
	// one; Planned says whether there is one.
	Now, Then []Person
	Planned   bool
	// Open are the groups that somebody else than root lets others into, now.
	Open   []OpenGroupDoc
	Access *change.AccessDiff // what differs between the two
	// ByPath are the paths that were asked for; Detail is whether people were. Ruled are
	// those of which the spec says who may do what, where none were asked for.
	ByPath []string
	Ruled  []string
	Detail bool
	// Asked are the accounts that were asked for; none: all that matter.
	Asked []string
	// SetByAdmin are those whose password an administrator sets.
	SetByAdmin []string
}

// Person is what one of them may do.
type Person struct {
	Name    string `json:"name"`
	Account bool   `json:"account"`
	// Login is whether somebody can log in as them by ssh, without a password, and
	// get a session; nil if that cannot be told.
	Login    *bool    `json:"login"`
	Why      []string `json:"why_no_login,omitempty"`
	Keys     []KeyDoc `json:"keys,omitempty"`
	Ways     []WayDoc `json:"ways_in,omitempty"`
	Password bool     `json:"login_with_password"`
	// Awaits says that an administrator is to set their password, and none has yet.
	Awaits bool      `json:"password_to_be_set_by_administrator,omitempty"`
	Sudo   SudoDoc   `json:"sudo"`
	Root   []RootDoc `json:"root_by_group,omitempty"`
	Groups []string  `json:"groups,omitempty"`
	// Administers are groups of which they may change the members.
	Administers []RootDoc `json:"administers,omitempty"`
	Paths       []PathDoc `json:"paths,omitempty"`
	Unknown     []string  `json:"unknown,omitempty"`
}

// WayDoc is one thing by which somebody can get in as an account: a line of a key
// file, an authority for certificates, a password.
type WayDoc struct {
	By          string `json:"by"`
	At          string `json:"at,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	// Good says what it is good for. Doubt says why that cannot be told.
	Good  string `json:"good_for,omitempty"`
	Shell bool   `json:"shell"`
	Root  bool   `json:"root_by_socket,omitempty"`
	Doubt string `json:"cannot_be_told,omitempty"`
	// Words say it for people.
	Words string `json:"-"`
}

// KeyDoc is a key that sshd accepts.
type KeyDoc struct {
	Fingerprint string `json:"fingerprint"`
	Comment     string `json:"comment,omitempty"`
}

// SudoDoc is what sudo lets somebody do.
type SudoDoc struct {
	Everything bool     `json:"everything"`
	Free       bool     `json:"without_password"`
	Unset      bool     `json:"password_missing,omitempty"`
	Rules      []string `json:"rules,omitempty"`
	Unsure     bool     `json:"cannot_be_told,omitempty"`
}

// RootDoc is a group, and how its members are root in effect, if they are.
type RootDoc struct {
	Group string `json:"group"`
	Why   string `json:"why,omitempty"`
}

// OpenGroupDoc is a group that others get into by its password, or whom its
// administrators take in.
type OpenGroupDoc struct {
	Group    string   `json:"group"`
	Password bool     `json:"password"`
	Admins   []string `json:"administrators,omitempty"`
	Why      string   `json:"root_by_group,omitempty"`
}

// PathDoc is what somebody may do at a path.
type PathDoc struct {
	Path string   `json:"path"`
	May  []string `json:"may"`
	// Absent says that there is no such path, Unsure that it cannot be told.
	Absent bool `json:"absent,omitempty"`
	Unsure bool `json:"cannot_be_told,omitempty"`
}

// PeopleDoc is the JSON form of an AccessReport.
type PeopleDoc struct {
	FormatVersion int       `json:"format_version"`
	Command       string    `json:"command"`
	Backend       string    `json:"backend,omitempty"`
	Host          string    `json:"host"`
	Made          time.Time `json:"made"`
	Asked         []string  `json:"asked,omitempty"`
	AskedPaths    []string  `json:"asked_paths,omitempty"`
	People        []Person  `json:"people"`
	Planned       []Person  `json:"planned,omitempty"`
	// OpenGroups is as it is now.
	OpenGroups []OpenGroupDoc `json:"open_groups,omitempty"`
	Access     *AccessDoc     `json:"access,omitempty"`
}

// WriteAccessJSON writes the report as one document.
func WriteAccessJSON(out io.Writer, r *AccessReport) error {
	d := PeopleDoc{FormatVersion: FormatVersion, Command: "access", Backend: r.Backend, Host: r.Host, Made: r.Made, Asked: r.Asked, AskedPaths: r.ByPath, People: r.Now, OpenGroups: r.Open}
	if r.Planned {
		d.Planned, d.Access = r.Then, newAccessDoc(r.Access)
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}

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

// awaits says that somebody has no password yet who is to have one.
const awaits = "password to be set by an administrator"

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

// mayColumn is as wide as all that somebody may do.
const mayColumn = len("read, write, enter")

func mayWords(may []string) string {
	if len(may) == 0 {
		return "nothing"
	}
	return strings.Join(may, ", ")
}

// path is who may do what at one path: those who may do more or less than
// everybody, and everybody.
func (t *Text) path(path string, people []Person) {
	t.section(clean(path), bold)
	if slices.ContainsFunc(people, func(p Person) bool { return p.at(path).Absent }) {
		t.lines("  there is no such path")
		return
	}
	same, all := shares(path, people)
	for _, may := range same.keys {
		t.lines("  " + may)
		t.names("", same.of[may])
	}
	if roots := becomeRoot(people); len(roots) > 0 {
		t.lines("  anything, as root")
		t.names("", roots)
	}
	t.lines("  "+mayWords(all), indent+"everybody else, but for root")
}

// becomeRoot are those who can become root, and by what. At a path they may do anything.
func becomeRoot(people []Person) []string {
	var out []string
	for _, p := range people {
		var by []string
		if p.Sudo.Everything {
			by = append(by, "sudo")
		}
		for _, rule := range p.Sudo.Rules {
			if what, root := strings.CutSuffix(rule, change.RootInEffect); root && !p.Sudo.Everything {
				by = append(by, "sudo for "+clean(what))
			}
		}
		for _, r := range p.Root {
			by = append(by, r.Group)
		}
		if len(by) > 0 && p.Name != "root" {
			out = append(out, clean(p.Name)+" ("+words.And(by)+")")
		}
	}
	return out
}

// shares are those who may do more or less at a path than everybody, by what they may
// do, and what everybody may.
func shares(path string, people []Person) (same groupsOf, all []string) {
	of := func(p Person) []string {
		at := p.at(path)
		if at.Unsure {
			return []string{"cannot be told"}
		}
		return at.May
	}
	for _, p := range people {
		if !p.Account {
			all = of(p)
		}
	}
	for _, p := range people {
		if may := of(p); p.Account && p.Name != "root" && !slices.Equal(may, all) {
			same.add(mayWords(may), clean(p.Name))
		}
	}
	return same, all
}

// mostPaths is how many paths are listed where none were asked for.
const mostPaths = 40

// ruled is a line of each path of which the spec says who may do what.
func (t *Text) ruled(paths []string, people []Person) {
	absent := map[string]bool{}
	for _, p := range people {
		for _, at := range p.Paths {
			absent[at.Path] = absent[at.Path] || at.Absent
		}
	}
	paths = slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return absent[path] })
	if len(paths) == 0 {
		return
	}
	t.section("paths that the spec names, now", bold)
	for _, path := range paths[:min(len(paths), mostPaths)] {
		same, all := shares(path, people)
		var items []string
		for _, may := range same.keys {
			names := same.of[may]
			if more := len(names) - fewNames; more > 1 {
				names = append(names[:fewNames:fewNames], fmt.Sprintf("%d more", more))
			}
			items = append(items, words.And(names)+": "+may)
		}
		if len(all) > 0 || len(items) == 0 {
			items = append(items, "everybody: "+mayWords(all))
		}
		t.lines(t.style.fill("  "+clean(path), items)...)
	}
	if more := len(paths) - mostPaths; more > 0 {
		t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more", more)))
	}
	t.lines("  " + t.style.paint(dim, "--path PATH has all accounts of the host, at any path"))
}

func (p Person) at(path string) PathDoc {
	for _, at := range p.Paths {
		if at.Path == path {
			return at
		}
	}
	return PathDoc{}
}

// groupsOf are names for which something is the same.
type groupsOf struct {
	keys []string
	of   map[string][]string
}

func (g *groupsOf) add(key, name string) {
	if g.of == nil {
		g.of = map[string][]string{}
	}
	if g.of[key] == nil {
		g.keys = append(g.keys, key)
	}
	g.of[key] = append(g.of[key], name)
}
