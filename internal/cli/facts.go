package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/access"
	"opsafe/internal/facts"
	"opsafe/internal/host"
	"opsafe/internal/host/local"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kinds"
	"opsafe/internal/notes"
	"opsafe/internal/run"
	"opsafe/internal/spec"
)

type factsOptions struct {
	options
	backends []string
	out      string
}

func newFacts(a *App) *cobra.Command {
	var o factsOptions
	c := &cobra.Command{
		Use:   "facts",
		Short: "Record what planning needs to know of this host",
		Long: `Record what planning needs to know of this host, so that opsafe plan --facts gives
the same plan anywhere: accounts, groups, packages and units as a whole, and of
files what the backend's spec is about. Run it as root, or much is unknown.

Nothing secret is in it: no password or its hash, no private key, nothing that
the spec declares as secret. It asks nobody over the network.`,
		Example: "  sudo opsafe facts --out facts.json\n  sudo opsafe facts --backend tpp --backend test --out facts.json",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.facts(c.Context(), o) },
	}
	c.Flags().Var((*list)(&o.backends), "backend", "the backend `NAME` whose plan is to be possible, can be repeated (default: as for plan)")
	_ = c.RegisterFlagCompletionFunc("backend", a.completeBackends(&o.options))
	o.addDir(c)
	c.Flags().StringVar(&o.out, "out", "", "write to this `FILE`, which only its owner can read")
	_ = c.MarkFlagRequired("out")
	return c
}

func (a *App) facts(ctx context.Context, o factsOptions) error {
	if len(o.backends) == 0 {
		name, _, err := o.backendName(a)
		if err != nil {
			return err
		}
		o.backends = []string{name}
	}
	slices.Sort(o.backends)
	o.backends = slices.Compact(o.backends)
	o.silent = true
	a.Host.Prefetch(ctx, host.Hints{Systemd: true, Packages: true, Docker: true})
	state, err := a.recordHost(ctx, o)
	if err != nil {
		return err
	}
	number, _ := version()
	file := &facts.File{
		Opsafe: number, Recorded: a.Now(), Host: state,
		Coverage: facts.Coverage{Backends: o.backends, Root: a.Root}, LastRuns: map[string]*facts.LastRun{},
	}
	for _, name := range o.backends {
		if last := a.runner().LastRun(name); last != nil {
			file.LastRuns[name] = last
		}
	}
	data, err := file.Marshal()
	if err != nil {
		return err
	}
	if err := local.WriteOut(ctx, o.out, data, 0o600); err != nil {
		return fmt.Errorf("cannot write the facts: %w", err)
	}
	out := a.Out
	if local.IsStdout(o.out) {
		out = a.Err
	}
	fmt.Fprintf(out, "%s holds what plans need to know of %s for %s: %s.\n", o.out, state.Facts.Hostname, strings.Join(o.backends, ", "), amount(state))
	if !a.Root {
		note(a.Err, "what only root may see is not in it: run it with sudo to have it there")
	}
	return nil
}

// amount says how much is recorded.
func amount(s *snapshot.State) string {
	kept := 0
	for _, f := range s.Files {
		if f.Secret != nil {
			kept++
		}
	}
	text := fmt.Sprintf("%d users, %d packages, %d units, %d paths", len(s.Users), len(s.Packages), len(s.Units), len(s.Files))
	if kept > 0 {
		text += fmt.Sprintf("; of %d secret files no more than digests", kept)
	}
	return text
}

// recordHost plans for each backend, and writes down what that asks of the host.
func (a *App) recordHost(ctx context.Context, o factsOptions) (*snapshot.State, error) {
	repos := map[string]*spec.Repository{}
	for _, name := range o.backends {
		repo, err := o.load(a, name) // what is wrong with others is not this host's concern
		if err != nil {
			return nil, err
		}
		repos[name] = repo
	}
	backends := make([]*spec.Backend, 0, len(o.backends))
	for _, name := range o.backends {
		b, err := repos[name].Backend(name)
		if err != nil {
			return nil, err
		}
		backends = append(backends, b)
	}
	secrets := kinds.Secrets(backends...)
	secrets.Paths[notes.Waiting] = true
	rec := snapshot.NewRecorder(a.Host, secrets)
	for _, name := range o.backends {
		if err := a.recordBackend(ctx, o.options, rec, name); err != nil {
			return nil, err
		}
		b, err := repos[name].Backend(name)
		if err != nil {
			return nil, err
		}
		if err := cover(ctx, rec, repos[name], b); err != nil {
			return nil, err
		}
	}
	state, err := rec.Record(ctx)
	if err != nil {
		return nil, err
	}
	return &state, nil
}

// recordBackend asks all that a plan asks. What comes of the plan is of no
// interest here.
func (a *App) recordBackend(ctx context.Context, o options, rec *snapshot.Recorder, name string) error {
	on := *a
	on.Host = run.ReadOnly{Scannable: rec}
	o.backend = name
	p, err := o.prepare(ctx, &on)
	if err != nil {
		return err
	}
	for _, id := range a.runner().Former(name, p.whole) {
		_, at, _ := strings.Cut(id, "/")
		_, _ = rec.Stat(strings.TrimSuffix(at, "/**"))
	}
	r := on.runner()
	plan := r.Foresee(ctx, rec, p.kinds, nil)
	r.Summarize(ctx, plan, p.declared)
	if a.Root {
		_, err = access.FindLockOut(ctx, access.Question{Before: rec, After: plan.After, Declared: p.declared, Now: a.Now()})
		if err != nil && !host.IsUnknown(err) {
			return err
		}
	}
	return ctx.Err()
}
