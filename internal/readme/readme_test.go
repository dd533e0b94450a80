// Package readme holds README.md to the truth: its examples are valid and plan
// without a failure, and its tables name what there is.
package readme

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opsafe/internal/cli"
	"opsafe/internal/host/local"
	"opsafe/internal/kind"
	"opsafe/internal/render"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// repository is the root of the sources, seen from here.
const repository = "../.."

func read(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// row is one line of a table, cell by cell.
type row []string

// table finds the table with these words as its heading, up to its end.
func table(t *testing.T, text, heading string) []row {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("README.md has no table %s", heading)
	}
	var rows []row
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows[1:] // without the line of dashes
}

var codePattern = regexp.MustCompile("`([^`]+)`")

// code lists what stands in backquotes.
func code(text string) []string {
	var out []string
	for _, m := range codePattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// commands are opsafe's own commands, by their names behind opsafe. Those that
// only hold others stand for these; the completion command counts as one.
func commands() map[string]*cobra.Command {
	out := map[string]*cobra.Command{}
	for _, c := range cli.Command().Commands() {
		switch {
		case c.Name() == "help":
		case c.Name() == "completion" || !c.HasSubCommands():
			out[c.Name()] = c
		default:
			for _, sub := range c.Commands() {
				out[c.Name()+" "+sub.Name()] = sub
			}
		}
	}
	return out
}

func TestCommands(t *testing.T) {
	var want, have []string
	for name, c := range commands() {
		use := name + strings.TrimPrefix(c.Use, c.Name())
		if name == "completion" {
			use += " SHELL"
		}
		want = append(want, "opsafe "+use)
	}
	for _, r := range table(t, read(t), "| Command | What it does |") {
		have = append(have, code(r[0])...)
	}
	same(t, "commands", have, want)
}

func TestFlags(t *testing.T) {
	var want, have []string
	for name, c := range commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				want = append(want, name+" --"+f.Name)
			}
		})
	}
	for _, r := range table(t, read(t), "| Flag | Of | What it says |") {
		for _, name := range code(r[1]) {
			have = append(have, name+" "+code(r[0])[0])
		}
	}
	same(t, "flags", have, want)
}

// same compares what README.md says with what there is.
func same(t *testing.T, what string, have, want []string) {
	t.Helper()
	for _, s := range have {
		if !slices.Contains(want, s) {
			t.Errorf("README.md lists %s among the %s, and there is no such", s, what)
		}
	}
	for _, s := range want {
		if !slices.Contains(have, s) {
			t.Errorf("README.md does not list %s among the %s", s, what)
		}
	}
}

// TestKinds compares the table of the kinds and the chapters with the law.
func TestKinds(t *testing.T) {
	text := read(t)
	var want, listed, chapters []string
	for _, k := range kind.Table() {
		want = append(want, k.Name+" in "+string(k.Stage))
	}
	for _, r := range table(t, text, "| | Kind | Sections | Stage |") {
		listed = append(listed, code(r[1])[0]+" in "+r[3])
	}
	if !slices.Equal(listed, want) {
		t.Errorf("README.md lists the kinds %v, in order they are %v", listed, want)
	}
	for _, m := range chapterPattern.FindAllStringSubmatch(text, -1) {
		chapters = append(chapters, m[1])
	}
	for i, k := range kind.Table() {
		if i >= len(chapters) || chapters[i] != k.Name {
			t.Fatalf("README.md has chapters for %v, want %s as number %d", chapters, k.Name, i+1)
		}
	}
}

var chapterPattern = regexp.MustCompile("(?m)^### \\d+\\. `(\\w+)`")

// TestPackages compares the table of packages with the directories that hold
// Go files.
func TestPackages(t *testing.T) {
	var want, have []string
	for _, dir := range []string{"cmd", "internal"} {
		files, err := filepath.Glob(filepath.Join(repository, dir, "*", "*.go"))
		deeper, err2 := filepath.Glob(filepath.Join(repository, dir, "*", "*", "*.go"))
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for _, f := range append(files, deeper...) {
			rel, err := filepath.Rel(repository, filepath.Dir(f))
			if err != nil {
				t.Fatal(err)
			}
			if rel = filepath.ToSlash(rel); !slices.Contains(want, rel) {
				want = append(want, rel)
			}
		}
	}
	for _, r := range table(t, read(t), "| Package | What lives there | May import |") {
		have = append(have, code(r[0])...)
	}
	same(t, "packages", have, want)
}

// TestPlaces looks for the paths that opsafe keeps on a host, the targets of
// make that are named, and the files that links lead to.
func TestPlaces(t *testing.T) {
	text := read(t)
	for _, p := range []string{roster.TombstonePath("NAME"), local.LockPath} {
		if !strings.Contains(text, "`"+p+"`") {
			t.Errorf("README.md does not name %s", p)
		}
	}
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`make ([a-z]+)").FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile("(?m)^" + m[1] + ":").Match(makefile) {
			t.Errorf("README.md names make %s, and the Makefile has no such target", m[1])
		}
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchors["#"+anchor(m[1])] = true
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		switch {
		case strings.HasPrefix(m[1], "#") && !anchors[m[1]]:
			t.Errorf("README.md has a link to %s, and no such heading", m[1])
		case !strings.HasPrefix(m[1], "#") && !strings.Contains(m[1], "://"):
			if _, err := os.Stat(filepath.Join(repository, path.Clean(m[1]))); err != nil {
				t.Errorf("README.md has a link to a file that is not there: %v", err)
			}
		}
	}
}

// anchor is how a heading is linked to.
func anchor(heading string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == ' ', r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(heading))
	return strings.ReplaceAll(kept, " ", "-")
}

// TestJSON looks for the fields of the JSON document in the chapter about it.
func TestJSON(t *testing.T) {
	_, rest, _ := strings.Cut(read(t), "\n### JSON\n")
	chapter, _, _ := strings.Cut(rest, "\n### ")
	words := code(chapter)
	for _, doc := range []reflect.Type{
		reflect.TypeFor[render.Document](), reflect.TypeFor[render.Item](), reflect.TypeFor[render.Attr](),
		reflect.TypeFor[render.Diff](), reflect.TypeFor[render.SummaryDoc](),
	} {
		for i := range doc.NumField() {
			name, _, _ := strings.Cut(doc.Field(i).Tag.Get("json"), ",")
			if !slices.Contains(words, name) {
				t.Errorf("README.md does not name the field %q of the JSON document (%s)", name, doc.Name())
			}
		}
	}
	if !strings.Contains(chapter, fmt.Sprintf("`format_version` | %d.", render.FormatVersion)) {
		t.Errorf("README.md does not say that format_version is %d", render.FormatVersion)
	}
}

// TestConditions takes each condition of the table for what it is.
func TestConditions(t *testing.T) {
	replace := strings.NewReplacer("PATH", "/dev/null", "NAME", "nothing.service")
	facts := map[spec.Fact]bool{}
	for _, r := range table(t, read(t), "| Condition | |") {
		text := replace.Replace(code(r[0])[0])
		if strings.HasPrefix(text, "release") {
			text = "release bookworm, trixie"
		}
		repo, err := load(t, map[string]string{
			"backends/x/backend.yaml": "files:\n  /etc/x: {content: \"\", when: " + `"` + text + `"` + "}\n",
		})
		if err != nil {
			t.Errorf("condition %s: %v", text, err)
			continue
		}
		facts[repo.Backends["x"].Files["/etc/x"].When[0].Fact] = true
	}
	for _, f := range []spec.Fact{
		spec.FactDevice, spec.FactPath, spec.FactRelease, spec.FactAvailable, spec.FactInstalled, spec.FactUnit,
	} {
		if !facts[f] {
			t.Errorf("README.md does not list the condition %q", f)
		}
	}
}
