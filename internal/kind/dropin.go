package kind

import (
	"context"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// DropIn is a file of /etc/sudoers.d or /etc/ssh/sshd_config.d, checked by visudo
// or sshd before it takes effect.
type DropIn struct {
	spec.Item
	spec.Text `yaml:",inline"`
	State     string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (DropIn) Fields() []spec.Field {
	return []spec.Field{
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// DropInsOf are the drop-ins of a section, by name.
func DropInsOf(b *spec.Backend, section string) map[string]*DropIn {
	return spec.Of[map[string]*DropIn](b, section)
}

// DropIns are the files in a directory of a program's configuration, root's own, which the
// program has to accept together with the rest, as Judges has it, before one of them takes
// effect. A kind is made of them.
type DropIns struct {
	// Name is that of the kind and of its section, Program the one that reads the files,
	// and Package what brings it.
	Name, Program, Package string
	// Dir has the files, whose names end in Suffix.
	Dir, Suffix string
	Mode        host.Mode
	// Shows is set where the program shows what is in a file that not everybody may read.
	Shows bool
	// Takes reports whether the program reads a file that is there, by its name without the
	// suffix; nil: it reads each.
	Takes func(name string) bool
	// Reads says what keeps the program from reading a file as declared. Gone reports of
	// another file whether it is declared absent.
	Reads func(r host.Reader, at string, content []byte, gone func(at string) bool) error
	// Before are steps without which the program checks nothing; nil: none.
	Before func(r host.Reader) ([]host.Step, error)
	// Notify is what takes up the files. If it does not come through one, that is put back.
	Notify []change.Notification
	// Notes are what there is to say about the content; nil: nothing.
	Notes func(ctx context.Context, in *Input, r host.Reader, content []byte) []string
}

func (d DropIns) at(name string) string { return path.Join(d.Dir, name+d.Suffix) }

// Section is the section of the drop-ins.
func (d DropIns) Section(f spec.Field, after string) []spec.Section {
	f.Name, f.Item, f.Unset, f.Names = d.Name, d.Name+" drop-in NAME", "none", new(spec.DropInForm())
	return []spec.Section{{
		Type: reflect.TypeFor[map[string]*DropIn](), After: after, Field: f,
		Judge: func(c *spec.Checker) {
			for name, drop := range DropInsOf(c.Backend(), d.Name) {
				c.Whole(drop.Meta, d.Name+" drop-in "+name, drop.Text, drop.State, spec.DropInName(name, d.Program))
			}
		},
	}}
}

// Owns are the files that are declared.
func (d DropIns) Owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, drop := range DropInsOf(b, d.Name) {
		out = append(out, spec.Owned{Path: d.at(name), Label: d.Name + " drop-in " + name, Pos: drop.Pos, Absent: drop.State == Absent})
	}
	return out
}

// Absent is a backend with a drop-in declared absent.
func (d DropIns) Absent(b spec.Backend, name string) spec.Backend {
	return spec.With(b, d.Name, WithAbsent(DropInsOf(&b, d.Name), name, &DropIn{State: Absent}))
}

// Covers asks for what the program reads of its configuration, wherever it is included
// from, and whether it accepts it as it is.
func (d DropIns) Covers(ctx context.Context, r Recorder, _ *spec.Backend) ([]string, error) {
	check, probe := Judges(d.at("x"))
	_, _ = host.ReadConfiguration(r, check.Tree)
	if len(probe) > 0 {
		_ = r.Check(ctx, host.Check{Argv: probe, Root: true}, host.NewContent(nil))
	}
	return []string{check.Tree.Main, d.Dir}, nil
}

// Declare lists the drop-ins, in the order in which the program reads them.
func (d DropIns) Declare(in *Input) []Resource {
	drops := DropInsOf(in.Backend, d.Name)
	siblings := map[string]sibling{}
	for name, drop := range drops {
		if len(drop.When) == 0 {
			siblings[d.at(name)] = sibling{text: in.text(drop.Text), absent: drop.State == Absent}
		}
	}
	names := slices.SortedFunc(maps.Keys(drops), func(a, b string) int { return strings.Compare(d.at(a), d.at(b)) })
	needs := in.NeedPackage(d.Package)
	var out []Resource
	for _, name := range names {
		drop := drops[name]
		look := dropInLook{DropIns: d, in: in, path: d.at(name), text: in.text(drop.Text), absent: drop.State == Absent, siblings: siblings}
		out = append(out, Resource{ID: change.ID{Kind: d.Name, Name: name}, Pos: drop.Pos, When: drop.When, Needs: needs, Looker: look})
	}
	return out
}

// dropInLook is one of the drop-ins.
type dropInLook struct {
	DropIns
	in       *Input
	path     string
	text     text
	absent   bool
	siblings map[string]sibling // by path; with itself
}

// sibling is a drop-in that is declared without conditions.
type sibling struct {
	text   text
	absent bool
}

func (l dropInLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	check, probe := Judges(l.path)
	c, err := l.look(ctx, r, check)
	if err != nil || len(c.Steps) == 0 {
		return c, err
	}
	c.Undo = len(l.Notify) > 0
	if len(probe) > 0 {
		Prove(ctx, r, &c, probe)
	}
	return c, nil
}

func (l dropInLook) look(ctx context.Context, r host.Reader, check *host.Check) (change.Change, error) {
	if l.absent {
		return GoneFile{Path: l.path, privacy: isPolicy, notify: l.Notify}.Look(ctx, r)
	}
	content, err := l.text.render(ctx, r)
	if err != nil {
		return change.Change{}, err
	}
	if err := l.Reads(r, l.path, content, func(at string) bool { return l.siblings[at].absent }); err != nil {
		return change.Change{}, err
	}
	check.Tree.Declared = l.declared(ctx, r)
	c, err := fileLook{
		path:    l.path,
		own:     ownership{owner: Root, group: Root, mode: &l.Mode},
		form:    textForm{text: l.text},
		privacy: isPolicy,
		check:   check,
		before:  l.Before,
		notify:  l.Notify,
	}.Look(ctx, r)
	if err == nil && l.Notes != nil {
		c.Notes = append(c.Notes, l.Notes(ctx, l.in, r, content)...)
	}
	return c, err
}

// declared are the other drop-ins as they are to become. What is wrong with one
// of them, its own look says.
func (l dropInLook) declared(ctx context.Context, r host.Reader) map[string]*host.Content {
	out := map[string]*host.Content{}
	for at, s := range l.siblings {
		if at == l.path {
			continue
		}
		if s.absent {
			out[at] = nil
		} else if data, err := s.text.render(ctx, r); err == nil {
			c := host.NewContent(data)
			out[at] = &c
		}
	}
	return out
}

// Adopt takes one of the files, or those that the program reads.
func (d DropIns) Adopt(_ context.Context, t Taker, name string) error {
	if name != "" {
		return d.take(t, name)
	}
	names, err := t.ReadDir(d.Dir)
	if err != nil {
		return err
	}
	for _, file := range names {
		if name, ok := strings.CutSuffix(file, d.Suffix); ok && (d.Takes == nil || d.Takes(name)) {
			OrLeaveOut(t, d.Name+"/"+name, d.take(t, name))
		}
	}
	return nil
}

func (d DropIns) take(t Taker, name string) error {
	at := d.at(name)
	n, err := WhatIsAt(t, at)
	if err == nil && n.Type == host.TypeSymlink { // where it leads, anybody may write
		err = fmt.Errorf("it is a symbolic link to %s: put the file itself there, or remove it with opsafe prune", n.Target)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	draft := spec.NewDraft()
	if d.Shows {
		err = draftText(t, draft, at, true)
	} else {
		err = DraftContent(t, draft, at, n)
	}
	if err != nil || draft.Empty() {
		return err
	}
	return t.Take("from "+at, draft, d.Name, name)
}
