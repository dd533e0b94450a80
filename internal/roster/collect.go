package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"opsafe/internal/spec"
)

// CollectKeys gathers the keys of all members and guests whose keys are
// managed, by name. Everybody's registered keys are fetched at once, before
// anything is changed; where the backend's keys are locked, nobody is asked. What
// goes wrong for one person is that person's Problem; the error is for the run
// as a whole and only comes of ctx. Without a fetcher, people who use GitHub have
// a Problem where keys are live.
func (r *Roster) CollectKeys(ctx context.Context, repo *spec.Repository, b *spec.Backend, f *Fetcher) (map[string]KeySet, error) {
	people := slices.DeleteFunc(r.everybody(), func(m *Member) bool { return !m.ManageKeys })
	var registered []fetched
	if !b.Keys.GitHub.Locked() && slices.ContainsFunc(people, func(m *Member) bool { return m.Uses(spec.FromGitHub) }) {
		registered = fetchAll(ctx, people, f)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cannot fetch keys: %w", err)
	}
	sets := make([]KeySet, len(people))
	for i, m := range people {
		var got fetched
		if registered != nil {
			got = registered[i]
		}
		sets[i] = r.join(m, repo, b, got)
	}
	r.claimAll(repo, people, sets)
	out := make(map[string]KeySet, len(people))
	for i, m := range people {
		out[m.Name] = sets[i]
	}
	return out, nil
}

// fetched is the answer for one person.
type fetched struct {
	keys   []Key
	source string
	err    error
}

// fetchAll asks for everybody who uses GitHub, a few at a time.
func fetchAll(ctx context.Context, people []*Member, f *Fetcher) []fetched {
	out := make([]fetched, len(people))
	var wg sync.WaitGroup
	var slots chan struct{}
	if f != nil {
		slots = make(chan struct{}, f.o.Parallel)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.o.Total, errSlow{f.o.Total})
		defer cancel()
	}
	for i, m := range people {
		switch {
		case !m.Uses(spec.FromGitHub):
		case f == nil:
			out[i].err = fmt.Errorf("the keys that %s has registered have not been asked for", m.Name)
		default:
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				out[i].keys, out[i].err = f.fetch(ctx, m.Person)
				out[i].source = f.address(m.Name)
			})
		}
	}
	wg.Wait()
	if f != nil {
		f.client.CloseIdleConnections()
	}
	return out
}

// join puts a person's keys together: from the repository first.
func (r *Roster) join(m *Member, repo *spec.Repository, b *spec.Backend, got fetched) KeySet {
	s := KeySet{Options: m.KeyOptions}
	if m.Uses(spec.FromRepository) {
		keys, err := repositoryKeys(repo, m.Name, b.Keys.MinRSABits)
		s.add(keys)
		if err != nil {
			s.fail(fmt.Errorf("%w; the present keys stay", err))
		}
	}
	if m.Uses(spec.FromGitHub) {
		r.register(&s, m, b.Keys.GitHub, got)
	}
	if len(s.Keys) == 0 && s.Problem == nil && s.Doubt == nil {
		noteNone(&s, m, repo, b)
	}
	r.block(&s)
	r.noteRevoked(&s)
	return s
}

// noteNone says why somebody has no key.
func noteNone(s *KeySet, m *Member, repo *spec.Repository, b *spec.Backend) {
	var why []string
	if m.Uses(spec.FromRepository) && repo.KeyFiles[m.Name] == nil {
		why = append(why, "there is no "+keyFile(m.Name))
	}
	if m.Uses(spec.FromGitHub) && b.Keys.GitHub.Locked() {
		why = append(why, "no key is pinned for them")
	}
	if len(why) > 0 {
		s.notef("%s: %s has no key", strings.Join(why, ", and "), m.Name)
	}
}

// noteRevoked says which keys somebody had who is disabled on this host.
func (r *Roster) noteRevoked(s *KeySet) {
	for _, k := range s.Keys {
		if name, ok := r.revoked[k.Fingerprint]; ok {
			s.notef("the key %s (%s) was also one of %s, who is disabled on this host", k.Fingerprint, k.Place(), name)
		}
	}
}

// repositoryKeys reads keys/NAME, which may be missing.
func repositoryKeys(repo *spec.Repository, name string, minRSABits int) ([]Key, error) {
	return ParseKeys(repo.KeyFiles[name], keyFile(name), ParseOptions{MinRSABits: minRSABits, Comments: true})
}

func keyFile(name string) string { return "keys/" + name }

// claimAll finds keys that two people have. It also knows the files of people
// who have no account here: a key of theirs that a member registers is as
// wrong, and so is one that is pinned for them.
func (r *Roster) claimAll(repo *spec.Repository, people []*Member, sets []KeySet) {
	all, index := make(owners, len(people)), make(map[string]int, len(people))
	for i, m := range people {
		index[m.Name] = i
		for j := range sets[i].Keys {
			k := &sets[i].Keys[j]
			other, taken := all.claim(m.Name, k)
			if !taken {
				continue
			}
			err := shared(other, m.Name, *k)
			sets[i].fail(err)
			sets[index[other.person]].fail(err)
		}
	}
	for _, p := range repo.People {
		if _, ok := index[p.Name]; ok {
			continue
		}
		// A file that cannot be read is Validate's to report.
		keys, _ := repositoryKeys(repo, p.Name, FloorRSABits)
		for _, k := range slices.Concat(keys, r.pins[p.Name]) {
			if other, ok := all[k.Blob]; ok {
				sets[index[other.person]].fail(shared(owned{person: p.Name, key: &k}, other.person, *other.key))
			}
		}
	}
}

func shared(a owned, person string, k Key) error {
	return fmt.Errorf("%w; the present keys of both stay", twice(a, person, k))
}

// twice is what is wrong with a key that two people have.
func twice(a owned, person string, k Key) error {
	return fmt.Errorf("%s (%s) and %s (%s) have the same key %s, so that nobody could tell them apart",
		a.person, a.key.Place(), person, k.Place(), k.Fingerprint)
}

// ServiceKeys gathers the keys of the service account that the item a of
// authorized_keys is for: those written there, those of people, which
// CollectKeys has gathered, and those of files. People who are disabled on this
// host are left out, with a note.
func (r *Roster) ServiceKeys(repo *spec.Repository, b *spec.Backend, a *spec.AuthorizedKeys, people map[string]KeySet) KeySet {
	s := KeySet{Options: a.Options}
	if err := CheckOptions(a.Options); err != nil {
		s.fail(spec.Problem{Pos: a.At("options"), Text: err.Error()})
	}
	inline, err := inlineKeys(a, b.Keys.MinRSABits)
	s.add(inline)
	if err != nil {
		s.fail(err)
	}
	for i, name := range a.People {
		set, ok := people[name]
		switch {
		case r.Disabled(name):
			s.notef("%s is disabled on this host: left out", name)
		case !ok:
			s.fail(spec.Problem{Pos: a.At("people", i), Text: fmt.Sprintf("no keys of %s are managed: no role of %s says where they come from", name, name)})
		default:
			s.add(set.Keys)
			s.doubt(set.Doubt)
			switch {
			case set.Unasked:
				s.unasked(set.Problem)
			case set.Problem != nil:
				s.fail(set.Problem)
			}
			if r.Member(name) == nil { // else they are said of the person's own file
				s.Notes = append(s.Notes, set.Notes...)
			}
		}
	}
	for i := range a.From {
		file := fromFile(a, i)
		if name, ok := keyFileName(file); ok && r.Disabled(name) {
			s.notef("%s is disabled on this host: %s is left out", name, file)
			continue
		}
		keys, err := fromKeys(repo, a, i, b.Keys.MinRSABits)
		s.add(keys)
		if err != nil {
			s.fail(err)
		}
	}
	r.block(&s)
	r.noteRevoked(&s)
	return s
}

// inlineKeys reads the key lines that stand in the spec itself.
func inlineKeys(a *spec.AuthorizedKeys, minRSABits int) ([]Key, error) {
	var all []Key
	var ps spec.Problems
	for i, line := range a.Keys {
		at := a.At("keys", i)
		keys, err := ParseKeys([]byte(line), at.File, ParseOptions{MinRSABits: minRSABits})
		var bad spec.Problems
		switch {
		case errors.As(err, &bad):
			ps.Addf(at, "%s", bad[0].Text)
		case len(keys) != 1:
			ps.Addf(at, "want one key: TYPE BASE64 COMMENT")
		default:
			keys[0].Line = at.Line
			all = append(all, keys[0])
		}
	}
	return all, ps.Err()
}

// fromKeys reads the i-th file of from.
func fromKeys(repo *spec.Repository, a *spec.AuthorizedKeys, i, minRSABits int) ([]Key, error) {
	file := fromFile(a, i)
	var data []byte
	if i < len(a.FromData) {
		data = a.FromData[i]
	}
	if name, ok := keyFileName(file); ok && data == nil {
		data = repo.KeyFiles[name]
	}
	if data == nil {
		return nil, spec.Problems{{Pos: a.At("from", i), Text: fmt.Sprintf("there is no file %s", file)}}
	}
	return ParseKeys(data, file, ParseOptions{MinRSABits: minRSABits, Comments: true})
}
