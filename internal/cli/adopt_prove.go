package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"opsafe/internal/adopt"
	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// refusal is what a spec cannot say as it is on the host.
type refusal struct {
	items []*adopt.Item
	named bool // somebody asked for it by its name
	why   string
}

// fragmentFile is the fragment in the repository that it is proved in.
const fragmentFile = "backends/fragment.yaml"

// prove plans the fragment, as a spec of its own, and takes out of it what the
// plan would change, until nothing is.
func (a *App) prove(ctx context.Context, f *adopt.Fragment) ([]refusal, error) {
	dir, err := os.MkdirTemp("", "opsafe-adopt-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory to check the fragment in: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var refused []refusal
	for len(f.Items) > 0 {
		found, err := a.objections(ctx, f, dir)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			break
		}
		for _, o := range found {
			items := f.Drop(o.item.Path)
			if len(items) == 0 {
				continue // it went with another
			}
			refused = append(refused, refusal{items: items, named: o.item.Named, why: o.why})
		}
	}
	return refused, nil
}

// objection is why an item is not as it is on the host.
type objection struct {
	item *adopt.Item
	why  string
}

// objections are those that the loader or a plan has. Of an item, the first.
func (a *App) objections(ctx context.Context, f *adopt.Fragment, dir string) ([]objection, error) {
	text, err := f.YAML()
	if err != nil {
		return nil, err
	}
	repo, err := a.loadFragment(f, dir, text)
	var out []objection
	object := func(at spec.Pos, why string) {
		if at.File != fragmentFile {
			return
		}
		if item := f.At(text, at.Line); item != nil {
			out = append(out, objection{item, why})
		}
	}
	var problems spec.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			object(p.Pos, p.Text)
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("cannot make a spec of what is on this host: %w", problems)
		}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	results, err := a.planFragment(ctx, repo)
	for _, r := range results {
		switch r.Status {
		case change.Failed:
			object(r.Pos, fmt.Sprintf("%s: %v", r.ID, r.Err))
		case change.Unknown:
			object(r.Pos, fmt.Sprintf("%s: %s", r.ID, r.Reason))
		case change.Changed:
			object(r.Pos, fmt.Sprintf("%s: a plan would change %s", r.ID, changed(r.Change)))
		case change.Unchanged, change.NotApplicable, change.Blocked:
		}
	}
	return out, err
}

// loadFragment writes a repository around the fragment and loads it.
func (a *App) loadFragment(f *adopt.Fragment, dir, text string) (*spec.Repository, error) {
	around, err := f.Surroundings(a.Host)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		fragmentFile:                    []byte(text),
		"backends/adopted/backend.yaml": []byte("include: [../fragment.yaml]\n" + around),
	}
	for name, c := range f.Files {
		files[filepath.Join("backends", f.Beside, name)] = c.Data
	}
	for name, data := range files {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, data, 0o600)); err != nil {
			return nil, fmt.Errorf("cannot write the fragment to check it: %w", err)
		}
	}
	return kinds.Load(spec.LoadOptions{Dir: dir, Backend: "adopted"})
}

func (a *App) planFragment(ctx context.Context, repo *spec.Repository) ([]change.Result, error) {
	b, err := repo.Backend("adopted")
	if err != nil {
		return nil, err
	}
	people, err := roster.Resolve(repo, b, nil)
	if err != nil {
		return nil, err
	}
	in := &kind.Input{Backend: b, Repo: repo, Roster: people, ServiceKeys: map[string]roster.KeySet{}}
	for name, k := range b.AuthorizedKeys {
		in.ServiceKeys[name] = people.ServiceKeys(repo, b, k, nil)
	}
	rep := converge.Run(ctx, converge.Options{Host: overlay.New(a.Host), Kinds: converge.Declare(in), Now: a.Now})
	return rep.Results, ctx.Err()
}

// changed names what a change changes.
func changed(c change.Change) string {
	var parts []string
	for _, attr := range c.Attrs {
		text := func(v change.Value) string {
			if v.Kind == change.Known {
				return v.Text
			}
			return firstOf(string(v.Kind), "none")
		}
		parts = append(parts, fmt.Sprintf("%s %s → %s", attr.Name, text(attr.Before), text(attr.After)))
	}
	if c.Diff != nil {
		parts = append(parts, "the content of "+c.Diff.Path)
	}
	if c.Deferred != "" {
		parts = append(parts, c.Deferred)
	}
	if len(parts) == 0 {
		parts = append(parts, string(c.Action))
	}
	return strings.Join(parts, ", ")
}
