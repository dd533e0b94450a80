package kind

import (
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Mount is a file system that declared units bring: a .mount, or an .automount
// that mounts it when somebody gets there.
type Mount struct {
	Where string
	Units []string // those of the two that are declared
	When  spec.Conditions
	what  string // a path that is mounted there; empty: something else
}

// Mounts lists the file systems that are to be there, each after those that it
// lies on itself.
func (in *Input) Mounts() []Mount {
	at := map[string]*Mount{}
	for _, name := range slices.Sorted(maps.Keys(UnitsOf(in.Backend))) {
		u, where := UnitsOf(in.Backend)[name], debian.MountPoint(name)
		if where == "" || u.State == Absent {
			continue
		}
		if at[where] == nil {
			at[where] = &Mount{Where: where}
		}
		m := at[where]
		m.Units = append(m.Units, name)
		if what, _ := debian.ParseUnit(string(u.Data)).Mounts(); strings.HasPrefix(what, "/") {
			m.what = what
		}
	}
	var todo, out []Mount
	for _, where := range slices.Sorted(maps.Keys(at)) {
		m, wanted := at[where], false
		for _, name := range m.Units {
			if u := UnitsOf(in.Backend)[name]; spec.Is(u.Running) || spec.Is(u.Enabled) {
				wanted, m.When = true, u.When
			}
		}
		if wanted {
			todo = append(todo, *m)
		}
	}
	for len(todo) > 0 {
		next := max(0, slices.IndexFunc(todo, func(m Mount) bool {
			return !slices.ContainsFunc(todo, func(other Mount) bool { return other.Where != m.Where && other.under(m) })
		}))
		out = append(out, todo[next])
		todo = slices.Delete(todo, next, next+1)
	}
	return out
}

// under reports whether another file system, or what it shows, lies on this one.
func (m Mount) under(other Mount) bool {
	return m.Holds(path.Dir(other.Where)) || other.what != "" && m.Holds(other.what)
}

// Holds reports whether a path lies on the file system.
func (m Mount) Holds(p string) bool { return p == m.Where || strings.HasPrefix(p, m.Where+"/") }

// Brings reports whether the resource is one of those that bring the file system.
func (m Mount) Brings(id change.ID) bool {
	return id.Kind == "unit" && slices.ContainsFunc(m.Units, func(u string) bool {
		return id.Name == u || strings.HasPrefix(id.Name, UnitDropInName(u, ""))
	})
}

// HasHome reports whether an account needs the file system.
func (m Mount) HasHome(in *Input) bool {
	return slices.ContainsFunc(in.accounts(), func(a declaredAccount) bool {
		return slices.ContainsFunc(in.followed(a.places()), m.Holds)
	})
}

// places are the paths that are the account's.
func (a account) places() []string {
	if a.absent {
		return nil
	}
	return append([]string{a.home}, a.reown...)
}

// On lists the declared file systems that a resource lies on.
func (in *Input) On(res Resource, all []Mount) []Mount {
	places := in.followed(in.placesOf(res.ID, all))
	var out []Mount
	for _, m := range all {
		if !m.Brings(res.ID) && slices.ContainsFunc(places, m.Holds) {
			out = append(out, m)
		}
	}
	return out
}

func (in *Input) placesOf(id change.ID, all []Mount) []string {
	switch {
	case id.Kind == "unit":
		for _, m := range all {
			if m.Brings(id) {
				return []string{path.Dir(m.Where), m.what}
			}
		}
	case strings.HasPrefix(id.Name, "/"):
		return []string{strings.TrimSuffix(id.Name, "/**")}
	case id.Kind == "user" || id.Kind == "key":
		for _, a := range in.accounts() {
			if a.name == id.Name {
				return a.places()
			}
		}
	}
	return nil
}

// followed adds to paths where they are by the links that the spec declares.
func (in *Input) followed(places []string) []string {
	out := slices.Clone(places)
	for _, p := range places {
		for link, f := range in.Backend.Files {
			if rest, below := strings.CutPrefix(p, link+"/"); below && f.Link != "" && f.State != Absent {
				target := f.Link
				if !path.IsAbs(target) {
					target = path.Join(path.Dir(link), target)
				}
				out = append(out, path.Join(target, rest))
			}
		}
	}
	return out
}

// mountPoint makes what systemd would make as it mounts, so that it is planned
// and recorded: the directory where, and the one that is shown there.
func (l UnitLook) mountPoint(r host.Reader, c *change.Change) error {
	where := debian.MountPoint(l.Name)
	if where == "" {
		return nil
	}
	dirs := []string{where}
	if what, bind := debian.ParseUnit(string(l.Decl.Data)).Mounts(); bind && strings.HasPrefix(what, "/") && !l.In.isFile(what) {
		dirs = append(dirs, path.Clean(what))
	}
	for _, dir := range dirs {
		err := needDeclared(r, c, dir, l.In.modesAbove(path.Join(dir, "x")))
		if err != nil && !host.AfterApply(err) {
			return err
		}
	}
	return nil
}

// isFile reports whether the spec declares a file at a path.
func (in *Input) isFile(p string) bool {
	f, ok := in.Backend.Files[p]
	return ok && f.State != Absent
}

// modesAbove are the modes of the declared directories on the way to a path.
func (in *Input) modesAbove(p string) map[string]host.Mode {
	out := map[string]host.Mode{}
	for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
		d, ok := in.Backend.Directories[dir]
		if !ok || d.State == Absent {
			continue
		}
		out[dir] = MadeDirMode
		if m := spec.Mode(d.Mode); m != nil {
			out[dir] = *m
		}
	}
	return out
}

// needDeclared adds the making of a directory and of those on the way to it, root's
// and with their declared modes: the directory kind gives them to others once
// those are there.
func needDeclared(r host.Reader, c *change.Change, dir string, modes map[string]host.Mode) error {
	n, err := r.Stat(dir)
	if err != nil || n != nil {
		return err
	}
	if err := needDeclared(r, c, path.Dir(dir), modes); err != nil {
		return err
	}
	mode, ok := modes[dir]
	if !ok {
		mode = MadeDirMode
	}
	step := host.MakeDir{Path: dir, Owner: Root, Group: Root, Access: host.AccessOf(mode)}
	if !slices.ContainsFunc(c.Steps, func(s host.Step) bool { d, ok := s.(host.MakeDir); return ok && d.Path == dir }) {
		c.Steps = append(c.Steps, step)
		c.Fresh("directory "+dir, "made")
	}
	return nil
}
