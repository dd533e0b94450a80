package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// TestPullRequests plans typical pull requests on the committed backends, as a
// workflow does, by facts that were recorded before anybody thought of them and as
// somebody who may see nothing: each has to be the plan of the host itself.
func TestPullRequests(t *testing.T) {
	t.Parallel()
	for _, backend := range backends(t) {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			e := newHost(t, testhost.Full, "")
			if r := e.opsafe("manage", "--backend", backend); r.code != 0 {
				t.Fatal(r)
			}
			e.makeWorkspace(highPrivacy)
			p := puller{env: e, backend: backend, away: filepath.Join(t.TempDir(), "facts.json")}
			e.recordTo(backend, p.away)
			e.write("/tmp/facts.json", e.read(guestFacts), 0o644)
			for i, pull := range pulls() {
				if !pull.on(i, backend) {
					continue
				}
				t.Run(pull.name, func(t *testing.T) { p.on(t).try(pull) })
			}
		})
	}
}

// pull is a pull request: what it changes of a repository, and what nobody can tell
// of it but the host.
type pull struct {
	name    string
	only    []string // backends; empty: all
	edits   []edit
	unknown []string // resources
	unasked []string // questions that no record answers
	sudoers bool     // it changes rules, or what sshd does: judged where the programs are
}

// edit replaces a text in a file of the repository; without an old text, it adds one
// at the end, and of a file that is not there makes one. A new text of "-" removes
// the file.
type edit struct{ file, old, text string }

// on reports whether the i-th pull request is tried on a backend: each on tpp, and on
// one of the two others, where it does not say.
func (p pull) on(i int, backend string) bool {
	if len(p.only) > 0 {
		return slices.Contains(p.only, backend)
	}
	return backend == "tpp" || backend == []string{"emis", "test"}[i%2]
}

type puller struct {
	*env
	backend, away string
}

func (p puller) on(t *testing.T) puller {
	t.Helper()
	p.env = p.env.on(t)
	return p
}

// try makes a pull request's changes, plans it on the host and by the facts, and
// takes the changes back.
func (p puller) try(pull pull) {
	p.t.Helper()
	defer p.edit(pull.edits)()
	formats := []string{"json", "text", "markdown"}
	if p.backend != "tpp" {
		formats = formats[:1]
	}
	for _, format := range formats {
		args := []string{"plan", "--backend", p.backend, "--format", format, "--full"}
		here := p.opsafe(args...)
		there := p.runAs("nobody", append(append([]string{guestBinary}, args...), "--facts", "/tmp/facts.json")...)
		if len(pull.unknown)+len(pull.unasked) > 0 {
			p.alikeBut(format, here, there, pull)
			continue
		}
		if d := cmp.Diff(here.stdout, factless(there.stdout)); d != "" || here.code != there.code {
			p.t.Errorf("the plan by the facts (+) is not the one on the host (-), in %s, codes %d and %d:\n%s\n%s\n%s", format, here.code, there.code, d, here.stderr, there.stderr)
		}
		if format != "json" {
			continue
		}
		if doc := document(p.t, here); len(doc.Changes)+len(doc.Failed) == 0 {
			p.t.Errorf("the pull request changes nothing: %s", here.stderr)
		}
	}
	if pull.sudoers {
		p.untold()
	}
}

// alikeBut compares plans but for what the facts cannot tell, which has to be said
// in the plan itself.
func (p puller) alikeBut(format string, here, there result, pull pull) {
	p.t.Helper()
	if format == "json" {
		want, doc := document(p.t, here), document(p.t, there)
		if d := cmp.Diff(names(slices.Concat(want.Changes, want.Failed), pull.unknown...), names(slices.Concat(doc.Changes, doc.Failed))); d != "" {
			p.t.Errorf("changes on the host (-) and by the facts (+): %s", d)
		}
		if d := cmp.Diff(pull.unknown, names(doc.Unknown)); d != "" {
			p.t.Errorf("unknown: %s", d)
		}
		if d := cmp.Diff(pull.unasked, doc.Unjudged); d != "" {
			p.t.Errorf("not asked: %s", d)
		}
		if d := cmp.Diff(want.Access, doc.Access); d != "" && len(pull.unknown) == 0 {
			p.t.Errorf("access: %s", d)
		}
		return
	}
	said := there.stdout + there.stderr
	if format == "markdown" {
		said = there.stdout // that is the comment
	}
	for _, u := range slices.Concat(pull.unknown, pull.unasked) {
		if word := u[strings.LastIndexByte(u, '/')+1:]; !strings.Contains(said, word) {
			p.t.Errorf("%s is not in the plan by the facts, in %s:\n%s", u, format, said)
		}
	}
}

// untold plans on a machine that need not have sudo and sshd: whoever reads the
// comment learns what was not judged, and nobody is said to lose anything by that.
func (p puller) untold() {
	p.t.Helper()
	host := document(p.t, p.opsafe("plan", "--backend", p.backend, "--format", "json"))
	doc := document(p.t, p.env.away("plan", "--backend", p.backend, "--format", "json", "--facts", p.away))
	if d := cmp.Diff(names(host.Changes), names(doc.Changes)); d != "" {
		p.t.Errorf("changes on the host (-) and on a machine without sudo (+): %s", d)
	}
	if len(doc.Unjudged) == 0 {
		if d := cmp.Diff(host.Access, doc.Access); d != "" {
			p.t.Errorf("all was judged, and yet: %s", d)
		}
		return
	}
	if doc.Access != nil {
		for _, turn := range doc.Access.Turns {
			if !saidBy(host.Access, turn.Loses) {
				p.t.Errorf("without sudo, it is said that %v lose %v", turn.Names, turn.Loses)
			}
		}
	}
	md := p.env.away("plan", "--backend", p.backend, "--format", "markdown", "--facts", p.away)
	for _, what := range doc.Unjudged {
		if word := strings.Fields(what)[1]; !strings.Contains(md.stdout, word) {
			p.t.Errorf("the comment does not say that %q was not judged:\n%s", what, md.stdout)
		}
	}
}

// saidBy reports whether the host says so, too.
func saidBy(a *render.AccessDoc, loses []string) bool {
	if len(loses) == 0 {
		return true
	}
	return a != nil && slices.ContainsFunc(a.Turns, func(t render.TurnDoc) bool {
		return !slices.ContainsFunc(loses, func(l string) bool { return !slices.Contains(t.Loses, l) })
	})
}

// edit changes files of the host's repository; what it returns changes them back.
func (p puller) edit(edits []edit) (back func()) {
	p.t.Helper()
	was := map[string][]byte{}
	for _, ed := range edits {
		file := filepath.Join(p.Root(), guestRepository, ed.file)
		data, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
		if _, ok := was[file]; !ok {
			was[file] = data
		}
		text := string(data) + ed.text
		switch {
		case ed.text == "-":
			if err := os.Remove(file); err != nil {
				p.t.Fatal(err)
			}
			continue
		case ed.old != "" && !strings.Contains(string(data), ed.old):
			p.t.Fatalf("%s does not have %q", ed.file, ed.old)
		case ed.old != "":
			text = strings.ReplaceAll(string(data), ed.old, ed.text)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // as a checkout has it
			p.t.Fatal(err)
		}
	}
	return func() {
		for file, data := range was {
			var err error
			if data == nil {
				err = os.Remove(file)
			} else {
				err = os.WriteFile(file, data, 0o644) //nolint:gosec // as a checkout has it
			}
			if err != nil {
				p.t.Error(err)
			}
		}
	}
}
