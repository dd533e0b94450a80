package converge_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
)

// undone has a change put back when on.service does not come through its reload.
func undone(c *change.Change) {
	c.Notify = []change.Notification{{Unit: "on.service", Verb: host.Reload}}
	c.Undo = true
}

func undoKinds() converge.Kind {
	return files(file("/etc/a", "1", undone), file("/etc/b", "1", undone))
}

// TestUndo puts back what a unit does not come through, and says so of each file.
func TestUndo(t *testing.T) {
	h := newHost(t, units)
	h.fail["reload on.service"] = errBroken
	h.after = func(step string) {
		if step == "remove /etc/b" {
			delete(h.fail, "reload on.service")
		}
	}
	rep := run(context.Background(), h, undoKinds())
	want := []string{
		"file//etc/a failed: did not last to the end of the run: still differs after the change: content is absent, not 1",
		"file//etc/b failed: did not last to the end of the run: still differs after the change: content is absent, not 1",
		"reload/on.service failed: broken; what was there before has been put back, and on.service runs with it",
	}
	if d := cmp.Diff(want, outcome(rep)); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
	if owed, err := h.Pending(); err != nil || len(owed) > 0 {
		t.Errorf("still owed: %v, %v", owed, err)
	}
}

// TestUndoFails leaves everything owed when what was there before does not work
// either.
func TestUndoFails(t *testing.T) {
	h := newHost(t, units)
	h.fail["reload on.service"] = errBroken
	run(context.Background(), h, undoKinds())
	owed, err := h.Pending()
	if err != nil || len(owed) != 1 || len(owed[0].Undo) != 2 {
		t.Errorf("owed: %+v, %v", owed, err)
	}
}

// TestUndoSurvives kills a run at each step, with a file that on.service does not
// come through: whenever that is, the next run puts everything back.
func TestUndoSurvives(t *testing.T) {
	const steps = 9
	for killed := range steps {
		h := newHost(t, units)
		h.fail["reload on.service"] = errBroken
		h.after = func(step string) {
			if step == "remove /etc/b" {
				delete(h.fail, "reload on.service")
			}
		}
		run(context.Background(), &dyingHost{fakeHost: h, left: killed + 1}, undoKinds())
		h.fail["reload on.service"] = errBroken
		rep := run(context.Background(), h, undoKinds())
		if rep.Converged() {
			t.Errorf("killed after step %d: a host without the files is taken for converged: %q", killed+1, outcome(rep))
		}
		for _, path := range []string{"/etc/a", "/etc/b"} {
			if n, err := h.Stat(path); err != nil || n != nil {
				t.Errorf("killed after step %d: %s: %+v, %v", killed+1, path, n, err)
			}
		}
		if owed, err := h.Pending(); err != nil || len(owed) > 0 {
			t.Errorf("killed after step %d: still owed: %+v, %v", killed+1, owed, err)
		}
	}
}
