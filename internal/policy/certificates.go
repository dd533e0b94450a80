package policy

import (
	"errors"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Certified is an account as which sshd may let in who has a certificate.
type Certified struct {
	host.User
	// Authorities are the files of those whose certificates sshd trusts for it.
	Authorities []string
	// Names are the files that say whose certificates are meant, in which
	// somebody is named, and Asked the program that does; with neither it is
	// certificates for the account's own name.
	Names []string
	Asked string
}

// CertifiedAccounts are all accounts as which certificates may let somebody in, in
// the order of the host's accounts. With an error, they are those that could be
// found out: a file that cannot be read may name somebody.
func CertifiedAccounts(r host.Reader) ([]Certified, error) {
	words, problem := keyWords(r)
	accounts, err := sshdAccounts(r)
	if err != nil {
		return nil, err
	}
	problems := []error{problem}
	var out []Certified
	for _, a := range accounts {
		c := Certified{User: a.User, Authorities: values(a.choose(words.trusted))}
		if len(c.Authorities) == 0 {
			continue
		}
		if asked := values(a.choose(words.askedNames)); len(asked) > 0 {
			c.Asked = asked[0]
		}
		anyName := false
		for _, w := range a.choose(words.principals) {
			at, _ := keyPlace(a.User, w.value)
			switch named, err := namesSomebody(r, at); {
			case w.value == sshdNone:
				anyName = true
			case err != nil:
				problems = append(problems, err)
				c.Names = append(c.Names, at)
			case named:
				c.Names = append(c.Names, at)
			}
		}
		if anyName || c.Asked != "" || len(c.Names) > 0 {
			out = append(out, c)
		}
	}
	return out, errors.Join(problems...)
}

// namesSomebody reports whether there is more in a file of principals than comments.
func namesSomebody(r host.Reader, at string) (bool, error) {
	if at == "" {
		return false, nil
	}
	lines, _, err := KeyLines(r, at)
	return slices.ContainsFunc(lines, func(l KeyLine) bool {
		text := strings.TrimSpace(l.Text)
		return text != "" && text[0] != '#'
	}), err
}
