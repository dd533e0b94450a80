package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opsafe/internal/cli"
)

// eachCommand goes through the commands that people can see, the root last.
func eachCommand(do func(c *cobra.Command)) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && !sub.Hidden {
				walk(sub)
			}
		}
		do(c)
	}
	walk(cli.Command())
}

// manual runs a program of the host that reads manual pages, and gives its output.
func manual(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80", "MAN_KEEP_FORMATTING=")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s(mandoc and man-db are Debian packages: make deps installs them)", args, err, out)
	}
	return string(out)
}

var overstrike = regexp.MustCompile(`.\x08`)

// words makes one line of a text, however it was broken.
func words(text string) string {
	text = strings.NewReplacer("‐\n", "-", "-\n", "-", "\u00ad\n", "").Replace(overstrike.ReplaceAllString(text, ""))
	return strings.Join(strings.Fields(text), " ")
}

// TestMan writes the pages, has mandoc judge them, renders them with man as
// people do, and looks for what the command says of itself.
func TestMan(t *testing.T) {
	w := newWorld(t, "")
	w.app.Host, w.app.Root = nil, false
	dir := filepath.Join(t.TempDir(), "share", "man")
	w.want(0, []string{"manual pages are in " + dir}, nil, "man", dir)
	n := 0
	eachCommand(func(c *cobra.Command) {
		n++
		page := filepath.Join(dir, "man1", strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		judgePage(t, page)
		shown := words(manual(t, "mandoc", "-T", "utf8", "-O", "width=200", page))
		want := []string{
			strings.ReplaceAll(c.CommandPath(), " ", "-") + " - " + c.Short, "SYNOPSIS " + c.CommandPath(),
			words(c.Long), words(c.Example),
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, usage := pflag.UnquoteUsage(f); !f.Hidden {
				want = append(want, "--"+f.Name+" ", words(usage))
			} else if strings.Contains(shown, "--"+f.Name) {
				t.Errorf("%s shows the hidden flag --%s", page, f.Name)
			}
		})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				want = append(want, strings.ReplaceAll(sub.CommandPath(), " ", "-")+"(1) "+sub.Short)
			}
		}
		for _, s := range want {
			if !strings.Contains(shown, s) {
				t.Errorf("%s does not show %q, but\n%s", filepath.Base(page), s, shown)
			}
		}
	})
	pages, err := filepath.Glob(filepath.Join(dir, "man1", "*"))
	if err != nil || len(pages) != n || n < 20 {
		t.Errorf("%d commands have %d pages: %v", n, len(pages), err)
	}
}

// judgePage has mandoc and man judge a manual page.
func judgePage(t *testing.T, page string) {
	t.Helper()
	if said := manual(t, "mandoc", "-T", "lint", "-W", "warning", page); said != "" {
		t.Errorf("mandoc: %s", said)
	}
	said := manual(t, "man", "--warnings", "-Tutf8", "-Z", "-l", page)
	for _, warning := range regexp.MustCompile(`(?m)^.*: warning: .*$`).FindAllString(said, -1) {
		t.Errorf("man: %s", warning)
	}
}

// TestManOfGuides writes the pages of docs, has mandoc and man judge them, and looks
// for what stands in the documents.
func TestManOfGuides(t *testing.T) {
	w := newWorld(t, "")
	dir := filepath.Join(t.TempDir(), "man")
	w.want(0, nil, nil, "man", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "man7", "*.7"))
	if err != nil || len(pages) < 12 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, page := range pages {
		judgePage(t, page)
	}
	for name, want := range map[string][]string{
		"tutorial": {"opsafe-tutorial - A host of your own, from nothing to managed", "# opsafe init /srv/opsafe --backend web1 --person alice"},
		"people":   {"SOMEBODY LEAVES", "1. Take them out of developers.yaml", "opsafe disable-user alice --plan"},
		"kinds":    {"mode Type: mode Left out: 0755 when it is made", "opsafe-tutorial(7) A host of your own"},
		"limits":   {"to run a command or a script"},
	} {
		shown := words(manual(t, "mandoc", "-T", "utf8", "-O", "width=200", filepath.Join(dir, "man7", "opsafe-"+name+".7")))
		for _, s := range want {
			if !strings.Contains(shown, s) {
				t.Errorf("opsafe-%s(7) does not show %q, but\n%s", name, s, shown)
			}
		}
	}
}

// TestManRefusals cannot write where there is a file.
func TestManRefusals(t *testing.T) {
	w := newWorld(t, "")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.want(1, nil, []string{"cannot make the directory for the manual pages"}, "man", file)
	w.want(1, nil, []string{"want opsafe man DIR"}, "man")
	w.want(1, nil, []string{"man1 is a section of man's"}, "man", filepath.Join(t.TempDir(), "man1"))
}
