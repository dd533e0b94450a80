package kind

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Orphans are the things of one category that are on a host and that nothing declares.
type Orphans struct {
	// Category is what each is called, with its name: sudoers/90-old. Empty: like the
	// kind.
	Category string
	Rank     Rank
	// Find looks for them.
	Find func(ctx context.Context, f Finder) error
	// Absent is the backend with one of them, by its name, declared not to be there: its
	// resources remove it. Nil: prune removes none of them.
	Absent func(b spec.Backend, name string) spec.Backend
	// Removes reports whether a resource of the kind removes one of them; nil: the one
	// with the same name does.
	Removes func(resource, name string) bool
}

// Rank is where orphans stand among those of other kinds; among those of one rank, they
// stand in the order of the kinds.
type Rank int

// The ranks, in order.
const (
	RankFiles  Rank = iota // what programs read
	RankUnits              // what systemd runs
	RankDocker             // what docker runs
	RankTrees              // what only takes room
)

// Orphan is one of them.
type Orphan struct {
	Name string
	What string // what it is, in words
	// Way is how it is removed, if not by prune.
	Way string
	// Item is that of the spec, such as units/app.service, with which managed: false leaves
	// it alone. Empty: that of its name in the first section of the kind.
	Item string
}

// Finder notes what is found. It is the host that is looked at.
type Finder interface {
	host.Reader
	// Backend is what is declared.
	Backend() *spec.Backend
	// Orphan notes one of the category that is looked for.
	Orphan(o Orphan)
	// Along says what comes and goes with one, by category and name: it is no orphan
	// itself.
	Along(category string, names ...string)
	// Unknown notes what cannot be seen: the rest is looked for all the same.
	Unknown(err error)
	// Packaged reports whether a path of /etc is a package's.
	Packaged(at string) bool
}

// Strays are the files of a directory, each of which is a resource of one kind.
type Strays struct {
	// Files with another suffix than this one have no effect there.
	Dir, Suffix string
	// below is what of the directory is a part of the names.
	Below string
	// takes reports whether a file is a resource, by its name without the suffix; nil:
	// each is.
	Takes func(name string) bool
	// units are systemd's that come and go with one, by its name; nil: none do.
	Units func(name string) []string
}

// Find notes those of the files that nothing declares: it is Orphans.Find.
func (s Strays) Find(_ context.Context, f Finder) error {
	return EachUndeclared(f, s.Dir, func(file, at string, n *host.Node) error {
		name, ok := strings.CutSuffix(file, s.Suffix)
		if !ok || slices.Contains(f.Backend().Owned(), at) || s.Takes != nil && !s.Takes(name) {
			return nil
		}
		if s.Units != nil {
			f.Along("unit", s.Units(name)...)
		}
		f.Orphan(Orphan{Name: path.Join(s.Below, name), What: at + LeadsTo(n)})
		return nil
	})
}

// LeadsTo says where a link leads; empty: it is none.
func LeadsTo(n *host.Node) string {
	if n.Type != host.TypeSymlink {
		return ""
	}
	return ", a symbolic link to " + n.Target
}

// EachUndeclared goes through what is in a directory and neither declared as a file nor
// a package's. One that cannot be looked at is unknown by itself.
func EachUndeclared(f Finder, dir string, look func(name, at string, n *host.Node) error) error {
	names, err := f.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(dir, name)
		n, err := f.Stat(at)
		_, declared := f.Backend().Files[at]
		if err == nil && n != nil && n.Type != host.TypeDir && !declared && !f.Packaged(at) {
			err = look(name, at, n)
		}
		if err != nil {
			f.Unknown(err)
		}
	}
	return nil
}
