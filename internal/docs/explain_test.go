package docs

import (
	"bytes"
	"regexp"
	"testing"

	"opsafe/internal/cli"
)

// TestExplained compares what documents show of explain with what it says.
func TestExplained(t *testing.T) {
	text := manual(t)
	shown := regexp.MustCompile(`(?ms)^\$ opsafe explain (\S+)\n(.*?)^`+"```").FindAllStringSubmatch(text, -1)
	if len(shown) == 0 {
		t.Error("no document shows anything of explain")
	}
	for _, m := range shown {
		var out bytes.Buffer
		app := cli.App{Out: &out, Err: &out}
		if code := app.Run(t.Context(), []string{"explain", m[1]}); code != 0 || out.String() != m[2] {
			t.Errorf("explain %s, exit code %d, says\n%s", m[1], code, out.String())
		}
	}
}
