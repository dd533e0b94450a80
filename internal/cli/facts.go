package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/access"
	"opsafe/internal/confirm"
	"opsafe/internal/converge"
	"opsafe/internal/facts"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
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
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.facts(c.Context(), o) },
	}
	c.Flags().StringSliceVar(&o.backends, "backend", nil, "backend whose plan is to be possible, can be repeated (default: as for plan)")
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
		Coverage: facts.Coverage{Backends: o.backends, Root: a.Root},
	}
	data, err := file.Marshal()
	if err != nil {
		return err
	}
	if err := writePrivate(o.out, data); err != nil {
		return fmt.Errorf("cannot write the facts: %w", err)
	}
	fmt.Fprintf(a.Out, "%s holds what plans need to know of %s for %s: %s.\n", o.out, state.Facts.Hostname, strings.Join(o.backends, ", "), amount(state))
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
	repo, err := o.load(a, "")
	if err != nil {
		return nil, err
	}
	secrets := host.Secrecy{Paths: map[string]bool{confirm.RecordPath: true}, Variables: map[string]map[string]bool{}}
	for _, name := range o.backends {
		b, err := repo.Backend(name)
		if err != nil {
			return nil, err
		}
		s := kind.Secrets(b)
		maps.Copy(secrets.Paths, s.Paths)
		for p, names := range s.Variables {
			secrets.Variables[p] = joined(secrets.Variables[p], names)
		}
	}
	rec := snapshot.NewRecorder(a.Host, secrets)
	for _, name := range o.backends {
		if err := a.recordBackend(ctx, o.options, rec, name); err != nil {
			return nil, err
		}
		b, err := repo.Backend(name)
		if err != nil {
			return nil, err
		}
		if err := cover(rec, repo, b); err != nil {
			return nil, err
		}
	}
	state, err := rec.Record(ctx)
	if err != nil {
		return nil, err
	}
	return &state, nil
}

func joined(a, b map[string]bool) map[string]bool {
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}

// recordBackend asks all that a plan asks. What comes of the plan is of no
// interest here.
func (a *App) recordBackend(ctx context.Context, o options, rec *snapshot.Recorder, name string) error {
	on := *a
	on.Host = lookedAt{rec}
	o.backend = name
	p, err := o.prepare(ctx, &on)
	if err != nil {
		return err
	}
	after := overlay.New(rec)
	rep := converge.Run(ctx, converge.Options{Host: after, Kinds: p.kinds, Now: a.Now})
	on.summarize(ctx, rep, after, p.declared)
	if a.Root {
		_, _, err = access.FindLockOut(ctx, access.Question{Before: rec, After: after, Declared: p.declared, Now: a.Now()})
		if err != nil && !host.IsUnknown(err) {
			return err
		}
	}
	return ctx.Err()
}

// lookedAt is a host that can be looked at, and no more.
type lookedAt struct{ scannable }

type scannable interface {
	host.Reader
	host.TreeScanner
}

func (lookedAt) Do(context.Context, host.Step) error {
	return errors.New("cannot change a host that is only looked at")
}

// writePrivate replaces a file as a whole, or not at all, and lets nobody but its
// owner read it.
func writePrivate(path string, data []byte) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(replaceIn(dir, filepath.Base(path), data, 0o600), dir.Close())
}
