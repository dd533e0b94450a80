package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/kind"
	"opsafe/internal/offboard"
	"opsafe/internal/policy"
	"opsafe/internal/render"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// offboarding finds out what is known of somebody, and refuses to go on where the
// spec would bring them back. A mistake elsewhere in the spec is no reason to leave
// somebody their access: then what can be said for certain has to do.
func (a *App) offboarding(o accountOptions) (offboard.Offboarding, error) {
	off := offboard.Offboarding{Name: o.name, By: a.operator(), Now: a.Now()}
	boot, err := a.Host.ReadFile(backendFile)
	if err != nil {
		return off, err
	}
	off.Backend = firstOf(o.backend, a.Env("OPSAFE_BACKEND"), strings.TrimSpace(string(boot)))
	disabled, err := roster.ReadTombstones(a.Host)
	if err != nil {
		return off, err
	}
	present, err := policy.PresentKeys(a.Host, o.name)
	if err != nil {
		// Nobody is to keep their access by making their keys unreadable.
		note(a.Err, "not all keys of %s could be read, so that they may be elsewhere, too: %v", o.name, err)
	}
	off.Keys = slices.Concat(disabled[o.name].Keys, a.keysGiven(o.name), present)
	repo, err := o.load(a, "")
	var ps spec.Problems
	switch {
	case err == nil:
		return off, a.unlisted(repo, &off)
	case !errors.As(err, &ps):
		return off, err
	}
	dir, err := o.repository(a)
	if err != nil {
		return off, err
	}
	off.Listed = func(account string) bool {
		at, err := mentions(dir, account)
		return err != nil || len(at) > 0
	}
	return off, a.unmentioned(o, dir, ps)
}

// unmentioned is unlisted for a spec that cannot be loaded.
func (a *App) unmentioned(o accountOptions, dir string, ps spec.Problems) error {
	at, err := mentions(dir, o.name)
	if err != nil {
		return err
	}
	if len(at) > 0 {
		return fmt.Errorf("the spec cannot be loaded, and it may still list %s: nothing has been changed\nremove them first, here:%s\nor mend the spec, so that it can be told for certain:\n%w", o.name, places(at), ps)
	}
	note(a.Err, "the spec cannot be loaded; %s is not in it by name, so this goes on; whether their keys are listed under another name could not be checked:\n%v", o.name, ps)
	return nil
}

// unlisted refuses to disable somebody to whom this host's backend still gives
// something; where the host does not say which it is, any counts. What other
// backends give them is said.
func (a *App) unlisted(repo *spec.Repository, off *offboard.Offboarding) error {
	here := slices.Collect(maps.Values(repo.Backends))
	if off.Backend != "" {
		b, err := repo.Backend(off.Backend)
		if err != nil {
			return err
		}
		here = []*spec.Backend{b}
		off.Declared = b
	}
	all := roster.Listed(repo, off.Name)
	for _, b := range here {
		if len(roster.ListedHere(repo, b, off.Name)) > 0 {
			return fmt.Errorf("%s is still listed, and the next run on this host would bring them back; nothing has been changed\nremove them first, here:%s", off.Name, places(all))
		}
	}
	off.Keys = slices.Concat(off.Keys, roster.KeysOf(repo, off.Name))
	off.Shared = roster.KeysOfOthers(repo, off.Name)
	off.Listed = listedKeys(repo, here)
	theirs := slices.DeleteFunc(slices.Clone(off.Keys), func(fp string) bool { return off.Shared[fp] != "" })
	for _, b := range here {
		if at := roster.ListedKeys(repo, b, theirs); len(at) > 0 {
			return fmt.Errorf("keys of %s still let somebody in elsewhere in the spec; nothing has been changed\nremove them first, here:%s", off.Name, places(at))
		}
	}
	if len(all) > 0 {
		note(a.Err, "%s is still listed for other backends, and keeps what they have there; this host's gives them nothing:%s", off.Name, places(all))
	}
	for _, fp := range slices.Compact(slices.Sorted(slices.Values(off.Keys))) {
		if at := off.Shared[fp]; at != "" {
			note(a.Err, "the key %s of %s is listed under another name, too (%s): who is called so keeps it", fp, off.Name, at)
		}
	}
	return nil
}

// listedKeys reports of which accounts the keys come from a key server, so that it is
// not known here whose else a key in their files is. What the repository has for
// others is known.
func listedKeys(repo *spec.Repository, here []*spec.Backend) func(string) bool {
	var people []*roster.Roster
	for _, b := range here {
		if r, err := roster.Resolve(repo, b, nil); err == nil {
			people = append(people, r)
		}
	}
	return func(account string) bool {
		for i, r := range people {
			if m := r.Member(account); m != nil && m.Uses(spec.FromGitHub) && !here[i].Keys.GitHub.Locked() {
				return true
			}
			if s := here[i].AuthorizedKeys[account]; s != nil && len(s.People) > 0 {
				return true
			}
		}
		return false
	}
}

// keysGiven are the keys that runs have given somebody, as far as the records go
// back.
func (a *App) keysGiven(name string) []string {
	h, err := history.Read(a.Host)
	if err != nil {
		return nil
	}
	fingerprint := regexp.MustCompile(`SHA256:[A-Za-z0-9+/]{43}`)
	var out []string
	for _, rec := range h.Records {
		for _, e := range rec.Entries {
			if e.ID != (change.ID{Kind: "key", Name: name}) || rec.Command != "manage" {
				continue
			}
			for _, attr := range e.Attrs {
				out = append(out, fingerprint.FindAllString(attr.After.Text, -1)...)
			}
		}
	}
	return out
}

// closePlan says what would remain: on the host as the plan leaves it.
func (a *App) closePlan(ctx context.Context, o accountOptions, off offboard.Offboarding, resources []kind.Resource) error {
	after := overlay.New(a.Host)
	converge.Run(ctx, converge.Options{Host: after, Kinds: accountKinds("disable-user", resources), Now: a.Now})
	left, err := off.Remains(ctx, after)
	if err != nil || o.format != formatText || len(left) == 0 {
		return err
	}
	fmt.Fprintf(a.Out, "This would remain:\n")
	a.listLeft(left)
	return nil
}

// closing says, from a look at the host, what has become of somebody's access. That
// there is none any more is said only where it is so.
func (a *App) closing(ctx context.Context, o accountOptions, off offboard.Offboarding, r host.Reader, changed bool) error {
	left, err := off.Remains(ctx, r)
	if err != nil {
		return err
	}
	sure := slices.ContainsFunc(left, func(l offboard.Left) bool { return !l.Doubt })
	if o.format == formatText {
		when := "any more; looked at again: account, password, shell, keys of all accounts, groups, sessions, jobs, units, rules of sudo"
		if !changed {
			when = "as before"
		}
		switch {
		case sure:
			fmt.Fprintf(a.Out, "The account of %s is closed, but they may still have access to this host:\n", off.Name)
		case len(left) > 0:
			fmt.Fprintf(a.Out, "%s has no access that is known to be theirs, but look at this:\n", off.Name)
		case changed:
			fmt.Fprintf(a.Out, "%s has no access to this host %s.\n", off.Name, when)
		default:
			fmt.Fprintf(a.Out, "%s has no access to this host, %s.\n", off.Name, when)
		}
		a.listLeft(left)
	} else {
		for _, l := range left {
			note(a.Err, "this remains: %s: %s", render.Clean(l.What), render.Clean(l.Way))
		}
	}
	if sure {
		return said(exitFailed)
	}
	return nil
}

func (a *App) listLeft(left []offboard.Left) {
	for _, l := range left {
		fmt.Fprintf(a.Out, "  %s\n      %s\n", render.Clean(l.What), render.Clean(l.Way))
	}
}
