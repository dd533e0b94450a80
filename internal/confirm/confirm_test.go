package confirm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"opsafe/internal/confirm"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/notes"
)

// clock is a host in memory whose uptime can be set, and of which a step can fail.
type clock struct {
	host.Host
	fails func(host.Step) bool
}

var errFails = errors.New("fails")

func newClock(t *testing.T) *clock {
	t.Helper()
	c := &clock{Host: overlay.New(snapshot.New(snapshot.Bare("bookworm")))}
	c.is(t, "one", "100.00")
	return c
}

func (c *clock) Do(ctx context.Context, s host.Step) error {
	if c.fails != nil && c.fails(s) {
		return errFails
	}
	return c.Host.Do(ctx, s)
}

// is has the host be up for so many seconds since a boot.
func (c *clock) is(t *testing.T, boot, seconds string) {
	t.Helper()
	for at, text := range map[string]string{"/proc/sys/kernel/random/boot_id": boot + "\n", "/proc/uptime": seconds + " 5.00\n"} {
		steps, err := parents(c, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(steps, host.WriteFile{Path: at, Content: host.NewContent([]byte(text)), Owner: "root", Group: "root", Access: host.AccessOf(0o444)}) {
			if err := c.Host.Do(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// parents makes the directories of a path.
func parents(r host.Files, at string) ([]host.Step, error) {
	var out []host.Step
	for i, c := range at {
		if c != '/' || i == 0 {
			continue
		}
		n, err := r.Stat(at[:i])
		if err != nil {
			return nil, err
		}
		if n == nil {
			out = append(out, host.MakeDir{Path: at[:i], Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
		}
	}
	return out, nil
}

func left(t *testing.T, c *clock) time.Duration {
	t.Helper()
	rec, err := confirm.Read(c)
	if err != nil || rec == nil {
		t.Fatalf("nothing waits: %v, %v", rec, err)
	}
	d, err := rec.Left(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTime: the time to confirm runs by the uptime, which no change of the clock
// moves; after a reboot it begins anew, and Rearm begins it anew, too.
func TestTime(t *testing.T) {
	c := newClock(t)
	rec := &confirm.Record{By: "alice", Command: "manage", Window: 2 * time.Minute, Run: 7}
	if err := confirm.Arm(t.Context(), c, rec, []byte("opsafe")); err != nil {
		t.Fatal(err)
	}
	if d := left(t, c); d != 2*time.Minute {
		t.Errorf("%v are left at the beginning", d)
	}
	c.is(t, "one", "190.00")
	if d := left(t, c); d != 30*time.Second {
		t.Errorf("%v are left after 90 s", d)
	}
	c.is(t, "two", "20.00")
	if d := left(t, c); d != 100*time.Second {
		t.Errorf("%v are left 20 s after a reboot", d)
	}
	c.is(t, "one", "300.00")
	if d := left(t, c); d > 0 {
		t.Errorf("%v are left when it is over", d)
	}
	if err := confirm.Rearm(t.Context(), c, rec); err != nil {
		t.Fatal(err)
	}
	if d := left(t, c); d != 2*time.Minute {
		t.Errorf("%v are left after it has begun anew", d)
	}
}

// TestArm: whichever step fails, nothing waits without a timer that runs; and Disarm
// leaves nothing.
func TestArm(t *testing.T) {
	for failing := 1; ; failing++ {
		c, n := newClock(t), 0
		c.fails = func(host.Step) bool { n++; return n == failing }
		rec := &confirm.Record{Window: time.Minute, Run: 1}
		err := confirm.Arm(t.Context(), c, rec, []byte("opsafe"))
		c.fails = nil
		waits, readErr := confirm.Read(c)
		if readErr != nil {
			t.Fatal(readErr)
		}
		u, unitErr := c.Unit(t.Context(), notes.Timer)
		if unitErr != nil {
			t.Fatal(unitErr)
		}
		if running := u != nil && u.Running(); waits != nil && !running || err == nil && waits == nil {
			t.Errorf("step %d fails: waiting is %+v, the timer %+v, and the error %v", failing, waits, u, err)
		}
		if err := confirm.Disarm(t.Context(), c); err != nil {
			t.Errorf("step %d failed: %v", failing, err)
		}
		for _, at := range []string{notes.Confirm, notes.Revert, notes.TimerFile, notes.ServiceFile} {
			if n, err := c.Stat(at); n != nil || err != nil {
				t.Errorf("step %d failed: %s is left: %+v, %v", failing, at, n, err)
			}
		}
		if err == nil {
			if failing < 8 {
				t.Errorf("it takes no more than %d steps", failing-1)
			}
			return
		}
		if !errors.Is(err, errFails) {
			t.Fatalf("step %d fails: %v", failing, err)
		}
	}
}

// TestRead: a record of another opsafe is not guessed at.
func TestRead(t *testing.T) {
	c := newClock(t)
	for text, want := range map[string]string{"{": "unexpected end", `{"format_version": 99}`: "has format 99, this opsafe knows"} {
		steps, err := notes.Write(c, notes.Waiting, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := c.Do(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		if rec, err := confirm.Read(c); rec != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, rec, err)
		}
	}
}
