package e2e

import (
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"opsafe/internal/testhost"
)

var updatePicture = flag.Bool("update-picture", false, "write the plan of README.md and docs/plan.svg as they come out of a run")

// worsened is what somebody does by hand to the host of the plan in README.md.
var worsened = [][]string{
	{"gpasswd", "-a", "carol", "sudo"},
	{"usermod", "--shell", "/bin/bash", "app"},
	{"sed", "-i", "$ r /root/stranger.pub", "/home/alice/.ssh/authorized_keys"},
	{"chmod", "0700", "/srv/data/outbox"},
	{"setfacl", "-m", "user:bob:rwx", "/srv/data"},
	{"sed", "-i", "s/verify = true/verify = false/", "/etc/app.conf"},
	{"rm", "/etc/ssh/sshd_config.d/00-north.conf"},
}

// TestPlanPicture makes the plan that README.md shows on a throwaway host that was as
// declared until somebody worked on it by hand. In a pipe, it is the text of the page;
// on a terminal, the picture.
func TestPlanPicture(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("rm", "-r", guestRepository)
	e.install(filepath.Join("testdata", "picture"), guestRepository)
	e.install(filepath.Join("testdata", "picture", "stranger.pub"), "/root/stranger.pub")
	e.mustRun("chmod", "-R", "go-w", guestRepository)
	e.mustRun(guestBinary, "bootstrap", "north")
	if r := e.opsafe("manage"); r.code != 0 {
		t.Fatal(r)
	}
	for _, argv := range worsened {
		e.mustRun(argv...)
	}
	r := e.opsafe("plan")
	if r.code != 0 || r.stderr != "" {
		t.Fatal(r)
	}
	shown := e.mustRun("script", "--quiet", "--return", "--command", "stty cols 96 rows 60; TERM=xterm "+guestBinary+" plan", "/dev/null")
	shown = regexp.MustCompile(`\d+ ms`).ReplaceAllString(strings.ReplaceAll(shown, "\r\n", "\n"), "150 ms")
	readme := filepath.Join(repository, "README.md")
	page := planPattern.ReplaceAllLiteralString(readAll(t, readme), "```text\n$ sudo opsafe plan\n"+r.stdout+"```\n")
	sameOrWrite(t, readme, page)
	sameOrWrite(t, filepath.Join(repository, "docs", "plan.svg"), drawing("$ sudo opsafe plan\n"+shown))
}

// planPattern is the plan in README.md.
var planPattern = regexp.MustCompile("(?ms)^```text\n\\$ sudo opsafe plan\n.*?^```\n")

func readAll(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(data)
}

// sameOrWrite compares a file with what it is to be, or makes it so.
func sameOrWrite(t *testing.T, file, want string) {
	t.Helper()
	switch have := readAll(t, file); {
	case have == want:
	case *updatePicture:
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // it is for everybody who has the repository
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what comes out of a run: go test ./internal/e2e -run TestPlanPicture -update-picture\n%s", file, want)
	}
}

// The picture's measures, in pixels.
const (
	charWidth, lineHeight, margin = 8, 18, 16
)

// inks are the colours of the picture by the codes that a terminal is sent (ECMA-48,
// SGR). Beside each other they differ in lightness, too.
var inks = map[string]string{
	"31": `fill="#ff8f86"`, "32": `fill="#7ee787"`, "33": `fill="#f2cc60"`, "36": `fill="#79c0ff"`,
	"1": `font-weight="bold"`, "2": `fill="#9aa4ae"`,
}

var sgrPattern = regexp.MustCompile("\x1b\\[([0-9;]*)m|\x1b\\[[0-9;?]*[A-Za-z]")

// drawing draws what a terminal was sent as SVG 1.1.
func drawing(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	width := 0
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(sgrPattern.ReplaceAllString(l, "")))
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">
<title>What opsafe plan says of a host on which somebody has worked by hand</title>
<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>
<g fill="#e6edf3">
`, width*charWidth+2*margin, len(lines)*lineHeight+2*margin)
	for i, l := range lines {
		y := margin + i*lineHeight + lineHeight*3/4
		for _, s := range spans(l) {
			fmt.Fprintf(&out, `<text x="%d" y="%d" textLength="%d" xml:space="preserve"%s>%s</text>`+"\n",
				margin+s.column*charWidth, y, utf8.RuneCountInString(s.text)*charWidth, s.ink, html.EscapeString(s.text))
		}
	}
	return out.String() + "</g>\n</svg>\n"
}

// span is a part of a line in one ink.
type span struct {
	column    int
	ink, text string
}

// spans takes a line apart.
func spans(line string) []span {
	var out []span
	column, ink := 0, ""
	add := func(text string) {
		begin := len(text) - len(strings.TrimLeft(text, " "))
		if word := strings.TrimSpace(text); word != "" {
			out = append(out, span{column + begin, ink, word})
		}
		column += utf8.RuneCountInString(text)
	}
	last := 0
	for _, m := range sgrPattern.FindAllStringSubmatchIndex(line, -1) {
		add(line[last:m[0]])
		last = m[1]
		if m[2] < 0 {
			continue
		}
		if code := line[m[2]:m[3]]; code == "" || code == "0" {
			ink = ""
		} else {
			ink += " " + inks[code]
		}
	}
	add(line[last:])
	return out
}
