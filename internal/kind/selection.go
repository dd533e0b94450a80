package kind

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// Selection is what a run is narrowed to, by --only and --skip.
type Selection struct {
	// Said is how: --only file --skip key.
	Said string
	// Out are the resources that are left out.
	Out map[change.ID]Resource
	// Skips reports whether one is left out by --skip.
	Skips func(change.ID) bool
}

// Bringer is the look of a resource that brings others' things.
type Bringer interface {
	// Brings reports whether it is known to bring a thing, as Missing calls it.
	Brings(thing string, facts host.MachineFacts) bool
}

// Choosy is a look that has to know which others of its kind a selection leaves.
type Choosy interface {
	Looker
	// Among is the look where those of the names are left.
	Among(left map[string]bool) Looker
}

// Chosen tells the resources of a kind which others a selection leaves.
func Chosen(left []Resource) []Resource {
	names := map[string]bool{}
	for _, r := range left {
		names[r.ID.Name] = true
	}
	out := slices.Clone(left)
	for i, r := range out {
		if l, ok := r.Looker.(Choosy); ok {
			out[i].Looker = l.Among(names)
		}
	}
	return out
}

// LeftOut is the error of a resource that lacks what the selection leaves out, with the
// way to choose that, too; any other error is returned as it is.
func LeftOut(r host.Reader, res Resource, err error) error {
	var m *missingError
	if res.Of == nil || !errors.As(err, &m) {
		return err
	}
	var lacks []change.ID
	for _, need := range res.Needs {
		if _, out := res.Of.Out[need]; out && !slices.Contains(lacks, need) {
			lacks = append(lacks, need)
		}
	}
	if len(lacks) > 0 {
		return res.Of.lacks(m.thing, lacks, "which it needs")
	}
	facts, failed := r.Facts()
	if failed != nil {
		return err
	}
	for id, out := range res.Of.Out {
		if p, ok := out.Looker.(Bringer); ok && p.Brings(m.thing, facts) {
			lacks = append(lacks, id)
		}
	}
	if len(lacks) > 0 {
		slices.SortFunc(lacks, func(a, b change.ID) int { return strings.Compare(a.Name, b.Name) })
		return res.Of.lacks(m.thing, lacks[:1], "which brings it")
	}
	return err
}

// lacks is the error for a thing that would be there with what is left out.
func (s *Selection) lacks(thing string, left []change.ID, why string) error {
	var names, ids []string
	way := "add --only "
	for _, id := range left {
		names, ids = append(names, id.Words()), append(ids, id.String())
		if s.Skips(id) {
			way = "do not skip "
		}
	}
	return fmt.Errorf("there is no %s, and %s leaves out %s, %s: %s%s", thing, s.Said, words.And(names), why, way, strings.Join(ids, ","))
}
