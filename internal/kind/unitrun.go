package kind

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// run starts or stops the unit, or has it restarted when its file has changed
// below it.
func (l UnitLook) run(ctx context.Context, r host.Reader, u *host.Unit, rewritten bool, c *change.Change) error {
	if f, err := r.Facts(); err != nil || f.Unbooted {
		return err // what is to run does once the machine has booted
	}
	running := u.Running()
	switch {
	case spec.Is(l.Decl.Running) && !running:
		return l.start(ctx, r, u, c)
	case l.Decl.Running != nil && !*l.Decl.Running && (running || u.Looping()):
		if err := l.stopStarters(ctx, r, u, c); err != nil {
			return err
		}
		c.Differ("running", runs(u), "no")
		return stopWith(ctx, r, c, l.Name)
	case u == nil && len(l.In.required(l.Name)) > 0:
		return l.startCircle(ctx, r, c)
	case rewritten && debian.IsTemplate(l.Name):
		return restartInstances(ctx, r, c, u)
	case rewritten && path.Ext(l.Name) == ".timer" && running:
		data, err := l.In.text(l.Decl.Text).render(ctx, r)
		if err != nil {
			return err
		}
		return retime(r, c, l.Name, data)
	case rewritten:
		restartRewritten(c, u)
	}
	return nil
}

// restartRewritten has a unit restarted of which a file is written. A socket that
// cannot be opened anew gets its old file back: it must not stay down.
func restartRewritten(c *change.Change, u *host.Unit) {
	if !u.Looping() && (!u.Running() || u.Active == "activating") || u.Masked() || !takesRestart(u.Name) {
		return
	}
	c.Notify = append(c.Notify, change.Notification{Unit: u.Name, Verb: host.Restart})
	if path.Ext(u.Name) == ".socket" {
		c.Undo = true
	}
}

// takesRestart reports whether a unit of this name takes its file up by a restart. All that
// is in a slice would end by it, everybody's sessions in user.slice, and systemd sets its new
// limits as soon as it has read them. A target has nothing that runs, and would take along what
// does: all of the host, if it is sysinit.target. The root file system cannot be stopped.
func takesRestart(name string) bool {
	return path.Ext(name) != ".slice" && path.Ext(name) != ".target" && debian.MountPoint(name) != "/"
}

// restartInstances has those instances of a template restarted that run: they go
// on with the old text otherwise.
func restartInstances(ctx context.Context, r host.Reader, c *change.Change, template *host.Unit) error {
	if template == nil {
		return nil
	}
	for _, name := range template.Instances {
		u, err := r.Unit(ctx, name)
		if err != nil {
			return err
		}
		restartRewritten(c, u)
	}
	return nil
}

// runs says in a word whether a unit runs; empty for one that is not there.
func runs(u *host.Unit) string {
	switch {
	case u == nil:
		return ""
	case u.Looping():
		return "auto-restart"
	case u.Active == "failed":
		return "failed"
	}
	return YesNo(u.Running())
}

// start starts the unit. A service whose socket is to be opened first is started
// with that.
func (l UnitLook) start(ctx context.Context, r host.Reader, u *host.Unit, c *change.Change) error {
	waits, err := l.socketFirst(ctx, r)
	if err != nil || waits {
		return err
	}
	circle, missing, err := l.circle(ctx, r)
	if err != nil || missing {
		return err // the last of the circle starts them all
	}
	c.Differ("running", runs(u), "yes")
	c.Action = cmp.Or(c.Action, change.Modify)
	if why := l.unmet(ctx, r); why != "" {
		c.Notes = append(c.Notes, why+" does not hold: systemd does not start it; make it hold, or take it out")
	}
	if err := l.mountPoint(r, c); err != nil {
		return err
	}
	if err := l.conflicts(ctx, r, c); err != nil {
		return err
	}
	if !host.Opens(l.Name) {
		c.Steps = append(c.Steps, host.StartUnit{Name: l.Name})
		return l.startWith(ctx, r, circle, c)
	}
	var after []host.Step
	for _, name := range l.blocks(u) {
		b, err := r.Unit(ctx, name)
		if err != nil {
			return err
		}
		declared := UnitsOf(l.In.Backend)[name]
		wanted := declared != nil && spec.Is(declared.Running) && declared.State != Absent
		if b.Running() {
			wanted = true
			c.Notes = append(c.Notes, name+" runs without it, and is stopped so that it can be opened, and started again")
			c.Steps = append(c.Steps, host.Owe{Pending: host.Pending{Unit: name, Verb: host.Start, Why: "stopped while " + l.Name + " is started"}})
			if err := stopWith(ctx, r, c, name); err != nil {
				return err
			}
		}
		if wanted {
			c.Differ(name+" running", runs(b), "yes")
			after = append(after, host.StartUnit{Name: name}, host.Settle{Unit: name, Verb: host.Start})
		}
	}
	c.Steps = append(append(c.Steps, host.StartUnit{Name: l.Name}), after...)
	return nil
}

// startWith starts those of other units that are declared to run.
func (l UnitLook) startWith(ctx context.Context, r host.Reader, others []string, c *change.Change) error {
	for _, name := range others {
		u, err := r.Unit(ctx, name)
		if err != nil {
			return err
		}
		if spec.Is(UnitsOf(l.In.Backend)[name].Running) && !u.Running() {
			c.Differ(name+" running", runs(u), "yes")
			c.Steps = append(c.Steps, host.StartUnit{Name: name}, host.Settle{Unit: name, Verb: host.Start})
		}
	}
	return nil
}

// startCircle starts the others of a circle whose last unit this one is: that it is there is
// all that they have waited for.
func (l UnitLook) startCircle(ctx context.Context, r host.Reader, c *change.Change) error {
	circle, missing, err := l.circle(ctx, r)
	if err != nil || missing {
		return err
	}
	return l.startWith(ctx, r, circle, c)
}

// blocks are the units that must not run when the socket or automount is opened.
func (l UnitLook) blocks(u *host.Unit) []string {
	if name := Activated(l.Name, l.Decl.Data); name != "" {
		return []string{name}
	}
	return u.Blocks()
}

// socketFirst reports whether a declared socket or automount that starts this unit is
// not open yet, and is to be: it cannot be opened once the unit runs.
func (l UnitLook) socketFirst(ctx context.Context, r host.Reader) (bool, error) {
	for name, decl := range UnitsOf(l.In.Backend) {
		if !host.Opens(name) || decl.State == Absent || !spec.Is(decl.Running) {
			continue
		}
		u, err := r.Unit(ctx, name)
		if err != nil {
			return false, err
		}
		socket := UnitLook{In: l.In, Name: name, Decl: decl}
		if u.Running() || !slices.Contains(socket.blocks(u), l.Name) {
			continue
		}
		applies, _, err := Applies(ctx, r, decl.When)
		if err != nil || applies {
			return applies, err
		}
	}
	return false, nil
}

// stopStarters sees to it that nothing starts a unit again that is to be stopped: what is
// declared not to run either is stopped before it, and what would start it at once is an error.
func (l UnitLook) stopStarters(ctx context.Context, r host.Reader, u *host.Unit, c *change.Change) error {
	for _, name := range u.Starters {
		starter, err := r.Unit(ctx, name)
		if err != nil {
			return err
		}
		if !starter.Running() {
			continue
		}
		decl := UnitsOf(l.In.Backend)[name]
		switch waits := host.Opens(name) || path.Ext(name) == ".timer" || path.Ext(name) == ".path"; {
		case decl != nil && decl.State != Absent && decl.Running != nil && !*decl.Running:
			c.Differ(name+" running", runs(starter), "no")
			if err := stopWith(ctx, r, c, name); err != nil {
				return err
			}
		case waits:
			c.Notes = append(c.Notes, name+", which runs, starts it again when it is time: if it is not to, declare that with running: false, too")
		default:
			return fmt.Errorf("%s, which runs, says Upholds=%s, by which systemd starts it again at once: declare that with running: false, too, or take the line out of it", name, l.Name)
		}
	}
	return nil
}

// stopWith stops a unit and says what systemd stops with it.
func stopWith(ctx context.Context, r host.Reader, c *change.Change, name string) error {
	notes, ends, err := stopping(ctx, r, name)
	if err != nil {
		return err
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Notes = append(c.Notes, notes...)
	c.Irreversible = cmp.Or(c.Irreversible, ends)
	c.Steps = append(c.Steps, host.StopUnit{Name: name})
	return nil
}

// timerStamps is where systemd keeps when timers with Persistent= have last fired.
const timerStamps = "/var/lib/systemd/timers/stamp-"

// retime has a timer that runs take up its new file while it is stopped, as if it
// had just fired. Otherwise systemd runs its job at once when the new time is over
// today: when it reads the file, and, for one with Persistent=, once more when the
// timer starts.
func retime(r host.Reader, c *change.Change, name string, text []byte) error {
	steps, err := Retime(r, name, text, c.Steps)
	if err != nil {
		return err
	}
	c.Steps = steps
	c.Why = cmp.Or(c.Why, "it is stopped for it and started again; its job does not run for a time that is over")
	return nil
}

// Retime wraps steps that write a timer's files.
func Retime(r host.Reader, name string, text []byte, steps []host.Step) ([]host.Step, error) {
	before := []host.Step{
		host.Owe{Pending: host.Pending{Unit: name, Verb: host.Start, Why: "stopped while its files change"}},
		host.StopUnit{Name: name},
	}
	after := []host.Step{host.StartUnit{Name: name}, host.Settle{Unit: name, Verb: host.Start}}
	stamp := timerStamps + name
	n, err := r.Stat(stamp)
	if err != nil && !host.IsUnknown(err) {
		return nil, err
	}
	if n != nil && n.Type == host.TypeFile && isPersistent(text) {
		touch := host.WriteFile{Path: stamp, Content: host.NewContent(nil), Owner: n.Owner, Group: n.Group, Access: n.Access}
		after = append([]host.Step{touch}, after...)
	}
	return slices.Concat(before, steps, after), nil
}

func isPersistent(text []byte) bool {
	return debian.ParseUnit(string(text)).Yes("Timer", "Persistent")
}
