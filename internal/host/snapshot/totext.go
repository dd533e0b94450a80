package snapshot

import (
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
		t.Units[name] = UnitText{
			Load: u.Load, Active: u.Active, Sub: u.Sub, File: u.File,
			Fragment: u.Fragment, NeedReload: u.NeedReload, Links: u.Links,
		}
	}
	if s.Engine != nil {
		t.Docker = &EngineText{Version: s.Engine.Version, API: s.Engine.APIVersion}
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
		if p.Expires != -1 {
			words = append(words, fmt.Sprintf("expires=%d", p.Expires))
		}
		t.Password = strings.Join(words, " ")
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
		return FileText{Type: "absent"}
	}
	// The owning group's own entry stands in the mode; the mask among the ACL.
	a := n.Access
	mode := a.Special | host.Mode(a.User)<<6 | host.Mode(a.Group)<<3 | host.Mode(a.Other)
	t := FileText{
		Type: n.Type, Mode: mode.String(), Owner: n.Owner, Group: n.Group,
		ACL: aclText(a), Unread: f.Unread, Target: n.Target, Links: n.Links,
	}
	if utf8.Valid(f.Content) {
		t.Content = string(f.Content)
	} else {
		t.Base64 = f.Content
	}
	return t
}
