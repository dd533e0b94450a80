package host

import "testing"

// TestMaskedOutStaysOut crosses what a chmod by hand took away from the entries
// of an ACL with rules that declare no such entries: none gives it back.
func TestMaskedOutStaysOut(t *testing.T) {
	t.Parallel()
	bob := Entry{Tag: TagUser, Name: "bob", Perm: 7}
	readers := Entry{Tag: TagGroup, Name: "readers", Perm: 5}
	// bob is rwx behind a mask of the mode's group bits.
	masked := func(m Mode, group Perm) Access {
		a, mask := AccessOf(m), Perm(m>>3&7)
		a.Group, a.Named, a.Mask = group, []Entry{bob}, &mask
		return a
	}
	mode := func(m Mode) func(Access) Access { return func(a Access) Access { return a.WithMode(m) } }
	acl := func(r ACLRule) func(Access) Access { return func(a Access) Access { return r.Apply(a, true) } }
	tree := func(m Mode) func(Access) Access {
		return func(a Access) Access { return TreeRule{DirMode: &m}.Apply(Node{Type: TypeDir, Access: a}).Access }
	}
	tests := []struct {
		name       string
		was        Access
		rule       func(Access) Access
		bob, group Perm // what they may do afterwards
	}{
		{"the mode it has", masked(0o700, 7), mode(0o700), 0, 0},
		{"in a tree", masked(0o700, 7), tree(0o700), 0, 0},
		{"a wider mode", masked(0o700, 7), mode(0o750), 0, 5},
		{"a narrower mode", masked(0o750, 7), mode(0o700), 5, 0},
		{"another mode in a tree", masked(0o700, 0), tree(0o2770), 0, 7},
		{"the group's rights behind the mask", masked(0o750, 7), mode(0o750), 5, 5},
		{"nothing masked", masked(0o770, 5), mode(0o700), 7, 0},
		{"another entry", masked(0o700, 7), acl(ACLRule{Access: []Entry{readers}}), 0, 0},
		{"another entry and the group", masked(0o750, 7), acl(ACLRule{Access: []Entry{readers}}), 5, 5},
		{"declared", masked(0o700, 5), acl(ACLRule{Access: []Entry{bob}}), 7, 0},
		{"mode, then another entry", masked(0o700, 0), func(a Access) Access {
			return ACLRule{Access: []Entry{readers}}.Apply(a.WithMode(0o700), true)
		}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			after := tt.rule(tt.was)
			for _, e := range after.Named {
				if e.Name == bob.Name && e.Perm&*after.Mask != tt.bob {
					t.Errorf("%s becomes %s: bob may %s, want %s", show(tt.was), show(after), e.Perm&*after.Mask, tt.bob)
				}
			}
			if after.EffectiveGroup() != tt.group {
				t.Errorf("%s becomes %s: the group may %s, want %s", show(tt.was), show(after), after.EffectiveGroup(), tt.group)
			}
			if again := tt.rule(after); !again.Equal(after) {
				t.Errorf("again: %s, then %s", show(after), show(again))
			}
			if tt.was.Named[0] != bob {
				t.Error("the entries of what was there have been written to")
			}
		})
	}
}
