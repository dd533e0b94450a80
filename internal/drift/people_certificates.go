package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/policy"
)

// certificates are the authorities that sshd trusts, with the accounts as which
// certificates of theirs let somebody in. They are on a list where the spec declares
// the file of the authorities and the one that names whom they let in, if there is
// one.
func (f *finder) certificates(context.Context) error {
	accounts, err := policy.CertifiedAccounts(f.Reader)
	if err != nil {
		f.Unknown(fmt.Errorf("as whom certificates let somebody in: %w", err))
	}
	as, unshelled := map[string][]string{}, map[string]int{}
	var files []string
	for _, c := range accounts {
		if f.closed(c.Name) != "" || f.leftAlone(c.Name) {
			continue
		}
		for _, at := range c.Authorities {
			if f.declaredFile(at) && c.Asked == "" && !slices.ContainsFunc(c.Names, func(p string) bool { return !f.declaredFile(p) }) {
				continue
			}
			if !slices.Contains(files, at) {
				files = append(files, at)
			}
			if noShell(c.Shell) && len(c.Names) == 0 {
				unshelled[at]++
			} else {
				as[at] = append(as[at], c.Name+named(c))
			}
		}
	}
	for _, at := range files {
		if n := unshelled[at]; n > 0 {
			as[at] = append(as[at], fmt.Sprintf("%d without a shell", n))
		}
		what := fmt.Sprintf("certificates of the authorities in %s let somebody log in as %s", at, strings.Join(as[at], ", "))
		f.add(Orphan{Category: Certificate, Name: at, What: what, Way: "take it out of TrustedUserCAKeys in sshd's configuration, or declare it"}, "")
	}
	return nil
}

// named says who names those whose certificates let in as an account.
func named(c policy.Certified) string {
	by := c.Names
	if c.Asked != "" {
		by = append(slices.Clone(by), c.Asked)
	}
	if len(by) == 0 {
		return ""
	}
	return " (whom " + strings.Join(by, " or ") + " names)"
}

func (f *finder) declaredFile(at string) bool {
	_, ok := f.in.Backend.Files[at]
	return ok
}
