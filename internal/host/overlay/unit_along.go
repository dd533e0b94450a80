package overlay

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
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
	words := []string{"Requires", "BindsTo", "Wants"}
	if h.upholds() {
		words = append(words, "Upholds")
	}
	var out []string
	for _, word := range words {
		out = append(out, f.List("Unit", word)...)
	}
	for _, dir := range debian.UnitDirs() {
		for _, word := range words {
			names, _ := h.readDir(path.Join(dir, name+"."+strings.ToLower(word)))
			out = append(out, names...)
		}
	}
	return out
}

// upholds reports whether systemd knows Upholds=, which it does from version 249 on.
func (h *Host) upholds() bool {
	facts, err := h.base.Facts()
	return err == nil && facts.Release != "bullseye" && facts.Release != "focal"
}

// unitFile is what the file of a unit says together with its drop-ins.
func (h *Host) unitFile(u *host.Unit) debian.UnitFile {
	content, _ := h.readFile(u.Fragment)
	text := string(content)
	for _, dir := range debian.UnitDirs() {
		at := path.Join(dir, u.Name+".d")
		names, _ := h.readDir(at)
		for _, n := range names {
			if strings.HasSuffix(n, ".conf") {
				content, _ := h.readFile(path.Join(at, n))
				text += "\n" + string(content)
			}
		}
	}
	return debian.ParseUnit(text)
}
