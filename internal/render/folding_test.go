package render_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/render"
)

// thousands are changes of more kinds than one, with everything among them that
// must not go under.
func thousands() *converge.Report {
	var results []change.Result
	add := func(n int, kind, name string, c change.Change) {
		for i := range n {
			name, c := strings.ReplaceAll(name, "%", fmt.Sprintf("%04d", i)), c
			if c.Diff != nil {
				c.Diff = &change.Diff{Path: name, Before: c.Diff.Before, After: c.Diff.After}
			}
			results = append(results, changed(id(kind, name), c))
		}
	}
	add(61, "package", "tool-%", change.Change{Action: change.Add})
	add(20, "package", "old-%", change.Change{Action: change.Remove, Irreversible: "its configuration is deleted"})
	add(1000, "group", "project-%", change.Change{Action: change.Add, Attrs: []change.Attr{attr("gid", "", "20000")}})
	add(1, "group", "old", change.Change{Action: change.Remove, Notes: []string{"files that belong to gid 5 keep it"}})
	add(900, "user", "user-%", change.Change{Action: change.Modify, Attrs: []change.Attr{attr("shell", "/bin/sh", "/bin/bash")}})
	add(2500, "file", "/etc/opsafe/projects/%.conf", change.Change{Action: change.Modify, Diff: &change.Diff{Before: "a\nb\nc\n", After: "a\nx\nc\n"}})
	add(61, "directory", "/srv/projects/%", change.Change{Action: change.Add})
	results = append(results, changed(id("restart", "app.service"), change.Change{Action: change.Run, Why: "/etc/opsafe/projects/0001.conf changes"}))
	for i := range 400 {
		name := fmt.Sprintf("person-%03d", i)
		results = append(results, change.Result{ID: id("key", name), Pos: at(i), Status: change.Failed, Err: fmt.Errorf("cannot write /home/%s/.ssh/authorized_keys: the disk is full", name)})
	}
	results = append(results, change.Result{ID: id("unit", "app.service"), Pos: at(500), Status: change.Failed, Err: errors.New("cannot start it: it ends at once")})
	for i := range 30 {
		name := fmt.Sprintf("nobody-%d", i)
		results = append(results,
			change.Result{ID: id("key", name), Status: change.Unchanged, Notes: []string{"there is no keys/" + name + ": " + name + " has no key"}},
			change.Result{ID: id("file", "/opt/"+name), Status: change.NotApplicable, Reason: "/opt/" + name + " does not exist"},
			change.Result{ID: id("unit", name), Status: change.Unknown, Reason: "systemd does not answer"})
	}
	return report(results...)
}

var fullHint = regexp.MustCompile(`(?:and|…) \d+ (?:more|lines)`)

// holds reports whether a text has a name, and not just a longer one.
func holds(text, name string) bool {
	return slices.ContainsFunc([]string{",", " ", "\n"}, func(end string) bool { return strings.Contains(text, name+end) })
}

// TestFolding: of thousands of changes so much is shown that they are understood,
// what is not shown is counted, and nothing that failed or cannot be undone is
// among that.
func TestFolding(t *testing.T) {
	rep := thousands()
	short, full := text(rep, render.Style{}, render.Plan), text(rep, render.Style{Full: true}, render.Plan)
	const most = 800
	if n := strings.Count(short, "\n"); n > most {
		t.Errorf("%d lines are shown", n)
	}
	if fullHint.MatchString(full) || strings.Contains(full, "likewise") {
		t.Error("something is folded with --full")
	}
	for _, line := range strings.Split(short, "\n") {
		if fullHint.MatchString(line) && !strings.Contains(line, "--full") {
			t.Errorf("does not say how to see it: %s", line)
		}
	}
	md := markdown(t, rep, render.Style{})
	seen := 0
	for _, r := range rep.Results {
		important := r.Status == change.Failed || r.Change.Irreversible != ""
		if important && (!holds(short, r.ID.Words()) || !strings.Contains(md, "<code>"+r.ID.Words()+"</code>")) {
			t.Errorf("%s is hidden", r.ID)
		}
		if !holds(full, r.ID.Words()) && !holds(full, r.ID.Name) {
			t.Errorf("%s is hidden with --full", r.ID)
		}
		if important {
			seen++
		}
	}
	if seen != 421 {
		t.Errorf("%d are important", seen)
	}
	const failures, notes = 399, 58 // of each two: no key, and no password therefore
	if n := strings.Count(md, " | likewise |\n"); n != failures+notes || strings.Contains(markdown(t, rep, render.Style{Full: true}), "likewise") {
		t.Errorf("%d rows of Markdown say that they are likewise", n)
	}
	for _, want := range []string{
		"\n  … and 941 more: +940 -1 (--full shows them)\n", // of the groups
		"\nby kind\n  packages     +61           -20\n",
		"\n  keys                                ✗400\n",
		"/srv/projects/0060\n", // a single one is not folded
	} {
		if !strings.Contains(short, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// TestWidth: on a terminal no line is wider than that, but for words that
// cannot be broken.
func TestWidth(t *testing.T) {
	for _, rep := range reports() {
		for _, width := range []int{40, 80, 132} {
			for _, line := range strings.Split(text(rep, render.Style{Width: width}, render.Plan), "\n") {
				if len([]rune(line)) > width && len(strings.Fields(line)) > 2 {
					t.Errorf("wider than %d: %q", width, line)
				}
			}
		}
	}
}

// TestBroken: words stay whole, and spaces within a line stay.
func TestBroken(t *testing.T) {
	const text = "note: one  two three\n  four five aVeryLongWordThatStays\n\nsix"
	want := map[int]string{
		0:  text,
		16: "note: one  two\n  three\n  four five\n    aVeryLongWordThatStays\n\nsix",
	}
	for width, broken := range want {
		if got := (render.Style{Width: width}).Broken(text); got != broken {
			t.Errorf("width %d: %q", width, got)
		}
	}
}

// TestLongLinesOfFiles: a line of a file is cut where the terminal ends, and put
// together again it is the line.
func TestLongLinesOfFiles(t *testing.T) {
	lines := []string{strings.Repeat("host.example ", 20), strings.Repeat("x", 300), "\t\t" + strings.Repeat("ü", 100), "short"}
	rep := report(changed(id("file", "/etc/a"), change.Change{Action: change.Add, Diff: &change.Diff{Path: "/etc/a", After: strings.Join(lines, "\n") + "\n"}}))
	for _, width := range []int{20, 80} {
		got := text(rep, render.Style{Width: width}, render.Plan)
		for _, l := range strings.Split(strings.ReplaceAll(got, "\t", "        "), "\n") {
			if n := len([]rune(l)); n > max(width, 30) {
				t.Errorf("%d columns: %q has %d", width, l, n)
			}
		}
		whole := strings.ReplaceAll(got, "\n       ↪ ", "")
		for _, l := range lines {
			if !strings.Contains(whole, "\n      +"+l+"\n") {
				t.Errorf("%d columns: %q is not there as a whole:\n%s", width, l, got)
			}
		}
	}
}

// TestAlikeAddresses keeps an address recognizable that differs by the name alone.
func TestAlikeAddresses(t *testing.T) {
	rep := &converge.Report{}
	for _, name := range []string{"alice", "bob"} {
		rep.Results = append(rep.Results, change.Result{
			ID: change.ID{Kind: "key", Name: name}, Status: change.Unknown,
			Reason: "the keys of " + name + " are unknown: https://keys.example/" + name + ".keys cannot be reached",
		})
	}
	var out strings.Builder
	render.NewText(&out, render.Style{}).Close(rep, render.Plan)
	if want := "the keys of it are unknown: https://keys.example/….keys cannot be reached"; !strings.Contains(out.String(), want) {
		t.Errorf("it does not say %q:\n%s", want, out.String())
	}
}
