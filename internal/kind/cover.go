package kind

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Covering is Kind.Covers of files, and of directories of files, that every host may
// have.
func Covering(places ...string) func(context.Context, Recorder, *spec.Backend) ([]string, error) {
	return func(context.Context, Recorder, *spec.Backend) ([]string, error) { return places, nil }
}

// coverUnits are the files of the units that run, or are enabled: a drop-in is judged
// together with the unit that it is for.
func coverUnits(ctx context.Context, r Recorder, _ *spec.Backend) ([]string, error) {
	names, err := r.UnitNames(ctx)
	if err != nil && !host.IsUnknown(err) {
		return nil, err
	}
	places := []string{path.Dir(debian.UnitDir)}
	for _, name := range names {
		u, err := r.Unit(ctx, name)
		if err != nil || u == nil {
			continue
		}
		_, _ = r.ReadDir(path.Join(debian.UnitDir, name+".d"))
		if u.Fragment != "" && (u.Active == "active" || strings.HasPrefix(u.File, "enabled")) {
			places = append(places, u.Fragment)
		}
	}
	return places, ctx.Err()
}
