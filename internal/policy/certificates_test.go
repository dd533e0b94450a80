package policy_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/host/snapshot"
	"opsafe/internal/policy"
)

// TestCertifiedAccounts: which accounts certificates let in as, and who names whose.
func TestCertifiedAccounts(t *testing.T) {
	const ca = "TrustedUserCAKeys /etc/ssh/ca\n"
	for name, c := range map[string]struct{ config, want string }{
		"nobody is trusted":        {"PermitRootLogin no\n", ""},
		"trusted by none":          {"TrustedUserCAKeys none\n" + ca, ""},
		"by their own names":       {ca, "alice: /etc/ssh/ca; git: /etc/ssh/ca"},
		"the first counts":         {"TrustedUserCAKeys /etc/ssh/first\n" + ca, "alice: /etc/ssh/first; git: /etc/ssh/first"},
		"in a block":               {"Match Group ops\n" + ca, "alice: /etc/ssh/ca"},
		"a block says none":        {ca + "Match User git\nTrustedUserCAKeys none\n", "alice: /etc/ssh/ca"},
		"from some addresses":      {ca + "Match Address 10.0.0.1 User git\nTrustedUserCAKeys none\n", "alice: /etc/ssh/ca; git: /etc/ssh/ca"},
		"named in a file":          {ca + "AuthorizedPrincipalsFile /etc/ssh/who/%u\n", "git: /etc/ssh/ca by /etc/ssh/who/git"},
		"in their home":            {ca + "AuthorizedPrincipalsFile %h/who\n", "alice: /etc/ssh/ca by /home/alice/who"},
		"named from some":          {ca + "Match Address 10.0.0.1\nAuthorizedPrincipalsFile /etc/ssh/who/%u\n", "alice: /etc/ssh/ca; git: /etc/ssh/ca by /etc/ssh/who/git"},
		"a program is asked, too":  {ca + "AuthorizedPrincipalsFile /etc/ssh/who/%u\nAuthorizedPrincipalsCommand /bin/who %u\n", "alice: /etc/ssh/ca by /bin/who; git: /etc/ssh/ca by /etc/ssh/who/git /bin/who"},
		"a file that is not there": {ca + "AuthorizedPrincipalsFile /etc/ssh/nobody/%u\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := snapshot.Parse([]byte(`
groups: [{name: ops, gid: 1201, members: [alice]}]
users: [{name: alice, uid: 1300, home: /home/alice}, {name: git, uid: 1200, home: /srv/git}]
files:
  /etc/ssh/who/alice: {content: "# carol\n"}
  /etc/ssh/who/git: {content: "carol\n"}
  /home/alice/who: {owner: alice, content: "bob\n"}
  /etc/ssh/sshd_config: {content: ` + strconv.Quote(c.config) + "}\n"))
			if err != nil {
				t.Fatal(err)
			}
			all, err := policy.CertifiedAccounts(snapshot.New(state))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range all {
				if a.UID < 1200 || a.UID > 1300 {
					continue
				}
				text := fmt.Sprintf("%s: %s", a.Name, strings.Join(a.Authorities, " "))
				if by := strings.TrimSpace(strings.Join(a.Names, " ") + " " + a.Asked); by != "" {
					text += " by " + by
				}
				got = append(got, text)
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
