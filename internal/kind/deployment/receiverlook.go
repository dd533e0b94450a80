package deployment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
)

func (l receiverQueueLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	if l.gone {
		return l.remove(r)
	}
	for _, d := range queueDirs() {
		n, err := r.Stat(d.path)
		if err != nil {
			return change.Change{}, err
		}
		if n == nil {
			if d.path == notes.Queue {
				if err := kind.NeedDir(r, &c, notes.Dir); err != nil {
					return c, err
				}
			}
			c.Action = cmp.Or(c.Action, change.Add)
			c.Fresh(d.path, "root:"+d.group+" "+d.access.Mode().String())
			c.Steps = append(c.Steps, host.MakeDir{Path: d.path, Owner: kind.Root, Group: d.group, Access: d.access})
			continue
		}
		if n.Type != host.TypeDir {
			return change.Change{}, fmt.Errorf("%s: %w", d.path, kind.WantType(r, d.path, *n, host.TypeDir))
		}
		want := *n
		want.Owner, want.Group, want.Access = kind.Root, d.group, d.access
		before := len(c.Steps)
		kind.DifferNode(&c, d.path, *n, want)
		if len(c.Steps) > before {
			c.Action = cmp.Or(c.Action, change.Modify)
		}
	}
	return c, nil
}

// remove takes away what comes in by the receiver alone. What was set aside stays: that of
// deployments is there, too.
func (l receiverQueueLook) remove(r host.Reader) (change.Change, error) {
	var c change.Change
	for _, name := range []string{queue.MainName, queue.VoidName} {
		if err := goneQueue(r, &c, path.Join(notes.Queue, name)); err != nil {
			return change.Change{}, err
		}
	}
	for _, at := range []string{path.Join(notes.Queue, queue.HandledName), notes.Ranges} {
		if err := gonePath(r, &c, at); err != nil {
			return change.Change{}, err
		}
	}
	if len(c.Steps) > 0 {
		c.Action = change.Remove
	}
	return c, nil
}

// receiverLook is what the receiver goes by, and the secrets of its hooks.
type receiverLook struct {
	in   *kind.Input
	decl *Receiver
}

func (l receiverLook) Hints() host.Hints { return host.Hints{Units: receiverUnits()} }

func (l receiverLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	if l.decl.State == kind.Absent {
		return kind.GoneFile{Path: notes.Receiver}.Look(ctx, r)
	}
	note, files, err := l.hooks(ctx, r)
	if err != nil {
		return change.Change{}, err
	}
	was, err := kind.Regular(r, notes.Receiver)
	if err != nil {
		return change.Change{}, err
	}
	want, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return change.Change{}, fmt.Errorf("cannot write %s: %w", notes.Receiver, err)
	}
	want = append(want, '\n')
	var c change.Change
	if kind.Holds(was, want) {
		c = kind.Correct(notes.Receiver, was.Node, kind.OwnNode())
	} else {
		c = kind.Rewritten(notes.Receiver, was, want, kind.OwnNode())
		if err := kind.NeedDir(r, &c, notes.Dir); err != nil {
			return c, err
		}
		c.Steps = append(c.Steps, kind.WriteOwn(notes.Receiver, want, kind.OwnNode()))
		u, err := r.Unit(ctx, receiverService)
		if err != nil {
			return c, err
		}
		if u.Running() {
			c.Notify = append(c.Notify, change.Notification{Unit: receiverService, Verb: host.Restart})
		}
	}
	c.Open, c.Notes, err = hooksOpen(r, files)
	if err != nil {
		return c, err
	}
	program, err := kind.Followed(r, notes.Program)
	if err == nil && program == nil {
		c.Open = errors.Join(c.Open, fmt.Errorf("%s is not there, which takes what comes in: run opsafe bootstrap, which puts it there", notes.Program))
	}
	return c, err
}

// hooks is what the receiver goes by, with the hooks of the deployments that there are on
// this host.
func (l receiverLook) hooks(ctx context.Context, r host.Reader) (Note, []hookFile, error) {
	note, files := l.decl.note(), []hookFile(nil)
	for _, name := range triggered(l.in.Backend) {
		d := of(l.in.Backend)[name]
		applies, _, err := kind.Applies(ctx, r, d.When)
		if err != nil {
			return note, nil, err
		}
		if !applies {
			continue
		}
		h, some := d.hook(name)
		note.Hooks, files = append(note.Hooks, h), append(files, some...)
	}
	return note, files, nil
}

// hooksOpen says what is wrong with the secrets of hooks: nobody is let in by them, or
// others than who should be. Those that are yet to be put there are in notes. What may not
// be seen is judged by a run that may.
func hooksOpen(r host.Reader, files []hookFile) (wrong error, notes []string, err error) {
	var open []error
	for _, f := range files {
		n, err := r.Stat(f.path)
		if host.IsUnknown(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if n == nil {
			notes = append(notes, f.String()+": is not there, and the hook lets nobody in: put the secret there")
			continue
		}
		if why := hookOpen(*n); why != "" {
			open = append(open, fmt.Errorf("%s: %s", f, why))
		}
	}
	return errors.Join(open...), notes, nil
}

// hookOpen is what is wrong with the file of a secret, by its node alone: facts do not hold
// what is in it. The receiver takes no secret that is short or a placeholder.
func hookOpen(n host.Node) string {
	switch {
	case n.Type != host.TypeFile:
		return fmt.Sprintf("it is a %s, and no file: put the secret there", n.Type)
	case n.Access.Other != 0 || n.Access.EffectiveGroup() != 0 || len(n.Access.Named) > 0 || n.Owner != kind.Root:
		return "others than root can read it, and could have it deployed: make it root's, with mode 0600, and put another secret into it"
	case n.Size == 0:
		return "it is empty, and the hook lets nobody in: put the secret there"
	}
	return ""
}
