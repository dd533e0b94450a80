package readme

import (
	"bytes"
	"regexp"
	"testing"

	"opsafe/internal/cli"
	"opsafe/internal/spec"
)

// TestExplained compares what README.md shows of explain with what it says, and
// the titles of the chapters with those of the kinds.
func TestExplained(t *testing.T) {
	text := read(t)
	shown := regexp.MustCompile(`(?ms)^\$ opsafe explain (\S+)\n(.*?)^`+"```").FindAllStringSubmatch(text, -1)
	if len(shown) == 0 {
		t.Error("README.md shows nothing of explain")
	}
	for _, m := range shown {
		var out bytes.Buffer
		app := cli.App{Out: &out, Err: &out}
		if code := app.Run(t.Context(), []string{"explain", m[1]}); code != 0 || out.String() != m[2] {
			t.Errorf("explain %s, exit code %d, says\n%s", m[1], code, out.String())
		}
	}
	titles := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^### \\d+\\. `(\\w+)`: (.*)$").FindAllStringSubmatch(text, -1) {
		titles[m[1]] = m[2]
	}
	n := 0
	for _, topic := range spec.Topics() {
		if title, ok := titles[topic.Name]; ok {
			n++
			if title != topic.Is {
				t.Errorf("the chapter of %s is called %q, and explain says %q", topic.Name, title, topic.Is)
			}
		}
	}
	if n != len(titles) {
		t.Errorf("explain knows the kinds of %d chapters, and there are %d", n, len(titles))
	}
}
