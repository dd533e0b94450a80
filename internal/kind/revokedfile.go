package kind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/policy"
	"opsafe/internal/roster"
)

// keepOut is a declared file, which does not bring a revoked key back.
type keepOut struct {
	Looker
	path    string
	revoked map[string]bool // by fingerprint
}

// keepingOut wraps the look of a declared file where keys are revoked on the host.
func (in *Input) keepingOut(at string, l Looker) Looker {
	if in.Roster == nil || len(in.Roster.Revoked()) == 0 {
		return l
	}
	return keepOut{Looker: l, path: at, revoked: in.Roster.Revoked()}
}

func (l keepOut) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.Looker.Look(ctx, r)
	if err != nil {
		return c, err
	}
	key := l.writes(c.Steps)
	if key == "" {
		return c, nil
	}
	places, err := policy.TrustedPlaces(r)
	if slices.ContainsFunc(places, func(p policy.KeyPlace) bool { return p.Path == l.path }) {
		return change.Change{}, fmt.Errorf("it holds the key %s, which revoke-key has taken out of this host: take it out of the spec, too", key)
	}
	return c, err
}

// filesHold reports whether a declared file has a key, as far as it can be told
// without filling templates in.
func (in *Input) filesHold(fingerprint string) bool {
	for _, f := range in.Backend.Files {
		text := string(f.Data) + "\n" + strings.Join(f.Lines, "\n")
		for _, more := range []*string{f.Content, f.Block} {
			if more != nil {
				text += "\n" + *more
			}
		}
		for line := range strings.Lines(text) {
			if f.State != Absent && roster.Authorized(line) == fingerprint {
				return true
			}
		}
	}
	return false
}

// writes is the fingerprint of a revoked key in what is about to be written; empty if
// there is none.
func (l keepOut) writes(steps []host.Step) string {
	for _, s := range steps {
		w, ok := s.(host.WriteFile)
		if !ok || w.Path != l.path {
			continue
		}
		for line := range strings.Lines(string(w.Content.Bytes())) {
			fingerprint := roster.Authorized(line)
			if _, ok := l.revoked[fingerprint]; ok {
				return fingerprint
			}
		}
	}
	return ""
}
