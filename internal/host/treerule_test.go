package host

import (
	"slices"
	"strings"
	"testing"
)

// TestTreeRuleApply crosses files as they come to be below a default ACL with the
// rule of such a tree.
func TestTreeRuleApply(t *testing.T) {
	t.Parallel()
	files, dirs := Mode(0o640), Mode(0o750)
	readers := func(p Perm) []Entry { return []Entry{{Tag: TagGroup, Name: "readers", Perm: p}} }
	acl := ACLRule{Access: readers(Read | ExecuteIfDir), Exact: true}
	modes := TreeRule{Root: "/r", FileMode: &files, DirMode: &dirs}
	entries := TreeRule{Root: "/r", ACL: &acl}
	access := func(user, group, named, mask, other Perm) Access {
		return Access{User: user, Group: group, Other: other, Named: readers(named), Mask: &mask}
	}
	tests := []struct {
		name       string
		was, after Access // of both rules, one after the other
	}{
		{"inherited, made with 0666 or 0644", access(6, 5, 5, 4, 0), access(6, 5, 5, 4, 0)},
		{"as setfacl leaves it", access(6, 4, 4, 4, 0), access(6, 4, 4, 4, 0)},
		{"made with 0600", access(6, 5, 5, 0, 0), access(6, 4, 4, 4, 0)},
		{"made with 0755", access(7, 5, 5, 5, 0), access(6, 4, 4, 4, 0)},
		{"opened by hand", access(6, 5, 5, 6, 6), access(6, 4, 4, 4, 0)},
		{"mask wider than its entries", access(6, 4, 4, 7, 0), access(6, 4, 4, 4, 0)},
		{"no ACL", AccessOf(0o640), access(6, 4, 4, 4, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := Node{Type: TypeFile, Access: tt.was}
			for _, rule := range []TreeRule{modes, entries} {
				n = rule.Apply(n)
				if again := rule.Apply(n); !again.Access.Equal(n.Access) {
					t.Errorf("again: %s, then %s", show(n.Access), show(again.Access))
				}
			}
			if !n.Access.Equal(tt.after) {
				t.Errorf("%s becomes %s, not %s", show(tt.was), show(n.Access), show(tt.after))
			}
			if again := modes.Apply(n); !again.Access.Equal(n.Access) {
				t.Errorf("the rules do not agree: %s, then %s", show(n.Access), show(again.Access))
			}
			if !slices.Equal(tt.was.Named, n.Access.Named) && len(tt.was.Named) > 0 && &tt.was.Named[0] == &n.Access.Named[0] {
				t.Error("the entries of what was there have been written to")
			}
		})
	}
}

// TestTreeRuleSetID crosses what changes of a set-id file with whether its mode is
// declared: only then does it keep the bits in other hands.
func TestTreeRuleSetID(t *testing.T) {
	t.Parallel()
	declared := Mode(0o4755)
	tests := []struct {
		name string
		rule TreeRule
		typ  NodeType
		want Mode
	}{
		{"another owner", TreeRule{Owner: "root"}, TypeFile, 0o1755},
		{"another group", TreeRule{Group: "root"}, TypeFile, 0o1755},
		{"another owner and an ACL", TreeRule{Owner: "root", ACL: &ACLRule{}}, TypeFile, 0o1755},
		{"the same owner", TreeRule{Owner: "mallory", Group: "mallory"}, TypeFile, 0o7755},
		{"another owner, and the mode is declared", TreeRule{Owner: "root", FileMode: &declared}, TypeFile, declared},
		{"a directory", TreeRule{Owner: "root"}, TypeDir, 0o7755},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := tt.rule.Apply(Node{Type: tt.typ, Owner: "mallory", Group: "mallory", Access: AccessOf(0o7755)})
			if n.Access.Mode() != tt.want {
				t.Errorf("mode is %s, want %s", n.Access.Mode(), tt.want)
			}
			if again := tt.rule.Apply(n); !again.Access.Equal(n.Access) {
				t.Errorf("again: %s, then %s", show(n.Access), show(again.Access))
			}
		})
	}
}

func show(a Access) string { return a.Mode().String() + " " + strings.Join(a.Lines(), " ") }
