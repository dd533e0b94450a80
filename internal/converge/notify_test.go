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
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, units+tt.host)
			h.fail = tt.fail
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
