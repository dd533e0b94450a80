package policy_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/policy"
)

// TestKeyPlacesInMatch: what sshd's configuration says within Match blocks is for
// those whom they mean; what a connection is asked may be so.
func TestKeyPlacesInMatch(t *testing.T) {
	const hosts = `
groups: [{name: git, gid: 1200}, {name: ops, gid: 1201, members: [alice]}]
users: [{name: alice, uid: 1300, gid: 1300, home: /home/alice}, {name: git, uid: 1200, gid: 1200, home: /srv/git}]
`
	for name, c := range map[string]struct{ config, want string }{
		"user":            {"Match User git\n  AuthorizedKeysFile /srv/keys\n", "git"},
		"quoted":          {"Match User \"git,x\"\n  AuthorizedKeysFile /srv/keys\n", "git"},
		"joined":          {"match user=git\nauthorizedkeysfile=/srv/keys\n", "git"},
		"all but one":     {"Match User *,!git\n  AuthorizedKeysFile /srv/keys\n", "alice"},
		"named and not":   {"Match User git,!g*\n  AuthorizedKeysFile /srv/keys\n", ""},
		"group":           {"Match Group ops\n  AuthorizedKeysFile /srv/keys\n", "alice"},
		"primary group":   {"Match Group g?t\n  AuthorizedKeysFile /srv/keys\n", "git"},
		"both":            {"Match User alice Group git\n  AuthorizedKeysFile /srv/keys\n", ""},
		"address":         {"Match Address 10.0.0.0/8 User git\n  AuthorizedKeysFile /srv/keys\n", "git"},
		"address alone":   {"Match Address 10.0.0.0/8\n  AuthorizedKeysFile /srv/keys\n", "alice git"},
		"all again":       {"Match User git\n  X11Forwarding no\nMatch all\n  AuthorizedKeysFile /srv/keys\n", "alice git"},
		"nobody's name":   {"Match invalid-user\n  AuthorizedKeysFile /srv/keys\n", ""},
		"comment":         {"Match User git # Group ops\n  AuthorizedKeysFile /srv/keys # here\n", "git"},
		"included":        {"Match User git\n  Include /etc/ssh/more/*.conf\n", "git"},
		"any directory":   {"Include /etc/ssh/m*/*.conf\n", "alice git"},
		"ends with it":    {"Include /etc/ssh/blocks/*.conf\nAuthorizedKeysFile /srv/keys\n", "alice git"},
		"within another":  {"Match Group git\n  Include /etc/ssh/blocks/*.conf\n", ""},
		"before any":      {"AuthorizedKeysFile /srv/keys\nMatch User git\n  X11Forwarding no\n", "alice git"},
		"of two, in both": {"Match User git\n AuthorizedKeysFile /srv/keys\nMatch Group ops\n AuthorizedKeysFile /srv/keys\n", "alice git"},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := snapshot.Parse([]byte(hosts + `
files:
  /etc/ssh/more/1.conf: {content: "AuthorizedKeysFile /srv/keys\n"}
  /etc/ssh/blocks/1.conf: {content: "Match User alice\nAuthorizedKeysFile /srv/keys2\n"}
  /etc/ssh/sshd_config: {content: ` + strconv.Quote(c.config) + "}\n"))
			if err != nil {
				t.Fatal(err)
			}
			places, err := policy.KeyPlaces(snapshot.New(state))
			if err != nil {
				t.Fatal(err)
			}
			got := "not looked at"
			for _, p := range places {
				if p.Path == "/srv/keys" || p.Path == "/srv/keys2" && name == "within another" {
					system := func(name string) bool { return name != "alice" && name != "git" }
					got = strings.Join(slices.DeleteFunc(p.Accounts, system), " ")
				}
			}
			if got != c.want {
				t.Errorf("%q read it, want %q", got, c.want)
			}
		})
	}
}

// TestManyUnread: what is said of very many files that cannot be read is one list, whose
// text is written once; one list within the other was written as often as there are files.
func TestManyUnread(t *testing.T) {
	const people = 300
	var users, files strings.Builder
	for i := range people {
		fmt.Fprintf(&users, "  - {name: p%d, uid: %d, home: /home/p%d}\n", i, 2000+i, i)
		fmt.Fprintf(&files, "  /home/p%d/.ssh/authorized_keys: {unread: it is damaged}\n", i)
	}
	state, err := snapshot.Parse([]byte("users:\n" + users.String() + "files:\n" + files.String()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = policy.Holders(overlay.New(snapshot.New(state)), "SHA256:none")
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) < people {
		t.Fatalf("not a list of %d: %v", people, err)
	}
	for _, e := range joined.Unwrap() {
		if strings.Contains(e.Error(), "\n") {
			t.Fatalf("a list in the list: %v", e)
		}
	}
}
