package kind

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/policy"
	"opsafe/internal/roster"
)

// Revoking is taking one key out of a host.
type Revoking struct {
	Fingerprint string
	By          string
	Now         time.Time
}

// Revoke lists what takes a key out of a host: the record that keeps later runs from
// bringing it back, and each file that has it. That not all files can be found out
// keeps none of the others open: Holders says so.
func Revoke(r host.Reader, v Revoking) ([]Resource, error) {
	out := []Resource{{ID: change.ID{Kind: "record", Name: v.Fingerprint}, Looker: revokedLook{v}}}
	places, err := policy.TrustedPlaces(r)
	if err != nil && len(places) == 0 {
		return nil, err
	}
	for _, p := range places {
		keys, err := policy.KeysIn(r, p.Path)
		if err == nil && slices.Contains(keys, v.Fingerprint) {
			out = append(out, Resource{ID: change.ID{Kind: "key", Name: p.Path}, Looker: wipeLook{path: p.Path, goes: v.is}})
		}
	}
	return out, nil
}

func (v Revoking) is(fingerprint string) bool { return fingerprint == v.Fingerprint }

// revokedLook is the record by which later runs know.
type revokedLook struct{ Revoking }

func (l revokedLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	at := roster.RevokedPath(l.Fingerprint)
	n, err := r.Stat(at)
	if err != nil || n != nil {
		return c, err
	}
	data, err := roster.Revocation{Fingerprint: l.Fingerprint, Since: l.Now, By: l.By}.Marshal()
	if err != nil {
		return c, err
	}
	return WriteNote(r, at, data)
}

// DeclareRevoked keeps revoked keys out of all files, also of those that no list is
// for, until the lists have caught up: then the record goes.
func DeclareRevoked(in *Input) []Resource {
	if in.Roster == nil {
		return nil
	}
	var out []Resource
	revoked := in.Roster.Revoked()
	for _, fp := range slices.Sorted(maps.Keys(revoked)) {
		out = append(out, Resource{ID: change.ID{Kind: "key", Name: fp}, Looker: blockedLook{fingerprint: fp, over: revoked[fp] && in.keysKnown() && !in.filesHold(fp)}})
	}
	return out
}

// KeepsOut reports whether a resource, by its name KIND/NAME, is there because of
// revoke-key and not because of the spec.
func KeepsOut(name string) bool {
	fingerprint, ok := strings.CutPrefix(name, "key/")
	return ok && roster.CheckFingerprint(fingerprint) == nil
}

// keysKnown reports whether all keys of all people could be told, so that a key
// that is not among them is on no list.
func (in *Input) keysKnown() bool {
	for _, set := range in.Keys {
		if set.Problem != nil || set.Doubt != nil {
			return false
		}
	}
	for _, set := range in.ServiceKeys {
		if set.Problem != nil || set.Doubt != nil {
			return false
		}
	}
	return true
}

type blockedLook struct {
	fingerprint string
	over        bool // no list has it any more
}

func (l blockedLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	places, problem := policy.TrustedPlaces(r)
	for _, p := range places {
		err := wipeKeys(r, &c, p.Path, func(fp string) bool { return fp == l.fingerprint })
		switch {
		case host.IsUnknown(err):
			problem = cmp.Or(problem, err)
		case err != nil: // that of one account, which is no reason to fail
			c.Notes = append(c.Notes, err.Error())
		}
	}
	if len(c.Steps) > 0 && problem != nil {
		return c, nil //nolint:nilerr // what can be closed is not left open for the rest, which is looked at again
	}
	if !l.over {
		return c, problem
	}
	at := roster.RevokedPath(l.fingerprint)
	gone, err := GoneFile{Path: at}.Look(ctx, r)
	if err != nil || len(gone.Steps) == 0 {
		return c, cmp.Or(problem, err)
	}
	c.Action, c.Why = cmp.Or(c.Action, change.Remove), "no list has it any more"
	c.Differ("record", at, "")
	c.Steps = append(c.Steps, gone.Steps...)
	return c, problem
}
