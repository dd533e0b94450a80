package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/render"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

type keysOptions struct {
	options
	check bool
}

func newKeys(a *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Pin the keys that people have registered",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKeysUpdate(a))
	return c
}

func newKeysUpdate(a *App) *cobra.Command {
	var o keysOptions
	c := &cobra.Command{
		Use:   "update",
		Short: "Write the keys that people have registered into " + spec.LockFile,
		Long: `Ask for the keys of everybody who may use registered keys on any backend, and
write them into ` + spec.LockFile + ` of the repository, for review like any change.

It looks at no host and needs no root. Somebody whose keys cannot be told for
certain keeps the pins that they have; who is not listed any more loses theirs.`,
		Example: "  opsafe keys update\n  opsafe keys update --check --backend emis",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.keysUpdate(c.Context(), o) },
	}
	c.Flags().StringVar(&o.backend, "backend", "", "the backend `NAME` whose key server is asked (default: one of form api, which makes sure of github_id, else the first by name)")
	o.addDir(c)
	_ = c.RegisterFlagCompletionFunc("backend", a.completeBackends(&o.options))
	o.addFormat(c)
	c.Flags().BoolVar(&o.check, "check", false, "write nothing; exit with 0: the file is as it would be written, 2: it is not, 1: not everybody's keys could be told")
	return c
}

func (a *App) keysUpdate(ctx context.Context, o keysOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	repo, err := o.load(a, "")
	if err != nil {
		return err
	}
	begun := a.Now()
	server, update, err := a.fetchPins(ctx, o, repo)
	if err != nil {
		return err
	}
	rep := pinReport(update)
	var have []byte
	if repo.Lock != nil {
		have = repo.Lock.Data
	}
	// Without a file and without pins there is nothing to write down.
	stale := !bytes.Equal(have, update.Lock) && (repo.Lock != nil || rep.Summary.Changes() > 0)
	mode := render.Plan
	if !o.check {
		mode = render.Apply
		if stale {
			if err := writeLock(repo.Dir, update.Lock); err != nil {
				return err
			}
		}
	}
	o.full = true // whoever gains access is named
	out := a.newOutput("keys update", o.options, server, "", mode)
	for _, r := range rep.Results {
		out.Done(r)
	}
	rep.Took = a.Now().Sub(begun)
	if err := out.Close(rep); err != nil {
		return err
	}
	return a.afterPins(o, rep, stale)
}

// fetchPins asks the server for everybody's keys.
func (a *App) fetchPins(ctx context.Context, o keysOptions, repo *spec.Repository) (server string, _ roster.PinUpdate, _ error) {
	b, others, err := roster.Server(repo, o.backend)
	if err != nil {
		return "", roster.PinUpdate{}, err
	}
	if len(others) > 0 {
		note(a.Err, "%s is asked, as %s says; --backend asks another server, as %s would", b.Keys.GitHub.URL, b.Name, strings.Join(others, ", "))
	}
	fetch := roster.FetchOptionsOf(b, a.Host)
	fetch.MinRSABits = roster.FloorRSABits // what a person's own backends want is checked below
	fetcher, err := roster.NewFetcher(fetch)
	if err != nil {
		return "", roster.PinUpdate{}, fmt.Errorf("cannot fetch keys: %w", err)
	}
	update, err := roster.UpdatePins(ctx, repo, fetcher)
	return b.Name, update, countProblems(err)
}

// afterPins says what is left to do, and ends with the exit code.
func (a *App) afterPins(o keysOptions, rep *converge.Report, stale bool) error {
	switch changes := rep.Summary.Changes(); {
	case stale && changes == 0 && o.check:
		note(a.Err, "%s holds the right keys, but is not as opsafe writes it", spec.LockFile)
	case stale && changes == 0:
		note(a.Err, "%s held the right keys, but was not as opsafe writes it: it has been written anew", spec.LockFile)
	case stale && !o.check && o.format == formatText:
		fmt.Fprintf(a.Out, "%s has been written: look whose keys these are, then commit it.\n", spec.LockFile)
	}
	switch {
	case rep.Summary.Failed > 0:
		return said(exitFailed)
	case stale && o.check:
		return said(exitChanges)
	}
	return nil
}

// pinReport shows pins as the resources of a run are shown.
func pinReport(update roster.PinUpdate) *converge.Report {
	rep := &converge.Report{}
	for _, p := range update.People {
		r := change.Result{ID: change.ID{Kind: "pin", Name: p.Name}, Pos: p.Pos, Status: change.Unchanged}
		r.Change.Attrs = pinAttrs(p)
		switch {
		case p.Err != nil:
			r.Status, r.Err = change.Failed, p.Err
		case len(r.Change.Attrs) == 0:
		case len(p.Before) == 0:
			r.Status, r.Change.Action = change.Changed, change.Add
		case len(p.After) == 0:
			r.Status, r.Change.Action, r.Change.Why = change.Changed, change.Remove, p.Why
		default:
			r.Status, r.Change.Action = change.Changed, change.Modify
		}
		rep.Results = append(rep.Results, r)
	}
	rep.Summary = change.Count(rep.Results)
	return rep
}

// pinAttrs are the keys that come and go.
func pinAttrs(p roster.PersonPins) []change.Attr {
	var attrs []change.Attr
	text := func(k roster.Key) change.Value { return change.Text(k.Type + " " + k.Fingerprint) }
	has := func(keys []roster.Key, k roster.Key) bool {
		for _, o := range keys {
			if o.Blob == k.Blob {
				return true
			}
		}
		return false
	}
	for _, k := range p.After {
		if !has(p.Before, k) {
			attrs = append(attrs, change.Attr{Name: "key", After: text(k)})
		}
	}
	for _, k := range p.Before {
		if !has(p.After, k) {
			attrs = append(attrs, change.Attr{Name: "key", Before: text(k)})
		}
	}
	return attrs
}
