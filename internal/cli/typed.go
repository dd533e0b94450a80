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

	"opsafe/internal/converge"
	"opsafe/internal/words"
)

// noArgs is for a command that takes only flags. A name or a path behind it is mostly
// meant for one of them.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasAvailableSubCommands() {
		return wrongCommand(c, args[0])
	}
	if _, err := strconv.Atoi(args[0]); err == nil && c.Name() == "history" {
		return onlyFlags(c, args[0], "did you mean opsafe show "+args[0]+"?")
	}
	flag := ""
	for _, f := range []string{"path", "backend", "dir", "only", "user"} {
		if c.Flags().Lookup(f) != nil && couldBe(c, f, args[0]) {
			flag = f
			break
		}
	}
	if flag == "" {
		return onlyFlags(c, args[0], "see "+c.CommandPath()+" --help")
	}
	return onlyFlags(c, args[0], fmt.Sprintf("did you mean %s --%s %s?", c.CommandPath(), flag, args[0]))
}

// onlyFlags is the error about a word behind a command, with what to do instead.
func onlyFlags(c *cobra.Command, word, instead string) error {
	return fmt.Errorf("%s takes only flags, and got %q: %s", c.Name(), word, instead)
}

// couldBe reports whether a word could be the value of a flag. A backend, a directory of specs
// and a kind have to be there: anything else is meant for something that there is not.
func couldBe(c *cobra.Command, flag, word string) bool {
	switch flag {
	case "path":
		return path.IsAbs(word)
	case "dir":
		return hasBackends(word)
	case "only":
		name, _, _ := strings.Cut(word, "/")
		return findKind(name, converge.Undeclared()) != nil
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
	if value, _, ok := strings.Cut(text, ": strconv.ParseBool"); ok {
		return fmt.Errorf("%s: want true or false", value)
	}
	if value, _, ok := strings.Cut(text, ": strconv.Parse"); ok {
		return fmt.Errorf("%s: want a number", value)
	}
	name, unknown := strings.CutPrefix(text, "unknown flag: --")
	if !unknown {
		if strings.HasPrefix(text, "unknown shorthand flag") {
			return fmt.Errorf("%w: %s", err, longFlags(c, text))
		}
		return err
	}
	known := shownFlags(c)
	if meant := words.Meant("--"+name, maps.Keys(known)); meant != "" {
		return fmt.Errorf("%w: did you mean %s?", err, meant)
	}
	if name == "backend" || name == "dir" {
		return fmt.Errorf("%w: %s needs none", err, c.CommandPath())
	}
	return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
}

// together is what cobra says of flags that exclude each other.
var together = words.Pattern(`^if any flags in the group \[[^\]]*\] are set none of the others can be; \[([^\]]*)\] were all set$`)

// oneOfFlags says of flags that exclude each other what is wanted.
func oneOfFlags(err error) error {
	m := together().FindStringSubmatch(fmt.Sprint(err))
	if m == nil {
		return err
	}
	flags := strings.Fields(m[1])
	for i := range flags {
		flags[i] = "--" + flags[i]
	}
	return fmt.Errorf("%s do not go together: want one of them", words.And(flags))
}

func shownFlags(c *cobra.Command) map[string]bool {
	known := map[string]bool{}
	c.Flags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = !f.Hidden })
	maps.DeleteFunc(known, func(_ string, shown bool) bool { return !shown })
	return known
}

// longFlags names those that could be meant by one letter.
func longFlags(c *cobra.Command, text string) string {
	_, letter, _ := strings.Cut(text, "flag: '")
	var meant []string
	for _, name := range slices.Sorted(maps.Keys(shownFlags(c))) {
		if strings.HasPrefix(name, "--"+letter[:min(len(letter), 1)]) {
			meant = append(meant, name)
		}
	}
	if len(meant) == 0 {
		return "see " + c.CommandPath() + " --help"
	}
	return "did you mean " + words.Or(meant) + "?"
}

// helpOf is the command help, which says of a command that there is not what could be meant.
func helpOf(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Help about any command",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			switch {
			case err != nil || c == nil:
				return wrongCommand(root, args[0])
			case len(rest) > 0 && c.HasAvailableSubCommands():
				return wrongCommand(c, rest[0])
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
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
