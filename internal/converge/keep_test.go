package converge_test

import (
	"testing"

	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/notes"
)

// TestKeep: what is not opsafe's own is refused, and then nothing is done at all.
func TestKeep(t *testing.T) {
	h := overlay.New(snapshot.New(snapshot.Bare("bookworm")))
	err := converge.Keep(t.Context(), h,
		host.MakeDir{Path: notes.Dir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)},
		host.WriteFile{Path: "/etc/motd", Owner: "root", Group: "root", Access: host.AccessOf(0o644)})
	if err == nil {
		t.Error("it writes /etc/motd without a plan")
	}
	if n, err := h.Stat(notes.Dir); n != nil || err != nil {
		t.Errorf("a part has been done: %v, %v", n, err)
	}
	if err := converge.WriteNote(t.Context(), h, notes.Status, []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	if data, err := h.ReadFile(notes.Status); err != nil || string(data) != "{}\n" {
		t.Errorf("the note is %q, %v", data, err)
	}
	if err := converge.RemoveNote(t.Context(), h, notes.Status); err != nil {
		t.Fatal(err)
	}
	if n, err := h.Stat(notes.Status); n != nil || err != nil {
		t.Errorf("the note is still there: %v, %v", n, err)
	}
}
