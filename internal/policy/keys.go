package policy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
	"opsafe/internal/words"
)

// KeyPlace is a file in which sshd may look for keys.
type KeyPlace struct {
	Path string
	// Accounts are those as which a key in it lets somebody in, sorted. There are
	// none for a file of which the Match blocks of sshd's configuration say that it
	// is read for nobody: a key in it comes to life with the next change of them.
	Accounts []string
	// homes are those of them in whose own homes it lies.
	homes []string
}

// Of reports whether it is an account's own file: in its home, or for it alone.
func (p KeyPlace) Of(name string) bool {
	return slices.Contains(p.homes, name) || len(p.Accounts) == 1 && p.Accounts[0] == name
}

// PlacesOf are the own files of each account.
func PlacesOf(places []KeyPlace) map[string][]KeyPlace {
	of := make(map[string][]KeyPlace, len(places))
	for _, p := range places {
		names := p.homes
		if len(p.Accounts) == 1 {
			names = p.Accounts // also those of homes
		}
		for _, name := range names {
			of[name] = append(of[name], p)
		}
	}
	return of
}

// LetsIn says for whom the file is, in words.
func (p KeyPlace) LetsIn() string {
	if len(p.Accounts) == 0 {
		return "would let in if a Match block of sshd's had it read"
	}
	return "lets in as " + strings.Join(p.Accounts, ", ")
}

// KeyPlaces are all files in which sshd may look for the keys of the host's
// accounts, sorted, those of root and of system accounts, too. With an error, they
// are those that could be found out.
func KeyPlaces(r host.Reader) ([]KeyPlace, error) {
	said, problem := keyWords(r)
	accounts, err := sshdAccounts(r)
	if err != nil {
		return nil, err
	}
	places := map[string]*KeyPlace{}
	for _, a := range accounts {
		for _, w := range said.files {
			at, home := keyPlace(a.User, w.value)
			if at == "" {
				continue
			}
			p := places[at]
			if p == nil {
				p = &KeyPlace{Path: at}
				places[at] = p
			}
			if a.meant(w.when) > excluded && !slices.Contains(p.Accounts, a.Name) {
				p.Accounts = append(p.Accounts, a.Name)
				if home {
					p.homes = append(p.homes, a.Name)
				}
			}
		}
	}
	out := make([]KeyPlace, 0, len(places))
	for _, p := range places {
		slices.Sort(p.Accounts)
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b KeyPlace) int { return strings.Compare(a.Path, b.Path) })
	return out, problem
}

// keyPlace expands a pattern of AuthorizedKeysFile, or AuthorizedPrincipalsFile, for an
// account. Empty: there is
// no such path, since the account has no home that is one.
func keyPlace(u host.User, pattern string) (at string, home bool) {
	if pattern == sshdNone {
		return "", false
	}
	inHome := !path.IsAbs(pattern) && !strings.HasPrefix(pattern, "%h")
	if (inHome || strings.Contains(pattern, "%h")) && !path.IsAbs(u.Home) {
		return "", false
	}
	if at = pattern; strings.Contains(at, "%") {
		at = strings.NewReplacer("%%", "%", "%h", u.Home, "%u", u.Name, "%U", strconv.Itoa(u.UID)).Replace(at)
	}
	if inHome {
		at = path.Join(u.Home, at)
	}
	at = path.Clean(at)
	return at, path.IsAbs(u.Home) && strings.HasPrefix(at, path.Clean(u.Home)+"/") // of nobody's below /
}

// MaxKeyFile is more than any list of keys that is meant, in bytes.
const MaxKeyFile = 1 << 20

// KeyLine is a line of a present file of keys, with the key that it holds.
type KeyLine struct {
	Text        string
	Fingerprint string // empty: it holds none
}

// AuthorityFor reports whether the line takes certificates for a principal, whose
// options stand before the key: authorized_keys(5).
func (l KeyLine) AuthorityFor(name string) bool {
	const option = `principals="`
	text := strings.TrimSpace(l.Text)
	lower := strings.ToLower(text)
	i := strings.Index(lower, option)
	if i < 0 || text[0] == '#' || !words.Mentions(lower, "cert-authority") {
		return false
	}
	principals, _, _ := strings.Cut(text[i+len(option):], `"`)
	return slices.Contains(strings.Split(principals, ","), name)
}

// KeyLines reads a file of keys. Nil: it is not there, or is none that sshd reads.
func KeyLines(r host.Reader, at string) (lines []KeyLine, n *host.Node, err error) {
	n, err = r.Stat(at)
	switch {
	case err != nil:
		return nil, nil, err
	case n == nil || n.Type == host.TypeDir:
		return nil, nil, nil
	case n.Type != host.TypeFile:
		return nil, n, fmt.Errorf("%s is %s: what it leads to has not been looked at", at, host.Present(r, at, n))
	case n.Size > MaxKeyFile:
		return nil, n, fmt.Errorf("%s is larger than %d MiB: it has not been looked at", at, MaxKeyFile>>20)
	}
	data, err := r.ReadFile(at)
	if err != nil {
		return nil, n, err
	}
	for line := range strings.Lines(string(data)) {
		lines = append(lines, KeyLine{Text: line, Fingerprint: roster.Authorized(line)})
	}
	return lines, n, nil
}

// OwnKeyPlaces are the files that sshd reads for one account, and not for all.
func OwnKeyPlaces(r host.Reader, name string) ([]string, error) {
	all, err := KeyPlaces(r)
	var out []string
	for _, p := range all {
		if p.Of(name) {
			out = append(out, p.Path)
		}
	}
	return out, err
}

// PresentKeys are the fingerprints of the keys in somebody's own files. With an
// error, they are those that can be read.
func PresentKeys(r host.Reader, name string) ([]string, error) {
	places, err := KeyPlaces(r)
	keys, unread := OwnKeys(r, places, name)
	return keys, errors.Join(err, unread)
}

// OwnKeys is PresentKeys where the places are known.
func OwnKeys(r host.Reader, places []KeyPlace, name string) ([]string, error) {
	var unread []error
	var out []string
	for _, p := range places {
		if !p.Of(name) {
			continue
		}
		lines, _, err := KeyLines(r, p.Path)
		unread = append(unread, err)
		for _, l := range lines {
			if l.Fingerprint != "" && !slices.Contains(out, l.Fingerprint) {
				out = append(out, l.Fingerprint)
			}
		}
	}
	return out, errors.Join(unread...)
}

// KeysIn are the fingerprints of the keys in a file.
func KeysIn(r host.Reader, at string) ([]string, error) {
	lines, _, err := KeyLines(r, at)
	var out []string
	for _, l := range lines {
		if l.Fingerprint != "" {
			out = append(out, l.Fingerprint)
		}
	}
	return out, err
}

// TrustedPlaces are the files in which sshd looks for keys, and those of authorities
// whose certificates it takes: a key in one of these lets in whomever it has signed.
func TrustedPlaces(r host.Reader) ([]KeyPlace, error) {
	places, problem := KeyPlaces(r)
	accounts, err := CertifiedAccounts(r)
	authorities := map[string][]string{}
	for _, a := range accounts {
		for _, at := range a.Authorities {
			authorities[at] = append(authorities[at], a.Name)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(authorities)) {
		places = append(places, KeyPlace{Path: at, Accounts: authorities[at]})
	}
	return places, cmp.Or(problem, err)
}

// Holders are the accounts as which a key lets somebody in, sorted. With an error,
// they are those that could be seen.
func Holders(r host.Reader, fingerprint string) ([]string, error) {
	places, problem := TrustedPlaces(r)
	problems := []error{problem}
	var out []string
	for _, p := range places {
		keys, err := KeysIn(r, p.Path)
		problems = append(problems, err)
		if slices.Contains(keys, fingerprint) {
			out = append(out, p.Accounts...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), errors.Join(problems...)
}

// KeyFiles are those that sshd reads in ~/.ssh, unless it is told otherwise.
func KeyFiles() []string { return []string{"authorized_keys", "authorized_keys2"} }
