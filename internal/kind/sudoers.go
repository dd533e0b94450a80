package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Where sudo reads its rules.
const (
	sudoersMain = debian.Sudoers
	sudoersDir  = debian.SudoersDir
)

// Sudoers is the kind sudoers.
func Sudoers() Kind {
	return Kind{
		Part: spec.Part{
			Name: "sudoers", Plural: "sudoers", Is: "who may do what as root", Sections: []string{"sudoers"},
			Own: dropInSection(spec.Field{
				Name: "sudoers", Item: "sudoers drop-in NAME", Is: "files in /etc/sudoers.d, checked by visudo", Unset: "none",
				Example: `{developers: {content: "%developers ALL=(ALL:ALL) ALL\n"}, operators: {source: files/sudo-operators}, restart: {template: files/sudo-restart.tmpl}}`, Names: new(spec.DropInForm()),
			}, "files", "sudo"),
			Owns: ownDropIns("sudoers", sudoersDir, ""),
		},
		Stage: StageAccess, WayIn: true, Declare: declareSudoers, Adopt: adoptSudoers, TakenOver: true,
		Covers:  coverSudoers,
		Orphans: []Orphans{sudoersOrphans()},
	}
}

// adoptSudoers takes a drop-in, or those that sudo reads. Sudo shows its rules anyway,
// though only root may read the file.
func adoptSudoers(ctx context.Context, t Taker, name string) error {
	return dropInsAdopted{
		section: "sudoers", dir: sudoersDir,
		reads: func(name string) bool { return name != "README" && !strings.ContainsAny(name, ".~") },
		text:  func(t Taker, d spec.Draft, at string, _ *host.Node) error { return draftText(t, d, at, true) },
	}.adopt(ctx, t, name)
}

// declareSudoers lists the drop-ins of sudoers. Visudo has to accept the rules
// as a whole before one of them takes effect.
func declareSudoers(in *Input) []Resource {
	return dropIns(in, dropInsOf(in.Backend, "sudoers"), "sudoers", in.NeedPackage("sudo"), dropInLook{
		main: sudoersMain, dir: sudoersDir, mode: 0o440,
		check:  sudoersCheck(),
		reader: sudoersReads,
		probe:  sudoersProbe(),
		notes:  in.sudoNotes,
	})
}

// dropIns are the resources of the files of which a program's configuration is
// made, in the order in which it reads them. L holds what they have in common.
func dropIns(in *Input, drops map[string]*DropIn, kind string, needs []change.ID, l dropInLook) []Resource {
	siblings := map[string]sibling{}
	at := func(name string) string { return path.Join(l.dir, name+l.suffix) }
	for name, d := range drops {
		if len(d.When) == 0 {
			siblings[at(name)] = sibling{text: in.text(d.Text), absent: d.State == Absent}
		}
	}
	names := slices.SortedFunc(maps.Keys(drops), func(a, b string) int { return strings.Compare(at(a), at(b)) })
	var out []Resource
	for _, name := range names {
		d, look := drops[name], l
		look.path, look.text, look.absent, look.siblings = at(name), in.text(d.Text), d.State == Absent, siblings
		out = append(out, Resource{ID: change.ID{Kind: kind, Name: name}, Pos: d.Pos, When: d.When, Needs: needs, Looker: look})
	}
	return out
}

// dropInLook is a file in a drop-in directory, root's own, which the program
// that reads it has to accept, together with the rest.
type dropInLook struct {
	text   text
	absent bool
	path   string
	mode   host.Mode
	// main is the file that includes those of dir whose names end in suffix.
	main, dir, suffix string
	siblings          map[string]sibling // by path; with itself
	check             host.Check         // its tree is made up for each
	// reader says what keeps the program from reading the drop-in as declared.
	reader func(r host.Reader, l dropInLook, content []byte) error
	before func(r host.Reader) ([]host.Step, error)
	notify []change.Notification
	// undo has the file put back if a notified unit does not come through it.
	undo bool
	// probe is a program that has to accept what is in place then, if it did so
	// before; else what was there before is put back.
	probe []string
	// notes are what there is to say about the content; nil: nothing.
	notes func(ctx context.Context, r host.Reader, content []byte) []string
}

// sibling is a drop-in that is declared without conditions.
type sibling struct {
	text   text
	absent bool
}

func (l dropInLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.look(ctx, r)
	if err != nil || len(c.Steps) == 0 {
		return c, err
	}
	c.Undo = l.undo
	if len(l.probe) > 0 {
		Prove(ctx, r, &c, l.probe)
	}
	return c, nil
}

// Prove adds the probe to a change that writes files, which are put back when it
// fails.
func Prove(ctx context.Context, r host.Reader, c *change.Change, probe []string) {
	if !slices.ContainsFunc(c.Steps, host.ReplacesFile) {
		return
	}
	before := r.Check(ctx, host.Check{Argv: probe, Root: true}, host.NewContent(nil))
	if errors.As(before, new(*host.CheckError)) {
		return // what is broken already is not this file's doing
	}
	c.PutBack, c.Steps = true, append(c.Steps, host.Probe{Argv: probe})
}

func (l dropInLook) look(ctx context.Context, r host.Reader) (change.Change, error) {
	if l.absent {
		return GoneFile{Path: l.path, privacy: isPolicy, notify: l.notify}.Look(ctx, r)
	}
	content, err := l.text.render(ctx, r)
	if err != nil {
		return change.Change{}, err
	}
	if err := l.reader(r, l, content); err != nil {
		return change.Change{}, err
	}
	check := l.check
	check.Tree = &host.CheckTree{Main: l.main, Dir: l.dir, Name: path.Base(l.path), Declared: l.declared(ctx, r)}
	c, err := fileLook{
		path:    l.path,
		own:     ownership{owner: Root, group: Root, mode: &l.mode},
		form:    textForm{text: l.text},
		privacy: isPolicy,
		check:   &check,
		before:  l.before,
		notify:  l.notify,
	}.Look(ctx, r)
	if err == nil && l.notes != nil {
		c.Notes = append(c.Notes, l.notes(ctx, r, content)...)
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

// sudoersReads looks whether the main file reads drop-ins at all.
func sudoersReads(r host.Reader, _ dropInLook, _ []byte) error {
	main, err := r.ReadFile(sudoersMain)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil // visudo, or the missing directory, will tell
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(main) {
		f := strings.Fields(string(line))
		if len(f) == 2 && (f[0] == "@includedir" || f[0] == "#includedir") && path.Clean(strings.Trim(f[1], `"`)) == sudoersDir {
			return nil
		}
	}
	return fmt.Errorf("%s has no line \"@includedir %s\": it would have no effect", sudoersMain, sudoersDir)
}
