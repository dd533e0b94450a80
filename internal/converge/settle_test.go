package converge_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// TestSettle shows what becomes of units that were started or restarted, and do
// not stay up.
func TestSettle(t *testing.T) {
	restart := notify(host.Restart, "on.service")
	for _, tt := range []struct {
		name      string
		unsettled map[string]string
		want      []string
		watched   []string
		owed      int
	}{
		{
			name:    "all stay up",
			want:    []string{"file//etc/a changed", "restart/on.service changed", "unit/off.service changed"},
			watched: []string{"on.service", "off.service"},
		},
		{
			name: "one that was restarted does not, and is owed another restart", unsettled: map[string]string{"on.service": "has failed"},
			want:    []string{"file//etc/a changed", "restart/on.service failed: on.service has failed; it is still owed, the next run tries again", "unit/off.service changed"},
			watched: []string{"on.service", "off.service"}, owed: 1,
		},
		{
			name: "one that was started does not", unsettled: map[string]string{"off.service": "does not stay up"},
			want:    []string{"file//etc/a changed", "restart/on.service changed", "unit/off.service failed: off.service does not stay up"},
			watched: []string{"on.service", "off.service"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, units)
			h.unsettled = tt.unsettled
			rep := run(context.Background(), h, files(file("/etc/a", "1", restart)), of("unit", kind.StageUnits, running("off.service")))
			if d := cmp.Diff(tt.want, outcome(rep)); d != "" {
				t.Errorf("outcome (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.watched, h.awaited); d != "" {
				t.Errorf("watched (-want +got):\n%s", d)
			}
			pending, err := h.Pending()
			if err != nil || len(pending) != tt.owed {
				t.Errorf("owed: %+v, %v", pending, err)
			}
		})
	}
}

// TestOwedByEarlierRuns shows which restarts of an earlier run are dropped.
func TestOwedByEarlierRuns(t *testing.T) {
	for _, tt := range []struct{ name, unit, want string }{
		{"one that runs", "{active: active}", "restart/x.service changed"},
		{"one that was stopped", "{active: inactive}", ""},
		{"one that has failed over it", "{active: failed, sub: failed}", "restart/x.service changed"},
		{"one that systemd starts again and again", "{active: activating, sub: auto-restart}", "restart/x.service changed"},
		{"a masked one", "{active: active, load: masked, file: masked}", ""},
		{"one whose file has gone", "{active: active, load: not-found}", ""},
		{"one that is not there", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host0 := "{}\n"
			if tt.unit != "" {
				host0 = "files: {/lib/systemd/system/x.service: {content: \"[Service]\\n\"}}\nunits: {x.service: " + tt.unit + "}\n"
			}
			h := newHost(t, host0)
			if err := h.Do(t.Context(), host.Owe{Pending: host.Pending{Unit: "x.service", Verb: host.Restart, Why: "y"}}); err != nil {
				t.Fatal(err)
			}
			rep := run(t.Context(), h, files())
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if d := cmp.Diff(want, outcome(rep), cmp.Transformer("set", func(s []string) []string { return append([]string{}, s...) })); d != "" {
				t.Errorf("outcome (-want +got):\n%s", d)
			}
			if pending, err := h.Pending(); err != nil || len(pending) > 0 {
				t.Errorf("still owed: %+v, %v", pending, err)
			}
		})
	}
}
