package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
)

// Rights are what somebody may do on a host, in one state of it, and by what anybody
// can get in as them. It is the question of an audit, for which doubt is yes, and is
// named.
type Rights struct {
	Name   string
	Exists bool
	// Doors are all ways in, those that cannot be judged among them. Unsure says
	// that it cannot be told which sshd opens; Why is what keeps everybody out
	// who comes by ssh, if anything does.
	Doors  []Door
	Unsure bool
	Why    []string
	// Everything is whether sudo lets them run everything as root, Free whether
	// without a password, and Sudo what the rules let them do, in words.
	// SudoUnsure says that it cannot be told, Unset that sudo asks for their password
	// and that none is set.
	Everything, Free bool
	Unset            bool
	Sudo             []string
	SudoUnsure       bool
	Groups           []string
	// Administers are groups of which they may change the members, themselves
	// among them, and the password, by gpasswd(1).
	Administers []string
	Paths       []PathRights
	// Unknown is what could not be told.
	Unknown []string
}

// Login is whether somebody can log in as them by ssh without a password, and get a
// session. Unsure: it cannot be told.
func (r Rights) Login() (can, unsure bool) {
	unsure = r.Unsure
	for _, d := range r.Doors {
		switch {
		case d.By == ByPassword:
		case d.Doubt != "":
			unsure = true
		case d.Use > UseForwarding:
			return true, false
		}
	}
	return false, unsure
}

// Usable reports whether anybody can get in as them, or whether that cannot be
// ruled out, by what: it is empty only of an account that nobody can use.
func (r Rights) Usable() []string {
	var out []string
	for _, d := range r.Doors {
		out = append(out, d.Words())
	}
	if r.Exists && r.Unsure {
		out = append(out, "what sshd lets in, which cannot be told")
	}
	return out
}

// PathRights are what somebody may do at a path, in words: read, write, enter.
type PathRights struct {
	Path string
	May  []string
	// Unsure says that it cannot be told, Absent that nothing is there.
	Unsure, Absent bool
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
		Name: name, Exists: j.user.Name != "", Groups: j.groups, Doors: j.doors, Unsure: j.loginUnsure,
		Everything: j.everything, Free: j.free, Unset: j.unset, Sudo: j.may, SudoUnsure: j.sudoUnsure, Unknown: j.unknown(),
	}
	if out.Exists {
		out.Why = append(sure(j.gates), j.why...)
		if !slices.ContainsFunc(j.doors, Door.BySSH) {
			out.Why = append(whys(j.gates), j.why...)
		}
	}
	if !out.Exists && name != Everybody {
		return out, nil
	}
	out.administers(r)
	for _, p := range paths {
		if own(j.user.Home, p) {
			continue
		}
		at := PathRights{Path: p}
		n, err := j.Stat(p)
		if err == nil && n != nil {
			at.May, err = j.at(p, n)
		}
		if ctx.Err() != nil {
			return Rights{}, ctx.Err()
		}
		if at.Absent = n == nil && err == nil; err != nil {
			at.Unsure = true
			out.Unknown = append(out.Unknown, err.Error())
		}
		out.Paths = append(out.Paths, at)
	}
	return out, nil
}

// unknown is what could not be told of them: doubts about a door are among them.
func (j *judge) unknown() []string {
	out := slices.Clone(j.way.Unknown)
	for _, d := range j.doors {
		if d.By == ByFile && !slices.Contains(out, d.Doubt) {
			out = append(out, d.Doubt)
		}
	}
	return out
}

func sure(gates []gate) []string {
	return whys(slices.DeleteFunc(slices.Clone(gates), func(g gate) bool { return !g.sure }))
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
func (j *judge) at(path string, n *host.Node) ([]string, error) {
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

// rootGroups are groups whose members are root in effect, and how.
func rootGroups() map[string]string {
	const files = "containers of theirs can have the host's files"
	return map[string]string{
		"docker": files, "lxd": files, "incus-admin": files,
		"disk":   "whole disks can be read and written",
		"shadow": "the digests of all passwords can be read",
	}
}

// RootGroup says how the members of a group are root in effect; nothing if
// they are not.
func RootGroup(name string) string { return rootGroups()[name] }

// own reports whether a path is somebody's own home, or below it.
func own(home, path string) bool {
	return home != "" && home != "/" && (path == home || strings.HasPrefix(path, home+"/"))
}
