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

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// Orphan is something on a host that gives somebody access or runs there, and that
// nothing declares.
type Orphan struct {
	Sort Sort
	Name string
	What string // what it is, in words
}

// String is the name by which an orphan is told from others, and pruned.
func (o Orphan) String() string { return string(o.Sort) + "/" + o.Name }

// Sort is a sort of orphans.
type Sort string

// The sorts of orphans.
const (
	Member  Sort = "member"  // GROUP/ACCOUNT: of a group that the spec grants
	Key     Sort = "key"     // ACCOUNT: with keys, and on no list
	Sudoers Sort = "sudoers" // a drop-in
	Sshd    Sort = "sshd"    // a drop-in
	Unit    Sort = "unit"    // a unit file, or UNIT.d/DROP-IN
	Network Sort = "network" // of docker
)

// Sorts lists them in the order in which they are shown.
func Sorts() []Sort { return []Sort{Member, Key, Sudoers, Sshd, Unit, Network} }

// finder looks for orphans.
type finder struct {
	host.Reader
	in      *kind.Input
	found   []Orphan
	unknown []string
	owned   map[string]bool // paths that packages own; nil: not read yet
}

// Find lists the orphans, in order. Unknown says what could not be seen.
func Find(ctx context.Context, r host.Reader, in *kind.Input) (found []Orphan, unknown []string, err error) {
	f := &finder{Reader: r, in: in}
	for _, look := range []func(context.Context) error{f.members, f.keys, f.sudoers, f.sshd, f.units, f.networks} {
		if err := look(ctx); host.IsUnknown(err) {
			f.unknown = append(f.unknown, err.Error())
		} else if err != nil {
			return nil, nil, fmt.Errorf("cannot look for what no list knows: %w", err)
		}
	}
	slices.SortStableFunc(f.found, func(a, b Orphan) int {
		return cmp.Or(slices.Index(Sorts(), a.Sort)-slices.Index(Sorts(), b.Sort), strings.Compare(a.Name, b.Name))
	})
	return f.found, f.unknown, nil
}

// add finds an orphan, unless the spec says that the host's own is left alone.
func (f *finder) add(s Sort, name, what string) {
	section, item := string(s), name
	switch s {
	case Member:
		section, item = "users", path.Base(name)
	case Key:
		section = "users"
	case Unit:
		section, item = "units", strings.SplitN(name, ".d/", 2)[0]
	}
	if slices.Contains(f.in.Backend.LeftAlone, section+"/"+item) {
		return
	}
	f.found = append(f.found, Orphan{Sort: s, Name: name, What: what})
}

// listed reports whether the spec gives an account, or keys to it.
func (f *finder) listed(name string) bool {
	b := f.in.Backend
	if u, ok := b.Users[name]; ok && u.State != "absent" {
		return true
	}
	if _, ok := b.AuthorizedKeys[name]; ok {
		return true
	}
	return f.in.Roster != nil && f.in.Roster.Member(name) != nil
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
				f.add(Member, g.Name+"/"+u.Name, g.Name+" is the primary group of "+u.Name+", who is on no list")
			}
		}
	}
	return nil
}

// person reports whether somebody is in developers.yaml: the plan takes them out of
// groups that their roles do not grant.
func (f *finder) person(name string) bool { return f.in.Repo.Person(name) != nil }

// keys are those of accounts that are on no list.
func (f *finder) keys(context.Context) error {
	users, err := f.Users()
	if err != nil {
		return err
	}
	for _, u := range users {
		if f.listed(u.Name) {
			continue
		}
		keys, err := kind.PresentKeys(f.Reader, u.Name)
		if n := len(keys); n > 0 {
			what := "a key lets"
			if n > 1 {
				what = fmt.Sprintf("%d keys let", n)
			}
			f.add(Key, u.Name, fmt.Sprintf("%s somebody log in as %s, who is on no list", what, u.Name))
		} else if host.IsUnknown(err) {
			f.unknown = append(f.unknown, err.Error())
		} else if err != nil {
			f.unknown = append(f.unknown, fmt.Sprintf("keys of %s: %v", u.Name, err))
		}
	}
	return nil
}

const (
	sudoersDir = "/etc/sudoers.d"
	sshdDir    = "/etc/ssh/sshd_config.d"
	unitDir    = "/etc/systemd/system"
)

// sudoers are drop-ins with rules in them; sudo passes over names with a dot.
func (f *finder) sudoers(context.Context) error {
	return f.dropIns(sudoersDir, func(name, at string) error {
		if strings.Contains(name, ".") || strings.HasSuffix(name, "~") {
			return nil
		}
		if _, ok := f.in.Backend.Sudoers[name]; ok {
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

func (f *finder) sshd(context.Context) error {
	return f.dropIns(sshdDir, func(name, at string) error {
		base, ok := strings.CutSuffix(name, ".conf")
		if _, declared := f.in.Backend.Sshd[base]; !ok || declared {
			return nil
		}
		f.add(Sshd, base, at)
		return nil
	})
}

// dropIns goes through what is in a directory and neither declared as a file nor a
// package's.
func (f *finder) dropIns(dir string, look func(name, at string) error) error {
	names, err := f.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(dir, name)
		n, err := f.Stat(at)
		if err != nil {
			return err
		}
		if n == nil || n.Type == host.TypeDir || f.declaredFile(at) || f.fromPackage(at) {
			continue
		}
		if err := look(name, at); err != nil {
			return err
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
