package snapshot

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// addTo puts what the text lists on top of a state.
func (t Text) addTo(s *State) error {
	if t.Facts != nil {
		s.Facts = *t.Facts
	}
	if t.Ranges != nil {
		s.Ranges = *t.Ranges
	}
	s.makeMaps()
	for _, g := range t.Groups {
		s.setGroup(host.Group{Name: g.Name, GID: g.GID, Members: slices.Sorted(slices.Values(g.Members))})
	}
	for _, u := range t.Users {
		if err := s.addUser(u, t.Partial); err != nil {
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
	}
	for p, ft := range t.Files {
		f, err := ft.file()
		if err != nil {
			return fmt.Errorf("file %s: %w", p, err)
		}
		s.Files[path.Clean(p)] = f
	}
	for name, words := range t.Packages {
		s.Packages[name] = packageOf(name, words)
	}
	if t.Candidates != nil {
		s.Candidates = t.Candidates
	}
	for name, u := range t.Units {
		s.Units[name] = u.unit(name)
	}
	if t.Docker != nil {
		s.Engine = &host.Engine{Version: t.Docker.Version, APIVersion: t.Docker.API}
	}
	s.Networks = append(s.Networks, t.Networks...)
	s.Manual = append(s.Manual, t.Manual...)
	s.Pending = append(s.Pending, t.Pending...)
	for name, bad := range t.Programs {
		s.Programs[name] = bad
	}
	return nil
}

func (s *State) makeMaps() {
	if s.Passwords == nil {
		s.Passwords = map[string]host.Password{}
	}
	if s.Traces == nil {
		s.Traces = map[string]host.Traces{}
	}
	if s.UserUnits == nil {
		s.UserUnits = map[string][]string{}
	}
	if s.Files == nil {
		s.Files = map[string]File{}
	}
	if s.Packages == nil {
		s.Packages = map[string]host.Package{}
	}
	if s.Units == nil {
		s.Units = map[string]host.Unit{}
	}
	if s.Programs == nil {
		s.Programs = map[string]string{}
	}
}

// settle moves files to where links lead, and adds the directories on the way.
func (s *State) settle() {
	for _, p := range slices.Sorted(maps.Keys(s.Files)) {
		f := s.Files[p]
		if at := s.canonical(p); at != p {
			delete(s.Files, p)
			s.Files[at] = f
			p = at
		}
		for d := path.Dir(p); f.Node.Type != ""; d = path.Dir(d) {
			if _, ok := s.Files[d]; !ok {
				s.dir(d, 0o755)
			}
			if d == "/" {
				break
			}
		}
	}
}

// canonical follows links on the way to a path, as far as they go.
func (s *State) canonical(p string) string {
	for range maxLinks {
		next := p
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			if f := s.Files[d]; f.Node.Type == host.TypeSymlink {
				target := f.Node.Target
				if !path.IsAbs(target) {
					target = path.Join(path.Dir(d), target)
				}
				next = path.Join(target, p[len(d):])
				break
			}
		}
		if next == p {
			break
		}
		p = next
	}
	return p
}

func (s *State) setGroup(g host.Group) {
	if i := slices.IndexFunc(s.Groups, func(h host.Group) bool { return h.Name == g.Name }); i >= 0 {
		s.Groups[i] = g
		return
	}
	s.Groups = append(s.Groups, g)
}

// addUser adds a user, and a group of the same name where no group has the gid.
func (s *State) addUser(t UserText, partial bool) error {
	u := host.User{Name: t.Name, UID: t.UID, GID: t.UID, Comment: t.Comment, Home: t.Home, Shell: t.Shell}
	if t.GID != nil {
		u.GID = *t.GID
	}
	if !slices.ContainsFunc(s.Groups, func(g host.Group) bool { return g.GID == u.GID }) && !partial {
		s.setGroup(host.Group{Name: u.Name, GID: u.GID})
	}
	if i := slices.IndexFunc(s.Users, func(v host.User) bool { return v.Name == u.Name }); i >= 0 {
		s.Users[i] = u
	} else {
		s.Users = append(s.Users, u)
	}
	if t.Traces != nil {
		s.Traces[t.Name] = *t.Traces
	}
	if len(t.Units) > 0 {
		s.UserUnits[t.Name] = t.Units
	}
	if t.Password == "" && partial {
		return nil
	}
	p, err := passwordOf(t.Password)
	s.Passwords[t.Name] = p
	return err
}

func passwordOf(words string) (host.Password, error) {
	p := host.Password{State: host.PasswordLocked, Expires: -1}
	for _, w := range strings.Fields(words) {
		days, expires := strings.CutPrefix(w, "expires=")
		switch {
		case expires:
			n, err := strconv.Atoi(days)
			if err != nil {
				return p, fmt.Errorf("expiry %q is not a number of days", days)
			}
			p.Expires = n
		case w == "hash":
			p.HasHash = true
		case w == "must-change":
			p.MustChange = true
		case w == string(host.PasswordSet):
			p.State, p.HasHash = host.PasswordSet, true
		case w == string(host.PasswordLocked), w == string(host.PasswordEmpty):
			p.State = host.PasswordState(w)
		default:
			return p, fmt.Errorf("password %q: want set, locked, empty, hash, must-change, expires=DAYS", w)
		}
	}
	return p, nil
}

func (t FileText) file() (File, error) {
	if t.Type == "absent" {
		return File{}, nil
	}
	f := File{Content: []byte(t.Content), Unread: t.Unread}
	if t.Base64 != nil {
		f.Content = t.Base64
	}
	f.Node = host.Node{
		Type: t.Type, Owner: t.Owner, Group: t.Group, Target: t.Target, Links: max(t.Links, 1), Size: int64(len(f.Content)),
	}
	n := &f.Node
	if n.Type == "" {
		n.Type = host.TypeFile
		if t.Target != "" {
			n.Type = host.TypeSymlink
		}
	}
	if n.Owner == "" {
		n.Owner = "root"
	}
	if n.Group == "" {
		n.Group = "root"
	}
	mode := t.Mode
	if mode == "" {
		mode = map[host.NodeType]string{host.TypeDir: "0755", host.TypeSymlink: "0777"}[n.Type]
	}
	if mode == "" {
		mode = "0644"
	}
	m, err := host.ParseMode(mode)
	if err != nil {
		return f, err
	}
	n.Access, err = withACL(host.AccessOf(m), t.ACL)
	return f, err
}

// packageOf reads "installed 1.2-3 hold".
func packageOf(name, words string) host.Package {
	p := host.Package{Name: name, State: host.Installed}
	for i, w := range strings.Fields(words) {
		switch {
		case i == 0:
			p.State = host.PackageState(w)
		case w == "hold":
			p.Hold = true
		default:
			p.Version = w
		}
	}
	return p
}

func (t UnitText) unit(name string) host.Unit {
	u := host.Unit{
		Name: name, Load: t.Load, Active: t.Active, Sub: t.Sub, File: t.File,
		Fragment: t.Fragment, NeedReload: t.NeedReload, Links: t.Links,
	}
	if u.Load == "" {
		u.Load = "loaded"
	}
	if u.Active == "" {
		u.Active = "inactive"
	}
	if u.Sub == "" {
		u.Sub = "dead"
		if u.Active == "active" {
			u.Sub = "running"
		}
	}
	if u.Fragment == "" && u.Load == "loaded" {
		u.Fragment = "/lib/systemd/system/" + name
	}
	return u
}
