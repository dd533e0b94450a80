package host

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mode is the twelve bits of chmod(2): set-id and sticky bits, and three times
// rwx.
type Mode uint32

// SetID are the bits that let a program run as its file's owner and group.
const SetID Mode = 0o6000

// ParseMode reads an octal mode of three or four digits.
func ParseMode(s string) (Mode, error) {
	if len(s) < 3 || len(s) > 4 {
		return 0, fmt.Errorf("mode %q is not three or four octal digits, such as 0750", s)
	}
	var m Mode
	for _, c := range s {
		if c < '0' || c > '7' {
			return 0, fmt.Errorf("mode %q is not three or four octal digits, such as 0750", s)
		}
		m = m<<3 | Mode(c-'0')
	}
	return m, nil
}

func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// Perm is a set of the rights r, w and x, as in acl(5).
type Perm uint8

// The rights of a Perm.
const (
	Execute Perm = 1
	Write   Perm = 2
	Read    Perm = 4
	// ExecuteIfDir is setfacl's capital X: x for directories, and for files
	// that somebody may already execute. It occurs in rules, never in a Node.
	ExecuteIfDir Perm = 8
)

// ParsePerm reads rights as in setfacl: any of "r", "w", "x", "X", in any
// order, with "-" for what is left out.
func ParsePerm(s string) (Perm, error) {
	var p Perm
	for _, c := range s {
		switch c {
		case 'r':
			p |= Read
		case 'w':
			p |= Write
		case 'x':
			p |= Execute
		case 'X':
			p |= ExecuteIfDir
		case '-':
		default:
			return 0, fmt.Errorf("rights %q hold %q: want r, w, x, X and -", s, c)
		}
	}
	if s == "" {
		return 0, fmt.Errorf("rights are empty: want r, w, x, X, or --- for none")
	}
	if p&Execute != 0 {
		p &^= ExecuteIfDir // x says it of all
	}
	return p, nil
}

func (p Perm) String() string {
	b := []byte("---")
	if p&Read != 0 {
		b[0] = 'r'
	}
	if p&Write != 0 {
		b[1] = 'w'
	}
	if p&Execute != 0 {
		b[2] = 'x'
	} else if p&ExecuteIfDir != 0 {
		b[2] = 'X'
	}
	return string(b)
}

// Tag tells users from groups in an ACL entry.
type Tag string

// The tags of named entries.
const (
	TagUser  Tag = "user"
	TagGroup Tag = "group"
)

// Entry is a named entry of an ACL: user:alice:rwx or group:reviewers:r-x.
type Entry struct {
	Tag  Tag
	Name string
	Perm Perm
}

func (e Entry) String() string { return fmt.Sprintf("%s:%s:%s", e.Tag, e.Name, e.Perm) }

func (e Entry) key() string { return string(e.Tag) + ":" + e.Name }

// Default is the default ACL of a directory: what new files in it start with.
type Default struct {
	User, Group, Other Perm
	Named              []Entry
	Mask               *Perm // nil without named entries
}

// Access is the mode and the ACL of a path as one value, after acl(5). User,
// Group and Other are the entries user::, group:: and other::. With named
// entries there is a mask, and then it is the mask, not the group entry, that
// stat(2) shows as the group's bits: the trap that Mode and WithMode hide.
type Access struct {
	Special            Mode // set-user-id 04000, set-group-id 02000, sticky 01000
	User, Group, Other Perm
	Named              []Entry // sorted by tag and name
	Mask               *Perm   // nil without named entries
	Default            *Default
}

// AccessOf is the value that a mode means without an ACL.
func AccessOf(m Mode) Access { return Access{}.WithMode(m) }

// Mode is what stat(2) shows: with a mask, its bits stand in the group's place.
func (a Access) Mode() Mode {
	g := a.Group
	if a.Mask != nil {
		g = *a.Mask
	}
	return a.Special | Mode(a.User)<<6 | Mode(g)<<3 | Mode(a.Other)
}

// BaseMode is the mode as it is declared: the owning group's effective rights
// stand in the group's place, whatever the mask grants to named entries.
func (a Access) BaseMode() Mode {
	return a.Special | Mode(a.User)<<6 | Mode(a.EffectiveGroup())<<3 | Mode(a.Other)
}

// EffectiveGroup is what the owning group may do: its entry, limited by the
// mask.
func (a Access) EffectiveGroup() Perm {
	if a.Mask != nil {
		return a.Group & *a.Mask
	}
	return a.Group
}

// WithMode sets the entries for user, group and others to the mode's rights;
// named entries keep their effect, and get no more. Where the mode is granted
// already, the mask stays. Otherwise it is computed anew, and what it took away
// from named entries (a chmod by hand, say) is gone from them first: only a rule
// that declares an entry lets it through again.
func (a Access) WithMode(m Mode) Access {
	granted := a.Mask != nil && (a.BaseMode()^m)&0o777 == 0
	if !granted {
		a = a.effective()
	}
	a.Special = m & 0o7000
	a.User, a.Group, a.Other = Perm(m>>6&7), Perm(m>>3&7), Perm(m&7)
	if !granted {
		a.Mask = maskOf(a.Group, a.Named)
	}
	return a
}

// Equal compares everything.
func (a Access) Equal(b Access) bool {
	return a.Special == b.Special && a.User == b.User && a.Group == b.Group && a.Other == b.Other &&
		slices.Equal(a.Named, b.Named) && equalPerm(a.Mask, b.Mask) && equalDefault(a.Default, b.Default)
}

// Within is what both grant: the rights of a that b has, too.
func (a Access) Within(b Access) Access {
	a, b = a.effective(), b.effective()
	if a.within(b) {
		return a
	}
	out := Access{Special: a.Special & b.Special, User: a.User & b.User, Group: a.Group & b.Group, Other: a.Other & b.Other}
	out.Named = bothNamed(a.Named, b.Named, b.Other)
	out.Mask = maskOf(out.Group, out.Named)
	if d, e := a.Default, b.Default; d != nil && e != nil {
		out.Default = &Default{User: d.User & e.User, Group: d.Group & e.Group, Other: d.Other & e.Other, Named: bothNamed(d.Named, e.Named, e.Other)}
		out.Default.Mask = maskOf(out.Default.Group, out.Default.Named)
	}
	return out
}

// within reports whether a grants nothing that b does not.
func (a Access) within(b Access) bool {
	if a.Special&^b.Special != 0 || a.User&^b.User != 0 || a.Group&^b.Group != 0 || a.Other&^b.Other != 0 || !withinNamed(a.Named, b.Named, b.Other) {
		return false
	}
	d, e := a.Default, b.Default
	return d == nil || e != nil && d.User&^e.User == 0 && d.Group&^e.Group == 0 && d.Other&^e.Other == 0 && withinNamed(d.Named, e.Named, e.Other)
}

// bothNamed limits entries to what others grant to the same names, which is what
// everybody else has for those that are not among them.
func bothNamed(a, b []Entry, other Perm) []Entry {
	var out []Entry
	for _, e := range a {
		e.Perm &= grantedTo(e, b, other)
		out = append(out, e)
	}
	return out
}

func withinNamed(a, b []Entry, other Perm) bool {
	return !slices.ContainsFunc(a, func(e Entry) bool { return e.Perm&^grantedTo(e, b, other) != 0 })
}

func grantedTo(who Entry, in []Entry, other Perm) Perm {
	for _, e := range in {
		if e.key() == who.key() {
			return e.Perm
		}
	}
	return other
}

// effective is the same rights without what the mask takes away, and with the
// mask that they need. What the mask takes away from nobody is not copied.
func (a Access) effective() Access {
	cut := func(e Entry) bool { return e.Perm&^*a.Mask != 0 }
	if a.Mask == nil || a.Group&^*a.Mask == 0 && !slices.ContainsFunc(a.Named, cut) {
		return a
	}
	a.Group &= *a.Mask
	a.Named = slices.Clone(a.Named)
	for i := range a.Named {
		a.Named[i].Perm &= *a.Mask
	}
	a.Mask = maskOf(a.Group, a.Named)
	return a
}

// Lines lists the extended part as getfacl does (named entries, mask, default
// entries), with the effective rights where the mask cuts an entry down.
func (a Access) Lines() []string {
	lines := aclLines("", a.Named, a.Mask)
	if d := a.Default; d != nil {
		for _, e := range []struct {
			tag  string
			perm Perm
		}{{"user::", d.User}, {"group::", d.Group}} {
			lines = append(lines, "default:"+e.tag+e.perm.String())
		}
		lines = append(lines, aclLines("default:", d.Named, d.Mask)...)
		lines = append(lines, "default:other::"+d.Other.String())
	}
	return lines
}

func aclLines(prefix string, named []Entry, mask *Perm) []string {
	var lines []string
	for _, e := range named {
		line := prefix + e.String()
		if mask != nil && e.Perm&*mask != e.Perm {
			line += " (effective " + (e.Perm & *mask).String() + ")"
		}
		lines = append(lines, line)
	}
	if mask != nil {
		lines = append(lines, prefix+"mask::"+mask.String())
	}
	return lines
}

// ACLRule declares named entries of a path. Exact rules also remove the named
// entries that they do not list.
type ACLRule struct {
	Access  []Entry
	Default []Entry
	Exact   bool
}

// Apply returns the access with the rule's entries in it and masks that let them
// through. Unlike with setfacl, what the old mask took away from others, the
// owning group among them, stays away. Capital X is resolved against the access
// as it is; default entries only apply to directories.
func (r ACLRule) Apply(a Access, dir bool) Access {
	executable := dir || (a.User|a.Group|a.Other)&Execute != 0
	a = a.effective()
	a.Named = mergeEntries(a.Named, r.Access, r.Exact, executable)
	a.Mask = maskOf(a.Group, a.Named)
	if !dir {
		return a
	}
	if len(r.Default) == 0 {
		if r.Exact {
			a.Default = nil
		}
		return a
	}
	d := Default{User: a.User, Group: a.Group, Other: a.Other}
	if a.Default != nil {
		d = *a.Default
	}
	d.Named = mergeEntries(d.Named, r.Default, r.Exact, true)
	d.Mask = maskOf(d.Group, d.Named)
	a.Default = &d
	return a
}

func mergeEntries(have, want []Entry, exact, executable bool) []Entry {
	merged := map[string]Entry{}
	if !exact {
		for _, e := range have {
			merged[e.key()] = e
		}
	}
	for _, e := range want {
		if e.Perm&ExecuteIfDir != 0 {
			e.Perm &^= ExecuteIfDir
			if executable {
				e.Perm |= Execute
			}
		}
		merged[e.key()] = e
	}
	out := make([]Entry, 0, len(merged))
	for _, e := range merged {
		out = append(out, e)
	}
	SortEntries(out)
	if len(out) == 0 {
		return nil
	}
	return out
}

// SortEntries sorts by tag, then by name: the order in which Access holds them.
func SortEntries(es []Entry) {
	slices.SortFunc(es, func(a, b Entry) int {
		return cmp.Or(-strings.Compare(string(a.Tag), string(b.Tag)), strings.Compare(a.Name, b.Name))
	})
}

func maskOf(group Perm, named []Entry) *Perm {
	if len(named) == 0 {
		return nil
	}
	m := group
	for _, e := range named {
		m |= e.Perm
	}
	return &m
}

func equalPerm(a, b *Perm) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func equalDefault(a, b *Default) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.User == b.User && a.Group == b.Group && a.Other == b.Other &&
		slices.Equal(a.Named, b.Named) && equalPerm(a.Mask, b.Mask)
}
