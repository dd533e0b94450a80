// Package drift finds what is on a host that no list knows, and since when the
// host is not in its declared state.
package drift

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
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

// Category says what an orphan is.
type Category string

// The categories of orphans.
const (
	Member   Category = "member"   // GROUP/ACCOUNT: of a group that the spec grants
	Group    Category = "group"    // one that a password, or an administrator, lets others into
	Key      Category = "key"      // ACCOUNT: with keys, and on no list
	Password Category = "password" // ACCOUNT: with a password, and on no list
	// Certificate is FILE: of authorities that sshd trusts.
	Certificate Category = "certificate"
	Sudoers     Category = "sudoers"   // a drop-in
	Unit        Category = "unit"      // a unit file, or UNIT.d/DROP-IN
	Network     Category = "network"   // of docker
	Container   Category = "container" // of docker
	Archive     Category = "archive"   // trees that opsafe has unpacked under a name
	Venv        Category = "venv"      // the same, of wheels
)

// Categories lists them in the order in which they are shown, with one for each kind that
// has files of its own, called like the kind.
func Categories() []Category {
	categories := []Category{Member, Group, Key, Certificate, Password, Sudoers}
	for _, k := range kinds.Table() {
		if k.Strays != nil {
			categories = append(categories, Category(k.Name))
		}
	}
	return append(categories, Unit, Network, Container, Archive, Venv)
}

// finder looks for orphans.
type finder struct {
	host.Reader
	in      *kind.Input
	found   []Orphan
	unknown []string
	now     time.Time
	owned   map[string]bool // paths that packages own; nil: not read yet
	parts   map[string]bool // units that come and go with an orphan
}

// Find lists the orphans, in order. Unknown says what could not be seen.
func Find(ctx context.Context, r host.Reader, in *kind.Input, now time.Time) (found []Orphan, unknown []string, err error) {
	f := &finder{Reader: r, in: in, now: now, parts: map[string]bool{}}
	looks := []func(context.Context) error{f.members, f.openGroups, f.keys, f.certificates, f.passwords, f.sudoers}
	for _, k := range kinds.Table() {
		if k.Strays != nil {
			looks = append(looks, f.strays(k))
		}
	}
	looks = append(looks, f.units, f.networks, f.containers, f.archives)
	for _, look := range looks {
		if err := look(ctx); host.IsUnknown(err) {
			f.unknown = append(f.unknown, err.Error())
		} else if err != nil {
			return nil, nil, fmt.Errorf("cannot look for what no list knows: %w", err)
		}
	}
	slices.SortStableFunc(f.found, func(a, b Orphan) int {
		return cmp.Or(slices.Index(Categories(), a.Category)-slices.Index(Categories(), b.Category), strings.Compare(a.Name, b.Name))
	})
	return f.found, f.unknown, nil
}

// add finds an orphan that prune can remove, unless the spec says that the host's
// own is left alone.
func (f *finder) add(s Category, name, what string) { f.addFor(s, name, what, "") }

// addFor finds one that is removed in another way.
func (f *finder) addFor(s Category, name, what, way string) {
	section, item := string(s), name
	switch s {
	case Member:
		section, item = "users", path.Base(name)
	case Group:
		section = "groups"
	case Key, Password:
		section = "users"
	case Archive:
		section = "archives"
	case Unit:
		section, item = "units", strings.SplitN(name, ".d/", 2)[0]
	default:
		if k, ok := kinds.Find(section); ok {
			section = k.Sections[0]
		}
	}
	if slices.Contains(f.in.Backend.LeftAlone, section+"/"+item) {
		return
	}
	f.found = append(f.found, Orphan{Category: s, Name: name, What: what, Way: way})
}

// members are in a group that the spec grants, without being on a list. A group
// that is exact is none of theirs: the plan takes them out of it.
func (f *finder) members(context.Context) error {
	groups := map[string]bool{}
	for name, g := range f.in.Backend.Groups {
		groups[name] = g.State != "absent" && g.Members != "exact"
	}
	for _, role := range f.in.Backend.Roles {
		for _, g := range role.Groups {
			if _, declared := f.in.Backend.Groups[g]; !declared {
				groups[g] = true
			}
		}
	}
	all, err := f.Groups()
	if err != nil {
		return err
	}
	users, err := f.Users()
	if err != nil {
		return err
	}
	for _, g := range all {
		if !groups[g.Name] {
			continue
		}
		for _, m := range g.Members {
			if !f.listed(m) && !f.person(m) {
				f.add(Member, g.Name+"/"+m, m+" is in "+g.Name+", and on no list")
			}
		}
		for _, u := range users {
			if u.GID == g.GID && g.GID != 0 && u.Name != g.Name && !f.listed(u.Name) {
				f.addFor(Member, g.Name+"/"+u.Name, g.Name+" is the primary group of "+u.Name+", who is on no list", disable(u.Name))
			}
		}
	}
	return nil
}

// sudoers are drop-ins with rules in them; sudo passes over names with a dot.
func (f *finder) sudoers(context.Context) error {
	return f.dropIns(debian.SudoersDir, func(name, at string, n *host.Node) error {
		if !host.ReadsDropIn(debian.SudoersDir, name) {
			return nil
		}
		if _, ok := f.in.Backend.Sudoers[name]; ok {
			return nil
		}
		// Sudo follows a link, wherever it leads. What is there may be anybody's.
		if n.Type == host.TypeSymlink {
			f.add(Sudoers, name, at+", a symbolic link to "+n.Target)
			return nil
		}
		data, err := f.ReadFile(at)
		if err != nil || !says(data) {
			return err
		}
		f.add(Sudoers, name, at)
		return nil
	})
}

// says reports whether a configuration has more than comments.
func says(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		// As in sudoers: #include and a #UID are no comments.
		comment := len(line) > 0 && line[0] == '#' && !bytes.HasPrefix(line, []byte("#include")) && (len(line) == 1 || line[1] < '0' || line[1] > '9')
		if len(line) > 0 && !comment {
			return true
		}
	}
	return false
}

// strays looks for the files of a directory that belongs to one kind.
func (f *finder) strays(k kind.Kind) func(context.Context) error {
	return func(context.Context) error {
		return f.dropIns(k.Strays.Dir, func(name, at string, n *host.Node) error {
			base, ok := strings.CutSuffix(name, k.Strays.Suffix)
			if !ok || slices.Contains(f.in.Backend.Owned(), at) || k.Strays.Takes != nil && !k.Strays.Takes(base) {
				return nil
			}
			if k.Strays.Units != nil {
				for _, unit := range k.Strays.Units(base) {
					f.parts[unit] = true
				}
			}
			what := at
			if n.Type == host.TypeSymlink {
				what += ", a symbolic link to " + n.Target
			}
			f.add(Category(k.Name), base, what)
			return nil
		})
	}
}

// dropIns goes through what is in a directory and neither declared as a file nor a
// package's.
//
// One that cannot be looked at is unknown by itself.
func (f *finder) dropIns(dir string, look func(name, at string, n *host.Node) error) error {
	names, err := f.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(dir, name)
		n, err := f.Stat(at)
		if err == nil && n != nil && n.Type != host.TypeDir && !f.declaredFile(at) && !f.fromPackage(at) {
			err = look(name, at, n)
		}
		if err != nil {
			f.unknown = append(f.unknown, err.Error())
		}
	}
	return nil
}

func (f *finder) declaredFile(at string) bool {
	_, ok := f.in.Backend.Files[at]
	return ok
}

// fromPackage reports whether dpkg knows a path as a package's.
func (f *finder) fromPackage(at string) bool {
	const info = "/var/lib/dpkg/info"
	if f.owned == nil {
		f.owned = map[string]bool{}
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
					f.owned[strings.TrimSuffix(line, "\n")] = true
				}
			}
		}
	}
	return f.owned[at]
}
