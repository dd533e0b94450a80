package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/offboard"
	"opsafe/internal/roster"
)

// closedNotes name what is for people whose accounts disable-user has closed: it runs as
// them, or lets them in, all the same.
func (a *App) closedNotes(ctx context.Context, p *prepared, after host.Reader) []string {
	disabled, err := roster.ReadTombstones(a.Host)
	if err != nil {
		return nil // the roster has said so
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(disabled)) {
		off := offboard.Offboarding{
			Name: name, Keys: disabled[name].Keys, Shared: roster.KeysOfOthers(p.in.Repo, name),
			Listed: func(string) bool { return false }, Declared: p.in.Backend,
		}
		left := off.Named(ctx, after)
		for i, l := range left {
			if i == named {
				out = append(out, fmt.Sprintf("%s is disabled, and %d more things like this are there: opsafe disable-user --plan %s names them all", name, len(left)-named, name))
				break
			}
			out = append(out, fmt.Sprintf("%s is disabled, and %s: %s", name, l.What, l.Way))
		}
	}
	return out
}
