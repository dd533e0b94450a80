package notes_test

import (
	"fmt"
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/notes"
)

// TestWrite: a note comes with the directories that it lacks, and root alone sees what
// not everybody may.
func TestWrite(t *testing.T) {
	for at, want := range map[string][]string{
		notes.Status:                   {"/var/lib/opsafe 755", notes.Status + " 644"},
		notes.Lines:                    {"/var/lib/opsafe 755", notes.Lines + " 600"},
		notes.History + "/000001.json": {"/var/lib/opsafe 755", notes.History + " 700", notes.History + "/000001.json 600"},
		notes.Waiting:                  {"/var/lib/opsafe 755", notes.Confirm + " 700", notes.Waiting + " 600"},
		notes.Revert:                   {"/usr/local/lib/opsafe 755", notes.Revert + " 755"},
		notes.TimerFile:                {notes.TimerFile + " 644"},
	} {
		h := overlay.New(snapshot.New(snapshot.Bare("bookworm")))
		steps, err := notes.Write(h, at, []byte("{}"))
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		var got []string
		for _, s := range steps {
			switch s := s.(type) {
			case host.MakeDir:
				got = append(got, fmt.Sprintf("%s %o", s.Path, s.Access.Mode()))
			case host.WriteFile:
				got = append(got, fmt.Sprintf("%s %o", s.Path, s.Access.Mode()))
			default:
				t.Errorf("%s takes %T", at, s)
			}
			if !notes.Own(s) {
				t.Errorf("%s: %+v is not opsafe's own", at, s)
			}
			if err := h.Do(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, not %q", at, got, want)
		}
		if again, err := notes.Write(h, at, []byte("{}")); err != nil || len(again) != 1 {
			t.Errorf("%s: the second time takes %d steps, %v", at, len(again), err)
		}
	}
}

// TestOwn: nothing else passes for opsafe's own.
func TestOwn(t *testing.T) {
	for _, s := range []host.Step{
		host.WriteFile{Path: "/etc/passwd"},
		host.WriteFile{Path: notes.Dir + "/../passwd"},
		host.WriteFile{Path: notes.Dir + "x"},
		host.RemovePath{Path: "/var/lib"},
		host.MakeDir{Path: "/srv/app"},
		host.Probe{Argv: []string{"/bin/true"}},
		host.Probe{},
		host.StopUnit{Name: "ssh.service"},
		host.EnableUnit{Name: "x.timer"},
		host.DeleteUser{Name: "alice"},
	} {
		if notes.Own(s) {
			t.Errorf("%T %+v passes for opsafe's own", s, s)
		}
	}
}
