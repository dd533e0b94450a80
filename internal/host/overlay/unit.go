package overlay

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Unit describes a unit as systemd would.
func (h *Host) Unit(ctx context.Context, name string) (*host.Unit, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.unit(ctx, name)
}

func (h *Host) unit(ctx context.Context, name string) (*host.Unit, error) {
	if u, ok := h.units[name]; ok {
		if u == nil {
			return nil, nil
		}
		return u.Clone(), nil
	}
	u, err := h.base.Unit(ctx, name)
	if t := debian.TemplateOf(name); t != "" && u == nil {
		if u, ok := h.units[t]; ok && u != nil {
			return &host.Unit{Name: name, Load: u.Load, Active: "inactive", Sub: "dead", File: "disabled", Fragment: u.Fragment}, nil
		}
	}
	if u == nil && err == nil {
		return h.aliased(ctx, name)
	}
	if u != nil && h.reloaded {
		u.NeedReload = false
	}
	return u, err
}

// aliased is the unit that a link of this name among the unit files stands for,
// as enabling one with Alias= makes it.
func (h *Host) aliased(ctx context.Context, name string) (*host.Unit, error) {
	if !debian.IsFileUnit(name) {
		return nil, nil
	}
	n, err := h.stat(path.Join(debian.UnitDir, name))
	if err != nil || n == nil || n.Type != host.TypeSymlink {
		return nil, nil //nolint:nilerr // what cannot be seen is no other name
	}
	own := path.Base(n.Target)
	if own == name || path.Ext(own) != path.Ext(name) {
		return nil, nil
	}
	u, err := h.unit(ctx, own)
	if u != nil {
		u.Name, u.Links = name, nil
	}
	return u, err
}

// unitOf tells which unit a path belongs to: as its file, as a drop-in, or as a
// link that enables it. All are empty for other paths.
func unitOf(at string) (file, dropIn, link string) {
	dir, base := path.Split(at)
	dir = path.Clean(dir)
	if slices.Contains(debian.UnitDirs(), dir) && debian.IsFileUnit(base) {
		return base, "", ""
	}
	parent, sub := path.Split(dir)
	if !slices.Contains(debian.UnitDirs(), path.Clean(parent)) {
		return "", "", ""
	}
	if name, ok := strings.CutSuffix(sub, ".d"); ok && debian.IsFileUnit(name) && path.Ext(base) == ".conf" {
		return "", name, ""
	}
	if ext := path.Ext(sub); (ext == ".wants" || ext == ".requires" || ext == ".upholds") && debian.IsFileUnit(base) {
		return "", "", base
	}
	return "", "", ""
}

// unitFileWritten tells the units about a file or link that was written. Where
// the base cannot tell about a unit, it stays unknown.
func (h *Host) unitFileWritten(ctx context.Context, at string) {
	file, dropIn, link := unitOf(at)
	u, err := h.unit(ctx, file+dropIn+link)
	switch {
	case err != nil:
	case file != "" && u == nil:
		h.units[file] = h.unitFromFile(file, at)
	case file != "":
		// Which file counts, and what enablement it asks for, is read from
		// disk for each question; the rest at the next reload.
		h.markStale(u)
		h.showFragment(u, h.fragment(file))
		h.units[file] = u
	case dropIn != "" && u != nil:
		h.markStale(u)
		h.units[dropIn] = u
	case link != "" && u != nil:
		u.Links = sortedSet(append(u.Links, at))
		u.File = "enabled"
		h.units[link] = u
	}
}

// unitFileRemoved tells the units about a file or link that was removed.
func (h *Host) unitFileRemoved(ctx context.Context, at string) {
	file, dropIn, link := unitOf(at)
	u, err := h.unit(ctx, file+dropIn+link)
	if err != nil || u == nil {
		return
	}
	switch {
	case file != "" && u.Load == "masked":
		h.units[file] = u
		h.reread(u)
	case file != "" || dropIn != "":
		h.markStale(u)
		h.units[file+dropIn] = u
	case link != "":
		u.Links = slices.DeleteFunc(u.Links, func(l string) bool { return l == at })
		u.File = h.fileState(u, h.fragment(link))
		h.units[link] = u
	}
}

func (h *Host) markStale(u *host.Unit) {
	u.NeedReload = true
	h.stale[u.Name] = true
}

// unitFromFile is a unit that systemd has not seen yet: it reads the file when
// it is first asked.
func (h *Host) unitFromFile(name, at string) *host.Unit {
	u := &host.Unit{Name: name, Load: "loaded", Active: "inactive", Sub: "dead", Fragment: at}
	u.File = h.fileState(u, at)
	u.Triggers = h.triggers(name, at)
	if u.File == "masked" {
		u.Load, u.Fragment = "masked", at
	}
	return u
}

// fileState is what systemctl is-enabled would say.
func (h *Host) fileState(u *host.Unit, fragment string) string {
	if strings.HasPrefix(fragment, generatorDir) {
		return "generated"
	}
	n, err := h.stat(fragment)
	if err != nil || n == nil {
		return u.File
	}
	switch {
	case n.Type == host.TypeSymlink && n.Target == "/dev/null":
		return "masked"
	case len(u.Links) > 0:
		return "enabled"
	case n.Type == host.TypeSymlink && path.Dir(fragment) == debian.UnitDir:
		return "linked"
	}
	content, err := h.readFile(fragment)
	if err != nil {
		return u.File
	}
	if slices.Contains(debian.ParseUnit(string(content)).Sections, "Install") {
		return "disabled"
	}
	return "static"
}

// fragment finds the file that systemd would read for a unit, of an instance that of
// its template; empty for none.
func (h *Host) fragment(name string) string {
	for _, dir := range debian.UnitDirs() {
		p := path.Join(dir, name)
		if n, err := h.stat(p); err == nil && n != nil {
			return p
		}
	}
	// Of a SysV script systemd makes a unit, unless there is one already, be it a
	// mask.
	if script, ok := strings.CutSuffix(name, ".service"); ok {
		if n, err := h.stat("/etc/init.d/" + script); err == nil && n != nil {
			return generatorDir + name
		}
	}
	if t := debian.TemplateOf(name); t != "" {
		return h.fragment(t)
	}
	return ""
}

// generatorDir is where systemd puts the units that it makes of SysV scripts.
const generatorDir = "/run/systemd/generator.late/"

// reloadManager lets systemd read all unit files that have changed.
func (h *Host) reloadManager(ctx context.Context) {
	for name := range h.stale {
		if u, err := h.unit(ctx, name); err == nil && u != nil {
			h.reread(u)
		}
	}
	clear(h.stale)
	h.reloaded = true
}

// showFragment gives a unit its file, and the enablement that follows. The same
// file can have two names, in /lib and /usr/lib: the one shown stays.
func (h *Host) showFragment(u *host.Unit, at string) {
	old, err := h.resolve(u.Fragment)
	now, _ := h.resolve(at)
	if err != nil || old != now {
		u.Fragment = at
	}
	u.File = h.fileState(u, at)
	if h.stale[u.Name] {
		u.Triggers = h.triggers(u.Name, at)
	}
}

// triggers are the units that a unit starts, by its file.
func (h *Host) triggers(name, at string) []string {
	content, err := h.readFile(at)
	if err != nil {
		return nil
	}
	if started := debian.ParseUnit(string(content)).Starts(name); started != "" {
		return []string{started}
	}
	return nil
}

// reread gives a unit what its file says now. Without a file a unit that does
// not run is forgotten.
func (h *Host) reread(u *host.Unit) {
	u.NeedReload = false
	at := h.fragment(u.Name)
	switch {
	case at == "" && !u.Running():
		h.units[u.Name] = nil
		return
	case at == "" && u.Fragment == "" && debian.IsGeneratedUnit(u.Name): // systemd has made it by itself
	case at == "":
		u.Load, u.Fragment, u.File = "not-found", "", ""
	default:
		h.showFragment(u, at)
		u.Load = "loaded"
		if u.File == "masked" {
			u.Load = "masked"
		}
	}
	h.units[u.Name] = u
}
