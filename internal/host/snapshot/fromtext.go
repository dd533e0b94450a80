package snapshot

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/debian"
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
	if t.Strays != nil {
		s.Strays = *t.Strays
	}
	if t.Users != nil && s.Users == nil {
		s.Users = []host.User{}
	}
	if t.Groups != nil && s.Groups == nil {
		s.Groups = []host.Group{}
	}
	for _, g := range t.Groups {
		s.setGroup(host.Group{Name: g.Name, GID: g.GID, Members: slices.Sorted(slices.Values(g.Members))})
		shadow, err := g.shadow()
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		if !plainShadow(shadow) {
			s.Shadows[g.Name] = shadow
		}
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
		s.Files[path.Clean(host.FromReadable(p))] = f
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
		s.Engine = (*host.Engine)(t.Docker)
	}
	s.Networks = append(s.Networks, t.Networks...)
	s.Firewalls = append(s.Firewalls, t.Firewalls...)
	s.Containers = append(s.Containers, t.Containers...)
	maps.Copy(s.Images, t.Images)
	s.Manual = append(s.Manual, t.Manual...)
	s.Pending = append(s.Pending, t.Pending...)
	maps.Copy(s.Unpacked, t.Unpacked)
	for name, bad := range t.Programs {
		s.Programs[name] = bad
	}
	return nil
}

// shadow is what gshadow says of the group.
func (t GroupText) shadow() (host.GroupShadow, error) {
	g := host.GroupShadow{
		Password: host.PasswordLocked, Missing: t.Password == missingWord,
		Admins: slices.Sorted(slices.Values(t.Admins)), Torn: slices.Sorted(slices.Values(t.Torn)),
	}
	switch p := host.PasswordState(t.Password); p {
	case host.PasswordSet, host.PasswordEmpty:
		g.Password = p
	case "", host.PasswordLocked, missingWord:
	default:
		return g, fmt.Errorf("password %q: want set, empty, locked, missing", t.Password)
	}
	return g, nil
}

func (s *State) makeMaps() {
	if s.Shadows == nil {
		s.Shadows = map[string]host.GroupShadow{}
	}
	if s.Passwords == nil {
		s.Passwords = map[string]host.Password{}
	}
	if s.Traces == nil {
		s.Traces = map[string]host.Traces{}
	}
	if s.Images == nil {
		s.Images = map[string]*host.Image{}
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
	if s.Unpacked == nil {
		s.Unpacked = map[string][]host.UnpackedTree{}
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
	if t.Password == absentWord {
		s.Passwords[t.Name] = host.Password{}
		return nil
	}
	p, err := passwordOf(t.Password)
	s.Passwords[t.Name] = p
	return err
}

func passwordOf(words string) (host.Password, error) {
	p := host.Password{State: host.PasswordLocked, Expires: -1}
	p.Ageing.Inactive = -1
	for _, w := range strings.Fields(words) {
		what, days, number := strings.Cut(w, "=")
		n, err := strconv.Atoi(days)
		switch {
		case number && err != nil:
			return p, fmt.Errorf("password %q: %q is not a number of days", w, days)
		case number && what == "expires":
			p.Expires = n
		case number && what == "changed":
			p.Changed = n
		case number && what == "max":
			p.Ageing.On, p.Ageing.Max = true, n
		case number && what == "inactive":
			p.Ageing.Inactive = n
		case w == missingWord:
			p.Missing = true
		case w == "hash":
			p.HasHash = true
		case w == "must-change":
			p.MustChange = true
		case w == string(host.PasswordSet):
			p.State, p.HasHash = host.PasswordSet, true
		case w == string(host.PasswordLocked), w == string(host.PasswordEmpty):
			p.State = host.PasswordState(w)
		default:
			return p, fmt.Errorf("password %q: want set, locked, empty, hash, must-change, missing, expires=, changed=, max= or inactive=DAYS", w)
		}
	}
	if !p.Ageing.On {
		p.Ageing = host.Ageing{}
	}
	return p, nil
}

// missingWord says that a line of shadow or gshadow is missing.
const missingWord = "missing"

// absentWord says that there is no such thing.
const absentWord = "absent"

func (t FileText) file() (File, error) {
	if t.Type == absentWord {
		return File{}, nil
	}
	f := File{Content: []byte(t.Content), Unread: t.Unread, Secret: t.Secret}
	switch {
	case t.Base64 != nil:
		f.Content = t.Base64
	case t.Lines != nil:
		f.Content = []byte(strings.Join(t.Lines, "\n"))
	}
	if t.Names != nil {
		f.Names = fromReadable(*t.Names)
	}
	f.Node = host.Node{
		Type: t.Type, Owner: t.Owner, Group: t.Group, Target: host.FromReadable(t.Target), Links: max(t.Links, 1), Size: int64(len(f.Content)),
	}
	n := &f.Node
	if t.Size != 0 {
		n.Size = t.Size
	}
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
	if n.Held, err = host.ParseHeld(t.Held); err != nil {
		return f, err
	}
	n.Access, err = withACL(host.AccessOf(m), t.ACL)
	return f, err
}

// packageOf reads "installed 1.2-3 hold auto".
func packageOf(name, words string) host.Package {
	p := host.Package{Name: name, State: host.Installed}
	for i, w := range strings.Fields(words) {
		switch {
		case i == 0:
			p.State = host.PackageState(w)
		case w == "hold":
			p.Hold = true
		case w == "auto":
			p.Auto = true
		default:
			p.Version = w
		}
	}
	return p
}

// noFragment says of a unit that it has no file.
const noFragment = "none"

func (t UnitText) unit(name string) host.Unit {
	if t.Load == absentWord {
		return host.Unit{}
	}
	u := host.Unit(t)
	u.Name = name
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
	switch {
	case u.Fragment == noFragment:
		u.Fragment = ""
	case u.Fragment == "" && u.Load == "loaded":
		u.Fragment = debian.ShownUnitDir + "/" + name
	}
	return u
}
