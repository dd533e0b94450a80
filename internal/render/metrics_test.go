package render_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"opsafe/internal/change"
	"opsafe/internal/render"
)

// TestMetrics has Prometheus' own parser read them, whatever names there are.
func TestMetrics(t *testing.T) {
	at := time.Unix(1_800_000_001, 0)
	const evil = "/etc/a\"b\\c\nd\xff"
	var b bytes.Buffer
	err := render.WriteMetrics(&b, &render.Metrics{
		Backend: "north", Version: "1.2", Since: at, LastRun: 7, LastEnded: at, LastSucceeded: true,
		Summary: change.Summary{Add: 1, Change: 2, Unchanged: 40, Failed: 3},
		Drifted: []render.Drifted{{Kind: "file", Name: evil, Since: at}}, Noted: []change.ID{{Kind: "certificate", Name: "web"}}, Orphans: map[string]int{"key": 2, "sudoers": 0},
	}, at.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	got := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue()
			name = f.GetName()
		}
	}
	want := map[string]float64{
		"opsafe_status_success": 1, "opsafe_status_timestamp_seconds": 1_800_000_061,
		"opsafe_info backend=north version=1.2": 1, "opsafe_in_declared_state": 0,
		"opsafe_state_since_timestamp_seconds": 1_800_000_001,
		"opsafe_resources status=as_declared":  40, "opsafe_resources status=drifted": 3, "opsafe_resources status=failed": 3,
		"opsafe_resources status=not_applicable": 0, "opsafe_resources status=unknown": 0,
		"opsafe_drifted_since_timestamp_seconds kind=file name=" + strings.ToValidUTF8(evil, "�"): 1_800_000_001,
		"opsafe_noted kind=certificate name=web":                                                  1,
		"opsafe_orphans sort=key":                                                                 2, "opsafe_orphans sort=sudoers": 0,
		"opsafe_last_run": 7, "opsafe_last_run_success": 1, "opsafe_last_run_timestamp_seconds": 1_800_000_001,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	for _, line := range slices.Collect(strings.Lines(b.String())) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "opsafe_") {
			t.Errorf("a line of its own: %q", line)
		}
	}
	b.Reset()
	if err := render.WriteMetrics(&b, nil, at); err != nil || !strings.Contains(b.String(), "opsafe_status_success 0\n") || strings.Contains(b.String(), "declared") {
		t.Errorf("of nothing: %v\n%s", err, b.String())
	}
}
