package converge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
)

// fakeHost is a host in memory whose steps can fail, or only pretend to have
// been done. It records what it was told to do.
type fakeHost struct {
	host.Host
	fail  map[string]error // by the step's text
	lie   map[string]bool
	needs map[string]string // packages, with the one that needs each
	after func(step string) // called after a step that took effect
	steps []string
	// awaited are the units that the run watched, and unsettled what they do.
	awaited   []string
	unsettled map[string]string
}

func newHost(t *testing.T, yaml string) *fakeHost {
	t.Helper()
	state, err := snapshot.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return &fakeHost{Host: overlay.New(snapshot.New(state)), fail: map[string]error{}, lie: map[string]bool{}}
}

func (f *fakeHost) Do(ctx context.Context, s host.Step) error {
	if s, ok := s.(host.AwaitUnits); ok {
		f.awaited = s.Names
		if len(f.unsettled) > 0 {
			return &host.UnsettledError{Why: f.unsettled}
		}
	}
	text := stepText(s)
	if text == "" {
		return nil
	}
	f.steps = append(f.steps, text)
	if err := f.fail[text]; err != nil {
		if some, ok := s.(host.WriteFiles); ok { // it dies after the first
			err = errors.Join(err, f.Host.Do(ctx, some.Files[0]))
		}
		return err
	}
	if gone, ok := s.(host.RemovePackages); ok {
		for _, name := range gone.Names {
			by := f.needs[name]
			if p, _ := f.Package(by); p != nil && p.State == host.Installed && !slices.Contains(gone.Names, by) {
				return errors.New(by + " needs it")
			}
		}
	}
	if f.lie[text] {
		return nil
	}
	if err := f.Host.Do(ctx, s); err != nil {
		return err
	}
	if f.after != nil {
		f.after(text)
	}
	return nil
}

// did leaves the bookkeeping out.
func (f *fakeHost) did() []string {
	return slices.DeleteFunc(slices.Clone(f.steps), func(s string) bool {
		return strings.HasPrefix(s, "owe ") || strings.HasPrefix(s, "settle ")
	})
}

func stepText(s host.Step) string {
	switch s := s.(type) {
	case host.WriteFile:
		return "write " + s.Path + " " + string(s.Content.Bytes())
	case host.WriteFiles:
		names := make([]string, 0, len(s.Files))
		for _, f := range s.Files {
			names = append(names, f.Path)
		}
		return "write together " + strings.Join(names, " ")
	case host.RemovePath:
		return "remove " + s.Path
	case host.StartUnit:
		return "start " + s.Name
	case host.StopUnit:
		return "stop " + s.Name
	case host.AwaitUnits:
		return "" // changes nothing
	case host.ActOnUnit:
		return string(s.Verb) + " " + s.Name
	case host.Owe:
		return "owe " + string(s.Pending.Verb) + " " + s.Pending.Unit
	case host.Settle:
		if s.Verb == host.Start {
			return "settle start " + s.Unit
		}
		return "settle " + s.Unit
	case host.InstallPackages:
		names := make([]string, 0, len(s.Packages))
		for _, p := range s.Packages {
			names = append(names, p.Name)
		}
		return "install " + strings.Join(names, " ")
	case host.HoldPackages:
		return "hold " + strings.Join(s.Names, " ")
	case host.RemovePackages:
		return "purge " + strings.Join(s.Names, " ")
	default:
		return fmt.Sprintf("%T", s)
	}
}

// lookFunc is a Looker made of a function.
type lookFunc func(ctx context.Context, r host.Reader) (change.Change, error)

func (f lookFunc) Look(ctx context.Context, r host.Reader) (change.Change, error) { return f(ctx, r) }

// file wants a path to have a content; edit can add to the change.
func file(path, content string, edit func(*change.Change), needs ...change.ID) kind.Resource {
	return kind.Resource{ID: fileID(path), Needs: needs, Looker: lookFunc(func(_ context.Context, r host.Reader) (change.Change, error) {
		var c change.Change
		have, err := r.ReadFile(path)
		if err != nil || string(have) == content {
			return c, err
		}
		c.Action = change.Modify
		c.Attrs = []change.Attr{{Name: "content", Before: change.Text(string(have)), After: change.Text(content)}}
		c.Steps = []host.Step{write(path, content)}
		if edit != nil {
			edit(&c)
		}
		return c, nil
	})}
}

// stillOpen has something stay wrong with a resource.
func stillOpen(res kind.Resource) kind.Resource {
	look := res.Looker
	res.Looker = lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
		c, err := look.Look(ctx, r)
		c.Open = errBroken
		return c, err
	})
	return res
}

func needing(res kind.Resource, needs ...change.ID) kind.Resource {
	res.Needs = needs
	return res
}

func fileID(path string) change.ID { return change.ID{Kind: "file", Name: path} }

func write(path, content string) host.Step {
	return host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
}

// running wants a unit to run.
func running(name string) kind.Resource {
	return kind.Resource{ID: change.ID{Kind: "unit", Name: name}, Looker: lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
		u, err := r.Unit(ctx, name)
		if err != nil || u.Running() {
			return change.Change{}, err
		}
		return change.Change{Action: change.Modify, Steps: []host.Step{host.StartUnit{Name: name}}}, nil
	})}
}

// stopped wants a unit not to run.
func stopped(name string) kind.Resource {
	return kind.Resource{ID: change.ID{Kind: "unit", Name: name}, Stopped: true, Looker: lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
		u, err := r.Unit(ctx, name)
		if err != nil || !u.Running() {
			return change.Change{}, err
		}
		return change.Change{Action: change.Modify, Steps: []host.Step{host.StopUnit{Name: name}}}, nil
	})}
}

// pkg wants a package to be installed.
func pkg(name string) kind.Resource {
	return kind.Resource{ID: change.ID{Kind: "package", Name: name}, Looker: lookFunc(func(_ context.Context, r host.Reader) (change.Change, error) {
		p, err := r.Package(name)
		if err != nil || p != nil && p.State == host.Installed {
			return change.Change{}, err
		}
		return change.Change{Action: change.Add, Steps: []host.Step{host.InstallPackages{Packages: []host.PackageInstall{{Name: name}}}}}, nil
	})}
}

// gone wants a package to be removed, or purged.
func gone(name string, purge bool) kind.Resource {
	return kind.Resource{ID: change.ID{Kind: "package", Name: name}, Looker: lookFunc(func(_ context.Context, r host.Reader) (change.Change, error) {
		p, err := r.Package(name)
		if err != nil || p == nil || p.State != host.Installed {
			return change.Change{}, err
		}
		return change.Change{Action: change.Remove, Steps: []host.Step{host.RemovePackages{Names: []string{name}, Purge: purge}}}, nil
	})}
}

func fixed(id change.ID, c change.Change, err error) kind.Resource {
	return kind.Resource{ID: id, Looker: lookFunc(func(context.Context, host.Reader) (change.Change, error) { return c, err })}
}

func notify(verb host.Verb, unit string) func(*change.Change) {
	return func(c *change.Change) {
		c.Notify = append(c.Notify, change.Notification{Unit: unit, Verb: verb})
	}
}

func of(name string, stage kind.Stage, resources ...kind.Resource) converge.Kind {
	return converge.Kind{Kind: kind.Bare(name, stage), Resources: resources}
}

func files(resources ...kind.Resource) converge.Kind {
	return of("file", kind.StageFiles, resources...)
}

func packages(resources ...kind.Resource) converge.Kind {
	k := of("package", kind.StagePackages, resources...)
	k.Batch = true
	return k
}

func run(ctx context.Context, h host.Host, kinds ...converge.Kind) *converge.Report {
	return converge.Run(ctx, converge.Options{Host: h, Kinds: kinds, Now: func() time.Time { return time.Time{} }})
}

// outcome writes results as "file//etc/a changed", with the reason or error of
// those that have one.
func outcome(rep *converge.Report) []string {
	var out []string
	for _, r := range rep.Results {
		line := r.ID.String() + " " + string(r.Status)
		if r.Reason != "" {
			line += ": " + r.Reason
		}
		if r.Err != nil {
			line += ": " + r.Err.Error()
		}
		out = append(out, line)
	}
	return out
}
