package saved_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/render"
	"opsafe/internal/saved"
)

// result is a change of a file's mode, as a plan or a run has it.
func result(name string, a change.Action, mode string) change.Result {
	return change.Result{
		ID: change.ID{Kind: "file", Name: name}, Status: change.Changed,
		Change: change.Change{Action: a, Attrs: []change.Attr{{Name: "mode", Before: change.Text("0644"), After: change.Text(mode)}}},
	}
}

// planOf is a kept plan of these changes, which was made at three.
func planOf(changes ...change.Result) *saved.Plan {
	p := &saved.Plan{FormatVersion: saved.FormatVersion, Opsafe: "devel", Backend: "north", Made: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)}
	for _, r := range changes {
		p.Run.Changes = append(p.Run.Changes, render.ItemOf(r))
	}
	return p
}

// TestApprove: what is not in the plan, or not as it was planned, is not done.
func TestApprove(t *testing.T) {
	p := planOf(result("/etc/a", change.Modify, "0600"))
	p.Run.Failed = []render.Item{{Kind: "file", Name: "/etc/bad", Error: "no such user"}}
	for name, tt := range map[string]struct {
		result change.Result
		want   string
	}{
		"as planned":         {result("/etc/a", change.Modify, "0600"), ""},
		"another value":      {result("/etc/a", change.Modify, "0640"), "not be the change that was planned"},
		"another action":     {result("/etc/a", change.Remove, "0600"), "not be the change that was planned"},
		"not planned at all": {result("/etc/b", change.Modify, "0600"), "not in the plan"},
		"failed in the plan": {result("/etc/bad", change.Modify, "0600"), "no such user"},
	} {
		switch err := p.Approve(tt.result); {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, and not %q", name, err, tt.want)
		}
	}
}

// TestMovedChanges: each change that is another one, is new, or is not needed any more
// is named.
func TestMovedChanges(t *testing.T) {
	p := planOf(result("/etc/a", change.Modify, "0600"), result("/etc/b", change.Modify, "0600"), result("/etc/c", change.Modify, "0600"))
	now := planOf(result("/etc/a", change.Modify, "0600"), result("/etc/b", change.Modify, "0640"), result("/etc/d", change.Add, "0600")).Run
	want := []string{
		"file//etc/b would be changed in another way", "file//etc/d was not planned",
		"file//etc/c was planned, and would not be changed any more",
	}
	if got := p.MovedChanges(now); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := p.MovedChanges(p.Run); len(got) > 0 {
		t.Errorf("nothing has moved, and it says %q", got)
	}
}

// TestRead: a plan is read as it was written, by root's own hand alone.
func TestRead(t *testing.T) {
	p := planOf(result("/etc/a", change.Modify, "0600"))
	p.Only, p.Salt, p.Spec = []string{"file"}, []byte("salt"), map[string]string{"developers.yaml": "sum"}
	p.Host = saved.Host{Name: "web1", ID: "abc"}
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(at, data, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := saved.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Made.Equal(p.Made) || got.Host != p.Host || got.Backend != p.Backend || !slices.Equal(got.Only, p.Only) || got.Spec["developers.yaml"] != "sum" {
		t.Errorf("it is read as %+v", got)
	}
	if moved := got.MovedChanges(p.Run); len(moved) > 0 {
		t.Errorf("its changes are others when it is read again: %q", moved)
	}
	if err := os.Chmod(at, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := saved.Read(at); err == nil {
		t.Error("a plan is read that everybody can write")
	}
	if _, err := saved.Read(filepath.Join(filepath.Dir(at), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a plan that is not there: %v", err)
	}
}

// TestParse: what is no plan, or another opsafe's, is refused.
func TestParse(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"format_version": 99}`} {
		if p, err := saved.Parse([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
}
