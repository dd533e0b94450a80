package roster

import (
	"maps"
	"slices"

	"opsafe/internal/spec"
)

// Validate finds what is wrong with the people, roles and keys of a repository,
// for all of its backends, without looking at a host or a server. The error is
// a spec.Problems. It comes after loading, which has checked that every file of
// keys/ belongs to somebody and that every file named is there.
func Validate(repo *spec.Repository) error {
	var ps spec.Problems
	least := map[string]int{} // smallest RSA key by key file
	usual := 0
	for _, name := range slices.Sorted(maps.Keys(repo.Backends)) {
		b := repo.Backends[name]
		bits := ParseOptions{MinRSABits: b.Keys.MinRSABits}.minRSABits()
		if usual == 0 || bits < usual {
			usual = bits
		}
		r := resolve(repo, b, nil, &ps)
		r.pin(repo, b, &ps)
		// The strictest backend on which the file counts decides.
		for _, m := range r.everybody() {
			if m.Uses(spec.FromRepository) {
				least[m.Name] = max(least[m.Name], bits)
			}
		}
		checkServices(repo, b, &ps)
	}
	checkFiles(repo, least, max(usual, FloorRSABits), &ps)
	return ps.Err()
}

// Keyless lists the people of a backend who are to log in with a key, and for whom
// there is none, as far as can be told without asking anybody.
func (r *Roster) Keyless(repo *spec.Repository, b *spec.Backend) []Member {
	var out []Member
	for i := range r.Members {
		m := &r.Members[i]
		asks := m.Uses(spec.FromGitHub) && !b.Keys.GitHub.Locked()
		file := m.Uses(spec.FromRepository) && len(repo.KeyFiles[m.Name]) > 0
		if m.ManageKeys && len(m.Sources) > 0 && !asks && !file && len(r.pins[m.Name]) == 0 {
			out = append(out, *m)
		}
	}
	return out
}

// checkServices checks the keys of a backend's service accounts.
func checkServices(repo *spec.Repository, b *spec.Backend, ps *spec.Problems) {
	for _, name := range slices.Sorted(maps.Keys(b.AuthorizedKeys)) {
		a := b.AuthorizedKeys[name]
		if a == nil || off(a.Item) {
			continue
		}
		if err := CheckOptions(a.Options); err != nil {
			ps.Addf(a.At("options"), "%v", err)
		}
		_, err := inlineKeys(a, b.Keys.MinRSABits)
		ps.Merge(a.Pos, err)
		for i := range a.From {
			if _, err := fromKeys(repo, a, i, b.Keys.MinRSABits); err != nil {
				ps.Merge(a.At("from", i), err)
			}
		}
	}
}

// checkFiles checks the files of keys/: each holds nothing but good keys, and
// none that another's holds too or that is pinned for another.
func checkFiles(repo *spec.Repository, least map[string]int, usual int, ps *spec.Problems) {
	all := owners{}
	for _, name := range slices.Sorted(maps.Keys(repo.KeyFiles)) {
		at := spec.Pos{File: keyFile(name)}
		bits := usual
		if n, ok := least[name]; ok {
			bits = n
		}
		keys, err := repositoryKeys(repo, name, bits)
		ps.Merge(at, err)
		for i := range keys {
			k := &keys[i]
			if other, taken := all.claim(name, k); taken {
				ps.Addf(spec.Pos{File: k.Source, Line: k.Line, Column: 1},
					"the key %s is in %s too: a key belongs to one person", k.Fingerprint, other.key.Place())
			}
		}
	}
	// What is wrong among the pins themselves has been said for each backend.
	var said spec.Problems
	for _, p := range readPins(repo, nil, &said) {
		if other, ok := all[p.key.Blob]; ok && other.person != p.person {
			ps.Addf(p.at, "the key %s, pinned for %s, is in %s too: a key belongs to one person", p.key.Fingerprint, p.person, other.key.Place())
		}
	}
}
