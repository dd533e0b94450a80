package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opsafe/internal/cli"
	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

var update = flag.Bool("update", false, "write the generated parts of docs anew")

// generatedPattern is a part of a document that is generated, between two marks.
var generatedPattern = regexp.MustCompile(`(?s)<!-- generated: ([^\n]*?) -->\n(.*?)<!-- end -->`)

// TestGenerated compares the generated parts of the documents with what explain,
// help and the manual pages say. With -update it writes them.
func TestGenerated(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pages(t) {
		text := generatedPattern.ReplaceAllStringFunc(p.text, func(part string) string {
			what := generatedPattern.FindStringSubmatch(part)[1]
			seen[what] = true
			made, err := generate(what)
			if err != nil {
				t.Errorf("%s: %v", p.name, err)
				return part
			}
			return "<!-- generated: " + what + " -->\n" + made + "<!-- end -->"
		})
		switch {
		case text == p.text:
		case *update:
			if err := os.WriteFile(filepath.Join(repository, p.name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is stale: run go test ./internal/docs -update", p.name)
		}
	}
	want := []string{"kinds", "packages", "documents", "commands", "exit status", "environment", "files"}
	for _, topic := range kinds.Language().Topics() {
		want = append(want, "fields of "+topic.Name)
	}
	for _, what := range want {
		if !seen[what] {
			t.Errorf("no document has the generated part %q", what)
		}
	}
}

// generate writes a part by its name.
func generate(what string) (string, error) {
	for _, s := range cli.Surroundings() {
		if strings.EqualFold(s.Title, what) {
			return surrounding(s), nil
		}
	}
	switch topic, ok := strings.CutPrefix(what, "fields of "); {
	case ok:
		return fieldsOf(topic)
	case what == "kinds":
		return kindTable(), nil
	case what == "documents":
		return documents()
	case what == "packages":
		return packageTable()
	case what == "commands":
		return commands(), nil
	}
	return "", fmt.Errorf("nothing generates %q", what)
}

// cell is a text in a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

func surrounding(s cli.Surrounding) string {
	var out strings.Builder
	out.WriteString("| | |\n|---|---|\n")
	for _, item := range s.Items {
		fmt.Fprintf(&out, "| `%s` | %s |\n", strings.ReplaceAll(item.Name, ", ", "` `"), cell(item.Is))
	}
	return out.String()
}

// kindTable is the table of the kinds, in their order.
func kindTable() string {
	var out strings.Builder
	out.WriteString("| | Kind | What it is | Sections | Stage |\n|---|---|---|---|---|\n")
	for i, k := range kinds.Table() {
		fmt.Fprintf(&out, "| %d | [`%s`](#%s) | %s | %s | %s |\n",
			i+1, k.Name, anchor(fmt.Sprintf("%d. `%s`: %s", i+1, k.Name, k.Is)), cell(k.Is), "`"+strings.Join(k.Sections, "` `")+"`", k.Stage)
	}
	return out.String()
}

// fieldsOf is a table of the fields for each place of a topic, and for each place
// below.
func fieldsOf(name string) (string, error) {
	answers, err := kinds.Language().Explain(name)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, e := range answers {
		if e.Field != nil {
			parts = append(parts, fieldTable(e.Place, []spec.Field{*e.Field}))
			continue
		}
		parts = append(parts, placeTables(e.Place)...)
	}
	return strings.Join(parts, "\n"), nil
}

func placeTables(p spec.Place) []string {
	fields := slices.DeleteFunc(p.Fields(), func(f spec.Field) bool { return f.Name == "managed" || f.Name == "when" })
	parts := []string{fieldTable(p, fields)}
	if p.Path == "" {
		return parts // of the whole file: each section has a table elsewhere
	}
	for _, f := range fields {
		if below, ok := p.Below(f); ok {
			parts = append(parts, placeTables(below)...)
		}
	}
	return parts
}

func fieldTable(p spec.Place, fields []spec.Field) string {
	var out strings.Builder
	at := "`" + p.Path + "`"
	if p.Path == "" {
		at = "`backend.yaml`"
	}
	fmt.Fprintf(&out, "| %s | Type | Left out | What it is |\n|---|---|---|---|\n", at)
	for _, f := range fields {
		typ := f.Type()
		if words := f.Words(); len(words) > 0 {
			typ = "`" + strings.Join(words, "` `") + "`"
		}
		is := f.Is + "."
		if f.More != "" {
			is += " " + f.More
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", f.Name, typ, cell(f.LeftOut()), cell(is))
	}
	return out.String()
}

// commands is a chapter for each command, in the order in which help shows them.
func commands() string {
	root := cli.Command()
	var out strings.Builder
	for _, g := range root.Groups() {
		fmt.Fprintf(&out, "## %s\n\n", strings.TrimSuffix(g.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID != g.ID || c.Name() == "help" {
				continue
			}
			if subs := c.Commands(); len(subs) > 0 && c.Name() != "completion" {
				for _, sub := range subs {
					out.WriteString(commandChapter(sub))
				}
				continue
			}
			out.WriteString(commandChapter(c))
		}
	}
	return out.String()
}

func commandChapter(c *cobra.Command) string {
	var out strings.Builder
	fmt.Fprintf(&out, "### `%s`\n\n", c.CommandPath())
	c.InitDefaultHelpFlag()
	synopsis := c.UseLine()
	if c.Name() == "completion" {
		synopsis = c.CommandPath() + " bash|zsh|fish|powershell"
	}
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(&out, "```\n%s\n```\n\n%s\n", synopsis, strings.TrimRight(long, "\n"))
	var flags strings.Builder
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		if value != "" {
			value = " " + value
		}
		fmt.Fprintf(&flags, "| `--%s%s` | %s |\n", f.Name, value, cell(usage))
	})
	if flags.Len() > 0 {
		fmt.Fprintf(&out, "\n| Flag | |\n|---|---|\n%s", flags.String())
	}
	if c.HasExample() {
		fmt.Fprintf(&out, "\n```\n%s\n```\n", unindent(c.Example))
	}
	return out.String() + "\n"
}

// unindent takes the margin away that help has.
func unindent(text string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		lines = append(lines, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "\n")
}
