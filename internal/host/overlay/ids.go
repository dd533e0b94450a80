package overlay

import (
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// An alteration is what a step does to nodes that the overlay has not copied: a
// tree's rule, or a name that an id gets or loses. The nodes of the base go
// through all of them in order when they are read, copied nodes at once.
type alteration func(path string, n host.Node) host.Node

type idKind host.Tag

const (
	kindUser  = idKind(host.TagUser)
	kindGroup = idKind(host.TagGroup)
)

// nameID tells that files of this id now show the name.
func (h *Host) nameID(k idKind, id int, name string) {
	if id != host.UnknownID {
		h.alter(rename(k, "#"+strconv.Itoa(id), name))
	}
}

// unnameID tells that files which showed the name now show the bare id.
func (h *Host) unnameID(k idKind, id int, name string) {
	if id != host.UnknownID {
		h.alter(rename(k, name, "#"+strconv.Itoa(id)))
	}
}

func rename(k idKind, from, to string) alteration {
	return func(_ string, n host.Node) host.Node {
		if k == kindUser && n.Owner == from {
			n.Owner = to
		}
		if k == kindGroup && n.Group == from {
			n.Group = to
		}
		n.Access.Named = renameEntries(n.Access.Named, k, from, to)
		if d := n.Access.Default; d != nil {
			c := *d
			c.Named = renameEntries(d.Named, k, from, to)
			n.Access.Default = &c
		}
		return n
	}
}

func renameEntries(es []host.Entry, k idKind, from, to string) []host.Entry {
	i := slices.IndexFunc(es, func(e host.Entry) bool { return string(e.Tag) == string(k) && e.Name == from })
	if i < 0 {
		return es
	}
	es = slices.Clone(es)
	es[i].Name = to
	host.SortEntries(es)
	return es
}

// alter applies an alteration to the nodes at hand and to all that will be read
// from the base later.
func (h *Host) alter(a alteration) {
	for p, e := range h.files.nodes {
		if !e.absent {
			e.node = a(p, e.node)
		}
	}
	h.files.alterations = append(h.files.alterations, a)
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
			err = noUser(name)
		}
		return name, err
	}
	g, err := h.group(name)
	if err == nil && g == nil {
		err = noGroup(name)
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
