package deployment

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
	"opsafe/internal/spec"
)

// declare lists the deployments: what each is and where it lies, then its
// units, the service before what starts it.
func declare(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	all := of(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := all[name]
		id := change.ID{Kind: "deployment", Name: name}
		units := unitsOf(in, id, d)
		if d.State == kind.Absent {
			out = append(append(out, units...), kind.Resource{ID: id, Pos: d.Pos, When: d.When, Looker: goneLook{name}})
			continue
		}
		look := look{config: d.config(name)}
		needs := in.NeedOwner(d.User, "")
		if d.Directory != "" {
			needs = append(needs, in.NeedParent(d.Directory)...)
			for _, at := range []string{d.Directory, path.Join(d.Directory, "shared")} {
				if in.Backend.Directories[at] != nil {
					look.declared = append(look.declared, at)
					needs = append(needs, change.ID{Kind: "directory", Name: at})
				}
			}
		}
		out = append(append(out, kind.Resource{ID: id, Pos: d.Pos, When: d.When, Needs: needs, Looker: look}), units...)
	}
	return out
}

// unitsOf are the units of a deployment.
func unitsOf(in *kind.Input, of change.ID, d *Deployment) []kind.Resource {
	on, gone := new(bool), d.State == kind.Absent
	*on = true
	config := d.config(of.Name)
	unit := func(suffix, text string, switches, absent bool) kind.Resource {
		decl := &kind.Unit{Text: spec.Text{Content: &text, Data: []byte(text)}}
		if switches {
			decl.Enabled, decl.Running = on, on
		}
		if absent {
			decl = &kind.Unit{State: kind.Absent}
		}
		name := Unit(of.Name, suffix)
		res := kind.Resource{ID: change.ID{Kind: of.Kind, Name: of.Name + suffix}, Pos: d.Pos, When: d.When, Looker: kind.UnitLook{In: in, Name: name, Decl: decl}}
		if !gone {
			res.Needs = []change.ID{of}
		}
		return res
	}
	service := unit(".service", config.service(), false, gone)
	if gone {
		service.Looker = goneServiceLook{Unit(of.Name, ".service")}
	}
	units := []kind.Resource{service, unit(".path", config.path(), true, gone), unit(".timer", config.timer(), true, gone || d.Every == "")}
	if gone {
		slices.Reverse(units) // nothing starts it by then
	}
	return units
}

// service is the unit of the worker. It ends by itself: the limit is for one that
// cannot, which is killed with all that it has started.
func (c Config) service() string {
	const undo = 10 * time.Minute
	limit := 2*c.Within.Duration + 2*c.Health.Within.Duration + c.Confirm.Duration + undo
	return `# Managed by opsafe: changes made here are undone.
[Unit]
Description=Deployment ` + c.Name + `
Wants=network-online.target
After=network-online.target nss-user-lookup.target
# What cannot be deployed goes aside after a number of tries, which its entry counts.
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=` + notes.Program + ` deploy --worker ` + c.Name + `
` + environmentFiles(c.EnvFiles) + `KillMode=control-group
` + again + `TimeoutStartSec=` + fmt.Sprint(int(limit.Seconds())) + `
UMask=0022
`
}

func (c Config) path() string {
	return `# Managed by opsafe: changes made here are undone.
[Unit]
Description=Queue of deployment ` + c.Name + `

[Path]
DirectoryNotEmpty=` + queueOf(c.Name) + `

[Install]
WantedBy=multi-user.target
`
}

// timer is the unit that asks the repository. It begins to count when it is started: a
// moment after the boot that has passed by then would have it ask at once, amid manage.
func (c Config) timer() string {
	return `# Managed by opsafe: changes made here are undone.
[Unit]
Description=Deployment ` + c.Name + `, from time to time

[Timer]
OnActiveSec=` + fmt.Sprint(int(min(c.Every.Duration, time.Minute).Seconds())) + `
OnUnitInactiveSec=` + fmt.Sprint(int(c.Every.Seconds())) + `
AccuracySec=1

[Install]
WantedBy=timers.target
`
}

// look is what a deployment is, and where it lies.
type look struct {
	config   Config
	declared []string // directories that are resources of their own
}

func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	if err := safeEnvironment(r, l.config.EnvFiles); err != nil {
		return c, err
	}
	if l.config.Directory != "" {
		dir, user := l.config.Directory, l.config.User
		for _, of := range []struct{ at, owner string }{
			{dir, kind.Root},
			// What is in it is the account's; which there are is for opsafe to say.
			{path.Join(dir, "releases"), kind.Root},
			{path.Join(dir, "repository"), user},
			{path.Join(dir, "shared"), user},
		} {
			if !slices.Contains(l.declared, of.at) {
				if err := l.directory(r, &c, of.at, of.owner, 0o755); err != nil {
					return change.Change{}, err
				}
			}
		}
	}
	for _, at := range []string{queueOf(l.config.Name), path.Join(notes.Queue, queue.AsideName), path.Join(notes.Queue, queue.VoidName)} {
		if err := l.directory(r, &c, at, kind.Root, 0o700); err != nil {
			return change.Change{}, err
		}
	}
	if err := l.note(r, &c); err != nil {
		return change.Change{}, err
	}
	if err := l.failure(r, &c); err != nil {
		return change.Change{}, err
	}
	program, err := kind.Followed(r, notes.Program)
	if err == nil && program == nil {
		c.Notes = append(c.Notes, notes.Program+" is not there, which deploys: run opsafe bootstrap, which puts it there")
	}
	return c, err
}

// safeEnvironment refuses files of the environment of root's services that others than root
// could write: it says, among others, what is loaded into each program.
func safeEnvironment(r host.Reader, files []string) error {
	for _, at := range files {
		_, exposed, err := host.Exposed(at, r.Stat)
		if err != nil {
			return err
		}
		if exposed != "" {
			return fmt.Errorf("env_files: others than root can write %s, and with it what runs as root: correct its owner and mode", exposed)
		}
	}
	return nil
}

// StateFile is where the worker writes down how a deployment is.
func StateFile(name string) string { return path.Join(notes.Deployments, name+".state.json") }

// BeforeFile is where the worker writes down which containers there were, for root
// alone, while it deploys compose projects.
func BeforeFile(name string) string { return path.Join(notes.Deployments, name+".before.json") }

// failure says what could not be deployed last, as the worker has written it down.
func (l look) failure(r host.Reader, c *change.Change) error {
	data, err := r.ReadFile(StateFile(l.config.Name))
	if data == nil || err != nil {
		return err
	}
	var state struct {
		Failed *struct {
			Reason string    `json:"reason"`
			Ended  time.Time `json:"ended"`
		} `json:"failed"`
	}
	if json.Unmarshal(data, &state) != nil || state.Failed == nil {
		return nil //nolint:nilerr // opsafe deployments says what is wrong with it
	}
	line, _, _ := strings.Cut(state.Failed.Reason, "\n")
	c.Notes = append(c.Notes, fmt.Sprintf("what was to be deployed last is not in service, since %s: %s; opsafe deployments says more", state.Failed.Ended.UTC().Format(time.DateTime+" UTC"), line))
	return nil
}

// directory has a directory there that nobody but its owner can write, with those on
// the way to it.
func (l look) directory(r host.Reader, c *change.Change, at, owner string, mode host.Mode) error {
	n, err := r.Stat(at)
	if err != nil {
		return err
	}
	if n == nil {
		if err := needMade(r, c, path.Dir(at)); err != nil {
			return err
		}
		c.Action = cmp.Or(c.Action, change.Modify)
		c.Fresh(at, "directory of "+owner)
		c.Steps = append(c.Steps, host.MakeDir{Path: at, Owner: owner, Group: kind.Root, Access: host.AccessOf(mode)})
		return nil
	}
	if n.Type != host.TypeDir {
		return fmt.Errorf("%s: %w", at, kind.WantType(r, at, *n, host.TypeDir))
	}
	want := *n
	want.Owner = owner
	if have := n.Access.BaseMode(); have&0o022 != 0 || mode == 0o700 && have != mode {
		want.Access = n.Access.WithMode(have &^ 0o022 & (mode | 0o055))
		if mode == 0o700 {
			want.Access = host.AccessOf(mode)
		}
	}
	before := len(c.Steps)
	kind.DifferNode(c, at, *n, want)
	if len(c.Steps) > before {
		c.Action = cmp.Or(c.Action, change.Modify)
	}
	return nil
}

// needMade is NeedDir, of a directory that an earlier step of the change may make.
func needMade(r host.Reader, c *change.Change, dir string) error {
	for _, s := range c.Steps {
		if made, ok := s.(host.MakeDir); ok && made.Path == dir {
			return nil
		}
	}
	n, err := r.Stat(dir)
	if err != nil || n != nil {
		return err
	}
	if err := needMade(r, c, path.Dir(dir)); err != nil {
		return err
	}
	c.Steps = append(c.Steps, host.MakeDir{Path: dir, Owner: kind.Root, Group: kind.Root, Access: host.AccessOf(kind.MadeDirMode)})
	return nil
}

// note has what the worker goes by.
func (l look) note(r host.Reader, c *change.Change) error {
	at := File(l.config.Name)
	was, err := kind.Regular(r, at)
	if err != nil {
		return err
	}
	want, err := json.MarshalIndent(l.config, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", at, err)
	}
	want = append(want, '\n')
	if kind.Holds(was, want) {
		m := kind.Correct(at, was.Node, kind.OwnNode())
		c.Attrs, c.Steps, c.Action = append(c.Attrs, m.Attrs...), append(c.Steps, m.Steps...), cmp.Or(c.Action, m.Action)
		return nil
	}
	m := kind.Rewritten(at, was, want, kind.OwnNode())
	if c.Action = m.Action; m.Action == change.Add {
		c.Fresh("what", l.config.What(), "ref", l.config.Ref, "user", l.config.User)
	} else {
		c.Attrs, c.Diff = append(c.Attrs, m.Attrs...), m.Diff
	}
	if err := needMade(r, c, notes.Deployments); err != nil {
		return err
	}
	c.Steps = append(c.Steps, kind.WriteOwn(at, want, kind.OwnNode()))
	return nil
}

// What says in a few words what is deployed.
func (c Config) What() string {
	switch {
	case c.Git != "":
		return "git " + c.Git
	case c.Spec != "":
		return "spec " + c.Spec
	case c.To != "":
		return "ssh " + c.To + " " + c.There
	}
	return "compose " + strings.Join(c.Compose, ", ")
}

// goneServiceLook removes the service of the worker. It is not stopped: it may be what
// runs this, and ends by itself.
type goneServiceLook struct{ name string }

func (l goneServiceLook) Hints() host.Hints { return host.Hints{Units: []string{l.name}} }

func (l goneServiceLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	return kind.GoneFile{Path: path.Join(debian.UnitDir, l.name)}.Look(ctx, r)
}

// goneLook removes what opsafe knows of a deployment, with what waits to be
// deployed. Releases stay: they are what is served.
type goneLook struct{ name string }

func (l goneLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	for _, at := range []string{File(l.name), StateFile(l.name), BeforeFile(l.name)} {
		if err := gonePath(r, &c, at); err != nil {
			return change.Change{}, err
		}
	}
	if err := goneQueue(r, &c, queueOf(l.name)); err != nil {
		return change.Change{}, err
	}
	if len(c.Steps) > 0 {
		c.Action = change.Remove
	}
	return c, nil
}
