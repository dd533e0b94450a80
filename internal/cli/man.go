package cli

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"opsafe/docs"
	"opsafe/internal/host/local"
	"opsafe/internal/manual"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newMan(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Write manual pages: one for each command to DIR/man1, and the guides and the
reference to DIR/man7. DIR is a directory of man's, such as /usr/local/share/man;
what is missing is made.`,
		Example: "  sudo opsafe man /usr/local/share/man\n  man opsafe-manage\n  man opsafe-tutorial",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.man(c.Context(), c.Root(), args[0]) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, noFiles
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

func (a *App) man(ctx context.Context, root *cobra.Command, dir string) error {
	if regexp.MustCompile(`^man[1-9]$`).MatchString(filepath.Base(dir)) {
		return fmt.Errorf("%s is a section of man's: name the directory that it lies in", dir)
	}
	date := a.built()
	pages := map[string]string{}
	for _, c := range append(below(root), root) {
		pages[filepath.Join("man1", manName(c)+".1")] = manPage(c, date)
	}
	guides, err := guides()
	if err != nil {
		return err
	}
	for _, g := range guides {
		pages[filepath.Join("man7", g.Name()+".7")] = g.Roff(date, guides)
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return fmt.Errorf("cannot make the directory for the manual pages: %w", err)
		}
		if err := local.WriteOut(ctx, at, []byte(pages[name]), 0o644); err != nil {
			return fmt.Errorf("cannot write the manual page %s: %w", name, err)
		}
	}
	fmt.Fprintf(a.Out, "%d manual pages are in %s.\n", len(pages), dir)
	return nil
}

// guides are the documents that become pages of section 7: all but what the pages of
// section 1 say.
func guides() ([]manual.Page, error) {
	var out []manual.Page
	err := fs.WalkDir(docs.Files, ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || at == "reference/commands.md" {
			return err
		}
		text, err := docs.Files.ReadFile(at)
		out = append(out, manual.Page{Path: at, Text: string(text)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the guides: %w", err)
	}
	return out, nil
}

// built is when the program was made, as far as it knows: the pages of one
// program are always the same.
func (a *App) built() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return t
			}
		}
	}
	return a.Now()
}

// below lists the commands of a command, and theirs.
func below(c *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			out = append(append(out, sub), below(sub)...)
		}
	}
	return out
}

// manName is what man calls the page of a command.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manPage(c *cobra.Command, date time.Time) string {
	var r manual.Roff
	r.Macro("TH", strings.ToUpper(manName(c)), "1", date.UTC().Format(time.DateOnly), "opsafe", "opsafe")
	r.Macro("SH", "NAME")
	r.Line(manual.Escape(manName(c)), ` \- `, manual.Escape(c.Short))
	r.Macro("SH", "SYNOPSIS")
	operands := strings.TrimPrefix(c.UseLine(), c.CommandPath())
	r.Line(manual.Bold(c.CommandPath()), manual.Escape(strings.Replace(operands, "[flags]", "[OPTION]...", 1)))
	r.Macro("SH", "DESCRIPTION")
	if c.Long == "" {
		c.Long = c.Short + "."
	}
	r.Text(c.Long)
	if c.HasAvailableSubCommands() {
		r.Macro("SH", "COMMANDS")
		for _, sub := range below(c) {
			if sub.Parent() == c {
				r.Macro("TP")
				r.Line(manual.Bold(manName(sub)), "(1)")
				r.Line(manual.Escape(sub.Short))
			}
		}
	}
	manOptions(&r, c)
	if !c.HasParent() {
		surroundings(&r)
	}
	if c.HasExample() {
		r.Macro("SH", "EXAMPLES")
		r.Verbatim(c.Example)
	}
	r.Macro("SH", "SEE ALSO")
	if c.HasParent() {
		r.Line(manual.Bold(manName(c.Parent())), "(1)")
	} else {
		r.Line(manual.Bold("opsafe-tutorial"), "(7),", manual.Bold(" opsafe-spec"), "(7),", manual.Bold(" opsafe-kinds"), "(7)")
	}
	return r.String()
}

func manOptions(r *manual.Roff, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	r.Macro("SH", "OPTIONS")
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		r.Macro("TP")
		option := manual.Bold("--" + f.Name)
		if f.Shorthand != "" {
			option = manual.Bold("-"+f.Shorthand) + ", " + option
		}
		if name != "" {
			option += " " + manual.Italic(name)
		}
		r.Line(option)
		if !slices.Contains([]string{"", "false", "[]", "0s"}, f.DefValue) {
			usage += " (default " + f.DefValue + ")"
		}
		r.Line(manual.Escape(usage))
	})
}

// surroundings says what all commands have in common.
func surroundings(r *manual.Roff) {
	for _, section := range Surroundings() {
		r.Macro("SH", section.Title)
		for _, item := range section.Items {
			r.Macro("TP")
			r.Line(manual.Bold(item.Name))
			r.Line(manual.Escape(item.Is))
		}
	}
}
