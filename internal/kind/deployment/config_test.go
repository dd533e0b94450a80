package deployment_test

import (
	"encoding/json"
	"testing"
	"time"

	"opsafe/internal/kind/deployment"
)

// TestSpan writes lengths of time as people do, and reads what it has written, and the
// nanoseconds that an older opsafe has left on a host.
func TestSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		`{"within":"15m"}`: 15 * time.Minute, `{"within":"2h"}`: 2 * time.Hour, `{"within":"1m30s"}`: 90 * time.Second, `{"within":900000000000}`: 15 * time.Minute,
	} {
		var c, again deployment.StepConfig
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Within.Duration != want {
			t.Errorf("%s is read as %v: %v", text, c.Within.Duration, err)
		}
		data, err := json.Marshal(c)
		if err != nil || json.Unmarshal(data, &again) != nil || again.Within != c.Within {
			t.Errorf("%s is written as %s: %v", text, data, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"within":"soon"}`), &deployment.StepConfig{}); err == nil {
		t.Error("a text that is no time is read")
	}
	if data, err := json.Marshal(deployment.StepConfig{Run: []string{"/bin/true"}}); err != nil || string(data) != `{"run":["/bin/true"]}` {
		t.Errorf("no time is written as %s: %v", data, err)
	}
}
