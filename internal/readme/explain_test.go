package readme

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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

// TestManual compares the tables of variables and exit codes with the manual
// page of opsafe.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	app := cli.App{Out: &out, Err: &out, Now: time.Now}
	if code := app.Run(t.Context(), []string{"man", dir}); code != 0 {
		t.Fatal(out.String())
	}
	page, err := os.ReadFile(filepath.Join(dir, "opsafe.1"))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t)
	var want []string
	for _, r := range append(table(t, text, "| Variable | |"), table(t, text, "| Exit code | Meaning |")...) {
		if names := code(r[0]); names != nil {
			want = append(want, names...)
		} else {
			want = append(want, `fB`+r[0]+`\fP`)
		}
	}
	if len(want) < 8 {
		t.Errorf("README.md lists only %v", want)
	}
	for _, name := range want {
		if !strings.Contains(string(page), name) {
			t.Errorf("the manual page of opsafe does not say %s", name)
		}
	}
}
