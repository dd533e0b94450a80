package snapshot

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// addRecorded puts what a Recorder wrote into a state.
func (t Text) addRecorded(s *State) error {
	if t.Whole != nil {
		s.Whole = *t.Whole
	}
	for _, u := range t.ElsewhereUsers {
		gid := u.UID
		if u.GID != nil {
			gid = *u.GID
		}
		s.Sources.Users = append(s.Sources.Users, host.User{Name: u.Name, UID: u.UID, GID: gid, Comment: u.Comment, Home: u.Home, Shell: u.Shell, Source: u.Source})
	}
	for _, g := range t.ElsewhereGroups {
		s.Sources.Groups = append(s.Sources.Groups, host.Group{Name: g.Name, GID: g.GID, Members: g.Members, Source: g.Source})
	}
	s.Verdicts, s.Troubles = t.Verdicts, t.Troubles
	if t.Trees != nil {
		s.Trees = map[string]Tree{}
	}
	for root, text := range t.Trees {
		tree := Tree{Unknown: text.Unknown}
		for _, r := range text.Refused {
			tree.Refused = append(tree.Refused, host.Refusal{Path: host.FromReadable(r.Path), Why: r.Why})
		}
		for _, line := range text.Sorts {
			n := host.Node{Type: line.Type, Owner: line.Owner, Group: line.Group, Links: max(line.Links, 1)}
			m, err := host.ParseMode(line.Mode)
			if err == nil {
				n.Access, err = withACL(host.AccessOf(m), line.ACL)
			}
			if err == nil {
				n.Held, err = host.ParseHeld(line.Held)
			}
			if err != nil {
				return fmt.Errorf("tree %s: %w", root, err)
			}
			tree.Sorts = append(tree.Sorts, Sort{Node: n, Count: line.Count, First: fromReadable(line.First)})
		}
		s.Trees[root] = tree
	}
	return nil
}

// maxCount is more nodes than a tree can have.
const maxCount = 1 << 40

// check refuses what no recorder writes. A snapshot comes out of a repository:
// whatever it says, planning with it must end.
func (t Text) check() error {
	for p, f := range t.Files {
		if err := checkPath(p); err != nil {
			return err
		}
		if err := f.check(p); err != nil {
			return fmt.Errorf("file %s: %w", p, err)
		}
	}
	for name, trees := range t.Unpacked {
		for _, u := range trees {
			if err := checkPath(u.Path); err != nil {
				return fmt.Errorf("what was unpacked as %s: %w", name, err)
			}
		}
	}
	for root, tree := range t.Trees {
		if err := checkPath(root); err != nil {
			return err
		}
		for _, of := range tree.Sorts {
			if err := of.check(root); err != nil {
				return fmt.Errorf("tree %s: %w", root, err)
			}
		}
		if tree.Unknown < 0 {
			return fmt.Errorf("tree %s: %d cannot be unknown", root, tree.Unknown)
		}
	}
	return nil
}

func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsRune(p, 0) {
		return fmt.Errorf("%q is not a plain absolute path", p)
	}
	return nil
}

func (t FileText) check(p string) error {
	switch t.Type {
	case absentWord, host.TypeFile, host.TypeDir, host.TypeSymlink, host.TypeOther, "":
	default:
		return fmt.Errorf("%q is no type of a file", t.Type)
	}
	if t.Size < 0 || t.Links < 0 {
		return fmt.Errorf("its size or number of links is below zero")
	}
	if t.Type != host.TypeDir && t.Names != nil {
		return fmt.Errorf("it has names in it and is no directory")
	}
	if t.Names != nil {
		for _, name := range *t.Names {
			if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
				return fmt.Errorf("%q is no name in a directory", name)
			}
		}
	}
	if p == "/" && t.Type != host.TypeDir {
		return fmt.Errorf("the root is a directory")
	}
	return checkACL(t.ACL)
}

func (t SortText) check(root string) error {
	switch t.Type {
	case host.TypeFile, host.TypeDir, host.TypeSymlink, host.TypeOther:
	default:
		return fmt.Errorf("%q is no type of a file", t.Type)
	}
	if t.Count < 1 || t.Count > maxCount || len(t.First) < 1 || len(t.First) > t.Count || t.Links < 0 {
		return fmt.Errorf("it names %d of %d", len(t.First), t.Count)
	}
	for _, p := range t.First {
		if checkPath(p) != nil || !isBelow(p, root) {
			return fmt.Errorf("%q is not below it", p)
		}
	}
	return checkACL(t.ACL)
}

// checkACL refuses rules: a node has rights.
func checkACL(lines []string) error {
	if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l[strings.LastIndex(l, ":")+1:], "X") }) {
		return fmt.Errorf("an ACL has no capital X")
	}
	return nil
}
