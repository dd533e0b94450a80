package cli_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"opsafe/internal/cli"
)

// formatted are the commands that have --format, with the formats that its help
// offers.
func formatted() map[string][]string {
	out := map[string][]string{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if f := c.Flags().Lookup("format"); f != nil {
			_, offered, _ := strings.Cut(f.Usage, ":")
			name := strings.TrimPrefix(c.CommandPath(), "opsafe ")
			out[name] = regexp.MustCompile(`\w+`).FindAllString(strings.ReplaceAll(offered, " or ", " "), -1)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(cli.Command())
	return out
}

// TestFormats runs every command in every format that it offers: JSON keeps to the
// schema, Markdown says what it is of, and neither has anything beside it.
func TestFormats(t *testing.T) {
	const host = repository + `
-- host.yaml --
groups: [{name: leaver, gid: 1500}]
users: [{name: leaver, uid: 1500, gid: 1500, home: /home/leaver, shell: /bin/bash}]
files: {/etc/sudoers.d/theirs: {mode: "0440", content: "leaver ALL=(ALL) ALL\n"}}
`
	commands := map[string]struct {
		before []string // is run first
		args   []string
	}{
		"plan":         {nil, []string{"--backend", "one"}},
		"manage":       {nil, []string{"--backend", "one"}},
		"access":       {nil, []string{"--backend", "one"}},
		"keys update":  {nil, nil},
		"disable-user": {nil, []string{"leaver", "--allow-locking-out-every-admin"}},
		"enable-user":  {[]string{"disable-user", "leaver", "--allow-locking-out-every-admin"}, []string{"leaver"}},
		"revoke-key":   {nil, []string{aliceFingerprint, "--allow-locking-out-every-admin"}},
		"bootstrap":    {nil, []string{"one"}},
		"whereami":     {nil, nil},
		"version":      {nil, nil},
		"status":       {nil, []string{"--backend", "one"}},
		"history":      {[]string{"bootstrap", "one"}, nil},
		"show":         {[]string{"bootstrap", "one"}, []string{"1"}},
		"report":       {nil, nil},
		"deployments":  {nil, nil},
		"undo":         {[]string{"bootstrap", "one"}, []string{"1"}},
		"prune":        {nil, []string{"--backend", "one", "sudoers/theirs"}},
	}
	for name, formats := range formatted() {
		if name == "upgrade" {
			continue // what can be upgraded is known on a real host alone
		}
		how, known := commands[name]
		if !known {
			t.Errorf("%s has --format, and this test does not know how it is run", name)
			continue
		}
		for _, format := range append(formats, "xml") {
			t.Run(name+" "+format, func(t *testing.T) {
				w := newWorld(t, host)
				if name == "report" {
					how.args = []string{w.kept("access", "--backend", "one")}
				}
				if name == "keys update" {
					w, _ = newRegistered(t, "")
					w.write("keys/github.lock", "")
				}
				if how.before != nil {
					w.want(0, nil, nil, how.before...)
				}
				code := w.run(slices.Concat(strings.Fields(name), how.args, []string{"--format", format})...)
				out := w.out.String()
				switch format {
				case "xml":
					if code != 1 || out != "" || !strings.Contains(w.err.String(), "unknown format") {
						t.Errorf("exit code %d: %s%s", code, out, w.err.String())
					}
				case "json":
					doc := w.document()
					if c, ok := doc["command"]; ok && c != name {
						t.Errorf("the document is of %v", c)
					}
				case "markdown":
					if !strings.HasPrefix(out, "**opsafe "+name+"**") || !strings.HasSuffix(strings.TrimSpace(out), "</details>") {
						t.Errorf("not only Markdown: %s%s", out, w.err.String())
					}
				case "html":
					if !strings.HasPrefix(out, "<!DOCTYPE html>") || !strings.HasSuffix(out, "</html>\n") {
						t.Errorf("not only a page: %s%s", out, w.err.String())
					}
				case "prometheus":
					if !strings.HasPrefix(out, "# HELP opsafe_") || !strings.HasSuffix(out, "\n") {
						t.Errorf("not only metrics: %s%s", out, w.err.String())
					}
				case "text":
					if out == "" || strings.Contains(out, "<details") {
						t.Errorf("not text: %s%s", out, w.err.String())
					}
				default:
					t.Errorf("what is %s?", format)
				}
			})
		}
	}
}
