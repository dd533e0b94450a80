package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// mountsFirst has declared file systems come before what lies on them, which would
// be made beneath them and hidden otherwise: before the accounts where these have
// homes there, else before the files. All that lies on one waits for it.
func mountsFirst(in *kind.Input, kinds []Kind) []Kind {
	mounts := in.Mounts()
	if len(mounts) == 0 {
		return kinds
	}
	before := map[string]kind.Stage{}
	for _, m := range mounts {
		if m.HasHome(in) {
			before[m.Where] = kind.StageAccounts
		}
	}
	// A file system that another lies on comes as early as that one.
	for i := range slices.Backward(kinds) {
		for j, res := range slices.Backward(kinds[i].Resources) {
			res.On = in.On(res, mounts)
			kinds[i].Resources[j].On = res.On
			for _, m := range res.On {
				if before[m.Where] == "" {
					before[m.Where] = kind.StageFiles
				}
				for _, on := range mounts {
					if on.Brings(res.ID) && before[on.Where] == kind.StageAccounts {
						before[m.Where] = kind.StageAccounts
					}
				}
			}
		}
	}
	for _, stage := range []kind.Stage{kind.StageFiles, kind.StageAccounts} {
		early := Kind{Kind: kind.Bare("unit", kind.StageMounts)}
		for _, m := range mounts {
			if before[m.Where] == stage {
				early.Resources = append(early.Resources, take(kinds, m)...)
			}
		}
		if at := slices.IndexFunc(kinds, func(k Kind) bool { return k.Stage == stage }); at >= 0 && len(early.Resources) > 0 {
			kinds = slices.Insert(kinds, at, early)
		}
	}
	return kinds
}

// take takes those resources out of the kinds that bring a file system.
func take(kinds []Kind, m kind.Mount) []kind.Resource {
	var out []kind.Resource
	for i, k := range kinds {
		var rest []kind.Resource
		for _, res := range k.Resources {
			if m.Brings(res.ID) {
				out = append(out, res)
			} else {
				rest = append(rest, res)
			}
		}
		if len(rest) < len(k.Resources) {
			kinds[i].Resources = rest
		}
	}
	return out
}

// waits reports whether a resource cannot be tried since it lies on a file system
// that is not there: what is beneath is not what is declared.
func (r *run) waits(ctx context.Context, res kind.Resource) (change.Result, bool) {
	out := change.Result{ID: res.ID, Pos: res.Pos}
	for _, m := range res.On {
		applies, _, err := kind.Applies(ctx, r.Host, m.When)
		if err == nil && !applies {
			continue
		}
		up := false
		for _, name := range m.Units {
			u, asked := r.Host.Unit(ctx, name)
			err = errors.Join(err, asked)
			up = up || u.Running()
		}
		switch {
		case up:
		case host.IsUnknown(err):
			out.Status, out.Reason = change.Unknown, fmt.Sprintf("whether %s runs, on which it lies, is unknown", m.Units[0])
			return out, true
		case err != nil:
			out.Status, out.Err = change.Failed, err
			return out, true
		default:
			verb := " does not run"
			if len(m.Units) > 1 {
				verb = " do not run"
			}
			out.Status, out.Reason = change.Blocked, strings.Join(m.Units, " and ")+verb+", and it lies on "+m.Where
			r.bad[res.ID] = change.ID{Kind: "unit", Name: m.Units[0]}
			return out, true
		}
	}
	return out, false
}
