package e2e

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

var updateTutorial = flag.Bool("update-tutorial", false, "write into docs/tutorial.md what its commands say")

// tutorialHost is the host's name in the tutorial.
const tutorialHost = "web1"

// TestTutorial does what docs/tutorial.md says, as it stands there: it runs the
// commands, on this machine or in the host that they boot, compares what they say,
// and writes the files. A line "…" stands for any lines.
//
// With -update-tutorial, what the commands say is written into the page.
func TestTutorial(t *testing.T) {
	t.Parallel()
	file := filepath.Join(repository, "docs", "tutorial.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if h, err := testhost.Open(tutorialHost); err == nil {
			_ = h.Close()
		}
	})
	tutorial := &tutorial{t: t}
	page := blockPattern.ReplaceAllStringFunc(string(data), func(block string) string {
		m := blockPattern.FindStringSubmatch(block)
		return "```" + m[1] + "\n" + tutorial.block(m[1], m[2]) + "```\n"
	})
	if tutorial.commands < 20 {
		t.Errorf("only %d commands were found", tutorial.commands)
	}
	if *updateTutorial && page != string(data) {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// blockPattern is a block of a page, with what it says of itself.
var blockPattern = regexp.MustCompile("(?ms)^```(\\S[^\n]*)\n(.*?)^```\n")

// tutorial is a page that is being carried out.
type tutorial struct {
	t        *testing.T
	commands int
}

// block carries out a block of the page, and returns it with what was said.
func (u *tutorial) block(is, text string) string {
	u.t.Helper()
	if path, ok := strings.CutPrefix(is, "yaml file="); ok {
		u.host().write(path, text, 0o644)
		return text
	}
	prompt := map[string]string{"console machine": "$ ", "console": "# "}[is]
	if prompt == "" {
		u.t.Fatalf("nobody knows what to do with a block %q", is)
	}
	var out strings.Builder
	for part := range strings.SplitSeq("\n"+text, "\n"+prompt) {
		if part = strings.TrimRight(part, "\n"); part == "" {
			continue
		}
		command, want, _ := strings.Cut(part, "\n")
		out.WriteString(prompt + command + "\n")
		if said := u.command(prompt, command, want); said != "" {
			out.WriteString(said + "\n")
		}
	}
	return out.String()
}

// command runs a command, which has to succeed and to say what is wanted. It returns
// what it said, as it is to stand on the page.
func (u *tutorial) command(prompt, command, want string) string {
	u.t.Helper()
	u.commands++
	var c *exec.Cmd
	if prompt == "$ " {
		c = exec.CommandContext(u.t.Context(), "bash", "-c", command)
		c.Dir = repository
	} else {
		c = u.host().Command(u.t.Context(), "env", "--chdir=/root", "bash", "-c", command)
	}
	var said, notes bytes.Buffer
	c.Stdout, c.Stderr = &said, &notes
	if prompt == "# " {
		c.Stderr = &said // as on a terminal
	}
	if err := c.Run(); err != nil {
		u.t.Fatalf("%s: %v\n%s%s", command, err, said.String(), notes.String())
	}
	got := strings.TrimRight(said.String(), "\n")
	if saysSo(want, got) {
		return want
	}
	if !*updateTutorial {
		u.t.Errorf("%s says\n%s\nand on the page stands\n%s", command, got, want)
	}
	return got
}

func (u *tutorial) host() *env {
	u.t.Helper()
	h, err := testhost.Open(tutorialHost)
	if err != nil {
		u.t.Fatal(err)
	}
	return &env{Host: h, t: u.t}
}

// varying is what is different in each run: times, keys, commits, digests.
var varying = regexp.MustCompile(`\d+(\.\d+)? m?s\b|\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?|SHA256:\S+|\b[0-9a-f]{7,}\b`)

// saysSo reports whether a command has said what stands on the page.
func saysSo(page, got string) bool {
	page, got = varying.ReplaceAllString(page, "VARIES"), varying.ReplaceAllString(got, "VARIES")
	var pattern strings.Builder
	pattern.WriteString(`^(?s)`)
	for i, part := range strings.Split("\n"+page+"\n", "\n…\n") {
		if i > 0 {
			pattern.WriteString(`\n(.*\n)?`)
		}
		pattern.WriteString(regexp.QuoteMeta(part))
	}
	pattern.WriteString(`$`)
	return regexp.MustCompile(pattern.String()).MatchString("\n" + got + "\n")
}

// TestTutorialIsCompared shows what is taken for the same.
func TestTutorialIsCompared(t *testing.T) {
	for _, tt := range []struct {
		page, got string
		same      bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"", "a", false},
		{"a\n…\nd", "a\nb\nc\nd", true},
		{"a\n…", "a\nb", true},
		{"…\nb", "a\nb", true},
		{"…\nb", "a\nc", false},
		{"2 added. 171 ms", "2 added. 1.5 s", true},
		{"2 added", "3 added", false},
		{"a.b", "axb", false},
	} {
		if saysSo(tt.page, tt.got) != tt.same {
			t.Errorf("%q and %q", tt.page, tt.got)
		}
	}
}
