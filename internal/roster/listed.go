package roster

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/spec"
)

// Listed finds every place where a name is still listed, in order and without
// repetitions: its entry in developers.yaml, its file in keys/, its pins, and in
// each backend users, authorized_keys (the account and its people) and ACL entries.
func Listed(repo *spec.Repository, name string) []spec.Pos {
	var at []spec.Pos
	for _, p := range repo.People {
		if p.Name == name {
			at = append(at, p.Pos)
		}
	}
	if _, ok := repo.KeyFiles[name]; ok {
		at = append(at, spec.Pos{File: keyFile(name)})
	}
	for _, p := range pinned(repo) {
		if p.Name == name {
			at = append(at, p.Pos)
		}
	}
	for _, b := range repo.Backends {
		at = append(at, listedIn(b, name)...)
	}
	return inOrder(at)
}

// ListedHere finds the places by which a backend gives somebody something: the
// entry in developers.yaml, if a role of theirs has accounts there, and what
// Listed looks for in a backend. Disable-user refuses to work while there is one,
// since the next run would bring the person back.
func ListedHere(repo *spec.Repository, b *spec.Backend, name string) []spec.Pos {
	at := listedIn(b, name)
	rs := &roleSet{backend: b}
	for _, p := range repo.People {
		if p.Name == name && len(rs.of(p)) > 0 {
			at = append(at, p.Pos)
		}
	}
	return inOrder(at)
}

// listedIn finds a name in a backend itself.
func listedIn(b *spec.Backend, name string) []spec.Pos {
	var at []spec.Pos
	if u := b.Users[name]; u != nil && !off(u.Item) && u.State != "absent" {
		at = append(at, u.Pos)
	}
	for account, a := range b.AuthorizedKeys {
		if a != nil && !off(a.Item) {
			at = append(at, listedKeys(a, account, name)...)
		}
	}
	for _, acl := range b.ACLs {
		if acl != nil && !off(acl.Item) {
			at = append(at, listedEntries(acl, name)...)
		}
	}
	return at
}

func listedKeys(a *spec.AuthorizedKeys, account, name string) []spec.Pos {
	var at []spec.Pos
	if account == name {
		at = append(at, a.Pos)
	}
	for i, p := range a.People {
		if p == name {
			at = append(at, a.At("people", i))
		}
	}
	for i := range a.From {
		if n, ok := keyFileName(fromFile(a, i)); ok && n == name {
			at = append(at, a.At("from", i))
		}
	}
	return at
}

func listedEntries(acl *spec.ACL, name string) []spec.Pos {
	var at []spec.Pos
	of := func(field string, entries []string) {
		for i, e := range entries {
			tag, rest, _ := strings.Cut(e, ":")
			who, _, _ := strings.Cut(rest, ":")
			if (tag == "user" || tag == "u") && who == name {
				at = append(at, acl.At(field, i))
			}
		}
	}
	of("access", acl.Access)
	of("default", acl.Default)
	return at
}

// pinned are the entries of the lock file, if there is one.
func pinned(repo *spec.Repository) []*spec.Pinned {
	if repo.Lock == nil {
		return nil
	}
	return repo.Lock.People
}

// KeysOf are the fingerprints of a person's keys in the repository: of keys/NAME and
// of the pins, as far as they can be read.
func KeysOf(repo *spec.Repository, name string) []string {
	var out []string
	keys, _ := repositoryKeys(repo, name, FloorRSABits)
	for _, k := range keys {
		out = append(out, k.Fingerprint)
	}
	for _, p := range pinned(repo) {
		if p.Name != name {
			continue
		}
		for _, item := range p.Keys {
			out = append(out, Authorized(item.Key))
		}
	}
	return slices.DeleteFunc(out, func(fp string) bool { return fp == "" })
}

// KeysOfOthers says of each key that the repository has for a person of another
// name where it is: of somebody who has been renamed, say.
func KeysOfOthers(repo *spec.Repository, name string) map[string]string {
	out := map[string]string{}
	for _, person := range slices.Sorted(maps.Keys(repo.KeyFiles)) {
		keys, _ := repositoryKeys(repo, person, FloorRSABits)
		for _, k := range keys {
			if person != name {
				out[k.Fingerprint] = k.Place()
			}
		}
	}
	for _, p := range pinned(repo) {
		for _, item := range p.Keys {
			if fp := Authorized(item.Key); p.Name != name && fp != "" && out[fp] == "" {
				out[fp] = item.At("key").String()
			}
		}
	}
	return out
}

// ListedKeys finds every place of a backend at which a service account lets in a
// key with one of the fingerprints: its key lines and files. It is what ListedHere
// is for names.
func ListedKeys(repo *spec.Repository, b *spec.Backend, fingerprints []string) []spec.Pos {
	var at []spec.Pos
	hit := func(k Key) bool { return slices.Contains(fingerprints, k.Fingerprint) }
	for _, a := range b.AuthorizedKeys {
		if a == nil || off(a.Item) {
			continue
		}
		for i, line := range a.Keys {
			if slices.Contains(fingerprints, Authorized(line)) {
				at = append(at, a.At("keys", i))
			}
		}
		for i := range a.From {
			keys, _ := fromKeys(repo, a, i, FloorRSABits)
			if slices.ContainsFunc(keys, hit) {
				at = append(at, a.At("from", i))
			}
		}
	}
	return inOrder(at)
}

// fromFile is the i-th file of from, relative to the repository: it is written
// relative to the file that names it.
func fromFile(a *spec.AuthorizedKeys, i int) string {
	return path.Join(path.Dir(a.At("from", i).File), a.From[i])
}

// keyFileName is the name of a path keys/NAME, relative to the repository.
func keyFileName(file string) (string, bool) {
	name, ok := strings.CutPrefix(file, "keys/")
	return name, ok && name != "" && !strings.Contains(name, "/")
}

func inOrder(at []spec.Pos) []spec.Pos {
	slices.SortFunc(at, func(a, b spec.Pos) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return slices.Compact(at)
}
