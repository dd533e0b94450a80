package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// Rights are what somebody may do on a host, in one state of it.
type Rights struct {
	Name   string
	Exists bool
	// Login is whether they can log in with a key, and Why what keeps them from
	// it. Keys are those that sshd accepts. Unsure says that it cannot be told.
	Login, Unsure bool
	Keys          []roster.Key
	Why           []string
	// Password is whether sshd lets them in with their password.
	Password bool
	// Everything is whether sudo lets them run everything as root, Free whether
	// without a password, and Sudo what the rules let them do, in words.
	Everything, Free bool
	Sudo             []string
	Groups           []string
	Paths            []PathRights
	// Unknown is what could not be told.
	Unknown []string
}

// PathRights are what somebody may do at a path, in words: read, write, enter.
type PathRights struct {
	Path string
	May  []string
}

// Everybody stands for those who are neither named nor in any group.
const Everybody = "everybody"

// Of finds out what somebody may do on a host, and at some paths of it. Of
// Everybody it is the paths only.
func Of(ctx context.Context, r host.Reader, name string, paths []string, now time.Time) (Rights, error) {
	j := &judge{Reader: r, way: Way{Name: name}}
	if name != Everybody {
		var err error
		if j, err = look(ctx, r, name, now); err != nil {
			return Rights{}, fmt.Errorf("cannot tell what %s may do: %w", name, err)
		}
	}
	out := Rights{
		Name: name, Exists: j.user.Name != "", Groups: j.groups, Password: j.byPassword,
		Everything: j.everything, Free: j.free, Sudo: j.may, Unknown: j.way.Unknown,
	}
	if out.Exists {
		out.Login, out.Unsure = len(j.way.Login) == 0 && !j.loginUnsure, j.loginUnsure
		out.Why, out.Keys = j.way.Login, j.usable
	}
	if !out.Exists && name != Everybody {
		return out, nil
	}
	for _, p := range paths {
		if own(j.user.Home, p) {
			continue
		}
		may, err := j.at(p)
		if host.IsUnknown(err) {
			out.Unknown = append(out.Unknown, err.Error())
			continue
		}
		if err != nil {
			return Rights{}, fmt.Errorf("cannot tell what %s may do: %w", name, err)
		}
		out.Paths = append(out.Paths, PathRights{Path: p, May: may})
	}
	return out, nil
}

// What somebody may do at a path, in words.
const (
	mayRead  = "read"
	mayWrite = "write"
	mayEnter = "enter"
	mayRun   = "run"
)

// at is what they may do at a path: by the entry of its mode and ACL that
// applies to them (acl(5), "access check algorithm"), if every directory on the
// way lets them through.
func (j *judge) at(path string) ([]string, error) {
	n, err := j.Stat(path)
	if err != nil || n == nil {
		return nil, err
	}
	for i, c := range path {
		if c != '/' {
			continue
		}
		dir, err := j.Stat(path[:max(i, 1)])
		if err != nil {
			return nil, err
		}
		if dir == nil || i > 0 && j.perm(dir)&host.Execute == 0 {
			return nil, nil
		}
	}
	p := j.perm(n)
	var may []string
	search := n.Type != host.TypeDir || p&host.Execute != 0
	if p&host.Read != 0 && search {
		may = append(may, mayRead)
	}
	if p&host.Write != 0 && search {
		may = append(may, mayWrite)
	}
	if p&host.Execute != 0 {
		may = append(may, map[bool]string{true: mayEnter, false: mayRun}[n.Type == host.TypeDir])
	}
	return may, nil
}

// perm is what the mode and ACL of a node grant them.
func (j *judge) perm(n *host.Node) host.Perm {
	a := n.Access
	if j.user.Name != "" && j.user.UID == 0 {
		return host.Read | host.Write | host.Execute
	}
	masked := func(p host.Perm) host.Perm {
		if a.Mask != nil {
			p &= *a.Mask
		}
		return p
	}
	if j.user.Name != "" && n.Owner == j.user.Name {
		return a.User
	}
	for _, e := range a.Named {
		if e.Tag == host.TagUser && e.Name == j.user.Name {
			return masked(e.Perm)
		}
	}
	var p host.Perm
	found := slices.Contains(j.groups, n.Group)
	if found {
		p = masked(a.Group)
	}
	for _, e := range a.Named {
		if e.Tag == host.TagGroup && slices.Contains(j.groups, e.Name) {
			found, p = true, p|masked(e.Perm)
		}
	}
	if found {
		return p
	}
	return a.Other
}

// rootGroups are groups whose members are root by another name, and how.
func rootGroups() map[string]string {
	const files = "containers of theirs can have the host's files"
	return map[string]string{
		"docker": files, "lxd": files, "incus-admin": files,
		"disk":   "whole disks can be read and written",
		"shadow": "the digests of all passwords can be read",
	}
}

// RootGroup says how the members of a group are root by another name; nothing if
// they are not.
func RootGroup(name string) string { return rootGroups()[name] }

// own reports whether a path is somebody's own home, or below it.
func own(home, path string) bool {
	return home != "" && home != "/" && (path == home || strings.HasPrefix(path, home+"/"))
}
