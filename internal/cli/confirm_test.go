package cli_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// waitSpec is historySpec on a host that has a clock.
const waitSpec = historySpec + `
  /proc/uptime: {content: "100.00 100.00\n"}
  /proc/sys/kernel/random/boot_id: {content: "one\n"}
`

const waits = "/var/lib/opsafe/confirm/record.json"

// later has time go by.
func (w *world) later(seconds string) {
	w.t.Helper()
	w.do(rootsFile("/proc/uptime", seconds+" 0.00\n"))
}

var historyBefore = map[string]string{"/etc/one": "", "/etc/two": "before\n", "/etc/gone": "gone\n", "/etc/token": "TOKEN=old canary\n"}

// TestConfirmKilled: whenever a run is killed, nothing waits without a timer that
// brings it back; and what nobody has confirmed in time, the next run brings back.
func TestConfirmKilled(t *testing.T) {
	for died := 1; ; died++ {
		w := newWorld(t, waitSpec)
		w.env["OPSAFE_BACKEND"] = "north"
		left := died
		w.host.dies = func(host.Step) bool { left--; return left <= 0 }
		code := w.run("manage", "--confirm", "5s")
		w.host.dies = nil
		u, err := w.host.Unit(t.Context(), "opsafe-revert.timer")
		if err != nil {
			t.Fatal(err)
		}
		if waiting := w.file(waits) != ""; waiting && (u == nil || !u.Running() || u.File != "enabled") {
			t.Fatalf("killed before step %d: something waits, and the timer is %+v", died, u)
		} else if waiting {
			w.want(1, nil, []string{"waits to be confirmed"}, "undo", "1")
			w.later("200.00")
			w.want(1, nil, []string{"nobody confirmed in time", "no record of run 99"}, "undo", "99")
		} else if w.run("history", "--format", "json"); len(w.document()["runs"].([]any)) > 0 {
			w.want(0, nil, nil, "undo", "1")
		}
		w.wantFiles(historyBefore)
		if w.file(waits) != "" {
			t.Errorf("killed before step %d: it waits still", died)
		}
		if code == 0 {
			if died < 10 {
				t.Errorf("it had no more than %d steps", died)
			}
			return
		}
	}
}

// TestWaitsOfAnother: what waits by another opsafe's record is said by whoever looks.
func TestWaitsOfAnother(t *testing.T) {
	w := newWorld(t, waitSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	steps, err := notes.Write(w.host, notes.Waiting, []byte(`{"format_version": 99}`))
	if err != nil {
		t.Fatal(err)
	}
	w.do(steps...)
	const says = "has format 99, this opsafe knows 3: another opsafe has written it: confirm or revert with that one"
	w.want(0, nil, []string{says}, "status")
	w.want(0, nil, []string{says}, "plan")
	w.want(1, nil, []string{says}, "manage")
	w.want(1, nil, []string{says}, "confirm")
}

// TestRevertRetries: what cannot be put back is tried at longer and longer intervals,
// and leaves one record; what undo needs is not pushed out.
func TestRevertRetries(t *testing.T) {
	w := newWorld(t, waitSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, []string{"/etc/one", "/etc/token", "sudo opsafe confirm"}, "manage", "--confirm", "1m")
	w.do(host.RemovePath{Path: "/etc/two"})
	w.do(host.MakeDir{Path: "/etc/two", Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
	var pauses []time.Duration
	w.app.Sleep = func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		switch len(pauses) {
		case 1:
			w.later("161.00") // there was time until now
		case 12:
			w.do(host.RemovePath{Path: "/etc/two"})
		case 20:
			return errors.New("it does not end")
		}
		return nil
	}
	w.want(0, []string{"is back: nobody confirmed it"}, []string{"/etc/two"}, "revert", "--if-due")
	if n := strings.Count(w.err.String(), "not everything could be put back"); n != 1 {
		t.Errorf("the same error is said %d times:\n%s", n, w.err.String())
	}
	w.wantFiles(historyBefore)
	for i := 2; i < len(pauses); i++ {
		if pauses[i] < pauses[i-1] || pauses[i] > 10*time.Minute {
			t.Errorf("pauses: %v", pauses)
		}
	}
	if pauses[0] != time.Minute || pauses[1] != 5*time.Second || pauses[len(pauses)-1] != 10*time.Minute {
		t.Errorf("pauses: %v", pauses)
	}
	w.want(0, []string{"undone by 2", "revert 1"}, nil, "history")
	if n := strings.Count(w.out.String(), "revert"); n != 1 {
		t.Errorf("there are %d records:\n%s", n, w.out.String())
	}
	w.want(0, []string{"+ /etc/gone", "- /etc/one", "/etc/two"}, nil, "show", "2")
	w.app.Sleep = func(context.Context, time.Duration) error { return errors.New("it waits for nothing") }
	w.want(0, nil, nil, "revert", "--if-due")
}
