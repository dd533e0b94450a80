package overlay

import (
	"maps"
	"slices"

	"opsafe/internal/host"
)

// accounts are the predicted databases. They are copied from the base at the
// first step that changes one of them.
type accounts struct {
	users     *table[host.User]         // nil: as the base has them
	groups    *table[host.Group]        // nil as long as users is
	passwords map[string]*host.Password // of users whose password changed or who are new
	shadows   map[string]*host.GroupShadow
	strays    *host.Strays // nil: those of the base
}

// copyAccounts takes the databases from the base, once.
func (h *Host) copyAccounts() error {
	if h.accounts.copied() {
		return nil
	}
	users, err := h.base.Users()
	if err != nil {
		return err
	}
	groups, err := h.base.Groups()
	if err != nil {
		return err
	}
	h.accounts.users = newTable(users, func(u host.User) (string, int) { return u.Name, u.UID })
	h.accounts.groups = newTable(cloneGroups(groups), func(g host.Group) (string, int) { return g.Name, g.GID })
	return nil
}

func (a *accounts) copied() bool { return a.users != nil }

func cloneGroups(gs []host.Group) []host.Group {
	out := slices.Clone(gs)
	for i := range out {
		out[i].Members = slices.Clone(out[i].Members)
	}
	return out
}

// User finds a user by name.
func (h *Host) User(name string) (*host.User, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.user(name)
}

func (h *Host) user(name string) (*host.User, error) {
	if !h.accounts.copied() {
		return h.base.User(name)
	}
	if u := h.userAt(name); u != nil {
		return u, nil
	}
	// No step touches what comes from elsewhere.
	u, err := h.base.User(name)
	if u != nil && u.Source == "" {
		return nil, nil
	}
	return u, err
}

// UserByID finds the first user that has a number.
func (h *Host) UserByID(uid int) (*host.User, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.userByID(uid)
}

func (h *Host) userByID(uid int) (*host.User, error) {
	if !h.accounts.copied() {
		return h.base.UserByID(uid)
	}
	if u := h.accounts.users.numbered(uid); u != nil {
		return u, nil
	}
	u, err := h.base.UserByID(uid)
	if u != nil && u.Source == "" {
		return nil, nil
	}
	return u, err
}

// userAt is a line of the copied database.
func (h *Host) userAt(name string) *host.User { return h.accounts.users.named(name) }

// Group finds a group by name.
func (h *Host) Group(name string) (*host.Group, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.group(name)
}

// group has members that nothing changes: a step writes others in their place.
func (h *Host) group(name string) (*host.Group, error) {
	if !h.accounts.copied() {
		return h.base.Group(name)
	}
	if g := h.groupAt(name); g != nil {
		g.Members = slices.Clip(g.Members)
		return g, nil
	}
	g, err := h.base.Group(name)
	if g != nil && g.Source == "" {
		return nil, nil
	}
	return g, err
}

// GroupByID finds the first group that has a number.
func (h *Host) GroupByID(gid int) (*host.Group, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.groupByID(gid)
}

func (h *Host) groupByID(gid int) (*host.Group, error) {
	if !h.accounts.copied() {
		return h.base.GroupByID(gid)
	}
	if g := h.accounts.groups.numbered(gid); g != nil {
		g.Members = slices.Clip(g.Members)
		return g, nil
	}
	g, err := h.base.GroupByID(gid)
	if g != nil && g.Source == "" {
		return nil, nil
	}
	return g, err
}

// groupAt is a line of the copied database, with its members.
func (h *Host) groupAt(name string) *host.Group { return h.accounts.groups.named(name) }

// Users lists all users.
func (h *Host) Users() ([]host.User, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.accounts.copied() {
		return h.base.Users()
	}
	return h.accounts.users.all(), nil
}

// Groups lists all groups.
func (h *Host) Groups() ([]host.Group, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.accounts.copied() {
		return h.base.Groups()
	}
	return cloneGroups(h.accounts.groups.all()), nil
}

// Numbers are those of all lines.
func (h *Host) Numbers() (uids, gids []int, err error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.accounts.copied() {
		return host.NumbersOf(h.base)
	}
	return h.accounts.users.numbers(), h.accounts.groups.numbers(), nil
}

// Password is what shadow would say of the user.
func (h *Host) Password(name string) (*host.Password, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.password(name)
}

func (h *Host) password(name string) (*host.Password, error) {
	if h.accounts.copied() && h.userAt(name) == nil {
		return nil, nil
	}
	if p, ok := h.accounts.passwords[name]; ok {
		c := *p
		return &c, nil
	}
	return h.base.Password(name)
}

// GroupShadow is what gshadow would say of a group.
func (h *Host) GroupShadow(name string) (*host.GroupShadow, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.groupShadow(name)
}

func (h *Host) groupShadow(name string) (*host.GroupShadow, error) {
	if h.accounts.copied() && h.groupAt(name) == nil {
		return nil, nil
	}
	s, ok := h.accounts.shadows[name]
	if !ok {
		return h.base.GroupShadow(name)
	}
	c := *s
	c.Admins, c.Torn = slices.Clone(s.Admins), slices.Clone(s.Torn)
	return &c, nil
}

// Strays are those of the base, but for what steps have removed.
func (h *Host) Strays() (host.Strays, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.straysNow()
}

func (h *Host) straysNow() (host.Strays, error) {
	if h.accounts.strays != nil {
		return *h.accounts.strays, nil
	}
	return h.base.Strays()
}

// IDRanges are those of the base. Packages that are going to be installed may take
// system ids.
func (h *Host) IDRanges() (host.IDRanges, error) {
	r, err := h.base.IDRanges()
	h.mu.RLock()
	defer h.mu.RUnlock()
	r.SystemLater = h.installs
	return r, err
}

// Traces are those of the base without what steps have ended or removed.
func (h *Host) Traces(name string) (host.Traces, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var t host.Traces
	known, err := h.base.User(name)
	if err != nil {
		return t, err
	}
	if known != nil {
		if t, err = h.base.Traces(name); err != nil {
			return t, err
		}
	}
	t.Unread = maps.Clone(t.Unread)
	if h.ended[name] {
		t.Processes, t.Managers, t.Sessions = 0, 0, nil
		delete(t.Unread, host.TraceRunning)
	}
	if on, ok := h.linger[name]; ok {
		t.Linger = on
		delete(t.Unread, host.TraceLinger)
	}
	t.Cron = h.present(t.Cron)
	return t, nil
}

// UserUnits are those of the base without what steps have removed.
func (h *Host) UserUnits(name string) ([]string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	known, err := h.base.User(name)
	if err != nil || known == nil {
		return nil, err
	}
	units, err := h.base.UserUnits(name)
	return h.present(units), err
}

// present leaves out paths that steps have removed.
func (h *Host) present(paths []string) []string {
	var out []string
	for _, p := range paths {
		if e, ok := h.files.nodes[p]; ok && e.absent {
			continue
		}
		out = append(out, p)
	}
	return out
}
