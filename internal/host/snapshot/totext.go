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
		Manual: s.Manual, Candidates: s.Candidates, Networks: s.Networks, Pending: s.Pending, Programs: s.Programs,
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
		t.Groups = append(t.Groups, GroupText{Name: g.Name, GID: g.GID, Members: g.Members})
	}
	for p, f := range s.Files {
		t.Files[p] = f.text()
	}
	for name, p := range s.Packages {
		words := string(p.State)
		if p.Version != "" {
			words += " " + p.Version
		}
		if p.Hold {
			words += " hold"
		}
		t.Packages[name] = words
	}
	for name, u := range s.Units {
		if noUnit(u) {
			t.Units[name] = UnitText{Load: absentWord}
			continue
		}
		t.Units[name] = UnitText{
			Load: u.Load, Active: u.Active, Sub: u.Sub, File: u.File,
			Fragment: cmp.Or(u.Fragment, noFragment), NeedReload: u.NeedReload, Links: u.Links,
		}
	}
	if s.Engine != nil {
		t.Docker = &EngineText{Version: s.Engine.Version, API: s.Engine.APIVersion}
	}
	s.recordedText(&t)
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
		ACL: aclText(n.Access), Unread: f.Unread, Target: n.Target, Secret: f.Secret,
	}
	if n.Links > 1 {
		t.Links = n.Links
	}
	if f.Names != nil {
		t.Names = &f.Names
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
		text := TreeText{Sorts: []SortText{}, Refused: tree.Refused, Unknown: tree.Unknown}
		for _, of := range tree.Sorts {
			n := of.Node
			line := SortText{
				Type: n.Type, Mode: ownMode(n.Access), Owner: n.Owner, Group: n.Group, ACL: aclText(n.Access),
				Count: of.Count, First: of.First,
			}
			if n.Links > 1 {
				line.Links = n.Links
			}
			text.Sorts = append(text.Sorts, line)
		}
		t.Trees[root] = text
	}
}
