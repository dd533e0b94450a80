package local

import (
	"os"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// GroupShadow is what /etc/gshadow says of a group of /etc/group; of a host without
// gshadow, what /etc/group says itself.
func (h *Host) GroupShadow(name string) (*host.GroupShadow, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	i, ok := db.groupAt[name]
	switch {
	case !ok:
		return nil, nil
	case db.noGshadow != nil:
		return nil, db.noGshadow
	}
	g, ok := db.gshadow[name]
	if !ok {
		g = host.GroupShadow{Password: groupPasswordOf(db.groupPasswd[i]), Missing: db.gshadow != nil}
	}
	g.Admins, g.Torn = slices.Clone(g.Admins), slices.Clone(g.Torn)
	return &g, nil
}

// groupPasswordOf judges a group's password field. An x stands for gshadow.
func groupPasswordOf(field string) host.PasswordState {
	if field == "x" {
		return host.PasswordLocked
	}
	return passwordOf(field).State
}

// addGshadow reads gshadow(5): name, password, administrators, members. Newgrp and
// sg go by its members, everything else by those of group(5): who is in either is a
// member, and the tools that were killed between the two files leave such.
func (db *nameDB) addGshadow(gshadow string) {
	db.gshadow = make(map[string]host.GroupShadow, len(db.groups))
	for line := range strings.Lines(gshadow) {
		f := fields(line)
		if len(f) != 4 {
			continue
		}
		i, ok := db.groupAt[f[0]]
		if _, twice := db.gshadow[f[0]]; twice || !ok {
			continue
		}
		g := &db.groups[i]
		members := namesOf(f[3])
		s := host.GroupShadow{Password: passwordOf(f[1]).State, Admins: namesOf(f[2])}
		if !slices.Equal(g.Members, members) { // both are sorted
			s.Torn = inOne(g.Members, members)
			g.Members = slices.Concat(g.Members, members)
			slices.Sort(g.Members)
			g.Members = slices.Compact(g.Members)
		}
		db.gshadow[f[0]] = s
	}
}

// inOne are the names that one of two lists has, sorted, as the lists are.
func inOne(a, b []string) []string {
	var out []string
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// namesOf splits a list of names, sorted and each once.
func namesOf(list string) []string {
	if list == "" {
		return nil
	}
	out := make([]string, 0, strings.Count(list, ",")+1)
	for name := range strings.SplitSeq(list, ",") {
		if name != "" {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return nil
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Strays looks through the lines of all four databases. Where shadow's may not be
// seen, it is unknown.
func (h *Host) Strays() (host.Strays, error) {
	if _, err := h.accounts.names(); err != nil {
		return host.Strays{}, err
	}
	return h.accounts.readStrays()
}

func (a *accountDB) readStrays() (host.Strays, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.strays != nil {
		return *a.strays, nil
	}
	var s host.Strays
	for _, file := range []string{"passwd", "group", "shadow", "gshadow"} {
		path := "/etc/" + file
		data, err := os.ReadFile(a.root + path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return host.Strays{}, unknown("content of "+path, err)
		}
		text := string(data)
		if file != "shadow" {
			s.Nobodys = append(s.Nobodys, host.NobodysLines(path, text)...)
		}
		seen := make(map[string]bool, strings.Count(text, "\n")+1)
		for line := range strings.Lines(text) {
			name := nameOf(line)
			if name == "" {
				continue
			}
			if seen[name] {
				s.Twice = append(s.Twice, host.StrayLine{File: path, Name: name})
				continue
			}
			seen[name] = true
			if _, is := a.named.userAt[name]; file == "shadow" && !is {
				s.Shadow = append(s.Shadow, name)
			}
			if _, is := a.named.groupAt[name]; file == "gshadow" && !is {
				s.GShadow = append(s.GShadow, name)
			}
		}
	}
	var err error
	if s.Locks, err = staleLocks(a.root + "/etc"); err != nil {
		return host.Strays{}, err
	}
	a.strays = &s
	return s, nil
}
