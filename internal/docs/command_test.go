package docs

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"opsafe/internal/cli"
)

var (
	// typedPattern is a command of opsafe's in a block of code, with or without a prompt.
	typedPattern = regexp.MustCompile(`(?m)^(?:[$#] )?(?:sudo )?opsafe ([a-z][^\n]*)$`)
	inCode       = regexp.MustCompile(`^(?:sudo )?opsafe ([a-z].*)$`)
	// restPattern is what the shell takes for itself, or a comment.
	restPattern = regexp.MustCompile(` +(#|\||>|2>|&&).*$`)
)

// TestCommandLines has the command line read each command of opsafe's that the
// documents show: the command is there, with these flags, and takes these arguments.
func TestCommandLines(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		if p.name == "docs/reference/commands.md" || p.name == "CHANGELOG.md" {
			continue // it is made from the commands; it tells of former ones
		}
		for _, block := range blockPattern.FindAllString(p.text, -1) {
			for _, m := range typedPattern.FindAllStringSubmatch(block, -1) {
				n++
				if problem := misread(m[1], true); problem != "" {
					t.Errorf("%s: opsafe %s: %s", p.name, m[1], problem)
				}
			}
		}
		for _, c := range code(blockPattern.ReplaceAllString(p.text, "")) {
			if m := inCode.FindStringSubmatch(c); m != nil {
				n++
				if problem := misread(m[1], false); problem != "" {
					t.Errorf("%s: %s: %s", p.name, c, problem)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d commands were found", n)
	}
}

// misread says what is wrong with the arguments of opsafe; empty: nothing. In a
// sentence, a command may stand for itself, without its arguments.
func misread(line string, whole bool) string {
	root := cli.Command()
	root.SetOut(io.Discard)
	c, rest, err := root.Find(strings.Fields(restPattern.ReplaceAllString(line, "")))
	if err != nil {
		return err.Error()
	}
	if c == root {
		return "there is no such command"
	}
	if err := c.ParseFlags(rest); err != nil {
		return err.Error()
	}
	if !whole {
		return ""
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err.Error()
	}
	return ""
}

// TestCommandLinesAreRead shows what would be noticed.
func TestCommandLinesAreRead(t *testing.T) {
	for line, sound := range map[string]bool{
		"plan --backend x   # a comment": true, "plan --dry-run": false, "pla": false, "undo": false, "undo 3 --plan": true,
		"schema backend > file": true, "facts --out": false,
	} {
		if problem := misread(line, true); (problem == "") != sound {
			t.Errorf("%s: %q", line, problem)
		}
	}
}
