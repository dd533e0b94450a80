package overlay

import (
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// An alteration is what a step does to nodes that the overlay has not copied: a
// tree's rule, or names that ids get and lose. The nodes of the base go through all
// of them in order when they are read, copied nodes at once.
type alteration struct {
	of func(path string, n host.Node) host.Node
	// rule says which paths it is about; nil: all of them.
	rule *host.TreeRule
}

type idKind host.Tag

const (
	kindUser  = idKind(host.TagUser)
	kindGroup = idKind(host.TagGroup)
)

// nameID tells that files of this id now show the name.
func (h *Host) nameID(k idKind, id int, name string) {
	if id != host.UnknownID {
		h.files.rename(k, "#"+strconv.Itoa(id), name)
	}
}

// unnameID tells that files which showed the name now show the bare id.
func (h *Host) unnameID(k idKind, id int, name string) {
	if id != host.UnknownID {
		h.files.rename(k, name, "#"+strconv.Itoa(id))
	}
}

// idName is a name, or #ID, that nodes show for a user or a group.
type idName struct {
	kind idKind
	name string
}

// renames are changes of names one after the other, between two rules for trees. It
// costs a node no more to go through many than through one.
type renames struct {
	now    map[idName]string   // by what the base shows
	before map[idName][]string // what the base shows, by the name of now
}

// add has what shows one name show another from now on.
func (r *renames) add(k idKind, from, to string) {
	old, next := idName{k, from}, idName{k, to}
	names := r.before[old]
	if _, moved := r.now[old]; !moved {
		names = append(names, from)
	}
	delete(r.before, old)
	for _, name := range names {
		r.now[idName{k, name}] = to
	}
	r.before[next] = append(r.before[next], names...)
}

func (r *renames) apply(_ string, n host.Node) host.Node {
	return renamed(n, func(of idName) string {
		if to, moved := r.now[of]; moved {
			return to
		}
		return of.name
	})
}

// renamed is a node with the names of now.
func renamed(n host.Node, now func(idName) string) host.Node {
	n.Owner, n.Group = now(idName{kindUser, n.Owner}), now(idName{kindGroup, n.Group})
	n.Access.Named = renameEntries(n.Access.Named, now)
	if d := n.Access.Default; d != nil {
		c := *d
		c.Named = renameEntries(d.Named, now)
		n.Access.Default = &c
	}
	return n
}

func renameEntries(es []host.Entry, now func(idName) string) []host.Entry {
	name := func(e host.Entry) string { return now(idName{idKind(e.Tag), e.Name}) }
	if !slices.ContainsFunc(es, func(e host.Entry) bool { return name(e) != e.Name }) {
		return es
	}
	es = slices.Clone(es)
	for i, e := range es {
		es[i].Name = name(e)
	}
	host.SortEntries(es)
	return es
}

// rename changes a name of those nodes at hand that show it, and of all that will be
// read from the base later.
func (f *files) rename(k idKind, from, to string) {
	old, next := idName{k, from}, idName{k, to}
	for _, p := range f.shown[old] {
		if e := f.nodes[p]; !e.absent {
			e.node = renamed(e.node, func(of idName) string {
				if of == old {
					return to
				}
				return of.name
			})
		}
	}
	f.shown[next] = append(f.shown[next], f.shown[old]...)
	delete(f.shown, old)
	if f.renames == nil {
		f.renames = &renames{now: map[idName]string{}, before: map[idName][]string{}}
		f.alterations = append(f.alterations, alteration{of: f.renames.apply})
	}
	f.renames.add(k, from, to)
}

// alter applies a rule to the nodes at hand and to all that will be read from the
// base later.
func (f *files) alter(a alteration) {
	for p, e := range f.nodes {
		if !e.absent {
			e.node = a.of(p, e.node)
			f.show(p, e.node)
		}
	}
	f.alterations, f.renames = append(f.alterations, a), nil
}

// show remembers by which names a node is found when one of them changes.
func (f *files) show(at string, n host.Node) {
	f.shown[idName{kindUser, n.Owner}] = append(f.shown[idName{kindUser, n.Owner}], at)
	f.shown[idName{kindGroup, n.Group}] = append(f.shown[idName{kindGroup, n.Group}], at)
	entries := n.Access.Named
	if d := n.Access.Default; d != nil {
		entries = slices.Concat(entries, d.Named)
	}
	for _, e := range entries {
		of := idName{idKind(e.Tag), e.Name}
		f.shown[of] = append(f.shown[of], at)
	}
}

// ownerName checks that an owner exists and gives the name that stat would
// show: the account's, where "#ID" stands for one.
func (h *Host) ownerName(k idKind, name string) (string, error) {
	if id, ok := strings.CutPrefix(name, "#"); ok {
		n, err := strconv.Atoi(id)
		if err != nil || n < 0 {
			return "", &badOwnerError{k, name}
		}
		return h.nameOf(k, n)
	}
	if k == kindUser {
		u, err := h.user(name)
		if err == nil && u == nil {
			err = h.noUser(name)
		}
		return name, err
	}
	g, err := h.group(name)
	if err == nil && g == nil {
		err = h.noGroup(name)
	}
	return name, err
}

func (h *Host) nameOf(k idKind, id int) (string, error) {
	if k == kindUser {
		u, err := h.userByID(id)
		if err != nil {
			return "", err
		}
		if u != nil {
			return u.Name, nil
		}
		return "#" + strconv.Itoa(id), nil
	}
	g, err := h.groupByID(id)
	if err != nil {
		return "", err
	}
	if g != nil {
		return g.Name, nil
	}
	return "#" + strconv.Itoa(id), nil
}

type badOwnerError struct {
	kind idKind
	name string
}

func (e *badOwnerError) Error() string {
	return string(e.kind) + " " + strconv.Quote(e.name) + " is neither a name nor #ID"
}
