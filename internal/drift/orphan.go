// Package drift finds what is on a host that no list knows, and since when the
// host is not in its declared state.
package drift

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// Orphan is something on a host that gives somebody access or runs there, and that
// nothing declares.
type Orphan struct {
	Category Category
	Name     string
	What     string // what it is, in words
	// Way is how it is removed, if not by prune.
	Way string
}

// String is the name by which an orphan is told from others, and pruned.
func (o Orphan) String() string { return string(o.Category) + "/" + o.Name }

// Category says what an orphan is: one of people's, or of a kind's entry.
type Category string

// The categories of what lets people in or gives them rights.
const (
	Member   Category = "member"   // GROUP/ACCOUNT: of a group that the spec grants
	Group    Category = "group"    // one that a password, or an administrator, lets others into
	Key      Category = "key"      // ACCOUNT: with keys, and on no list
	Password Category = "password" // ACCOUNT: with a password, and on no list
	// ACL is PATH: with entries of an ACL that nothing declares.
	ACL Category = "acl"
	// Root is ACCOUNT: with root's number.
	Root Category = "root"
	// Sudo is ACCOUNT: on no list, and named by a rule of sudo.
	Sudo Category = "sudo"
	// Open is PATH: of root's, by which others become root.
	Open Category = "open"
	// Certificate is FILE: of authorities that sshd trusts.
	Certificate Category = "certificate"
)

// Categories lists them in the order in which they are shown: people's first.
func Categories() []Category {
	categories := []Category{Member, Group, Root, Sudo, Key, Certificate, Password, Open, ACL}
	for _, o := range ofKinds() {
		categories = append(categories, o.category())
	}
	return categories
}

// ofKind is a category of orphans of a kind.
type ofKind struct {
	kind.Orphans
	of kind.Kind
}

func (o ofKind) category() Category { return Category(cmp.Or(o.Category, o.of.Name)) }

// ofKinds are those of all kinds, in the order in which they are looked for and shown.
func ofKinds() []ofKind {
	var out []ofKind
	for _, k := range kinds.Table() {
		for _, o := range k.Orphans {
			out = append(out, ofKind{o, k})
		}
	}
	slices.SortStableFunc(out, func(a, b ofKind) int { return cmp.Compare(a.Rank, b.Rank) })
	return out
}

// finder looks for orphans.
type finder struct {
	host.Reader
	in       *kind.Input
	found    []Orphan
	unknown  []string
	now      time.Time
	packaged map[string]bool // paths that packages own; nil: not read yet
	along    map[string]bool // what comes and goes with an orphan
	people   map[string]bool // of developers.yaml; nil: not looked up yet
}

// Find lists the orphans, in order. Unknown says what could not be seen.
func Find(ctx context.Context, r host.Reader, in *kind.Input, now time.Time) (found []Orphan, unknown []string, err error) {
	f := &finder{Reader: r, in: in, now: now, along: map[string]bool{}}
	looks := []func(context.Context) error{f.members, f.openGroups, f.keys, f.certificates, f.passwords, f.entries, f.open, f.alsoRoot, f.ruled}
	for _, o := range ofKinds() {
		looks = append(looks, func(ctx context.Context) error { return o.Find(ctx, kindFinder{f, o}) })
	}
	for _, look := range looks {
		if err := look(ctx); host.IsUnknown(err) {
			f.Unknown(err)
		} else if err != nil {
			return nil, nil, fmt.Errorf("cannot look for what no list knows: %w", err)
		}
	}
	f.found = slices.DeleteFunc(f.found, func(o Orphan) bool { return f.along[o.String()] })
	categories := Categories()
	slices.SortStableFunc(f.found, func(a, b Orphan) int {
		return cmp.Or(slices.Index(categories, a.Category)-slices.Index(categories, b.Category), strings.Compare(a.Name, b.Name))
	})
	return f.found, f.unknown, nil
}

// add notes an orphan, unless the spec says that the host's own is left alone: item is
// that of the spec.
func (f *finder) add(o Orphan, item string) {
	if !slices.Contains(f.in.Backend.LeftAlone, item) {
		f.found = append(f.found, o)
	}
}

// Unknown notes what cannot be seen, once.
func (f *finder) Unknown(err error) {
	if why := err.Error(); !slices.Contains(f.unknown, why) {
		f.unknown = append(f.unknown, why)
	}
}

// kindFinder notes what a kind finds.
type kindFinder struct {
	*finder
	of ofKind
}

// Backend is what is declared.
func (f kindFinder) Backend() *spec.Backend { return f.in.Backend }

// Orphan notes one of the category.
func (f kindFinder) Orphan(o kind.Orphan) {
	f.add(Orphan{Category: f.of.category(), Name: o.Name, What: o.What, Way: o.Way}, cmp.Or(o.Item, f.of.of.Sections[0]+"/"+o.Name))
}

// Along says what comes and goes with one.
func (f kindFinder) Along(category string, names ...string) {
	for _, name := range names {
		f.along[Orphan{Category: Category(category), Name: name}.String()] = true
	}
}

// Packaged reports whether dpkg knows a path of /etc as a package's.
func (f *finder) Packaged(at string) bool {
	const info = "/var/lib/dpkg/info"
	if f.packaged == nil {
		f.packaged = map[string]bool{}
		names, err := f.ReadDir(info)
		if err != nil {
			return false
		}
		for _, name := range names {
			if path.Ext(name) != ".list" {
				continue
			}
			data, err := f.ReadFile(path.Join(info, name))
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(data)) {
				if strings.HasPrefix(line, "/etc/") {
					f.packaged[strings.TrimSuffix(line, "\n")] = true
				}
			}
		}
	}
	return f.packaged[at]
}
