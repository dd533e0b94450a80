package cli

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newMan(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Write a manual page for each command into a directory, which is made if it is
missing. man finds them in the directory man1 of one of its own, such as
/usr/local/share/man.`,
		Example: "  sudo opsafe man /usr/local/share/man/man1\n  man opsafe manage",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.man(c.Root(), args[0]) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, noFiles
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

func (a *App) man(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the directory for the manual pages: %w", err)
	}
	in, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the directory for the manual pages: %w", err)
	}
	defer in.Close()
	date, n := a.built(), 0
	for _, c := range append(below(root), root) {
		name := manName(c) + ".1"
		if err := replaceIn(in, name, []byte(manPage(c, date)), 0o644); err != nil {
			return fmt.Errorf("cannot write the manual page %s: %w", name, err)
		}
		n++
	}
	fmt.Fprintf(a.Out, "%d manual pages are in %s.\n", n, dir)
	return nil
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
	var r roff
	r.macro("TH", strings.ToUpper(manName(c)), "1", date.UTC().Format(time.DateOnly), "opsafe", "opsafe")
	r.macro("SH", "NAME")
	r.line(escape(manName(c)), ` \- `, escape(c.Short))
	r.macro("SH", "SYNOPSIS")
	operands := strings.TrimPrefix(c.UseLine(), c.CommandPath())
	r.line(bold(c.CommandPath()), escape(strings.Replace(operands, "[flags]", "[OPTION]...", 1)))
	r.macro("SH", "DESCRIPTION")
	if c.Long == "" {
		c.Long = c.Short + "."
	}
	r.text(c.Long)
	if c.HasAvailableSubCommands() {
		r.macro("SH", "COMMANDS")
		for _, sub := range below(c) {
			if sub.Parent() == c {
				r.macro("TP")
				r.line(bold(manName(sub)), "(1)")
				r.line(escape(sub.Short))
			}
		}
	}
	r.options(c)
	if !c.HasParent() {
		r.surroundings()
	}
	if c.HasExample() {
		r.macro("SH", "EXAMPLES")
		r.verbatim(c.Example)
	}
	if c.HasParent() {
		r.macro("SH", "SEE ALSO")
		r.line(bold(manName(c.Parent())), "(1)")
	}
	return r.String()
}

func (r *roff) options(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	r.macro("SH", "OPTIONS")
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		r.macro("TP")
		option := bold("--" + f.Name)
		if f.Shorthand != "" {
			option = bold("-"+f.Shorthand) + ", " + option
		}
		if name != "" {
			option += " " + italic(name)
		}
		r.line(option)
		if !slices.Contains([]string{"", "false", "[]", "0s"}, f.DefValue) {
			usage += " (default " + f.DefValue + ")"
		}
		r.line(escape(usage))
	})
}

// surroundings says what all commands have in common.
func (r *roff) surroundings() {
	for _, section := range []struct {
		title string
		items [][2]string
	}{
		{"EXIT STATUS", [][2]string{
			{"0", "The host is in its declared state, the plan is complete, or what was asked for is done."},
			{"1", "Something failed, a spec is not valid, or not everything could be seen."},
			{"2", "With --exit-code or --check: there are changes. Of status: something has drifted."},
			{"3", "Of status: there is something on the host that no list knows."},
		}},
		{"ENVIRONMENT", [][2]string{
			{"OPSAFE_BACKEND", "The backend, where --backend does not say it."},
			{"OPSAFE_DIR", "The repository, where --dir does not say it."},
			{"NO_COLOR", "No colour on a terminal."},
			{"HTTPS_PROXY, NO_PROXY", "The way to the server that knows people's registered keys."},
			{"SUDO_USER", "Who is recorded as having run it."},
		}},
		{"FILES", [][2]string{
			{backendFile, "The host's backend, by bootstrap."},
			{defaultDir, "The repository, where nothing else says it and none is around."},
		}},
	} {
		r.macro("SH", section.title)
		for _, item := range section.items {
			r.macro("TP")
			r.line(bold(item[0]))
			r.line(escape(item[1]))
		}
	}
}
