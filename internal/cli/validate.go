package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/kind"
	"opsafe/internal/roster"
	"opsafe/internal/words"
)

func newValidate(a *App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:        "validate",
		SuggestFor: []string{"backends", "lint", "syntax"},
		Short:      "Check all backends without touching a host",
		Long: `Check all backends, developers.yaml and keys/, without looking at a host or the
network. Everything that is wrong is reported in one go.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.validate(o) },
	}
	o.addDir(c)
	return c
}

func (a *App) validate(o options) error {
	repo, err := o.load(a, "")
	if err != nil {
		return err
	}
	if err := roster.Validate(repo); err != nil {
		return countProblems(err)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(repo.Backends)) {
		b := repo.Backends[name]
		people, err := roster.Resolve(repo, b, nil)
		if err != nil {
			return err
		}
		items := 0
		for _, k := range converge.Declare(&kind.Input{Backend: b, Repo: repo, Roster: people}) {
			items += len(k.Resources)
		}
		for _, m := range people.Keyless(repo, b) {
			note(a.Err, "%s: %s has no key on %s: there is no keys/%s, and none is pinned for them", m.Pos, m.Name, name, m.Name)
		}
		lines = append(lines, fmt.Sprintf("%-8s %10s, %13s", name, words.Count(len(people.Members), "person"), words.Count(items, "resource")))
	}
	if len(lines) == 0 {
		return errors.New("there is no backend: backends/NAME/backend.yaml")
	}
	fmt.Fprintf(a.Out, "%s\nvalid\n", strings.Join(lines, "\n"))
	return nil
}
