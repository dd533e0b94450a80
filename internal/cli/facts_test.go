package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/kind/kindtest"
)

// TestFactsPlanAlike plans each case of the kinds on its host and then, anywhere
// else and as anybody, by the facts that were recorded there: both have to be the
// same, byte for byte, but for naming the facts.
func TestFactsPlanAlike(t *testing.T) {
	for _, c := range kindtest.Find(t, "../kind") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, caseText(t, c.File))
			w.planAlike("case", filepath.Join(t.TempDir(), "facts.json"), "text", "json", "markdown")
		})
	}
}

// TestFactsOfOneBackend records what one backend needs, whatever is wrong with another.
func TestFactsOfOneBackend(t *testing.T) {
	w := newWorld(t, `
-- backends/good/backend.yaml --
groups: {developers: {}}
-- backends/wrong/backend.yaml --
groups: {developers: {gid: many}}
nonsense: 1
`)
	w.planAlike("good", filepath.Join(t.TempDir(), "facts.json"), "text", "json", "markdown")
	w.want(1, nil, []string{"backends/wrong/backend.yaml:2:1"}, "facts", "--backend", "good", "--backend", "wrong", "--out", filepath.Join(t.TempDir(), "facts.json"))
}

// caseText is a case of the kinds as a world: its repository is laid out as there.
func caseText(t *testing.T, file string) string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range archive.Files {
		top := f.Name == "host.yaml" || f.Name == "developers.yaml" || strings.HasPrefix(f.Name, "keys/") || strings.HasPrefix(f.Name, "parts/")
		if !top {
			archive.Files[i].Name = "backends/case/" + f.Name
		}
	}
	return string(txtar.Format(archive))
}

// namesFacts is where a plan in Markdown and in JSON says by which facts it is.
var namesFacts = regexp.MustCompile(`(?s)\nplanned for [^\n]*\n|  "facts": \{.*?\n  \},\n`)

// factless is a plan without that.
func factless(plan string) string { return namesFacts.ReplaceAllString(plan, "") }

// planAlike records the host in a file, and demands that plans by it are those of
// the host.
func (w *world) planAlike(backend, file string, formats ...string) {
	w.t.Helper()
	here := map[string]string{}
	codes := map[string]int{}
	for _, format := range formats {
		codes[format] = w.run("plan", "--backend", backend, "--full", "--exit-code", "--format", format)
		here[format] = w.out.String()
	}
	code := w.run("facts", "--backend", backend, "--out", file)
	if here["json"] == "" {
		if code == 0 {
			w.t.Errorf("there is no plan on the host, and facts are recorded: %s", w.out.String())
		}
		return
	}
	if code != 0 {
		w.t.Fatalf("facts: exit code %d: %s", code, w.err.String())
	}
	w.untouched()
	on, root := w.app.Host, w.app.Root
	defer func() { w.app.Host, w.app.Root = on, root }()
	w.app.Host, w.app.Root = nil, false // whoever asks it, ends
	for _, format := range formats {
		code := w.run("plan", "--backend", backend, "--full", "--exit-code", "--format", format, "--facts", file)
		if d := cmp.Diff(here[format], factless(w.out.String())); d != "" {
			w.t.Errorf("the plan by the facts is another (-on the host +by the facts):\n%s\n%s", d, w.err.String())
		}
		if code != codes[format] {
			w.t.Errorf("the plan by the facts ends with %d, on the host with %d: %s", code, codes[format], w.err.String())
		}
	}
	if w.t.Failed() {
		data, _ := os.ReadFile(file)
		w.t.Logf("%.20000s", data)
	}
}
