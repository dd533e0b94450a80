package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"opsafe/internal/adopt"
	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/newrepo"
)

// newRepository makes the files, and proves that a plan with them changes nothing.
// What the backend cannot give to the person as they have it is left out.
func (a *App) newRepository(ctx context.Context, o initOptions) (map[string]newrepo.File, []string, error) {
	draft, f, err := a.takeOver(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	if o.person != "" {
		var keys []byte
		if o.keyFile != "" {
			if keys, err = os.ReadFile(o.keyFile); err != nil {
				return nil, nil, fmt.Errorf("cannot read the keys of %s: %w", o.person, err)
			}
		}
		if draft.Person, err = newrepo.Describe(a.Host, o.person, keys, declaredGroups(f)); err != nil {
			return nil, nil, err
		}
	}
	if draft.Program, err = a.digest(); err != nil {
		return nil, nil, err
	}
	draft.Version, draft.Architecture, draft.From = program(), runtime.GOARCH, o.from
	for {
		files, err := newrepo.Files(draft)
		if err != nil {
			return nil, nil, err
		}
		would, err := a.wouldChange(ctx, o.backend, files)
		if err != nil {
			return nil, nil, err
		}
		if would == "" {
			return files, append(f.Notes, left(draft.Person)...), nil
		}
		less, ok := (*newrepo.Person)(nil), false
		if draft.Person != nil {
			less, ok = draft.Person.Less(would)
		}
		if !ok {
			return nil, nil, fmt.Errorf("cannot make a spec that changes nothing: a plan %s: take over less", would)
		}
		draft.Person = less
	}
}

// left says what of a person is not in the spec.
func left(p *newrepo.Person) []string {
	switch {
	case p == nil:
		return nil
	case !p.Listed:
		return []string{fmt.Sprintf("%s is not listed: %s", p.Name, p.Why)}
	case !p.Role:
		return []string{fmt.Sprintf("%s is listed without a role, and gets nothing yet: %s", p.Name, p.Why)}
	case !p.KeysToo:
		return []string{fmt.Sprintf("the keys of %s are not managed: %s", p.Name, p.Why)}
	}
	return nil
}

// declaredGroups are the groups that a spec with the fragment declares.
func declaredGroups(f *adopt.Fragment) []string {
	_, out := f.Needs()
	for _, item := range f.Items {
		if item.Path[0] == "groups" {
			out = append(out, item.Path[1])
		}
	}
	return out
}

// takeOver describes what is to be taken over from the host.
func (a *App) takeOver(ctx context.Context, o initOptions) (newrepo.Options, *adopt.Fragment, error) {
	out := newrepo.Options{Backend: o.backend}
	if len(o.adopt) == 0 {
		return out, &adopt.Fragment{}, nil
	}
	wanted, err := adoptable(o.adopt)
	if err != nil {
		return out, nil, errors.New(strings.ReplaceAll(err.Error(), "--only", "--adopt"))
	}
	const beside = "files"
	f, missing := adopt.Take(ctx, a.Host, adopt.Options{Wanted: wanted, Beside: beside})
	if missing != nil {
		return out, nil, missing
	}
	for _, section := range []string{"users", "authorized_keys"} {
		f.Drop([]string{section, o.person}) // developers.yaml has them
	}
	notePeople(f)
	refused, err := a.prove(ctx, f)
	if err != nil {
		return out, nil, err
	}
	if len(f.Items)+len(refused) == 0 {
		f.Notes = append(f.Notes, "nothing was found to take over")
		return out, f, nil
	}
	if out.Adopted, err = a.adopted(f, refused, o.adopt); err != nil {
		return out, nil, err
	}
	if len(f.Items) == 0 {
		out.Adopted += "\ndescription: " + o.backend + "\n" // a file declares something
	}
	if users, groups := f.Needs(); len(users)+len(groups) > 0 {
		around, err := f.Surroundings(a.Host)
		if err != nil {
			return out, nil, err
		}
		out.Referred = "# What adopted.yaml refers to, as it is on this host.\n\n" + around
	}
	out.Beside = map[string]newrepo.File{}
	for name, c := range f.Files {
		out.Beside[filepath.Join(beside, name)] = newrepo.File(c)
	}
	return out, f, nil
}

// wouldChange says what a plan with the files would do, or what is wrong with them;
// empty: nothing.
func (a *App) wouldChange(ctx context.Context, backend string, files map[string]newrepo.File) (string, error) {
	dir, err := os.MkdirTemp("", "opsafe-init-")
	if err != nil {
		return "", fmt.Errorf("cannot make a directory to check the repository in: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, f := range files {
		if err := writeFile(ctx, filepath.Join(dir, name), newrepo.File{Data: f.Data, Secret: true}); err != nil {
			return "", err
		}
	}
	o := options{backend: backend, dir: dir, silent: true}
	p, err := o.prepare(ctx, a)
	if err != nil {
		return "", fmt.Errorf("cannot make a spec of this host: %w", err)
	}
	rep := converge.Run(ctx, converge.Options{Host: overlay.New(a.Host), Kinds: p.kinds, Now: a.Now})
	for _, r := range rep.Results {
		switch r.Status {
		case change.Changed:
			return fmt.Sprintf("would change %s: %s", r.ID, changed(r.Change)), nil
		case change.Failed:
			return fmt.Sprintf("fails at %s: %v", r.ID, r.Err), nil
		case change.Unknown, change.Blocked:
			return fmt.Sprintf("cannot see %s: %s", r.ID, r.Reason), nil
		case change.Unchanged, change.NotApplicable:
		}
	}
	return "", ctx.Err()
}

// digest is the SHA-256 of the program that runs.
func (a *App) digest() (string, error) {
	path, err := a.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find the program that runs: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the program that runs: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
