package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/render"
	"opsafe/internal/spec"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

func at(line int) spec.Pos { return spec.Pos{File: "backends/x/backend.yaml", Line: line, Column: 3} }

func id(kind, name string) change.ID { return change.ID{Kind: kind, Name: name} }

func attr(name, before, after string) change.Attr {
	return change.Attr{Name: name, Before: change.Text(before), After: change.Text(after)}
}

func report(results ...change.Result) *converge.Report {
	return &converge.Report{Results: results, Summary: change.Count(results), Took: 1234 * time.Millisecond}
}

func changed(i change.ID, c change.Change) change.Result {
	c.Steps = []host.Step{host.ReloadManager{}}
	return change.Result{ID: i, Pos: at(1), Status: change.Changed, Change: c, Notes: c.Notes}
}

// reports are representative runs.
func reports() map[string]*converge.Report {
	long := strings.Repeat("a line\n", 60)
	interrupted := report()
	interrupted.Interrupted = true
	return map[string]*converge.Report{
		"nothing":     report(change.Result{ID: id("user", "a"), Status: change.Unchanged}, change.Result{ID: id("user", "b"), Status: change.Unchanged}),
		"interrupted": interrupted,
		"changes": report(
			changed(id("package", "curl"), change.Change{Action: change.Add, Attrs: []change.Attr{attr("state", "", "installed"), attr("held", "no", "yes")}}),
			changed(id("package", "old"), change.Change{Action: change.Remove, Attrs: []change.Attr{attr("state", "installed", "purged")}, Irreversible: "its configuration is deleted"}),
			changed(id("group", "team"), change.Change{Action: change.Modify, Attrs: []change.Attr{attr("member", "", "alice"), attr("member", "bob", "")}, Notes: []string{"files that belong to gid 5 keep it"}}),
			changed(id("directory", "/srv/outbox"), change.Change{Action: change.Modify, Attrs: []change.Attr{attr("mode", "0700", "0750"), attr("group:reviewers", "r-x (effective ---)", "r-x"), attr("user:bob", "", "rwx"), attr("mask", "---", "r-x")}}),
			changed(id("directory", "/srv/inbox"), change.Change{Action: change.Modify, Attrs: []change.Attr{attr("mode", "0700", "0750"), attr("owner", "root", "app")}}),
			changed(id("file", "/etc/a"), change.Change{Action: change.Modify, Attrs: []change.Attr{attr("mode", "0644", "0600")}, Diff: &change.Diff{Path: "/etc/a", Before: "one\ntwo\n", After: "one\nthree"}}),
			changed(id("file", "/etc/new"), change.Change{Action: change.Add, Attrs: []change.Attr{attr("owner", "", "root"), attr("group", "", "root"), attr("mode", "", "0644")}, Diff: &change.Diff{Path: "/etc/new", After: long}}),
			changed(id("file", "/etc/empty"), change.Change{Action: change.Add, Diff: &change.Diff{Path: "/etc/empty"}}),
			changed(id("file", "/etc/gone"), change.Change{Action: change.Remove, Diff: &change.Diff{Path: "/etc/gone", Before: "x\n"}}),
			changed(id("file", "/etc/binary"), change.Change{Action: change.Modify, Diff: &change.Diff{Path: "/etc/binary", Before: "3 bytes", After: "4 bytes", Hidden: "binary"}}),
			changed(id("file", "/etc/secret"), change.Change{Action: change.Modify, Attrs: []change.Attr{{Name: "content", Before: change.Value{Kind: change.Secret, Text: "aaaa"}, After: change.Value{Kind: change.Secret, Text: "bbbb"}}}, Diff: &change.Diff{Path: "/etc/secret", Before: "aaaa", After: "bbbb", Hidden: "secret"}}),
			changed(id("chrony", "config"), change.Change{Action: change.Modify, Deferred: "the package brings it", Attrs: []change.Attr{{Name: "gid", Before: change.Text("1"), After: change.Later()}}}),
			changed(id("restart", "ssh.service"), change.Change{Action: change.Run, Why: "/etc/a changes"}),
		),
		"troubles": report(
			change.Result{ID: id("user", "a"), Pos: at(3), Status: change.Failed, Err: errors.New("cannot add it: uid 5 is taken by b\nsecond line")},
			change.Result{ID: id("key", "a"), Pos: at(4), Status: change.Blocked, Reason: "user/a failed"},
			change.Result{ID: id("file", "/etc/x"), Status: change.Unknown, Reason: "content of /etc/x is unknown: permission denied"},
			change.Result{ID: id("file", "/etc/y"), Status: change.NotApplicable, Reason: "the release is bookworm"},
			change.Result{ID: id("file", "/etc/z"), Status: change.NotApplicable, Reason: "the release is bookworm"},
			change.Result{ID: id("key", "b"), Status: change.Unchanged, Notes: []string{"there is no keys/b: b has no key"}},
		),
	}
}

var heading = render.Heading{Command: "plan", Backend: "x", Host: "host", Mode: render.Plan}

func text(rep *converge.Report, style render.Style, mode render.Mode) string {
	var b bytes.Buffer
	w := render.NewText(&b, style)
	for _, r := range rep.Results {
		w.Result(r)
	}
	w.Close(rep, mode)
	return b.String()
}

func markdown(t *testing.T, rep *converge.Report, style render.Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.WriteMarkdown(&b, heading, rep, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden compares all forms of representative runs with testdata.
func TestGolden(t *testing.T) {
	for name, rep := range reports() {
		t.Run(name, func(t *testing.T) {
			var doc bytes.Buffer
			if err := render.WriteJSON(&doc, render.NewDocument(heading, rep)); err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Files: []txtar.File{
				{Name: "plan", Data: []byte(text(rep, render.Style{}, render.Plan))},
				{Name: "apply", Data: []byte(text(rep, render.Style{}, render.Apply))},
				{Name: "full", Data: []byte(text(rep, render.Style{Full: true}, render.Plan))},
				{Name: "narrow", Data: []byte(text(rep, render.Style{Width: 50}, render.Plan))},
				{Name: "color, with ESC as ^", Data: []byte(strings.ReplaceAll(text(rep, render.Style{Color: true}, render.Plan), "\x1b", "^"))},
				{Name: "markdown", Data: []byte(markdown(t, rep, render.Style{}))},
				{Name: "json", Data: doc.Bytes()},
			}}
			path := filepath.Join("testdata", name+".txtar")
			if *update {
				if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(txtar.Format(got)), "\n")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestColorOnlyAddsColor: without its escapes the coloured text is the plain one.
func TestColorOnlyAddsColor(t *testing.T) {
	for name, rep := range reports() {
		colored := text(rep, render.Style{Color: true}, render.Plan)
		for _, code := range []string{"0", "1", "2", "31", "32", "33", "36"} {
			colored = strings.ReplaceAll(colored, "\x1b["+code+"m", "")
		}
		if d := cmp.Diff(text(rep, render.Style{}, render.Plan), colored); d != "" {
			t.Errorf("%s (-plain +coloured):\n%s", name, d)
		}
	}
}

// everywhere is a run in which a text stands wherever one from a host can.
func everywhere(evil string) *converge.Report {
	c := change.Change{
		Action: change.Modify, Why: evil, Irreversible: evil, Deferred: evil,
		Attrs: []change.Attr{attr(evil, evil, evil), attr("a", evil, ""), attr("b", "", evil), attr("b", "", evil), {Name: "s", After: change.Value{Kind: change.Secret, Text: evil}}},
		Diff:  &change.Diff{Path: evil, Before: "a\n" + evil + "\n", After: "b\n" + evil + evil + "\n"},
		Notes: []string{evil},
	}
	run := c
	run.Action = change.Run
	return report(
		changed(id("file", evil), c), changed(id("restart", evil), run),
		change.Result{ID: id("file", evil), Status: change.Unknown, Reason: evil},
		change.Result{ID: id("file", evil), Status: change.NotApplicable, Reason: evil},
		change.Result{ID: id("file", evil), Status: change.Failed, Err: errors.New(evil)},
		change.Result{ID: id("file", evil), Status: change.Blocked, Reason: evil},
		change.Result{ID: id("file", evil), Status: change.Unchanged, Notes: []string{evil}},
	)
}

// TestHostileText: what comes from the host can neither move the cursor nor
// pretend to be something else, wherever it is shown.
func TestHostileText(t *testing.T) {
	const evil = "\x1b[2Jx\ry\x00\x07\u009b31m\u202ez\u2066\x7f\u200e\u200f\u061c\u2028\u200b\ufeff\u00ad\U000e0041\u3164"
	rep := everywhere(evil)
	for _, style := range []render.Style{{}, {Width: 40}, {Full: true}} {
		got := text(rep, style, render.Plan)
		for i, r := range got {
			if r != '\n' && r != '\t' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r == 0x061c || r == 0x200e || r == 0x200f || r == 0x200b || r == 0xfeff || r == 0xad || r == 0xe0041 || r == 0x3164 || r >= 0x2066 && r <= 0x2069) {
				t.Fatalf("%U at %d of %q", r, i, got)
			}
		}
	}
	var doc bytes.Buffer
	if err := render.WriteJSON(&doc, render.NewDocument(render.Heading{Command: "plan", Backend: "x", Host: evil}, rep)); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(doc.String(), func(r rune) bool { return r < 0x20 && r != '\n' }); i >= 0 {
		t.Errorf("a control character at %d of the document", i)
	}
	var back render.Document
	if err := json.Unmarshal(doc.Bytes(), &back); err != nil {
		t.Error(err)
	}
	if back.Failed[0].Error != evil {
		t.Errorf("the document does not hold the error itself: %q", back.Failed[0].Error)
	}
}

// TestSecretContent: nothing but Bytes gives secret content away.
func TestSecretContent(t *testing.T) {
	const canary = "hunter2-canary"
	c := host.NewSecret([]byte(canary))
	step := host.WriteFile{Path: "/etc/x", Content: c}
	marshalled, err := json.Marshal(step)
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{
		c.String(), fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q %x %X %d", c, c, c, c, c, c, c, c),
		fmt.Sprintf("%v %+v %#v", step, step, step), fmt.Sprintf("%+v %#v", &step, &step),
		fmt.Errorf("x: %v", c).Error(), string(marshalled),
	}
	rep := report(changed(id("file", "/etc/x"), change.Change{Action: change.Modify, Diff: &change.Diff{Path: "/etc/x", Hidden: "secret", Before: c.Digest(), After: c.Digest()}}))
	rep.Results[0].Change.Steps = []host.Step{step}
	forms = append(forms, text(rep, render.Style{Full: true}, render.Plan))
	var doc bytes.Buffer
	if err := render.WriteJSON(&doc, render.NewDocument(heading, rep)); err != nil {
		t.Fatal(err)
	}
	forms = append(forms, doc.String())
	hidden := []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")}
	for i, form := range forms {
		for _, h := range hidden {
			if strings.Contains(form, h) {
				t.Errorf("form %d gives it away: %s", i, form)
			}
		}
	}
}

// TestDocument: lists are never null, so that programs can go through them.
func TestDocument(t *testing.T) {
	data, err := json.Marshal(render.NewDocument(heading, report()))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "null") || !strings.HasPrefix(string(data), `{"format_version":1,`) {
		t.Errorf("%s", data)
	}
}
