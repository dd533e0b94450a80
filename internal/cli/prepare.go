package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
	"opsafe/internal/run"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// prepared is a spec that has been read and checked, as resources for this host.
type prepared struct {
	backend string
	boot    string // what the host was bootstrapped as; empty: not at all
	kinds   []converge.Kind
	roster  *roster.Roster
	in      *kind.Input
	facts   host.MachineFacts
	// declared are the people and accounts whose keys the spec gives.
	declared []string
	// whole is all that the spec declares, if no more and no less is looked at.
	whole []string
	took  time.Duration // for reading and asking
}

// leftAlone reports whether the spec leaves what is called KIND/NAME to the host.
func leftAlone(b *spec.Backend, id string) bool {
	of, name, _ := strings.Cut(id, "/")
	k, _ := kinds.Find(of)
	return slices.ContainsFunc(k.Sections, func(section string) bool { return slices.Contains(b.LeftAlone, section+"/"+name) })
}

// wayIn is what has to stay open.
func (p *prepared) wayIn(l lockOut) run.WayIn {
	return run.WayIn{Declared: p.declared, FirstLogin: p.in.FirstLogins(), Unasked: run.UnaskedKeys(p.in.Keys), MayClose: l.allowed}
}

// load reads and checks the repository. As root, files that others can write are
// refused first: they would be root's orders.
func (o *options) load(a *App, backend string) (*spec.Repository, error) {
	dir, err := o.repository(a)
	if err != nil {
		return nil, err
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir, Backend: backend, RootOwned: a.Root && a.record == nil, Version: a.number()})
	return repo, countProblems(err)
}

// countProblems says how many there are below a list of them.
func countProblems(err error) error {
	var ps spec.Problems
	if !errors.As(err, &ps) {
		return err
	}
	return fmt.Errorf("the spec has %s; nothing has been changed\n%w", words.Count(len(ps), "problem"), ps)
}

// prepare reads the spec, finds out who has an account here, and fetches all
// keys: everything that can be wrong without looking at the host is found before
// the first look.
func (o *options) prepare(ctx context.Context, a *App) (*prepared, error) {
	begun := a.Now()
	name, boot, err := o.backendName(a)
	if err != nil {
		return nil, err
	}
	// While the spec is read, the host can get ready to answer.
	a.Host.Prefetch(ctx, host.Hints{Systemd: true, Packages: true})
	repo, err := o.load(a, name)
	if err != nil {
		return nil, err
	}
	backend, err := repo.Backend(name)
	if err != nil {
		return nil, err
	}
	in, err := o.input(ctx, a, repo, backend)
	if err != nil {
		return nil, err
	}
	declared := converge.Declare(in)
	all := declared
	if a.Tree != "" {
		if all, err = a.unbooted(in, declared); err != nil {
			return nil, err
		}
	}
	kinds, err := o.selection(all)
	if err != nil {
		return nil, err
	}
	facts, err := a.Host.Facts()
	if err != nil {
		return nil, err
	}
	p := &prepared{backend: name, boot: boot, kinds: kinds, in: in, roster: in.Roster, facts: facts}
	if len(o.only)+len(o.skip) == 0 {
		for _, k := range declared {
			for _, r := range k.Resources {
				if id := r.ID.String(); !kind.KeepsOut(id) {
					p.whole = append(p.whole, id)
				}
			}
		}
	}
	if !o.silent { // facts see to it themselves
		in.Former = slices.DeleteFunc(a.runner().Former(name, p.whole), func(id string) bool { return leftAlone(backend, id) })
	}
	for _, m := range in.Roster.Members {
		p.declared = append(p.declared, m.Name)
	}
	p.declared = slices.AppendSeq(p.declared, maps.Keys(backend.AuthorizedKeys))
	slices.Sort(p.declared)
	p.took = a.Now().Sub(begun)
	return p, nil
}

func (o *options) input(ctx context.Context, a *App, repo *spec.Repository, b *spec.Backend) (*kind.Input, error) {
	disabled, err := roster.ReadTombstones(a.Host)
	if err != nil {
		return nil, err
	}
	people, err := roster.Resolve(repo, b, disabled)
	if err != nil {
		return nil, countProblems(err)
	}
	revoked, err := roster.ReadRevoked(a.Host)
	if err != nil && (a.record == nil || !host.IsUnknown(err)) { // older facts do not say
		return nil, err
	}
	people.Block(revoked)
	var fetcher *roster.Fetcher
	if !o.silent && !b.Keys.GitHub.Locked() { // else nothing is asked of anybody
		fetch := roster.FetchOptionsOf(b, a.Host)
		fetch.Away = a.record != nil
		if fetcher, err = roster.NewFetcher(fetch); err != nil {
			return nil, fmt.Errorf("cannot fetch keys: %w", err)
		}
	}
	keys, err := people.CollectKeys(ctx, repo, b, fetcher)
	if err != nil {
		return nil, err
	}
	in := &kind.Input{Backend: b, Repo: repo, Roster: people, Keys: keys, ServiceKeys: map[string]roster.KeySet{}, Now: a.Now(), AskRegistries: o.registries}
	for name, k := range b.AuthorizedKeys {
		in.ServiceKeys[name] = people.ServiceKeys(repo, b, k, keys)
	}
	return in, nil
}

// held says who is listed but disabled on this host.
func (p *prepared) held() []string {
	var out []string
	for _, h := range p.roster.Held {
		text := fmt.Sprintf("%s is listed (%s) but disabled on this host", h.Name, h.Pos)
		if !h.Since.IsZero() {
			text += fmt.Sprintf(" since %s by %s", h.Since.Local().Format("2006-01-02 15:04"), h.By)
		}
		if h.Note != "" {
			text += "; " + h.Note
		}
		out = append(out, fmt.Sprintf("%s; to let them in again: sudo opsafe enable-user %s", text, h.Name))
	}
	return out
}
