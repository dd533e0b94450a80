package cli

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/access"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/render"
	"opsafe/internal/run"
	"opsafe/internal/words"
)

type accessOptions struct {
	options
	users, paths []string
}

func newAccess(a *App) *cobra.Command {
	var o accessOptions
	c := &cobra.Command{
		Use:        "access",
		Short:      "Say who may do what on this host, now and after manage",
		SuggestFor: []string{"audit", "who", "users", "permissions"},
		Long: `Say who may do what on this host, now and after manage: log in, become root,
read and write. It is worked out from accounts, keys, sshd's and sudo's own reading
of their configuration, groups, modes and ACLs.

Without --user and --path it says a line of everybody: people, those whom the spec
names, members of groups by which one is root, and other accounts with a shell; and
what they may do at the paths of which the spec says who may do what. --path has all
accounts of the host.`,
		Example: "  sudo opsafe access\n  sudo opsafe access --user alice\n  sudo opsafe access --path /srv/high_privacy",
		Args:    a.accessArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.access(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addFormats(c, formatText, formatJSON)
	c.Flags().Var((*list)(&o.users), "user", "all that there is to say of the account `NAME`")
	_ = c.RegisterFlagCompletionFunc("user", a.completePeople(&o.options))
	c.Flags().Var((*list)(&o.paths), "path", "who may do what at this `PATH`")
	_ = c.RegisterFlagCompletionFunc("path", completeFiles)
	return c
}

// accessArgs says of a word behind the command what it could be meant for.
func (a *App) accessArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 || a.Host == nil {
		return noArgs(c, args)
	}
	groups, err := a.Host.Groups()
	i := slices.IndexFunc(groups, func(g host.Group) bool { return g.Name == args[0] })
	if u, known := a.Host.User(args[0]); err != nil || i < 0 || known != nil || u != nil {
		return noArgs(c, args)
	}
	if len(groups[i].Members) == 0 {
		return onlyFlags(c, args[0], "that is a group, in which nobody is besides whose own it is")
	}
	return onlyFlags(c, args[0], "that is a group: --user NAME says what one of its members may do: "+strings.Join(groups[i].Members, ", "))
}

func (a *App) access(ctx context.Context, o accessOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	for i, p := range o.paths {
		if dir := strings.TrimRight(p, "/"); dir != "" {
			p, o.paths[i] = dir, dir // as shells complete the name of a directory
		}
		if !path.IsAbs(p) || path.Clean(p) != p {
			return fmt.Errorf("cannot say anything of the path %q: want an absolute one, without dots for directories", p)
		}
	}
	facts, err := a.Host.Facts()
	if err != nil {
		return err
	}
	doc := &render.AccessReport{Host: facts.Hostname, Made: a.Now(), ByPath: o.paths, Detail: len(o.users) > 0, Asked: o.users}
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
		q.After, q.Declared, doc.SetByAdmin = access.Cache(after), p.declared, p.in.SetByAdmin()
		if len(paths) == 0 {
			paths, q.Stand = run.RuledPaths(plan, p.in.Former)
			doc.Ruled = paths
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
	if len(o.users) == 0 {
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
		for _, of := range []struct {
			list   *[]render.Person
			r      host.Reader
			rights access.Rights
		}{{&doc.Now, q.Before, now}, {&doc.Then, q.After, then}} {
			p := person(of.rights)
			p.Awaits = slices.Contains(doc.SetByAdmin, name) && unset(of.r, name)
			*of.list = append(*of.list, p)
		}
	}
	sum, err := access.Turns(ctx, q, names, paths)
	if err != nil {
		return err
	}
	doc.Access = sum
	return openGroups(doc, q.Before)
}

// unset reports whether an account has no password, not even behind a lock.
func unset(r host.Reader, name string) bool {
	p, err := r.Password(name)
	return err == nil && p != nil && p.State != host.PasswordSet && !p.HasHash
}

// openGroups looks for the groups that others get into without root's doing.
func openGroups(doc *render.AccessReport, r host.Reader) error {
	groups, err := access.OpenGroups(r)
	if host.IsUnknown(err) {
		doc.Access.Unknown = append(doc.Access.Unknown, err.Error())
	} else if err != nil {
		return err
	}
	for _, g := range groups {
		doc.Open = append(doc.Open, render.OpenGroupDoc{Group: g.Name, Password: g.Password, Admins: g.Admins, Why: access.RootGroup(g.Name)})
	}
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
			return nil, fmt.Errorf("cannot say anything of %s: there is no such account, and none is declared: did you mean %s?", name, words.Nearest(name, slices.Values(all)))
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
		Name: r.Name, Account: r.Exists, Why: r.Why, Groups: r.Groups, Unknown: r.Unknown,
		Sudo: render.SudoDoc{Everything: r.Everything, Free: r.Free, Unset: r.Unset, Rules: r.Sudo, Unsure: r.SudoUnsure},
	}
	if can, unsure := r.Login(); r.Exists && !unsure {
		p.Login = &can
	}
	for _, d := range r.Doors {
		p.Ways = append(p.Ways, wayOf(d))
		p.Password = p.Password || d.BySSH() && d.By == access.ByPassword
		if d.By == access.ByKey && d.Doubt == "" {
			p.Keys = append(p.Keys, render.KeyDoc{Fingerprint: d.Key.Fingerprint, Comment: d.Key.Comment})
		}
	}
	for _, g := range r.Groups {
		if why := access.RootGroup(g); why != "" {
			p.Root = append(p.Root, render.RootDoc{Group: g, Why: why})
		}
	}
	for _, g := range r.Administers {
		p.Administers = append(p.Administers, render.RootDoc{Group: g, Why: access.RootGroup(g)})
	}
	for _, at := range r.Paths {
		p.Paths = append(p.Paths, render.PathDoc{Path: at.Path, May: append([]string{}, at.May...), Absent: at.Absent, Unsure: at.Unsure})
	}
	return p
}

func wayOf(d access.Door) render.WayDoc {
	w := render.WayDoc{By: string(d.By), At: d.At, Fingerprint: d.Key.Fingerprint, Doubt: d.Doubt, Words: d.Words(), Root: d.Socket != ""}
	if d.Doubt == "" {
		w.Good, w.Shell = d.Good(), d.Use == access.UseShell
	}
	return w
}
