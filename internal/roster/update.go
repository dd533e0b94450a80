package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/spec"
)

// PinUpdate is a lock file anew.
type PinUpdate struct {
	// People who have, had or ask for pins, sorted by name.
	People []PersonPins
	// Lock is the content of the file.
	Lock []byte
}

// PersonPins are a person's pins before and after.
type PersonPins struct {
	Name          string
	Pos           spec.Pos // of the person, or of the pins where nobody is listed
	Before, After []Key
	// Why says why all pins go, if they do.
	Why string
	// Err says why the pins stay as they are.
	Err error
}

// Server is the backend whose keys.github says whom to ask for pins: the one
// that is named, else one of form api before the others, since only that makes
// sure of github_id, and then the first by name. Others are the backends that
// would ask another server.
func Server(repo *spec.Repository, name string) (b *spec.Backend, others []string, err error) {
	if name != "" {
		b, err := repo.Backend(name)
		if err != nil {
			return nil, nil, err
		}
		if g := b.Keys.GitHub; g.URL == "" || g.Off() {
			return nil, nil, fmt.Errorf("backend %s asks no key server: give it keys.github.url, or name another with --backend", name)
		}
		return b, nil, nil
	}
	var all []*spec.Backend
	for _, n := range slices.Sorted(maps.Keys(repo.Backends)) {
		if g := repo.Backends[n].Keys.GitHub; g.URL != "" && !g.Off() {
			all = append(all, repo.Backends[n])
		}
	}
	if len(all) == 0 {
		return nil, nil, errors.New("no backend asks a key server: give one of them keys.github.url, such as https://github.com")
	}
	b = all[max(0, slices.IndexFunc(all, func(b *spec.Backend) bool { return b.Keys.GitHub.Form == FormAPI }))]
	for _, o := range all {
		g, h := b.Keys.GitHub, o.Keys.GitHub
		if cmp.Or(g.Form, FormPlain) != cmp.Or(h.Form, FormPlain) || g.URL != h.URL {
			others = append(others, o.Name)
		}
	}
	return b, others, nil
}

// UpdatePins asks for the keys of everybody who may use registered keys on any
// backend, and makes a lock file of them. Who cannot be told for certain keeps
// the pins that they have; who is not listed any more, or may use no such keys,
// loses theirs. The error is for all of it: a lock file that holds what it
// should not, or an end of ctx.
func UpdatePins(ctx context.Context, repo *spec.Repository, f *Fetcher) (PinUpdate, error) {
	var ps spec.Problems
	least := registrants(repo, &ps)
	u := updater{repo: repo, before: map[string][]Key{}, after: map[string][]Key{}, errs: map[string]error{}}
	u.read(&ps)
	if err := ps.Err(); err != nil {
		return PinUpdate{}, err
	}
	var people []*Member
	for _, name := range slices.Sorted(maps.Keys(least)) {
		p := repo.Person(name)
		if p.GitHubID != 0 && f.o.Form != FormAPI {
			u.keep(name, fmt.Errorf("github_id of %s (%s) can only be checked in form api: name a backend of that form with --backend", name, p.At("github_id")))
			continue
		}
		people = append(people, &Member{Name: name, Person: p, Sources: []spec.KeySource{spec.FromGitHub}})
	}
	answers := fetchAll(ctx, people, f)
	if err := ctx.Err(); err != nil {
		return PinUpdate{}, fmt.Errorf("cannot fetch keys: %w", err)
	}
	for i, m := range people {
		u.take(m.Name, answers[i], least[m.Name])
	}
	u.settle()
	return u.result(least), nil
}

// registrants are the people who may use registered keys on any backend, with
// the smallest RSA key of the strictest of them.
func registrants(repo *spec.Repository, ps *spec.Problems) map[string]int {
	least := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(repo.Backends)) {
		b := repo.Backends[name]
		r := resolve(repo, b, nil, ps)
		for _, m := range r.everybody() {
			if m.Uses(spec.FromGitHub) {
				least[m.Name] = max(least[m.Name], ParseOptions{MinRSABits: b.Keys.MinRSABits}.minRSABits())
			}
		}
	}
	return least
}

// updater is an update of the pins at work.
type updater struct {
	repo          *spec.Repository
	before, after map[string][]Key
	gone          []PersonPins // of people who are not listed
	errs          map[string]error
}

// read reads the present pins. Those of people who are not listed any more are
// no problem here; keys that a backend has come to call weak are not either.
func (u *updater) read(ps *spec.Problems) {
	if u.repo.Lock == nil {
		return
	}
	listed := &spec.Lock{}
	for _, p := range u.repo.Lock.People {
		if u.repo.Person(p.Name) != nil {
			listed.People = append(listed.People, p)
			continue
		}
		var ignored spec.Problems
		old := PersonPins{Name: p.Name, Pos: p.Pos, Why: "not in developers.yaml"}
		for _, item := range p.Keys {
			if k, ok := readPin(item, FloorRSABits, &ignored); ok {
				old.Before = append(old.Before, k)
			}
		}
		u.gone = append(u.gone, old)
	}
	for _, p := range readPins(&spec.Repository{People: u.repo.People, Lock: listed}, nil, ps) {
		u.before[p.person] = append(u.before[p.person], p.key)
	}
}

// take takes the answer for a person.
func (u *updater) take(name string, got fetched, least int) {
	var err error
	switch i := slices.IndexFunc(got.keys, func(k Key) bool { return k.weak(least) != "" }); {
	case got.err != nil:
		err = got.err
	case len(got.keys) == 0:
		err = fmt.Errorf("%s: correct the name, or have them register a key", noKey(name))
	case i >= 0:
		err = fmt.Errorf("the answer for %s is refused as a whole: %s", name, got.keys[i].weak(least))
	default:
		var s KeySet
		s.add(got.keys)
		u.after[name] = s.Keys
		return
	}
	u.keep(name, err)
}

// keep leaves a person's pins as they are.
func (u *updater) keep(name string, err error) {
	u.after[name] = u.before[name]
	stay := "the pins stay"
	if len(u.before[name]) == 0 {
		stay = "nothing is pinned"
	}
	u.errs[name] = fmt.Errorf("%w; %s", err, stay)
}

// settle takes back what would give a key to two people. Each round takes
// somebody's new keys back, so that it ends: the present pins do not clash.
func (u *updater) settle() {
	files := owners{}
	for _, p := range u.repo.People {
		keys, _ := repositoryKeys(u.repo, p.Name, FloorRSABits) // a bad file is Validate's to report
		for i := range keys {
			files.claim(p.Name, &keys[i])
		}
	}
	for again := true; again; {
		again = false
		all := owners{}
		for _, name := range slices.Sorted(maps.Keys(u.after)) {
			keys := u.after[name] // takeBack puts others in their place
			for i := range keys {
				k := &keys[i]
				if other, ok := files[k.Blob]; ok && other.person != name {
					again = u.takeBack(name, twice(other, name, *k)) || again
				}
				if other, taken := all.claim(name, k); taken {
					err := twice(other, name, *k)
					again = u.takeBack(name, err) || again
					again = u.takeBack(other.person, err) || again
				}
			}
		}
	}
}

// takeBack takes a person's new keys back, and reports whether there were any.
func (u *updater) takeBack(name string, err error) bool {
	if u.errs[name] != nil {
		return false
	}
	u.keep(name, err)
	return true
}

// result lists everybody and writes the file.
func (u *updater) result(least map[string]int) PinUpdate {
	var out PinUpdate
	for _, p := range u.repo.People {
		now := PersonPins{Name: p.Name, Pos: p.Pos, Before: u.before[p.Name], After: u.after[p.Name], Err: u.errs[p.Name]}
		if _, asked := least[p.Name]; !asked {
			now.Why = "may use registered keys on no backend"
		}
		if len(now.Before)+len(now.After) > 0 || now.Err != nil {
			out.People = append(out.People, now)
		}
	}
	out.People = append(out.People, u.gone...)
	slices.SortFunc(out.People, func(a, b PersonPins) int { return strings.Compare(a.Name, b.Name) })
	out.Lock = renderLock(out.People)
	return out
}

// lockHead says what the file is.
const lockHead = `# The keys that people have registered with GitHub and that are trusted. Written
# by opsafe keys update: look whose keys come and go here before you commit it.
`

// renderLock writes the lock file: the same people and keys make the same bytes.
func renderLock(people []PersonPins) []byte {
	var b strings.Builder
	b.WriteString(lockHead)
	for _, p := range people {
		if len(p.After) == 0 {
			continue
		}
		name := p.Name
		if strings.EqualFold(name, "null") { // YAML's word for nothing
			name = `"` + name + `"`
		}
		fmt.Fprintf(&b, "\n%s:\n", name)
		keys := slices.SortedFunc(slices.Values(p.After), func(a, b Key) int { return strings.Compare(a.Fingerprint, b.Fingerprint) })
		for _, k := range keys {
			fmt.Fprintf(&b, "  - fingerprint: %s\n    key: %s %s\n", k.Fingerprint, k.Type, k.Blob)
		}
	}
	return []byte(b.String())
}
