package local

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// User finds a user in /etc/passwd, else in another source of accounts.
func (h *Host) User(name string) (*host.User, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	i, ok := db.userAt[name]
	if !ok {
		return h.accounts.sourceUser(name)
	}
	u := db.users[i]
	return &u, nil
}

// Group finds a group in /etc/group, else in another source of accounts.
func (h *Host) Group(name string) (*host.Group, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	i, ok := db.groupAt[name]
	if !ok {
		return h.accounts.sourceGroup(name)
	}
	g := db.groups[i]
	g.Members = slices.Clone(g.Members)
	return &g, nil
}

// GroupByID finds the first group with that number.
func (h *Host) GroupByID(gid int) (*host.Group, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	name, ok := db.groupOf[gid]
	if !ok {
		return h.accounts.sourceGroup(strconv.Itoa(gid))
	}
	return h.Group(name)
}

// Users are the lines of /etc/passwd, in its order.
func (h *Host) Users() ([]host.User, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	return slices.Clone(db.users), nil
}

// Groups are the lines of /etc/group, in its order.
func (h *Host) Groups() ([]host.Group, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	return slices.Clip(db.groups), nil
}

// Password is what /etc/shadow says of a user of /etc/passwd. A user whose
// passwd line points to shadow but who has no line there is locked: nothing can
// match.
func (h *Host) Password(name string) (*host.Password, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	i, ok := db.userAt[name]
	if !ok {
		return nil, nil
	}
	if field := db.passwd[i]; field != "x" {
		p := passwordOf(field)
		p.Expires, p.Changed = -1, -1
		return &p, nil
	}
	shadow, err := h.accounts.shadow()
	if err != nil {
		return nil, err
	}
	p, ok := shadow[name]
	if !ok {
		p = host.Password{State: host.PasswordLocked, Changed: -1, Expires: -1, Missing: true}
	}
	return &p, nil
}

// IDRanges are /etc/login.defs' ranges for new ids, with shadow's own defaults
// for what it leaves out.
func (h *Host) IDRanges() (host.IDRanges, error) { return h.accounts.ranges() }

// userName is the name of a numeric user id, or #ID if it has none.
func (h *Host) userName(uid int) string {
	db, err := h.accounts.names()
	if err == nil {
		if name, ok := db.userOf[uid]; ok {
			return name
		}
	}
	if u, err := h.accounts.sourceUser(strconv.Itoa(uid)); err == nil && u != nil {
		return u.Name
	}
	return "#" + strconv.Itoa(uid)
}

// groupName is the name of a numeric group id, or #ID if it has none.
func (h *Host) groupName(gid int) string {
	db, err := h.accounts.names()
	if err == nil {
		if name, ok := db.groupOf[gid]; ok {
			return name
		}
	}
	if g, err := h.accounts.sourceGroup(strconv.Itoa(gid)); err == nil && g != nil {
		return g.Name
	}
	return "#" + strconv.Itoa(gid)
}

// uid resolves a user's name, or #ID.
func (h *Host) uid(name string) (int, error) {
	if id, ok, err := numericID("user", name); ok || err != nil {
		return id, err
	}
	u, err := h.User(name)
	if err != nil {
		return 0, err
	}
	if u == nil {
		return 0, fmt.Errorf("there is no user %s on this host", name)
	}
	return u.UID, nil
}

// gid resolves a group's name, or #ID.
func (h *Host) gid(name string) (int, error) {
	if id, ok, err := numericID("group", name); ok || err != nil {
		return id, err
	}
	g, err := h.Group(name)
	if err != nil {
		return 0, err
	}
	if g == nil {
		return 0, fmt.Errorf("there is no group %s on this host", name)
	}
	return g.GID, nil
}

// numericID reads #ID. The largest number, which chown(2) takes for "leave it",
// is no id.
func numericID(what, name string) (id int, ok bool, err error) {
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, false, fmt.Errorf("%q is no %s id: want # and a number below 4294967295", name, what)
	}
	return int(n), true, nil
}
