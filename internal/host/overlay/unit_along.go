package overlay

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/debian"
)

// startAlong starts what systemd starts with a unit, as far as there is such a unit. That
// one of them does not start is for whoever declares it to say.
func (h *Host) startAlong(ctx context.Context, name string, f debian.UnitFile) {
	for _, other := range h.along(name, f) {
		u, err := h.unit(ctx, other)
		if err != nil || !u.Startable() || u.Running() || !debian.IsProgramUnit(other) {
			continue
		}
		if err := h.start(ctx, u); err == nil {
			h.units[other] = u
		}
	}
}

// along are the units that the file of a unit, its drop-ins and its directories of links
// have started with it (systemd.unit(5)).
func (h *Host) along(name string, f debian.UnitFile) []string {
	named := func(f debian.UnitFile) []string {
		return append(append(f.List("Unit", "Requires"), f.List("Unit", "BindsTo")...), f.List("Unit", "Wants")...)
	}
	out := named(f)
	for _, dir := range debian.UnitDirs() {
		at := path.Join(dir, name)
		for _, links := range []string{at + ".wants", at + ".requires"} {
			names, _ := h.readDir(links)
			out = append(out, names...)
		}
		names, _ := h.readDir(at + ".d")
		for _, n := range names {
			if strings.HasSuffix(n, ".conf") {
				content, _ := h.readFile(path.Join(at+".d", n))
				out = append(out, named(debian.ParseUnit(string(content)))...)
			}
		}
	}
	return out
}
