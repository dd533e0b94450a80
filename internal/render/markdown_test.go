package render_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/render"
)

// asHTML is Markdown as GitHub would read it, HTML within it included.
func asHTML(t *testing.T, text string) *xhtml.Node {
	t.Helper()
	gfm := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	var b bytes.Buffer
	if err := gfm.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := xhtml.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// inCode reports whether GitHub leaves a text alone.
func inCode(n *xhtml.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.DataAtom == atom.Code || n.DataAtom == atom.Pre {
			return true
		}
	}
	return false
}

// skeleton is the elements around the text, without those that texts bring about
// themselves.
func skeleton(doc *xhtml.Node) []string {
	var out []string
	for n := range doc.Descendants() {
		if n.Type == xhtml.ElementNode && n.DataAtom != atom.Code && n.DataAtom != atom.Br {
			depth := 0
			for range n.Ancestors() {
				depth++
			}
			out = append(out, strings.Repeat(" ", depth)+n.Data)
		}
	}
	return out
}

// What GitHub makes something of, in text outside of code: a mention or a
// reference, even where a comment divides it, or a link.
var (
	pings = regexp.MustCompile(`(?i)@\w|#\d|\bGH-\d`)
	links = regexp.MustCompile(`(?i):\w+:|https?://|www\.\w`)
)

// undivided is a text with what follows it, but for comments.
func undivided(n *xhtml.Node) string {
	text := n.Data
	for n = n.NextSibling; n != nil && n.Type != xhtml.ElementNode; n = n.NextSibling {
		if n.Type == xhtml.TextNode {
			text += n.Data
		}
	}
	return text
}

// TestMarkdownHolds puts texts that are markup in one way or another wherever a text
// from a host can stand: all of them are shown, as they are, and nothing else comes
// of them.
func TestMarkdownHolds(t *testing.T) {
	want := skeleton(asHTML(t, markdown(t, everywhere("harmless"), render.Style{})))
	for _, evil := range []string{
		"`", "``` ````", "`````````\n```\n~~~", "a|b", `a\|b`, "</details>", "</code></table></details><h1>x", "<script>alert(1)</script>",
		"<!--", "-->", "<img src=x onerror=y>", "@octocat", "@org/team", "a@b.example", "&#64;octocat", "&amp;", "#4711", "GH-12", "octo/cat#12",
		"https://evil.example/", "www.evil.example", "mailto:a@b.example", "[x](https://evil.example)", "![x](y)", "<https://evil.example>", "**b** __c__ ~~d~~ *e*",
		"- a", "1. a", "# a", "> a", "    a", "| a | b |\n|---|---|", "\n\n", "</summary>", ":smile:", "$x$", "^x", "[^1]", "\\", "a\\\nb", "<details>\n\n",
		"\x00\x1b[2J\r", "\xff", "http://[::1]:80/?a=b&c=d", "+ @octocat", "```suggestion", "ffffffffffffffffffffffffffffffffffffffff",
	} {
		t.Run(evil, func(t *testing.T) {
			text := markdown(t, everywhere(evil), render.Style{})
			doc := asHTML(t, text)
			if d := cmp.Diff(want, skeleton(doc)); d != "" {
				t.Fatalf("the elements are others than with a harmless text (-harmless +this):\n%s\n%s", d, text)
			}
			shown := 0
			for n := range doc.Descendants() {
				if n.Type != xhtml.TextNode {
					continue
				}
				if !inCode(n) && (links.MatchString(n.Data) || pings.MatchString(undivided(n))) {
					t.Errorf("%q is outside of code", undivided(n))
				}
				if n.Parent.DataAtom == atom.Code && visibly(n.Parent) == visible(evil) {
					shown++
				}
			}
			const everywhere = 16 // where names and values stand
			if shown < everywhere {
				t.Errorf("is shown as it is only %d times:\n%s", shown, text)
			}
		})
	}
}

// visibly is the text in an element, with its comments left out.
func visibly(n *xhtml.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == xhtml.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// visible is how a text from a host is shown.
func visible(text string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 {
			return '�'
		}
		return c
	}, host.Readable(text))
}

// many are as many changes as there can be for each kind, with failures and
// warnings among them.
func many(n int, diff string) *converge.Report {
	var results []change.Result
	for i := range n {
		name := fmt.Sprintf("/etc/opsafe/generated/file-%05d.conf", i)
		c := change.Change{
			Action: change.Modify, Attrs: []change.Attr{attr("mode", "0644", "0600")},
			Diff: &change.Diff{Path: name, Before: "a\n" + diff, After: "b\n" + diff},
		}
		switch i % 1000 {
		case 1:
			results = append(results, change.Result{ID: id("file", name), Pos: at(i), Status: change.Failed, Err: errors.New("cannot write it: the disk is full")})
			continue
		case 2:
			c.Irreversible = "what was there is deleted"
		case 3:
			c.Notes = []string{"nobody reads it"}
		}
		results = append(results, changed(id("file", name), c))
	}
	return report(results...)
}

// leftOut is what the text says it has left out: how many of how many.
func leftOut(text string) map[string]string {
	out := map[string]string{}
	line := regexp.MustCompile(`(?m)^\*\*Left out\*\*.*$`).FindString(text)
	for _, m := range regexp.MustCompile(`(\d+ of \d+) ([a-z ]+)`).FindAllStringSubmatch(line, -1) {
		out[strings.TrimSpace(m[2])] = m[1]
	}
	return out
}

// TestMarkdownFits: however much there is to say, it fits into one comment, all
// that is left out is counted, and what matters most is left out last.
func TestMarkdownFits(t *testing.T) {
	const comment = 65_536
	for _, tt := range []struct {
		name    string
		rep     *converge.Report
		left    []string // in this order
		atLeast int      // is used
	}{
		{"small", many(20, ""), nil, 0},
		{"diffs", many(450, ""), []string{"diffs"}, 60_000},
		{"descriptions", many(600, strings.Repeat("x", 100)), []string{"diffs", "descriptions of resources"}, 60_000},
		{"names", many(5000, ""), []string{"diffs", "descriptions of resources", "names of resources"}, 60_000},
		{"one huge diff", report(changed(id("file", "/etc/x"), change.Change{Action: change.Add, Diff: &change.Diff{Path: "/etc/x", After: strings.Repeat("line\n", 50_000)}})), []string{"diffs"}, 0},
		{"a huge name", report(changed(id("file", strings.Repeat("/long", 20_000)), change.Change{Action: change.Add})), []string{"names of resources"}, 0},
		{"a huge error", report(change.Result{ID: id("file", "/etc/x"), Status: change.Failed, Err: errors.New(strings.Repeat("@", 50_000))}), []string{"texts of failures and warnings"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := markdown(t, tt.rep, render.Style{Full: true})
			if len(text) >= comment || len(text) < tt.atLeast {
				t.Errorf("has %d bytes", len(text))
			}
			var left []string
			for what := range leftOut(text) {
				left = append(left, what)
			}
			slices.Sort(left)
			if d := cmp.Diff(slices.Sorted(slices.Values(tt.left)), left); d != "" {
				t.Errorf("something else is left out (-want +is):\n%s", d)
			}
			for _, r := range tt.rep.Results {
				if important := r.Status == change.Failed || r.Change.Irreversible != "" || len(r.Notes) > 0; important && !strings.Contains(text, r.ID.Words()) {
					t.Errorf("%s is left out", r.ID)
				}
			}
		})
	}
}

// TestMarkdownRootFirst: who becomes root stands before all that others gain and lose, and in
// bold, so that nobody who reviews a plan overlooks it.
func TestMarkdownRootFirst(t *testing.T) {
	rep := report()
	rep.Access = &change.AccessDiff{Turns: []change.Turn{
		{Names: []string{"alice"}, Gains: []string{"login (2 keys)", "read on /srv/a", "read on /srv/b"}},
		{Names: []string{"bob", "carol"}, Gains: []string{"login (1 key)", "sudo for /usr/bin/vi (root in effect)", "docker (root in effect)", "group dev"}, Loses: []string{"read on /srv"}},
		{Names: []string{"dave"}, Loses: []string{"1 key", "sudo"}},
	}}
	var rows []string
	for line := range strings.Lines(markdown(t, rep, render.Style{})) {
		if strings.Contains(line, " gain") || strings.Contains(line, " lose") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	want := []string{
		"| + | <code>bob</code>, <code>carol</code> | gain **sudo for /usr/bin/vi (root in effect)** · **docker (root in effect)** · login (1 key) · group dev |",
		"| - | <code>dave</code> | loses **sudo** · 1 key |",
		"| + | <code>alice</code> | gains login (2 keys) · read on /srv/a · read on /srv/b |",
		"| - | <code>bob</code>, <code>carol</code> | lose read on /srv |",
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Errorf("(-want +is):\n%s", d)
	}
}
