package converge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/host"
)

// before are the files that a change is going to write or remove, as they are now,
// if it may have to put them back.
func (r *run) before(ctx context.Context, c change.Change) []before.Image {
	if !c.PutBack && !c.Undo {
		return nil
	}
	taken := before.NewCollector(r.Host, nil)
	for _, s := range c.Steps {
		if host.ReplacesFile(s) {
			taken.Step(ctx, s)
		}
	}
	return slices.DeleteFunc(taken.Taken, func(i before.Image) bool {
		return i.Path != nil && i.Path.Node != nil && i.Path.Node.Type != host.TypeFile && (c.Undo || i.Path.Node.Type != host.TypeSymlink)
	})
}

// revert puts back what was there before a change of which so many steps have been
// done.
func (r *run) revert(ctx context.Context, c change.Change, done int, images []before.Image) error {
	if !c.PutBack {
		images = nil
	}
	now := r.before(ctx, c)
	for _, i := range slices.Backward(images) { // what was written first, such as a note of the rest, goes last
		if unseen(i) && slices.ContainsFunc(now, func(n before.Image) bool { return n.Subject() == i.Subject() && unseen(n) }) {
			continue // in a plan from facts: what a step has written is seen
		}
		back, err := declared(i, c.Steps).Restore(ctx, r.Host)
		if err != nil {
			return err
		}
		if _, err := r.do(ctx, back.Steps); err != nil {
			return err
		}
	}
	_, err := r.do(ctx, r.back(c, done))
	return err
}

// unseen reports whether a file could not be seen when its image was taken.
func unseen(i before.Image) bool { return i.Unseen != nil || i.Path != nil && i.Path.Lost != "" }

// declared is an image of a file with the owner and rights that one of the steps gives
// it: they are right whatever the file holds.
func declared(i before.Image, steps []host.Step) before.Image {
	for _, s := range steps {
		w, ok := s.(host.WriteFile)
		if !ok || i.Path == nil || i.Path.Node == nil || w.Path != i.Path.Path {
			continue
		}
		p, n := *i.Path, *i.Path.Node
		n.Owner, n.Group, n.Access = w.Owner, w.Group, w.Access
		p.Node = &n
		i.Path = &p
	}
	return i
}

// priorFiles are images of files as they are kept with what is owed to a unit. What
// could not be seen is not among them.
func priorFiles(images []before.Image) []host.PriorFile {
	var out []host.PriorFile
	for _, i := range images {
		switch p := i.Path; {
		case p == nil || p.Lost != "":
		case p.Node == nil:
			out = append(out, host.PriorFile{Path: p.Path, Absent: true})
		default:
			n := p.Node
			out = append(out, host.PriorFile{Path: p.Path, Owner: n.Owner, Group: n.Group, Mode: n.Access.Mode(), Content: p.Content})
		}
	}
	return out
}

// undo are the files that go back to what they were if a unit does not come
// through what is owed to it. They are read where they were recorded, so that
// those of a run that died count, too.
func (r *run) undo(o owed) []host.PriorFile {
	pending, err := r.Host.Pending()
	if err != nil {
		return nil // the next run says so
	}
	for _, p := range pending {
		if p.Unit == o.unit && p.Verb != host.Start && o.verb != host.Start {
			return p.Undo
		}
	}
	return nil
}

// putBack makes files what they were and has the unit take them up, or come up
// with them. The changes that wrote them fail by the look at the end.
func (r *run) putBack(ctx context.Context, o owed, files []host.PriorFile, cause error) error {
	steps := make([]host.Step, 0, len(files)+3)
	for _, f := range files {
		steps = append(steps, f.PutBack())
	}
	if slices.ContainsFunc(files, func(f host.PriorFile) bool { return strings.HasPrefix(f.Path, "/etc/systemd/") }) {
		steps = append(steps, host.ReloadManager{})
	}
	steps = append(steps, host.ActOnUnit{Name: o.unit, Verb: o.verb}, host.StartUnit{Name: o.unit}, host.Settle{Unit: o.unit, Verb: o.verb})
	if _, err := r.do(ctx, steps); err != nil {
		return fmt.Errorf("%w; and what was there before could not be put back: %w; it is still owed, the next run tries again", cause, err)
	}
	return fmt.Errorf("%w; what was there before has been put back, and %s runs with it", cause, o.unit)
}
