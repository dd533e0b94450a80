package spec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestOwnership says the same in few words and in many: both mean one state. What a
// file defaults to is for what it begins, neither for what it includes nor for what
// includes it.
func TestOwnership(t *testing.T) {
	const short = `
-- developers.yaml --
-- backends/common/base.yaml --
defaults:
  directories: {owner: app, group: app}
  files: {owner: root, group: app}
directories:
  /srv/a: {mode: "0750", acl: [group:audit:rX]}
  /srv/a/tree: {when: exists, acl: [group:audit:rX], recurse: {files: "0640", from: [root], except: [x]}}
  /srv/b: {group: audit, mode: "0700", acl: []}
  /srv/own: {owner: root, recurse: {files: "0640"}}
  /srv/below: {owner: root, group: root, recurse: {group: audit}}
  /srv/gone: {state: absent}
  /srv/goes: {mode: "0700"}
files:
  /etc/whole: {content: "x"}
  /etc/part: {lines: [x]}
  /etc/link: {link: whole}
-- backends/x/backend.yaml --
include: [../common/base.yaml]
users: {app: {}, other: {}}
groups: {audit: {}}
defaults: {directories: {owner: other}, files: {owner: other}}
directories:
  /srv/a: {mode: "0710"}
  /srv/c: {acl: [user:other:r]}
  /srv/goes: {state: absent}
files:
  /etc/whole: {mode: "0600"}
`
	const long = `
-- developers.yaml --
-- backends/x/backend.yaml --
users: {app: {}, other: {}}
groups: {audit: {}}
directories:
  /srv/a: {owner: app, group: app, mode: "0710"}
  /srv/a/tree: {when: path /srv/a/tree exists, owner: app, group: app, recurse: {owner: app, group: app, files: "0640", from: [root], except: [x]}}
  /srv/b: {owner: app, group: audit, mode: "0700"}
  /srv/own: {owner: root, group: app, recurse: {owner: root, group: app, files: "0640"}}
  /srv/below: {owner: root, group: root, recurse: {owner: root, group: audit}}
  /srv/c: {owner: other}
  /srv/gone: {state: absent}
  /srv/goes: {state: absent}
acls:
  /srv/a: {access: [group:audit:rX], exact: true}
  /srv/a/tree:
    when: path /srv/a/tree exists
    access: [group:audit:rX]
    default: [group:audit:rX]
    exact: true
    recursive: true
    from: [root]
    except: [x]
  /srv/b: {access: [], exact: true}
  /srv/c: {access: [user:other:r], exact: true}
files:
  /etc/whole: {content: "x", owner: root, group: app, mode: "0600"}
  /etc/part: {lines: [x]}
  /etc/link: {link: whole}
`
	if d := cmp.Diff(meaning(t, long), meaning(t, short)); d != "" {
		t.Errorf("in many words (-) and in few (+):\n%s", d)
	}
}

// meaning is what a backend says, but for where.
func meaning(t *testing.T, archive string) string {
	t.Helper()
	repo, err := Load(LoadOptions{Dir: unpack(t, txtar.Parse([]byte(strings.TrimPrefix(archive, "\n"))).Files), Parts: testParts})
	if err != nil {
		t.Fatal(err)
	}
	b := repo.Backends["x"]
	var out strings.Builder
	when := func(c Conditions) (texts []string) {
		for _, one := range c {
			texts = append(texts, one.Text)
		}
		return texts
	}
	for p, d := range Sorted(b.Directories) {
		fmt.Fprintln(&out, "directory", p, d.Owner, d.Group, d.Mode, d.State, when(d.When))
		if r := d.Recurse; r != nil {
			fmt.Fprintln(&out, "  below", r.Owner, r.Group, r.Files, r.Directories, r.From, r.Except)
		}
	}
	for p, a := range Sorted(b.ACLs) {
		fmt.Fprintln(&out, "acl", p, a.Access, a.Default, Is(a.Exact), Is(a.Recursive), a.From, a.Except, when(a.When))
	}
	for p, f := range Sorted(b.Files) {
		fmt.Fprintln(&out, "file", p, f.Owner, f.Group, f.Mode, f.State)
	}
	return out.String()
}
