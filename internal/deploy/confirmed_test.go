package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// noting is a machine that has nothing, and notes what is asked of it.
type noting struct {
	Machine
	asked []string
	held  bool
}

func (m *noting) Stat(string) (*host.Node, error) {
	if m.held {
		return &host.Node{}, nil
	}
	return nil, nil
}

func (m *noting) ReadFile(string) ([]byte, error)   { return nil, nil }
func (m *noting) ForgetContainers(string) error     { return nil }
func (m *noting) RemoveFile(string) error           { return nil }
func (m *noting) Changed(string) (time.Time, error) { return time.Time{}, nil }

func (m *noting) KeepContainers(context.Context, string, []string) error {
	m.asked = append(m.asked, "keep")
	return nil
}

func (m *noting) Save(context.Context, string, []byte) error {
	m.asked = append(m.asked, "save")
	return nil
}

// TestNotYet keeps what is asked for, and counts no try of it, while another run waits to
// be confirmed, be it one that has come in between.
func TestNotYet(t *testing.T) {
	at := filepath.Join(t.TempDir(), "lab")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	m := &noting{}
	waits := errors.New("what somebody changed waits to be confirmed")
	w := &Worker{
		Machine: m, Queue: queue.Open(at), Now: time.Now, Say: func(string) {}, Wait: func(context.Context, time.Duration) error { return context.Canceled },
		Config: deployment.Config{Name: "lab", Compose: []string{"lab"}, Within: deployment.Span{Duration: time.Minute}},
		Compose: func(context.Context, []string, func() error) ([]string, bool, error) {
			return nil, false, &WaitsError{waits}
		},
		Unconfirmed: func() error { return nil },
	}
	if _, err := w.Queue.Add(queue.Entry{What: queue.Push}); err != nil {
		t.Fatal(err)
	}
	still := func() {
		t.Helper()
		for range 2 * maxTries {
			if err := w.Work(t.Context()); !errors.Is(err, waits) {
				t.Fatalf("it says %v", err)
			}
		}
		entries, _, err := w.Queue.List()
		if err != nil || len(entries) != 1 || entries[0].Tries != 0 || len(m.asked) > 0 {
			t.Fatalf("it has done %v, and the queue has %+v (%v)", m.asked, entries, err)
		}
	}
	still()
	w.Unconfirmed = func() error { return waits }
	still()
	w.Unconfirmed = func() error { return nil }
	w.Compose = func(_ context.Context, _ []string, keep func() error) ([]string, bool, error) {
		m.asked = append(m.asked, "alone")
		return nil, true, keep()
	}
	if err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What runs is written down once no other run can change it.
	if len(m.asked) < 3 || !slices.Equal(m.asked[:3], []string{"alone", "keep", "save"}) {
		t.Errorf("it has done %v", m.asked)
	}
	if entries, _, err := w.Queue.List(); err != nil || len(entries) > 0 {
		t.Errorf("the queue has %+v (%v)", entries, err)
	}
}

// TestHeldBackPolled keeps the failure of what was put back, as long as a timer finds nothing
// else.
func TestHeldBackPolled(t *testing.T) {
	for _, tc := range []struct {
		name                 string
		asked, changed, held bool
		want                 Outcome
	}{
		{"nothing new", false, false, true, Unchanged},
		{"another image", false, true, true, Deployed},
		{"asked for", true, false, true, Deployed},
		{"nothing was put back", false, false, false, Deployed},
	} {
		w := &Worker{Machine: &noting{held: tc.held}, Say: func(string) {}, Config: deployment.Config{Name: "lab", Compose: []string{"lab"}}}
		w.state.Failed = &Result{Outcome: Failed}
		w.Compose = func(_ context.Context, _ []string, keep func() error) ([]string, bool, error) {
			return nil, tc.changed, keep()
		}
		var res Result
		if err := w.compose(t.Context(), tc.asked, &res); err != nil || res.Outcome != tc.want {
			t.Errorf("%s: %+v (%v)", tc.name, res, err)
		}
		if w.state.note(res); (w.state.Failed != nil) != (tc.want == Unchanged) {
			t.Errorf("%s: the last failure is %v", tc.name, w.state.Failed)
		}
	}
}
