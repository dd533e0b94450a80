package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/spec"
)

// pin is a key that is trusted to be a person's.
type pin struct {
	person string
	key    Key
	at     spec.Pos
}

// readPins reads the keys of the lock file and checks them as strictly as any
// other: each is a good key that belongs to one person of developers.yaml, and
// is written down once, with its own fingerprint. Least is the smallest RSA key
// by person; others get by with the floor.
func readPins(repo *spec.Repository, least map[string]int, ps *spec.Problems) []pin {
	if repo.Lock == nil {
		return nil
	}
	var pins []pin
	all := owners{}
	for _, p := range repo.Lock.People {
		if repo.Person(p.Name) == nil {
			ps.Addf(p.Pos, "%s is not in developers.yaml, and has keys here: run opsafe keys update, which drops them", p.Name)
			continue
		}
		own := map[string]bool{}
		for _, item := range p.Keys {
			k, ok := readPin(item, max(least[p.Name], FloorRSABits), ps)
			if !ok {
				continue
			}
			at := item.At("key")
			other, taken := all.claim(p.Name, &k)
			switch {
			case taken:
				ps.Addf(at, "the key %s is pinned for %s too (%s): a key belongs to one person", k.Fingerprint, other.person, other.key.Place())
			case own[k.Blob]:
				ps.Addf(at, "the key %s is pinned twice for %s", k.Fingerprint, p.Name)
			default:
				own[k.Blob] = true
				pins = append(pins, pin{person: p.Name, key: k, at: at})
			}
		}
	}
	return pins
}

// readPin reads one entry.
func readPin(item *spec.Pin, leastBits int, ps *spec.Problems) (Key, bool) {
	at := item.At("key")
	keys, err := ParseKeys([]byte(item.Key), at.File, ParseOptions{MinRSABits: leastBits})
	var bad spec.Problems
	switch {
	case errors.As(err, &bad):
		ps.Addf(at, "%s", bad[0].Text)
		return Key{}, false
	case len(keys) != 1 || keys[0].Comment != "":
		ps.Addf(at, "want one key without a comment: TYPE BASE64")
		return Key{}, false
	case keys[0].Fingerprint != item.Fingerprint:
		ps.Addf(item.At("fingerprint"), "this is not the fingerprint of the key, which is %s: look who wrote this, take the entry out, and run opsafe keys update",
			keys[0].Fingerprint)
		return Key{}, false
	}
	keys[0].Line = at.Line
	return keys[0], true
}

// pin reads the pins for a backend and checks that they are there if nothing
// else counts.
func (r *Roster) pin(repo *spec.Repository, b *spec.Backend, ps *spec.Problems) {
	least := map[string]int{}
	for _, m := range r.everybody() {
		if m.Uses(spec.FromGitHub) {
			least[m.Name] = ParseOptions{MinRSABits: b.Keys.MinRSABits}.minRSABits()
		}
	}
	if g := b.Keys.GitHub; g.Locked() && repo.Lock == nil && len(least) > 0 {
		ps.Addf(g.At("mode"), "keys.github: mode locked, and there is no %s yet, so that nobody would have any key but those of keys/: run opsafe keys update", spec.LockFile)
	}
	r.pins = map[string][]Key{}
	for _, p := range readPins(repo, least, ps) {
		r.pins[p.person] = append(r.pins[p.person], p.key)
	}
}

// register adds the keys of somebody who may use what they have registered.
// Those of the repository are there already.
func (r *Roster) register(s *KeySet, m *Member, g spec.GitHub, got fetched) {
	switch pins := r.pins[m.Name]; {
	case g.Locked():
		s.add(pins)
	case got.err != nil:
		s.unasked(fmt.Errorf("%w; the present keys stay", got.err))
	case len(got.keys) == 0 && len(s.Keys) == 0:
		s.fail(fmt.Errorf("%s; the present keys stay: correct the name, register a key, or put one into keys/%s", noKey(m.Name), m.Name))
	case len(got.keys) == 0:
		d := &Doubt{Err: fmt.Errorf("%s; the keys that came from it stay: "+
			"correct the name; or, if they have given up all that they had registered, take those keys away by hand", noKey(m.Name))}
		if g.TrustsServer() {
			d.Sources = []string{got.source}
		} else {
			d.Pinned = fingerprints(pins)
		}
		s.doubt(d)
	case g.TrustsServer():
		s.add(got.keys)
	default:
		registerPinned(s, m.Name, pins, got.keys)
	}
}

// noKey is what an answer without any key may mean.
func noKey(name string) string {
	return fmt.Sprintf("the key server answered without any key for %s, as it does for names that it does not know", name)
}

// registerPinned adds the registered keys that are pinned, and says which of
// either are not the other.
func registerPinned(s *KeySet, name string, pins, registered []Key) {
	unknown := missing(registered, slices.Concat(pins, s.Keys))
	gone := missing(pins, slices.Concat(registered, s.Keys))
	s.add(missing(registered, unknown))
	if len(s.Keys) == 0 && len(pins) == 0 {
		s.fail(fmt.Errorf("none of the keys that %s has registered is pinned: %s; the present keys stay: "+
			"if they are theirs, run opsafe keys update, and have its change reviewed", name, strings.Join(fingerprints(registered), ", ")))
		return
	}
	for _, k := range unknown {
		s.notef("%s has registered the key %s %s (%s), which is not pinned: it is not installed; if it is theirs, run opsafe keys update, and have its change reviewed",
			name, k.Type, k.Fingerprint, k.Source)
	}
	if len(s.Keys) == 0 {
		s.doubt(&Doubt{Pinned: fingerprints(pins), Err: fmt.Errorf("%s has registered none of the keys any more that are pinned, but others, as if somebody else had taken the name over; "+
			"of the present keys the pinned ones stay: make sure whose the new ones are, and run opsafe keys update", name)})
		return
	}
	for _, k := range gone {
		s.notef("the key %s %s is pinned for %s (%s), who has it registered no more: it is not installed; opsafe keys update drops it",
			k.Type, k.Fingerprint, name, k.Place())
	}
}

// missing are those of keys that are not among others.
func missing(keys, others []Key) []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool {
		return slices.ContainsFunc(others, func(o Key) bool { return o.Blob == k.Blob })
	})
}

func fingerprints(keys []Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Fingerprint
	}
	return out
}
