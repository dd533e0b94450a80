package cli

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opsafe/internal/words"
)

// noArgs is for a command that takes flags alone. A name or a path behind it is mostly
// meant for one of them.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasAvailableSubCommands() {
		return wrongCommand(c, args[0])
	}
	if _, err := strconv.Atoi(args[0]); err == nil && c.Name() == "history" {
		return fmt.Errorf("history takes flags alone, and got %q: did you mean opsafe show %s?", args[0], args[0])
	}
	flag := ""
	for _, f := range []string{"path", "user", "backend"} {
		if c.Flags().Lookup(f) != nil && couldBe(c, f, args[0]) {
			flag = f
			break
		}
	}
	if flag == "" {
		return fmt.Errorf("%s takes flags alone, and got %q: see %s --help", c.Name(), args[0], c.CommandPath())
	}
	return fmt.Errorf("%s takes flags alone, and got %q: did you mean %s --%s %s?", c.Name(), args[0], c.CommandPath(), flag, args[0])
}

// couldBe reports whether a word could be the value of a flag. Of a backend it has to be the
// name: anything else is meant for something that there is not.
func couldBe(c *cobra.Command, flag, word string) bool {
	switch flag {
	case "path":
		return path.IsAbs(word)
	case "backend":
		names, ok := c.GetFlagCompletionFunc(flag)
		if !ok {
			return false
		}
		known, _ := names(c, nil, "")
		return slices.Contains(known, word)
	}
	return true
}

// dryRuns are flags by which other programs only say what they would do.
func dryRuns() []string {
	return []string{"--dry-run", "--check", "--diff", "--noop", "'n' in -n"}
}

// wrongFlag says of a flag that cannot be read what could be meant.
func wrongFlag(c *cobra.Command, err error) error {
	text := err.Error()
	for _, other := range dryRuns() {
		if strings.HasSuffix(text, "unknown flag: "+other) || strings.Contains(text, "unknown shorthand flag: "+other) {
			return fmt.Errorf("%w: opsafe plan says what opsafe manage would do, and changes nothing", err)
		}
	}
	name, unknown := strings.CutPrefix(text, "unknown flag: --")
	if !unknown {
		if strings.HasPrefix(text, "unknown shorthand flag") {
			return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
		}
		return err
	}
	known := map[string]bool{}
	c.Flags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = !f.Hidden })
	maps.DeleteFunc(known, func(_ string, shown bool) bool { return !shown })
	if meant := words.Meant("--"+name, maps.Keys(known)); meant != "" {
		return fmt.Errorf("%w: did you mean %s?", err, meant)
	}
	if name == "backend" || name == "dir" {
		return fmt.Errorf("%w: %s needs none", err, c.CommandPath())
	}
	return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
}

// wrongCommand says of a command that there is not what could be meant.
func wrongCommand(c *cobra.Command, name string) error {
	c.SuggestionsMinimumDistance = 2
	meant := c.SuggestionsFor(name)
	slices.Sort(meant)
	if len(meant) == 0 {
		return fmt.Errorf("there is no command %s %s: %[1]s --help lists those that there are", c.CommandPath(), name)
	}
	for i, m := range meant {
		meant[i] = c.CommandPath() + " " + m
	}
	return fmt.Errorf("there is no command %s %s: did you mean %s?", c.CommandPath(), name, words.Or(meant))
}

// typedWrong says in this program's words what cobra says of a command line.
func typedWrong(c *cobra.Command, err error) error {
	text := err.Error()
	use := strings.TrimSuffix(c.CommandPath(), c.Name()) + c.Use
	flag, needed := strings.CutPrefix(text, `required flag(s) "`)
	switch {
	case unknownCommand(err) != "":
		return wrongCommand(c.Root(), unknownCommand(err))
	case needed && strings.HasSuffix(flag, `" not set`):
		if flag = "--" + strings.TrimSuffix(flag, `" not set`); !strings.Contains(use, flag) {
			use += " " + flag
		}
		return fmt.Errorf("want %s: see %s --help", use, c.CommandPath())
	case strings.Contains(text, " arg(s), "):
		return fmt.Errorf("want %s: see %s --help", use, c.CommandPath())
	}
	return err
}

// unknownCommand is the name of a command that there is not, as cobra's error has it.
func unknownCommand(err error) string {
	text, found := strings.CutPrefix(err.Error(), "unknown command ")
	if quoted, _, ok := strings.Cut(text, " for "); found && ok {
		if name, err := strconv.Unquote(quoted); err == nil {
			return name
		}
	}
	return ""
}
