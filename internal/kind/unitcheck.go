package kind

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// unitCheck has systemd judge a unit as it is to become: its file and all of its
// drop-ins, for the sake of one of these, which is at a path. Nil where not all of it can be
// known yet; what a package brings is.
func unitCheck(ctx context.Context, r host.Reader, in *Input, name, at string) *host.Check {
	files := map[string]host.Content{}
	decl := UnitsOf(in.Backend)[name]
	if decl == nil || decl.State == Absent {
		return nil
	}
	main, ok := unitText(ctx, r, in, name, decl)
	if !ok {
		return nil
	}
	files[name] = host.NewContent(main)
	dir := unitDir + name + ".d"
	there, err := r.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, base := range there {
		if path.Ext(base) != ".conf" {
			continue
		}
		data, err := r.ReadFile(path.Join(dir, base))
		if err != nil {
			return nil
		}
		files[name+".d/"+base] = host.NewContent(data)
	}
	for _, d := range slices.Sorted(maps.Keys(decl.DropIns)) {
		drop, at := decl.DropIns[d], name+".d/"+d+".conf"
		switch {
		case len(drop.When) > 0:
		case drop.State == Absent:
			delete(files, at)
		default:
			data, err := in.text(drop.Text).render(ctx, r)
			if err != nil {
				return nil
			}
			files[at] = host.NewContent(data)
		}
	}
	return &host.Check{
		Argv: []string{"systemd-analyze", "verify", "--man=no", "--generators=no"},
		Unit: &host.UnitCheck{Name: name, Files: files, Written: strings.TrimPrefix(at, unitDir)},
	}
}

// unmet is a condition by which systemd passes over the start of the unit as it is to
// become; empty: none is known.
func (l UnitLook) unmet(ctx context.Context, r host.Reader) string {
	check := unitCheck(ctx, r, l.In, l.Name, unitDir+l.Name)
	if check == nil {
		return ""
	}
	text := string(check.Unit.Files[l.Name].Bytes())
	for _, at := range slices.Sorted(maps.Keys(check.Unit.Files)) {
		if at != l.Name {
			c := check.Unit.Files[at]
			text += "\n" + string(c.Bytes())
		}
	}
	return host.UnmetCondition(r, debian.ParseUnit(text))
}

// unitText is a unit's file: the declared one, else the host's.
func unitText(ctx context.Context, r host.Reader, in *Input, name string, decl *Unit) ([]byte, bool) {
	if t := in.text(decl.Text); t.given() {
		data, err := t.render(ctx, r)
		return data, err == nil && strings.TrimSpace(string(data)) != ""
	}
	u, err := r.Unit(ctx, name)
	if err != nil || u == nil {
		return nil, false
	}
	at, err := fragment(r, u)
	if err != nil {
		return nil, false
	}
	data, err := r.ReadFile(at)
	return data, err == nil && data != nil
}
