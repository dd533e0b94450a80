package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// The modes of new files whose declaration leaves it open.
const (
	madeFileMode   host.Mode = 0o644
	madeSecretMode host.Mode = 0o600
)

// Files is the kind file.
func Files() Kind {
	return Kind{
		Part:  spec.Part{Name: "file", Plural: "files", Is: "files, links, and parts of files", Sections: []string{"files"}},
		Stage: StageFiles, ByPath: true, Declare: declareFiles, Adopt: adoptFile,
		Orphans: []Orphans{fileOrphans()},
	}
}

// declareFiles lists the declared files in order of path, those that are to go
// last, and after them the directories that are to go.
func declareFiles(in *Input) []Resource {
	var there, gone []Resource
	for _, p := range slices.Sorted(maps.Keys(in.Backend.Files)) {
		f := in.Backend.Files[p]
		res := Resource{ID: change.ID{Kind: "file", Name: p}, Pos: f.Pos, When: f.When}
		notify := Notifications(f.Notify.Restart, f.Notify.Reload)
		if f.State == Absent {
			res.Looker = GoneFile{Path: p, privacy: privacyOf(f.Secret), hidden: in.secretVariables(p), notify: notify}
			gone = append(gone, res)
			continue
		}
		res.Needs = append(in.NeedOwner(f.Owner, f.Group), in.NeedParent(p)...)
		covers := in.aclCovers(p)
		for _, c := range covers {
			res.Needs = append(res.Needs, in.needEntries(c.rule)...)
		}
		look := fileLook{
			path: p, notify: notify, covers: covers,
			own:     ownership{owner: f.Owner, group: f.Group, mode: spec.Mode(f.Mode)},
			form:    formOf(in, p, f),
			privacy: privacyOf(f.Secret), once: spec.Is(f.Once), check: cmp.Or(checkOf(f.Check), SourceCheck(p, nil)), hidden: in.secretVariables(p),
		}
		res.Looker = look
		if p == debian.HostsFile && look.form != nil && !look.form.whole() {
			res.Looker = hostsLook{look}
		}
		res.Looker = in.keepingOut(p, res.Looker)
		res.Close = closeLook{path: p, own: ownership{group: f.Group, mode: spec.Mode(f.Mode)}, node: host.TypeFile}
		if f.Link != "" {
			res.Close = nil
			res.Looker = Link{Path: p, Target: f.Link, Owner: f.Owner, Group: f.Group, notify: notify}
		}
		there = append(there, res)
	}
	return slices.Concat(there, gone, goneDirectories(in))
}

// form says what content a file is to have.
type form interface {
	// content gives what is to be in the file, from what is: nil when the file
	// is missing. A nil result means that the content is not managed.
	content(ctx context.Context, r host.Reader, have []byte) ([]byte, error)
	// whole reports whether the result does not depend on what is there.
	whole() bool
	// ensured lists what the form sees to, for when what is there is not known
	// yet.
	ensured() []wish
}

func formOf(in *Input, path string, f *spec.File) form {
	switch {
	case in.text(f.Text).given():
		return textForm{text: in.text(f.Text)}
	case f.Lines != nil:
		return linesForm{path: path, lines: f.Lines}
	case f.Settings != nil:
		return settingsForm{f.Settings}
	case f.Block != nil:
		return blockForm{comment: f.Comment, block: *f.Block}
	default:
		return nil
	}
}

func checkOf(argv []string) *host.Check {
	if len(argv) == 0 {
		return nil
	}
	return &host.Check{Argv: argv}
}

// fileLook is a regular file: its content, whole or in part, and its owner,
// group and mode.
type fileLook struct {
	path string
	own  ownership
	form form // nil: the content is not managed
	privacy
	// once leaves the content of a file that is there to the host.
	once  bool
	check *host.Check
	// hidden are variables whose values are not shown.
	hidden map[string]bool
	// before are steps that writing needs.
	before func(r host.Reader) ([]host.Step, error)
	covers []coverOf
	notify []change.Notification
}

func (l fileLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	n, err := r.Stat(l.path)
	if err != nil {
		return change.Change{}, err
	}
	if n == nil {
		return l.add(ctx, r)
	}
	if err := l.wantFile(r, *n); err != nil {
		return change.Change{}, err
	}
	want := l.own.want(*n)
	if !want.Access.Equal(n.Access) {
		if want.Access, err = withACL(ctx, r, l.covers, want.Access); err != nil {
			return change.Change{}, err
		}
	}
	l.judge(r, l.path, n, want)
	if l.form == nil || l.once || !l.form.whole() { // nothing is left of other content
		if err := mayOpen(r, l.path, *n, want, []string{l.own.owner}); err != nil {
			return change.Change{}, err
		}
	}
	c := change.Change{Action: change.Modify, Notify: l.notify}
	if l.form != nil && !l.once {
		done, err := l.edit(ctx, r, &c, *n, want)
		if done || err != nil {
			return c, err
		}
	}
	DifferNode(&c, l.path, *n, want)
	lacking, err := l.lacking(ctx, r)
	c.Notes = append(c.Notes, lacking...)
	return OrNothing(c), err
}

// wantFile refuses what is in the place of the file.
func (l fileLook) wantFile(r host.Reader, n host.Node) error {
	if n.Type == host.TypeDir && l.form == nil {
		return errors.New("a directory is in its place: declare it under directories")
	}
	return WantType(r, l.path, n, host.TypeFile)
}

// edit plans the content of a file that is there, and with it everything else.
// It reports whether there is something to do.
func (l fileLook) edit(ctx context.Context, r host.Reader, c *change.Change, n, want host.Node) (bool, error) {
	have, err := l.present(ctx, r)
	later := host.AfterApply(err)
	switch {
	case later && !l.form.whole():
		l.deferred(c, n, want, err)
		return true, nil
	case err != nil && !later:
		return false, err
	}
	if l.hide && !l.form.whole() {
		return l.editPart(ctx, r, c, n, want, have)
	}
	data, err := l.content(ctx, r, orEmpty(have.data))
	if err != nil {
		return false, err
	}
	if f, ok := l.form.(settingsForm); ok && !later {
		c.Notes = f.notes(data)
	}
	// A file that is another's is not given away, but made anew: where others
	// can write its directory, it may have been put there for that.
	handed := l.form.whole() && n.Owner != want.Owner
	if !later && have.is(data) && !handed {
		return false, nil
	}
	DifferNode(c, l.path, n, want)
	c.Steps = nil // one step writes the file whole
	l.show(c, have, data, later)
	return true, l.write(r, c, host.WriteFile{
		Path: l.path, Content: l.wrap(data), Owner: want.Owner, Group: want.Group, Access: want.Access,
		Check: l.check,
	})
}

// content is what is to be in the file. What is wrong with a secret one may quote
// it: only the place is said.
func (l fileLook) content(ctx context.Context, r host.Reader, have []byte) ([]byte, error) {
	data, err := l.form.content(ctx, r, have)
	if err == nil || !l.secret || host.IsUnknown(err) {
		return data, err
	}
	return nil, fmt.Errorf("cannot make its content%s: what is wrong is kept back, since it is secret", templatePlace().FindString(err.Error()))
}

// templatePlace is where text/template says that something is wrong.
var templatePlace = words.Pattern(`: template: [^:]*:\d+(:\d+)?`)

// orEmpty tells an empty file from none.
func orEmpty(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// add plans a file that is missing.
func (l fileLook) add(ctx context.Context, r host.Reader) (change.Change, error) {
	if l.form == nil {
		return change.Change{}, MissingPath(l.path, "nothing is there, and its content is not declared: if a package brings it, say so under provides of that package; else give it content, or add %q", "when: path "+l.path+" exists")
	}
	if err := WantParent(r, l.path); err != nil {
		return change.Change{}, err
	}
	data, err := l.content(ctx, r, nil)
	if err != nil {
		return change.Change{}, err
	}
	mode := madeFileMode
	if l.secret {
		mode = madeSecretMode
	}
	n := l.own.fresh(host.TypeFile, mode)
	if n.Access, err = withACL(ctx, r, l.covers, n.Access); err != nil {
		return change.Change{}, err
	}
	l.judge(r, l.path, nil, n)
	c := change.Change{Action: change.Add, Notify: l.notify}
	c.Fresh("owner", n.Owner, "group", n.Group, "mode", n.Access.BaseMode().String())
	differEntries(&c, "", nil, n.Access.Named, nil, n.Access.Mask)
	l.show(&c, presentContent{}, data, false)
	if err := l.maybeBrought(r, &c, data); err != nil {
		return change.Change{}, err
	}
	return c, l.write(r, &c, host.WriteFile{
		Path: l.path, Content: l.wrap(data), Owner: n.Owner, Group: n.Group, Access: n.Access, Check: l.check,
	})
}

// maybeBrought says of a file that is missing that a package to come may bring it.
func (l fileLook) maybeBrought(r host.Reader, c *change.Change, data []byte) error {
	brought, err := maybeBrought(r, l.path, l.own, c)
	if !brought || err != nil {
		return err
	}
	if l.form.whole() {
		l.show(c, presentContent{}, data, true)
	}
	for _, w := range l.form.ensured() {
		c.Attrs = append(c.Attrs, l.attr(w, change.Later()))
	}
	return nil
}

func (l fileLook) write(r host.Reader, c *change.Change, w host.WriteFile) error {
	if l.before != nil {
		steps, err := l.before(r)
		if err != nil {
			return err
		}
		c.Steps = append(c.Steps, steps...)
	}
	if when := inForce(l.path, l.notify); when != "" {
		c.Notes = append(c.Notes, when)
	}
	c.Steps = append(c.Steps, append([]host.Step{w}, readUnits(l.path)...)...)
	return nil
}

// inForce says when what is in a file counts of which the host only reads when it boots, unless
// somebody is to be notified of it; empty: that is not known.
func inForce(at string, notify []change.Notification) string {
	if len(notify) > 0 {
		return ""
	}
	switch dir := path.Dir(at); {
	case at == "/etc/sysctl.conf", dir == "/etc/sysctl.d":
		return "its values count from the next boot on: declare them under sysctl, by which they are in force at once, or say notify: {restart: [systemd-sysctl.service]}"
	case at == "/etc/modules", dir == "/etc/modules-load.d":
		return "its modules are loaded from the next boot on, or say notify: {restart: [systemd-modules-load.service]}"
	}
	return ""
}

// readUnits has systemd read its files again if one of them changes: what all units of a
// type have, and links that enable units, are declared as files.
func readUnits(at string) []host.Step {
	if !debian.OfUnits(at) {
		return nil
	}
	return []host.Step{host.ReloadManager{}}
}

// wrap keeps secret content from being shown.
func (l fileLook) wrap(data []byte) host.Content {
	if l.hide {
		return host.NewSecret(data)
	}
	return host.NewContent(data).Hiding(l.hidden)
}

// show adds the content before and after to c.
func (l fileLook) show(c *change.Change, have presentContent, data []byte, later bool) {
	settings, isSettings := l.form.(settingsForm)
	switch {
	case later && l.hide:
		c.Attrs = append(c.Attrs, change.Attr{Name: "content", Before: change.Later(), After: SecretValue(digestOf(l.path, data))})
	case later:
		c.Attrs = append(c.Attrs, change.Attr{Name: "content", Before: change.Later(), After: change.Text("as declared, " + words.Count(len(data), "byte"))})
	case l.hide:
		showDigests(c, l.path, have.shown(l.path), digestOf(l.path, data))
	case isSettings:
		c.Attrs = append(c.Attrs, settings.attrs(l.path, have.data, l.hidden)...)
	default:
		c.Diff = hideValues(DiffOf(l.path, &FileImage{Content: host.NewContent(have.data)}, data), l.hidden)
	}
}

// deferred plans an edit of a file whose content is only known after apply.
func (l fileLook) deferred(c *change.Change, n, want host.Node, err error) {
	DifferNode(c, l.path, n, want)
	c.Steps = nil
	c.Deferred = err.Error()
	for _, w := range l.form.ensured() {
		c.Attrs = append(c.Attrs, l.attr(w, change.Later()))
	}
}

// WantParent refuses a file whose directory is missing.
func WantParent(r host.Reader, p string) error {
	dir := path.Dir(p)
	n, err := r.Stat(dir)
	if err != nil {
		return err
	}
	if n == nil {
		return MissingPath(dir, "the directory %s does not exist: if a package brings it, declare that, with directories under its provides; else declare it under directories", dir)
	}
	return nil
}
