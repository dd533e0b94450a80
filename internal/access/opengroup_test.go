package access

import (
	"slices"
	"testing"
	"time"

	"opsafe/internal/host"
)

// TestOpenGroups: who may change the members of a group, and which group has a
// password, is told; what a change of it gives and takes, too.
func TestOpenGroups(t *testing.T) {
	w := newWorld()
	w.person("mallory", 1001, "")
	closed := w.reader()
	open := newWorld()
	open.person("mallory", 1001, "")
	open.Shadows = map[string]host.GroupShadow{
		"docker":    {Password: host.PasswordLocked, Admins: []string{"mallory"}},
		"reviewers": {Password: host.PasswordSet},
	}
	groups, err := OpenGroups(open.reader())
	if err != nil || len(groups) != 2 || groups[0].Name != "docker" || !slices.Equal(groups[0].Admins, []string{"mallory"}) || groups[0].Password || !groups[1].Password {
		t.Errorf("%+v, %v", groups, err)
	}
	r, err := Of(t.Context(), open.reader(), "mallory", nil, time.Now())
	if err != nil || !slices.Equal(r.Administers, []string{"docker"}) {
		t.Errorf("%+v, %v", r, err)
	}
	const what = "administration of the group docker (root in effect)"
	for _, c := range []struct {
		before, after host.Reader
		gains, loses  []string
	}{{closed, open.reader(), []string{what}, nil}, {open.reader(), closed, nil, []string{what}}} {
		sum, err := Summarize(t.Context(), Question{Before: c.before, After: c.after, Now: time.Now()}, nil)
		if err != nil || len(sum.Turns) != 1 || !slices.Equal(sum.Turns[0].Gains, c.gains) || !slices.Equal(sum.Turns[0].Loses, c.loses) {
			t.Errorf("%+v, %v", sum, err)
		}
	}
}

// TestSubjectsWithShell: an account that is nobody's, but has a shell, is among those
// of whom it is told.
func TestSubjectsWithShell(t *testing.T) {
	w := newWorld()
	w.Users = append(w.Users, host.User{Name: "git", UID: 900, Shell: "/bin/sh"}, host.User{Name: "bin", UID: 2, Shell: "/usr/sbin/nologin"}, host.User{Name: "odd", UID: 901})
	got, err := Subjects(Question{Before: w.reader(), After: w.reader()})
	if err != nil || !slices.Equal(got, []string{"git", "odd", "root"}) {
		t.Errorf("%q, %v", got, err)
	}
}
