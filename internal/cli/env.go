package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"opsafe/internal/host"
	"opsafe/internal/kind/environment"
	"opsafe/internal/words"
)

func newEnv(a *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "env [NAME] [-- COMMAND [ARG...]]",
		Short: "Run a command with the variables of declared files",
		Long: `Run a command with the variables of an environment that the spec declares, besides those
that it has anyway. The environment's files are read in their order, as systemd reads an
EnvironmentFile: no shell reads them, and nothing in them is run or expanded. The command
takes the place of opsafe, with the rights of whoever runs it.

Nothing is run while a file cannot be read or is not there, a required variable has no
value, or the value of any is a placeholder such as change-me. A file has to belong to
root or to whoever runs this: anybody else could have them run something by it.

NAME is not needed where there is one environment. Without a command the variables are
listed, each with the file that has the last word; values are never shown.`,
		Example: "  opsafe env -- env\n  sudo -u app opsafe env app -- /opt/app/bin/manage check\n  opsafe env app",
		RunE:    func(c *cobra.Command, args []string) error { return a.env(args, c.ArgsLenAtDash()) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			names, err := environment.Names(a.Host)
			if err != nil {
				return nil, noFiles
			}
			return names, noFiles
		},
	}
	return c
}

// env runs what is behind the dash, or lists what it would run it with.
func (a *App) env(args []string, dash int) error {
	named, command := args, []string(nil)
	if dash >= 0 {
		named, command = args[:dash], args[dash:]
	}
	switch {
	case len(named) > 1:
		return fmt.Errorf("want one environment, got %d: a command comes behind --, as in opsafe env %s -- %s", len(named), named[0], strings.Join(named[1:], " "))
	case dash >= 0 && len(command) == 0:
		return errors.New("no command is behind --: leave that out to see which variables there are")
	}
	name, err := a.environment(named)
	if err != nil {
		return err
	}
	layers, err := environment.ReadLayers(a.Host, name)
	if err != nil {
		return err
	}
	read := a.ReadOwn
	if read == nil {
		read = a.Host.ReadFile
	}
	variables, problems := gather(layers, read)
	if command == nil {
		a.listVariables(variables)
	}
	if len(problems) > 0 {
		return fmt.Errorf("environment %s is not fit to run anything with:\n  %s", name, strings.Join(problems, "\n  "))
	}
	if command == nil {
		return nil
	}
	values := make(map[string]string, len(variables))
	for name, v := range variables {
		values[name] = v.value
	}
	return a.Exec(command, values)
}

// environment is the one that is named, or the only one.
func (a *App) environment(named []string) (string, error) {
	names, err := environment.Names(a.Host)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", errors.New("there is no environment on this host: declare one under environments, and run opsafe manage")
	case len(named) > 0 && !slices.Contains(names, named[0]):
		return "", fmt.Errorf("there is no environment %q on this host%s (there is: %s); a command comes behind --", named[0], words.DidYouMean(named[0], slices.Values(names)), strings.Join(names, ", "))
	case len(named) > 0:
		return named[0], nil
	case len(names) > 1:
		return "", fmt.Errorf("which environment, %s? Name it, as in opsafe env %s -- COMMAND", words.Or(names), names[0])
	}
	return names[0], nil
}

// variable is one of an environment: its value, and the file that it is from.
type variable struct{ value, file string }

// gather reads the files of an environment. All that speaks against running anything
// with it is said at once, without a value.
func gather(l environment.Layers, read func(string) ([]byte, error)) (map[string]variable, []string) {
	all := map[string]variable{}
	var problems []string
	for _, f := range l.Files {
		data, err := read(f.Path)
		switch {
		case host.IsUnknown(err):
			problems = append(problems, fmt.Sprintf("%v: run this as the owner of the file", err))
		case err != nil:
			problems = append(problems, err.Error())
		case data == nil && !f.Optional:
			problems = append(problems, f.Path+": there is no such file: write it, or have it optional in the spec")
		}
		for name, value := range host.Environment(data) {
			all[name] = variable{value, f.Path}
		}
	}
	unread := len(problems) > 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if v := all[name]; host.IsPlaceholder(v.value) {
			problems = append(problems, fmt.Sprintf("%s: %s has a placeholder in the place of its value: put the value in, or take the line out", v.file, name))
		}
	}
	for _, name := range l.Required {
		switch v, ok := all[name]; {
		case ok && v.value == "":
			problems = append(problems, fmt.Sprintf("%s: %s is empty, and required: put the value in", v.file, name))
		case !ok && !unread:
			problems = append(problems, fmt.Sprintf("%s is in none of the files, and required: add it to one of them", name))
		}
	}
	return all, problems
}

func (a *App) listVariables(all map[string]variable) {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(w, "%s\t%s\n", name, all[name].file)
	}
	_ = w.Flush() // as errors of Out are: Run says so
}
