package render

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/change"
)

// Metrics is the state of a host for monitoring.
type Metrics struct {
	Backend, Version string
	Declared         bool // the host is in its declared state
	Since            time.Time
	Summary          change.Summary
	Drifted          []Drifted
	Noted            []change.ID    // resources of which there is something to say
	Orphans          map[string]int // by sort
	LastRun          int            // 0: none
	LastEnded        time.Time
	LastSucceeded    bool
	// Deployments says of each whether what was to be deployed last is in service.
	Deployments map[string]bool
}

// Drifted is a resource that is not as declared.
type Drifted struct {
	Kind, Name string
	Since      time.Time
}

// WriteMetrics writes them in the text format of Prometheus. Nil: nothing could be
// told but that.
func WriteMetrics(out io.Writer, m *Metrics, now time.Time) error {
	w := &metricsWriter{out: out}
	w.family("opsafe_status_success", "Whether the state of the host could be told.")
	w.sample("opsafe_status_success", truth(m != nil))
	w.family("opsafe_status_timestamp_seconds", "When the host was looked at.")
	w.sample("opsafe_status_timestamp_seconds", unix(now))
	if m != nil {
		w.state(m)
		w.lastRun(m)
		w.deployments(m)
	}
	return w.err
}

func (w *metricsWriter) state(m *Metrics) {
	w.family("opsafe_info", "The backend of the host, and which opsafe looked.")
	w.sample("opsafe_info", 1, "backend", m.Backend, "version", m.Version)
	w.family("opsafe_in_declared_state", "Whether the host is in its declared state.")
	w.sample("opsafe_in_declared_state", truth(m.Declared))
	w.family("opsafe_state_since_timestamp_seconds", "Since when it is, or was first seen not to be.")
	w.sample("opsafe_state_since_timestamp_seconds", unix(m.Since))
	w.family("opsafe_resources", "Declared resources by how they are.")
	s := m.Summary
	for _, x := range []struct {
		status string
		n      int
	}{
		{"as_declared", s.Unchanged},
		{"drifted", s.Changes()},
		{"failed", s.Failed},
		{"not_applicable", s.NotApplicable},
		{"unknown", s.Unknown},
	} {
		w.sample("opsafe_resources", float64(x.n), "status", x.status)
	}
	w.family("opsafe_drifted_since_timestamp_seconds", "When a resource was first seen not to be as declared.")
	for _, d := range m.Drifted {
		w.sample("opsafe_drifted_since_timestamp_seconds", unix(d.Since), "kind", d.Kind, "name", d.Name)
	}
	if len(m.Noted) > 0 {
		w.family("opsafe_noted", "What status has a note on, such as a certificate that expires soon.")
	}
	for _, id := range m.Noted {
		w.sample("opsafe_noted", 1, "kind", id.Kind, "name", id.Name)
	}
	w.family("opsafe_orphans", "What is on the host and on no list.")
	for _, sort := range slices.Sorted(maps.Keys(m.Orphans)) {
		w.sample("opsafe_orphans", float64(m.Orphans[sort]), "sort", sort)
	}
}

func (w *metricsWriter) lastRun(m *Metrics) {
	if m.LastRun == 0 {
		return
	}
	w.family("opsafe_last_run", "The number of the last run that changed the host.")
	w.sample("opsafe_last_run", float64(m.LastRun))
	w.family("opsafe_last_run_success", "Whether it succeeded.")
	w.sample("opsafe_last_run_success", truth(m.LastSucceeded))
	if !m.LastEnded.IsZero() {
		w.family("opsafe_last_run_timestamp_seconds", "When it ended.")
		w.sample("opsafe_last_run_timestamp_seconds", unix(m.LastEnded))
	}
}

func (w *metricsWriter) deployments(m *Metrics) {
	if len(m.Deployments) == 0 {
		return
	}
	w.family("opsafe_deployment_success", "Whether what was to be deployed last is in service.")
	for _, name := range slices.Sorted(maps.Keys(m.Deployments)) {
		w.sample("opsafe_deployment_success", truth(m.Deployments[name]), "name", name)
	}
}

// metricsWriter writes until the first error.
type metricsWriter struct {
	out io.Writer
	err error
}

func (w *metricsWriter) printf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format, args...)
	}
}

// family begins a metric. All of them are values of now: gauges.
func (w *metricsWriter) family(name, help string) {
	w.printf("# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

// sample is one value, with pairs of label and value.
func (w *metricsWriter) sample(name string, value float64, labels ...string) {
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		// As the format has it: backslash, quote and line feed, and valid UTF-8.
		text := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(labels[i+1], "�"))
		pairs = append(pairs, labels[i]+`="`+text+`"`)
	}
	if len(pairs) > 0 {
		name += "{" + strings.Join(pairs, ",") + "}"
	}
	w.printf("%s %s\n", name, strconv.FormatFloat(value, 'f', -1, 64))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
