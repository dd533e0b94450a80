package cli

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"opsafe/internal/access"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/render"
)

type accessOptions struct {
	options
	users, paths []string
}

func newAccess(a *App) *cobra.Command {
	var o accessOptions
	c := &cobra.Command{
		Use:   "access",
		Short: "Say who may do what on this host, now and after manage",
		Long: `Say who may do what on this host, now and after manage: log in, become root,
read and write. It is worked out from accounts, keys, sshd's and sudo's own reading
of their configuration, groups, modes and ACLs.

Without --user and --path it says a line of everybody: people, those whom the spec
names, and members of groups by which one is root.`,
		Example: "  sudo opsafe access\n  sudo opsafe access --user alice\n  sudo opsafe access --path /srv/high_privacy",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.access(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addFormats(c, formatText, formatJSON)
	c.Flags().StringSliceVar(&o.users, "user", nil, "all that there is to say of this account")
	_ = c.RegisterFlagCompletionFunc("user", a.completePeople(&o.options))
	c.Flags().StringSliceVar(&o.paths, "path", nil, "who may do what at this path")
	_ = c.RegisterFlagCompletionFunc("path", completeFiles)
	return c
}

func (a *App) access(ctx context.Context, o accessOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	for _, p := range o.paths {
		if !path.IsAbs(p) || path.Clean(p) != p {
			return fmt.Errorf("cannot say anything of the path %q: want an absolute one, without dots for directories", p)
		}
	}
	facts, err := a.Host.Facts()
	if err != nil {
		return err
	}
	doc := &render.AccessReport{Host: facts.Hostname, ByPath: o.paths, Detail: len(o.users) > 0}
	q := access.Question{Before: access.Cache(a.Host), Now: a.Now()}
	q.After = q.Before
	paths := o.paths
	if name, _, err := o.backendName(a); err != nil {
		note(a.Err, "only of now, not of what manage would make of it: %v", err)
	} else {
		p, err := o.prepare(ctx, a)
		if err != nil {
			return err
		}
		after := overlay.New(a.Host)
		plan := converge.Run(ctx, converge.Options{Host: after, Kinds: p.kinds, Now: a.Now})
		doc.Backend, doc.Planned = name, true
		q.After, q.Declared = access.Cache(after), p.declared
		if len(paths) == 0 {
			paths = ruledPaths(plan)
		}
	}
	if err := a.accessOf(ctx, doc, q, o, paths); err != nil {
		return err
	}
	if o.format == formatJSON {
		err = render.WriteAccessJSON(a.Out, doc)
	} else {
		render.WriteAccess(a.Out, doc, a.style(a.Out))
	}
	if err == nil && !a.Root {
		note(a.Err, "run as root to see everything")
	}
	return err
}

// accessOf looks at everybody who is asked for.
func (a *App) accessOf(ctx context.Context, doc *render.AccessReport, q access.Question, o accessOptions, paths []string) error {
	names, err := a.accounts(q, o)
	if err != nil {
		return err
	}
	if len(o.users) == 0 && len(o.paths) > 0 {
		names = append(names, access.Everybody)
	}
	for _, name := range names {
		now, err := access.Of(ctx, q.Before, name, paths, q.Now)
		if err != nil {
			return err
		}
		then, err := access.Of(ctx, q.After, name, paths, q.Now)
		if err != nil {
			return err
		}
		doc.Now = append(doc.Now, person(now))
		doc.Then = append(doc.Then, person(then))
	}
	if len(o.users)+len(o.paths) == 0 {
		names = append(names, access.Everybody)
	}
	sum, err := access.Turns(ctx, q, names, paths)
	if err != nil {
		return err
	}
	doc.Access = sum
	return nil
}

// accounts are those that are asked for. At paths it is all that there are.
func (a *App) accounts(q access.Question, o accessOptions) ([]string, error) {
	var all []string
	for _, r := range []host.Reader{q.Before, q.After} {
		users, err := r.Users()
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			all = append(all, u.Name)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, name := range o.users {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("cannot say anything of %s: there is no such account, and none is declared: did you mean %s?", name, nearest(name, all))
		}
	}
	switch {
	case len(o.users) > 0:
		return o.users, nil
	case len(o.paths) > 0:
		return all, nil
	}
	return access.Subjects(q)
}

// person is what is shown of somebody's rights.
func person(r access.Rights) render.Person {
	p := render.Person{
		Name: r.Name, Account: r.Exists, Why: r.Why, Password: r.Password, Groups: r.Groups, Unknown: r.Unknown,
		Sudo: render.SudoDoc{Everything: r.Everything, Free: r.Free, Rules: r.Sudo},
	}
	if r.Exists && !r.Unsure {
		p.Login = &r.Login
	}
	for _, k := range r.Keys {
		p.Keys = append(p.Keys, render.KeyDoc{Fingerprint: k.Fingerprint, Comment: k.Comment})
	}
	for _, g := range r.Groups {
		if why := access.RootGroup(g); why != "" {
			p.Root = append(p.Root, render.RootDoc{Group: g, Why: why})
		}
	}
	for _, at := range r.Paths {
		p.Paths = append(p.Paths, render.PathDoc{Path: at.Path, May: append([]string{}, at.May...)})
	}
	return p
}
