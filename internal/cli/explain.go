package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// explainWidth is how wide explain writes, in columns.
const explainWidth = 80

func newExplain(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KIND[.FIELD]]",
		Short: "Say what a field of a spec means",
		Long: `Say which fields a kind has; or of one field what it means, its type, what counts
where it is left out, and an example. Alone, it lists the kinds. Needs no
repository, no host and no root.`,
		Example: `  opsafe explain
  opsafe explain user
  opsafe explain file.check
  opsafe explain docker.networks.subnet
  opsafe explain backend                 # the sections
  opsafe explain person                  # an entry of developers.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				a.listTopics()
				return nil
			}
			return a.explain(args[0])
		},
		ValidArgsFunction: completeQuestions,
	}
}

func (a *App) listTopics() {
	rows := [][3]string{{"KIND", "SECTION", ""}}
	for _, t := range kinds.Language().Topics() {
		rows = append(rows, [3]string{t.Name, sections(t), t.Is})
	}
	var widths [2]int
	for _, row := range rows {
		widths[0], widths[1] = max(widths[0], len(row[0])), max(widths[1], len(row[1]))
	}
	for _, row := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %s", widths[0], row[0], widths[1], row[1], row[2])
		fmt.Fprintln(a.Out, strings.TrimRight(line, " "))
	}
	fmt.Fprintln(a.Out, "\nopsafe explain KIND lists the fields of one.")
}

// sections are where a kind is written in backend.yaml.
func sections(t spec.Topic) string {
	var out []string
	for _, p := range t.Places {
		if name, _, _ := strings.Cut(p.Path, "."); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

func (a *App) explain(question string) error {
	answers, err := kinds.Language().Explain(question)
	if err != nil {
		return err
	}
	var parts []string
	for _, e := range answers {
		if e.Field == nil {
			parts = append(parts, place(e.Place))
			continue
		}
		text, err := field(e)
		if err != nil {
			return err
		}
		parts = append(parts, text)
	}
	fmt.Fprint(a.Out, strings.Join(parts, "\n"))
	if answers[0].Field == nil {
		fmt.Fprintf(a.Out, "\nopsafe explain %s.FIELD says more of a field.\n", question)
	}
	return nil
}

// place lists the fields of a place, each on a line.
func place(p spec.Place) string {
	names, types := 0, 0
	for _, f := range p.Fields() {
		names, types = max(names, len(f.Name)), max(types, len(f.Type()))
	}
	var out strings.Builder
	if p.Path == "" {
		fmt.Fprintf(&out, "%s\n", p.Is)
	} else {
		fmt.Fprintf(&out, "%s: %s\n", p.Path, p.Is)
	}
	for _, f := range p.Fields() {
		fmt.Fprintf(&out, "  %-*s  %-*s  %s\n", names, f.Name, types, f.Type(), f.Is)
	}
	return out.String()
}

// field is all that there is to say of a field.
func field(e spec.Explained) (string, error) {
	f := *e.Field
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n", strings.TrimPrefix(e.Place.Path+"."+f.Name, "."), f.Is)
	if f.More != "" {
		fmt.Fprintf(&out, "\n%s\n", hanging("", f.More))
	}
	fmt.Fprintf(&out, "\n%s\n", hanging("  type      ", f.Type()))
	if words := f.Words(); len(words) > 0 {
		fmt.Fprintln(&out, hanging("  values    ", strings.Join(words, ", ")))
	}
	fmt.Fprintln(&out, hanging("  left out  ", f.LeftOut()))
	sample, err := e.Sample()
	if err != nil {
		return "", err
	}
	lead := "  example   "
	for line := range strings.Lines(sample) {
		out.WriteString(lead + line)
		lead = strings.Repeat(" ", len(lead))
	}
	if below, ok := e.Place.Below(f); ok {
		fmt.Fprintf(&out, "\n%s", place(below))
	}
	return out.String(), nil
}

// hanging breaks text into lines; those after the first are as far in as the
// first begins behind lead.
func hanging(lead, text string) string {
	var out strings.Builder
	indent := strings.Repeat(" ", len(lead))
	line := lead
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0 || line == indent:
			line += word
		case len(line)+1+len(word) > explainWidth:
			out.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	return out.String() + line
}
