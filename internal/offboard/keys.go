package offboard

import (
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
)

// know adds the keys that are in the person's own files. That they cannot be read,
// be it their own doing, stops nothing.
func (o *Offboarding) know(r host.Reader) {
	present, _ := policy.PresentKeys(r, o.Name)
	o.Keys = slices.Concat(o.Keys, present)
	slices.Sort(o.Keys)
	o.Keys = slices.Compact(o.Keys)
}

// otherKeys are the files of other accounts that hold a key of the person's.
func (o Offboarding) otherKeys(r host.Reader) []kind.Resource {
	places, _ := policy.KeyPlaces(r) // what cannot be read is said in the end
	var out []kind.Resource
	for _, p := range places {
		if p.Of(o.Name) || slices.ContainsFunc(p.Accounts, o.listed) {
			continue
		}
		keys, err := policy.KeysIn(r, p.Path)
		if err == nil && slices.ContainsFunc(keys, o.theirs) {
			out = append(out, kind.WipeKeys(change.ID{Kind: "key", Name: p.Path}, p.Path, o.theirs))
		}
	}
	return out
}
