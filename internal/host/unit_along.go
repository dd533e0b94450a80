package host

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
)

// UnitText is what the file of a unit says together with its drop-ins. What cannot be
// seen of it is left out.
func UnitText(r Reader, u *Unit) debian.UnitFile {
	content, _ := ReadThrough(r, u.Fragment)
	text := string(content)
	for _, dir := range debian.UnitDirs() {
		at := path.Join(dir, u.Name+".d")
		names, _ := r.ReadDir(at)
		for _, n := range names {
			if strings.HasSuffix(n, ".conf") {
				content, _ := ReadThrough(r, path.Join(at, n))
				text += "\n" + string(content)
			}
		}
	}
	return debian.ParseUnit(text)
}

// PulledIn are the units that the file of a unit, its drop-ins and its directories of links
// have started with it, see systemd.unit(5).
func PulledIn(r Reader, name string, f debian.UnitFile) []string {
	words := []string{"Requires", "BindsTo", "Wants"}
	// Systemd knows it from version 249 on.
	if facts, err := r.Facts(); err == nil && facts.Release != "bullseye" && facts.Release != "focal" {
		words = append(words, "Upholds")
	}
	var out []string
	for _, word := range words {
		out = append(out, f.List("Unit", word)...)
	}
	for _, dir := range debian.UnitDirs() {
		for _, word := range words {
			names, _ := r.ReadDir(path.Join(dir, name+"."+strings.ToLower(word)))
			out = append(out, names...)
		}
	}
	return slices.DeleteFunc(out, func(other string) bool { return !debian.IsProgramUnit(other) })
}

// Starts are the units that do not run and that systemd starts together with one, and
// what these have started, sorted.
func Starts(ctx context.Context, r Reader, name string) []string {
	seen := map[string]bool{name: true}
	var out []string
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		u, err := r.Unit(ctx, todo[0])
		if err != nil || !u.Startable() || todo[0] != name && u.Running() {
			continue
		}
		if todo[0] != name {
			out = append(out, todo[0])
		}
		for _, other := range PulledIn(r, todo[0], UnitText(r, u)) {
			if !seen[other] {
				seen[other] = true
				todo = append(todo, other)
			}
		}
	}
	slices.Sort(out)
	return out
}
