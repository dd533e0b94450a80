package host_test

import (
	"testing"

	"opsafe/internal/host"
)

// oneDir is a host of which it is known what /srv/d is; all else is open directories.
type oneDir struct {
	host.Files
	node host.Node
}

func (d oneDir) Stat(at string) (*host.Node, error) {
	if at == "/srv/d" {
		return &d.node, nil
	}
	return &host.Node{Type: host.TypeDir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}, nil
}

// TestEverybody crosses modes and ACLs of a file, and of the directory that it is
// in: who is denied by an entry of their own is not let in by what others have.
func TestEverybody(t *testing.T) {
	t.Parallel()
	file := func(owner string, mode host.Mode, named ...host.Entry) host.Node {
		a := host.AccessOf(mode)
		if len(named) > 0 {
			mask := host.Perm(mode >> 3 & 7)
			a.Named, a.Mask = named, &mask
		}
		return host.Node{Type: host.TypeFile, Owner: owner, Group: "staff", Access: a}
	}
	dir := func(owner string, mode host.Mode, named ...host.Entry) host.Node {
		n := file(owner, mode, named...)
		n.Type = host.TypeDir
		return n
	}
	entry := func(tag host.Tag, perm host.Perm) host.Entry { return host.Entry{Tag: tag, Name: "x", Perm: perm} }
	open := dir("root", 0o755)
	for name, tt := range map[string]struct {
		dir, file host.Node
		want      bool
	}{
		"open":                                     {open, file("alice", 0o644), true},
		"to nobody else":                           {open, file("root", 0o640), false},
		"not to the group":                         {open, file("root", 0o604), false},
		"not to the owner":                         {open, file("alice", 0o044), false},
		"not to root, who needs no right":          {open, file("root", 0o044), true},
		"not to a user by name":                    {open, file("root", 0o644, entry(host.TagUser, 0)), false},
		"not to a group by name":                   {open, file("root", 0o644, entry(host.TagGroup, 0)), false},
		"to a user by name":                        {open, file("root", 0o644, entry(host.TagUser, 6)), true},
		"to a user by name, but for the mask":      {open, file("root", 0o604, entry(host.TagUser, 4)), false},
		"a link, whose own mode says nothing":      {open, host.Node{Type: host.TypeSymlink, Owner: "root", Target: "x"}, true},
		"a special file":                           {open, host.Node{Type: host.TypeOther, Access: host.AccessOf(0o666)}, false},
		"in a directory that is searched":          {dir("alice", 0o711), file("root", 0o644), true},
		"in one that others cannot search":         {dir("root", 0o750), file("root", 0o644), false},
		"in one that the group cannot search":      {dir("root", 0o705), file("root", 0o644), false},
		"in one that its owner cannot search":      {dir("alice", 0o055), file("root", 0o644), false},
		"in one that a user by name cannot search": {dir("root", 0o755, entry(host.TagUser, 4)), file("root", 0o644), false},
		"a link in a directory that is closed":     {dir("root", 0o700), host.Node{Type: host.TypeSymlink, Owner: "root", Target: "x"}, false},
	} {
		if got := host.Everybody(oneDir{node: tt.dir}, "/srv/d/f", tt.file); got != tt.want {
			t.Errorf("%s: everybody may read it: %v", name, got)
		}
	}
}
