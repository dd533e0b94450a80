package snapshot

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"opsafe/internal/host"
)

// text writes the state down.
func (s State) text() Text {
	t := Text{
		Version: Version, Partial: s.Partial, Facts: &s.Facts, Ranges: &s.Ranges,
		Files: map[string]FileText{}, Packages: map[string]string{}, Units: map[string]UnitText{},
		Manual: s.Manual, Candidates: s.Candidates, Networks: s.Networks, Firewalls: s.Firewalls, Containers: s.Containers, Images: s.Images, Pending: s.Pending, Programs: s.Programs, Unpacked: s.Unpacked,
	}
	if s.Users != nil {
		t.Users = []UserText{}
	}
	if s.Groups != nil {
		t.Groups = []GroupText{}
	}
	for _, u := range s.Users {
		t.Users = append(t.Users, s.userText(u))
	}
	for _, g := range s.Groups {
		t.Groups = append(t.Groups, s.groupText(g))
	}
	if n := s.Strays; len(n.Twice)+len(n.Shadow)+len(n.GShadow)+len(n.Locks)+len(n.Nobodys) > 0 {
		t.Strays = &n
	}
	for p, f := range s.Files {
		t.Files[host.Readable(p)] = f.text()
	}
	for name, p := range s.Packages {
		words := string(p.State)
		if p.Version != "" {
			words += " " + p.Version
		}
		if p.Hold {
			words += " hold"
		}
		if p.Auto {
			words += " auto"
		}
		t.Packages[name] = words
	}
	for name, u := range s.Units {
		if noUnit(u) {
			t.Units[name] = UnitText{Load: absentWord}
			continue
		}
		u.Fragment = cmp.Or(u.Fragment, noFragment)
		t.Units[name] = UnitText(u)
	}
	t.Docker = (*EngineText)(s.Engine)
	s.recordedText(&t)
	return t
}

func (s State) groupText(g host.Group) GroupText {
	t := GroupText{Name: g.Name, GID: g.GID, Members: g.Members}
	shadow := s.Shadows[g.Name]
	t.Admins, t.Torn = shadow.Admins, shadow.Torn
	switch {
	case shadow.Missing:
		t.Password = missingWord
	case shadow.Password != host.PasswordLocked:
		t.Password = string(shadow.Password)
	}
	return t
}

func (s State) userText(u host.User) UserText {
	t := UserText{Name: u.Name, UID: u.UID, GID: &u.GID, Comment: u.Comment, Home: u.Home, Shell: u.Shell}
	if p, ok := s.Passwords[u.Name]; ok {
		words := []string{string(p.State)}
		if p.HasHash && p.State != host.PasswordSet {
			words = append(words, "hash")
		}
		if p.MustChange {
			words = append(words, "must-change")
		}
		if p.Missing {
			words = append(words, missingWord)
		}
		if p.Ageing.On {
			words = append(words, fmt.Sprintf("changed=%d max=%d", p.Changed, p.Ageing.Max))
		}
		if p.Ageing.On && p.Ageing.Inactive >= 0 {
			words = append(words, fmt.Sprintf("inactive=%d", p.Ageing.Inactive))
		}
		if p.Expires != -1 {
			words = append(words, fmt.Sprintf("expires=%d", p.Expires))
		}
		t.Password = strings.Join(words, " ")
		if p.State == "" {
			t.Password = absentWord
		}
	}
	if tr, ok := s.Traces[u.Name]; ok {
		t.Traces = &tr
	}
	t.Units = s.UserUnits[u.Name]
	return t
}

func (f File) text() FileText {
	n := f.Node
	if n.Type == "" {
		return FileText{Type: absentWord}
	}
	t := FileText{
		Type: n.Type, Mode: ownMode(n.Access), Owner: n.Owner, Group: n.Group,
		ACL: aclText(n.Access), Unread: f.Unread, Target: host.Readable(n.Target), Secret: f.Secret, Held: n.Held.Words(),
	}
	if n.Links > 1 {
		t.Links = n.Links
	}
	if f.Names != nil {
		names := readable(f.Names)
		t.Names = &names
	}
	if n.Type == host.TypeFile && n.Size != int64(len(f.Content)) {
		t.Size = n.Size
	}
	switch {
	case !utf8.Valid(f.Content):
		t.Base64 = f.Content
	case bytes.IndexByte(f.Content, '\n') >= 0:
		t.Lines = strings.Split(string(f.Content), "\n")
	default:
		t.Content = string(f.Content)
	}
	return t
}

// readable are names that JSON can hold.
func readable(names []string) []string { return mapped(names, host.Readable) }

// fromReadable are the names themselves.
func fromReadable(names []string) []string { return mapped(names, host.FromReadable) }

func mapped(names []string, by func(string) string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = by(n)
	}
	return out
}

// ownMode is the mode with the owning group's own entry in it; the mask is among
// the ACL.
func ownMode(a host.Access) string {
	return (a.Special | host.Mode(a.User)<<6 | host.Mode(a.Group)<<3 | host.Mode(a.Other)).String()
}

// recordedText writes down what only a Recorder knows.
func (s State) recordedText(t *Text) {
	if s.Whole != (Whole{}) {
		t.Whole = &s.Whole
	}
	for _, u := range s.Sources.Users {
		e := s.userText(u)
		e.Source = u.Source
		t.ElsewhereUsers = append(t.ElsewhereUsers, e)
	}
	for _, g := range s.Sources.Groups {
		t.ElsewhereGroups = append(t.ElsewhereGroups, GroupText{Name: g.Name, GID: g.GID, Members: g.Members, Source: g.Source})
	}
	t.Verdicts, t.Troubles = s.Verdicts, s.Troubles
	if s.Trees != nil {
		t.Trees = map[string]TreeText{}
	}
	for root, tree := range s.Trees {
		text := TreeText{Sorts: []SortText{}, Unknown: tree.Unknown}
		for _, r := range tree.Refused {
			text.Refused = append(text.Refused, host.Refusal{Path: host.Readable(r.Path), Why: host.Readable(r.Why)})
		}
		for _, of := range tree.Sorts {
			n := of.Node
			line := SortText{
				Type: n.Type, Mode: ownMode(n.Access), Owner: n.Owner, Group: n.Group, ACL: aclText(n.Access),
				Count: of.Count, First: readable(of.First), Held: n.Held.Words(),
			}
			if n.Links > 1 {
				line.Links = n.Links
			}
			text.Sorts = append(text.Sorts, line)
		}
		t.Trees[root] = text
	}
}
