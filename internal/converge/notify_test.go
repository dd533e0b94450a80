package converge_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

func now() time.Time { return time.Time{} }

func TestNotify(t *testing.T) {
	restart, reload := notify(host.Restart, "on.service"), notify(host.Reload, "on.service")
	for _, tt := range []struct {
		name    string
		host    string
		fail    map[string]error
		lie     map[string]bool
		kinds   []converge.Kind
		want    []string
		steps   []string // with the bookkeeping
		pending []host.Pending
	}{
		{
			name:  "owed before the change, fired once at the end, settled after it; a restart beats reloads",
			kinds: []converge.Kind{files(file("/etc/a", "1", reload), file("/etc/b", "1", restart), file("/etc/c", "1", reload), file("/etc/d", "1", nil))},
			want:  []string{"file//etc/a changed", "file//etc/b changed", "file//etc/c changed", "file//etc/d changed", "restart/on.service changed"},
			steps: []string{
				"owe reload on.service", "write /etc/a 1", "owe restart on.service", "write /etc/b 1",
				"owe reload on.service", "write /etc/c 1", "write /etc/d 1", "restart on.service", "settle on.service",
			},
		},
		{
			name: "at the end of the stage that raised it",
			kinds: []converge.Kind{
				files(file("/etc/a", "1", restart)), of("sudoers", kind.StageFiles, file("/etc/b", "1", nil)),
				of("sshd", kind.StageAccess, file("/etc/c", "1", nil)),
			},
			want: []string{"file//etc/a changed", "file//etc/b changed", "restart/on.service changed", "file//etc/c changed"},
			steps: []string{
				"owe restart on.service", "write /etc/a 1", "write /etc/b 1", "restart on.service", "settle on.service", "write /etc/c 1",
			},
		},
		{
			name: "again when a later stage raises it anew",
			kinds: []converge.Kind{
				files(file("/etc/a", "1", restart)), of("sshd", kind.StageAccess, file("/etc/c", "1", reload)),
			},
			want: []string{"file//etc/a changed", "restart/on.service changed", "file//etc/c changed", "reload/on.service changed"},
			steps: []string{
				"owe restart on.service", "write /etc/a 1", "restart on.service", "settle on.service",
				"owe reload on.service", "write /etc/c 1", "reload on.service", "settle on.service",
			},
		},
		{
			name: "postponed for units that the spec declares",
			kinds: []converge.Kind{
				files(file("/etc/a", "1", restart)), of("sshd", kind.StageAccess, file("/etc/b", "1", nil)),
				of("unit", kind.StageUnits, running("on.service")),
			},
			want: []string{"file//etc/a changed", "file//etc/b changed", "unit/on.service unchanged", "restart/on.service changed"},
			steps: []string{
				"owe restart on.service", "write /etc/a 1", "write /etc/b 1", "restart on.service", "settle on.service",
			},
		},
		{
			name:  "not for a unit that does not run",
			kinds: []converge.Kind{files(file("/etc/a", "1", notify(host.Restart, "off.service")), file("/etc/b", "1", notify(host.Reload, "none.service")))},
			want:  []string{"file//etc/a changed", "file//etc/b changed"},
			steps: []string{
				"owe restart off.service", "write /etc/a 1", "owe reload none.service", "write /etc/b 1",
				"settle off.service", "settle none.service",
			},
		},
		{
			name: "not for a unit that was started after the change",
			kinds: []converge.Kind{
				files(file("/etc/a", "1", notify(host.Restart, "off.service"))),
				of("unit", kind.StageUnits, running("off.service")),
			},
			want:  []string{"file//etc/a changed", "unit/off.service changed"},
			steps: []string{"owe restart off.service", "write /etc/a 1", "start off.service", "settle off.service"},
		},
		{
			name: "still for a unit that ran when it was to be started",
			kinds: []converge.Kind{files(file("/etc/a", "1", restart), file("/etc/b", "1", func(c *change.Change) {
				c.Steps = append(c.Steps, host.StartUnit{Name: "on.service"})
			}))},
			want:  []string{"file//etc/a changed", "file//etc/b changed", "restart/on.service changed"},
			steps: []string{"owe restart on.service", "write /etc/a 1", "write /etc/b 1", "start on.service", "restart on.service", "settle on.service"},
		},
		{
			name:    "still owed when it fails",
			fail:    map[string]error{"restart on.service": errBroken},
			kinds:   []converge.Kind{files(file("/etc/a", "1", restart))},
			want:    []string{"file//etc/a changed", "restart/on.service failed: broken; it is still owed, the next run tries again"},
			steps:   []string{"owe restart on.service", "write /etc/a 1", "restart on.service"},
			pending: []host.Pending{{Unit: "on.service", Verb: host.Restart, Why: "/etc/a changes"}},
		},
		{
			name:  "not owed for a change of which nothing was done",
			fail:  map[string]error{"write /etc/a 1": errBroken},
			kinds: []converge.Kind{files(file("/etc/a", "1", restart))},
			want:  []string{"file//etc/a failed: broken"},
			steps: []string{"owe restart on.service", "write /etc/a 1", "settle on.service"},
		},
		{
			name: "but for one of which a part was done",
			fail: map[string]error{"write /etc/b 1": errBroken},
			kinds: []converge.Kind{files(file("/etc/a", "1", func(c *change.Change) {
				restart(c)
				c.Steps = append(c.Steps, write("/etc/b", "1"))
			}))},
			want:  []string{"file//etc/a failed: broken", "restart/on.service changed"},
			steps: []string{"owe restart on.service", "write /etc/a 1", "write /etc/b 1", "restart on.service", "settle on.service"},
		},
		{
			name:  "nothing is changed when it cannot be recorded",
			fail:  map[string]error{"owe restart on.service": errBroken},
			kinds: []converge.Kind{files(file("/etc/a", "1", restart))},
			want:  []string{"file//etc/a failed: cannot record that on.service has to restart: broken"},
			steps: []string{"owe restart on.service"},
		},
		{
			name: "recalled from an earlier run, and fired at the very end",
			host: "pending: [{unit: on.service, verb: restart, why: file//etc/x changes}, {unit: off.service, verb: reload, why: y}]",
			kinds: []converge.Kind{
				files(file("/etc/a", "1", nil)), of("unit", kind.StageUnits, running("two.service")),
			},
			want:  []string{"file//etc/a changed", "unit/two.service unchanged", "restart/on.service changed"},
			steps: []string{"write /etc/a 1", "restart on.service", "settle on.service", "settle off.service"},
		},
		{
			name:  "a start that a run which died owed, after the restarts",
			host:  "pending: [{unit: off.service, verb: start, why: z}, {unit: on.service, verb: restart, why: y}]",
			kinds: []converge.Kind{files()},
			want:  []string{"restart/on.service changed", "start/off.service changed"},
			steps: []string{"restart on.service", "settle on.service", "start off.service", "settle start off.service"},
		},
		{
			name:  "no start of what runs or is gone",
			host:  "pending: [{unit: on.service, verb: start, why: z}, {unit: none.service, verb: start, why: z}]",
			kinds: []converge.Kind{files()},
			steps: []string{"settle start on.service", "settle start none.service"},
		},
		{
			name:  "no start, owed by an earlier run, of a unit that is declared not to run",
			host:  "pending: [{unit: off.service, verb: start, why: z}]",
			kinds: []converge.Kind{of("unit", kind.StageUnits, stopped("off.service"))},
			want:  []string{"unit/off.service unchanged"},
			steps: []string{"settle start off.service"},
		},
		{
			name:    "a start stays owed when it fails",
			host:    "pending: [{unit: off.service, verb: start, why: z}]",
			fail:    map[string]error{"start off.service": errBroken},
			kinds:   []converge.Kind{files()},
			want:    []string{"start/off.service failed: broken; it is still owed, the next run tries again"},
			steps:   []string{"start off.service"},
			pending: []host.Pending{{Unit: "off.service", Verb: host.Start, Why: "z"}},
		},
		{
			name:  "a start and a restart: it comes up anew",
			host:  "pending: [{unit: off.service, verb: start, why: z}]",
			kinds: []converge.Kind{files(file("/etc/a", "1", notify(host.Restart, "off.service")))},
			want:  []string{"file//etc/a changed", "start/off.service changed"},
			steps: []string{
				"owe restart off.service", "write /etc/a 1", "settle off.service", "start off.service", "settle start off.service",
			},
		},
		{
			name:  "a change that restarts by itself needs no other restart",
			kinds: []converge.Kind{files(file("/etc/a", "1", restart), file("/etc/b", "1", swap))},
			want:  []string{"file//etc/a changed", "file//etc/b changed"},
			steps: []string{
				"owe restart on.service", "write /etc/a 1",
				"owe start two.service", "stop two.service", "write /etc/b 1", "restart on.service", "settle on.service",
				"start two.service", "settle start two.service",
			},
		},
		{
			name:  "a daemon that came up with what is then found wrong is restarted with the old",
			lie:   map[string]bool{"write /etc/b 1": true},
			kinds: []converge.Kind{files(file("/etc/b", "1", swap))},
			want:  []string{`file//etc/b failed: still differs after the change: content is absent, not 1; what was there before has been put back`},
			steps: []string{
				"owe start two.service", "stop two.service", "write /etc/b 1", "restart on.service", "settle on.service",
				"write /etc/b 0", "restart on.service", "start on.service", "settle on.service",
				"start two.service", "settle start two.service",
			},
		},
		{
			name:  "a daemon whose new file was refused goes on as it is",
			fail:  map[string]error{"write /etc/b 1": errBroken},
			kinds: []converge.Kind{files(file("/etc/b", "1", swap))},
			want:  []string{"file//etc/b failed: broken; what was there before has been put back"},
			steps: []string{
				"owe start two.service", "stop two.service", "write /etc/b 1", "write /etc/b 0", "start on.service", "settle on.service",
				"start two.service", "settle start two.service",
			},
		},
		{
			name:  "what else is owed to it stays so",
			fail:  map[string]error{"write /etc/b 1": errBroken},
			kinds: []converge.Kind{files(file("/etc/a", "1", restart), file("/etc/b", "1", swap))},
			want:  []string{"file//etc/a changed", "file//etc/b failed: broken; what was there before has been put back", "restart/on.service changed"},
			steps: []string{
				"owe restart on.service", "write /etc/a 1",
				"owe start two.service", "stop two.service", "write /etc/b 1", "write /etc/b 0", "start on.service",
				"start two.service", "settle start two.service", "restart on.service", "settle on.service",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, units+tt.host)
			h.fail = tt.fail
			if tt.lie != nil {
				h.lie = tt.lie
			}
			rep := run(context.Background(), h, tt.kinds...)
			if d := cmp.Diff(tt.want, outcome(rep)); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.steps, h.steps); d != "" {
				t.Errorf("steps (-want +got):\n%s", d)
			}
			pending, err := h.Pending()
			if d := cmp.Diff(tt.pending, pending); err != nil || d != "" && len(pending)+len(tt.pending) > 0 {
				t.Errorf("owed (-want +got), %v:\n%s", err, d)
			}
		})
	}
}

// swap has a change restart a daemon by itself, while another unit is stopped.
func swap(c *change.Change) {
	const daemon, around = "on.service", "two.service"
	c.Steps = append([]host.Step{
		host.Owe{Pending: host.Pending{Unit: around, Verb: host.Start, Why: "stopped"}}, host.StopUnit{Name: around},
	}, append(c.Steps, host.ActOnUnit{Name: daemon, Verb: host.Restart}, host.Settle{Unit: daemon, Verb: host.Restart})...)
	c.Revert = []host.Step{
		write("/etc/b", "0"),
		host.ActOnUnit{Name: daemon, Verb: host.Restart},
		host.StartUnit{Name: daemon},
		host.Settle{Unit: daemon, Verb: host.Restart},
	}
	c.Finally = []host.Step{host.StartUnit{Name: around}, host.Settle{Unit: around, Verb: host.Start}}
}

// TestStartOwed kills a run, as it were, at each step of a change that stops a
// unit: the next one starts it.
func TestStartOwed(t *testing.T) {
	const steps = 7
	for killed := range steps {
		h := newHost(t, units)
		run(context.Background(), &dyingHost{fakeHost: h, left: killed + 1}, files(file("/etc/b", "1", swap)))
		rep := run(context.Background(), h, files(file("/etc/b", "1", swap)))
		u, err := h.Unit(context.Background(), "two.service")
		if err != nil || !u.Running() || !rep.Converged() {
			t.Errorf("killed after step %d: two.service is %+v, %v; %q", killed+1, u, err, outcome(rep))
		}
		if owed, err := h.Pending(); err != nil || len(owed) > 0 {
			t.Errorf("killed after step %d: still owed: %v, %v", killed+1, owed, err)
		}
	}
}

// TestStartFails: a unit that does not start again does not keep the others from
// it, and stays owed.
func TestStartFails(t *testing.T) {
	h := newHost(t, units)
	h.fail["start two.service"] = errBroken
	both := func(c *change.Change) {
		swap(c)
		c.Steps = append([]host.Step{host.Owe{Pending: host.Pending{Unit: "off.service", Verb: host.Start, Why: "stopped"}}}, c.Steps...)
		c.Finally = append(c.Finally, host.StartUnit{Name: "off.service"}, host.Settle{Unit: "off.service", Verb: host.Start})
	}
	run(context.Background(), h, files(file("/etc/b", "1", both)))
	if u, err := h.Unit(context.Background(), "off.service"); err != nil || !u.Running() {
		t.Errorf("off.service: %+v, %v", u, err)
	}
	owed, err := h.Pending()
	if err != nil || len(owed) != 1 || owed[0].Unit != "two.service" || owed[0].Verb != host.Start {
		t.Errorf("owed: %v, %v", owed, err)
	}
}

// TestLateFailure: what is owed for a step that failed after it had taken effect
// stays owed, and what is owed for one that had none does not.
func TestLateFailure(t *testing.T) {
	for name, c := range map[string]struct {
		late  bool
		fires int
	}{"took effect": {true, 1}, "had no effect": {false, 0}} {
		h := newHost(t, units)
		var on host.Host = &lateHost{fakeHost: h, late: c.late}
		rep := run(context.Background(), on, files(file("/etc/a", "1", notify(host.Restart, "on.service"))))
		fired := 0
		for _, s := range h.steps {
			if s == "restart on.service" {
				fired++
			}
		}
		if rep.Converged() || fired != c.fires {
			t.Errorf("%s: restarted %d times, %q", name, fired, outcome(rep))
		}
		if owed, err := h.Pending(); err != nil || len(owed) > 0 {
			t.Errorf("%s: still owed: %v, %v", name, owed, err)
		}
	}
}

// lateHost fails to write files, early or late.
type lateHost struct {
	*fakeHost
	late bool
}

func (l *lateHost) Do(ctx context.Context, s host.Step) error {
	if _, ok := s.(host.WriteFile); !ok {
		return l.fakeHost.Do(ctx, s)
	}
	if l.late {
		if err := l.fakeHost.Do(ctx, s); err != nil {
			return err
		}
	}
	return errBroken
}

// dyingHost does a number of steps, and nothing after them.
type dyingHost struct {
	*fakeHost
	left int
}

func (d *dyingHost) Do(ctx context.Context, s host.Step) error {
	if d.left--; d.left < 0 {
		return errBroken
	}
	return d.fakeHost.Do(ctx, s)
}

// blind cannot tell about units.
type blind struct{ *fakeHost }

func (b blind) Unit(context.Context, string) (*host.Unit, error) {
	return nil, &host.UnknownError{What: "unit", Why: "systemd does not answer"}
}

func TestNotifyUnknown(t *testing.T) {
	h := newHost(t, units)
	rep := run(context.Background(), blind{h}, files(file("/etc/a", "1", notify(host.Restart, "on.service"))))
	want := []string{"file//etc/a changed", "restart/on.service unknown: unit is unknown: systemd does not answer"}
	if d := cmp.Diff(want, outcome(rep)); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
	if pending, err := h.Pending(); err != nil || len(pending) != 1 {
		t.Errorf("it is not owed any more: %v, %v", pending, err)
	}
}

func TestNotifyWhy(t *testing.T) {
	h := newHost(t, units)
	restart := notify(host.Restart, "on.service")
	said := func(c *change.Change) { restart(c); c.Why = "its key changes" }
	rep := run(context.Background(), h, files(
		file("/etc/a", "1", said), file("/etc/b", "1", said), file("/etc/c", "1", restart), file("/etc/d", "1", restart),
	))
	last := rep.Results[len(rep.Results)-1]
	if want := "its key changes, /etc/c changes and 1 more"; last.Change.Why != want || last.Change.Action != change.Run {
		t.Errorf("why is %q, not %q", last.Change.Why, want)
	}
}
