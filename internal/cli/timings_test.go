package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/render"
)

const timedSpec = `
-- backends/north/backend.yaml --
users: {app: {home: /srv/app}}
directories: {/srv/data: {mode: "0750"}}
`

// timed is a world in which each account that is made takes five seconds, each
// directory one, and nothing else any time.
func timed(t *testing.T) *world {
	w := newWorld(t, timedSpec)
	now := w.app.Now()
	w.app.Now = func() time.Time { return now }
	w.host.dies = func(s host.Step) bool {
		if _, ok := s.(host.AddUser); ok {
			now = now.Add(5 * time.Second)
		}
		if made, ok := s.(host.MakeDir); ok && made.Path == "/srv/data" {
			now = now.Add(time.Second)
		}
		return false
	}
	return w
}

// TestTimings: what took longest comes first, and nobody is told who has not asked.
func TestTimings(t *testing.T) {
	w := timed(t)
	w.want(0, nil, nil, "manage", "--backend", "north", "--timings", "--allow-locking-out-every-admin")
	_, got, _ := strings.Cut(w.err.String(), "what it took\n")
	if want := "    5.000 s  user\n    1.000 s  directory\n    0.000 s  spec\n"; got != want {
		t.Errorf("got\n%s, want\n%s", w.err.String(), want)
	}
	w = timed(t)
	w.want(0, nil, nil, "manage", "--backend", "north", "--allow-locking-out-every-admin")
	if strings.Contains(w.out.String()+w.err.String(), "what it took") {
		t.Errorf("nobody has asked: %s", w.err.String())
	}
}

// TestTimingsJSON: the document has the same.
func TestTimingsJSON(t *testing.T) {
	w := timed(t)
	w.want(0, nil, nil, "manage", "--backend", "north", "--timings", "--format", "json", "--allow-locking-out-every-admin")
	var d render.Document
	if err := json.Unmarshal(w.out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Times) != 3 || d.Times[0] != (render.TimeDoc{Kind: "user", Seconds: 5}) || d.Times[1] != (render.TimeDoc{Kind: "directory", Seconds: 1}) {
		t.Errorf("got %v", d.Times)
	}
}
