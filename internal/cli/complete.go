package cli

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
)

// Completion looks at the repository and at the host, and at no network. What
// cannot be found out is not offered; the command itself says why.

// noFiles is what completions end with where no word is a file's name.
const noFiles = cobra.ShellCompDirectiveNoFileComp

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func (a *App) completeBackends(o *options) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, noFiles
		}
		dir, err := o.repository(a)
		if err != nil {
			return nil, noFiles
		}
		found, err := filepath.Glob(filepath.Join(dir, "backends", "*", "backend.yaml"))
		if err != nil {
			return nil, noFiles
		}
		var names []string
		for _, f := range found {
			names = append(names, filepath.Base(filepath.Dir(f)))
		}
		return names, noFiles
	}
}

// completeSelection offers kinds, and behind KIND/ the names of what the backend
// declares. The flag takes several, with commas between.
func (a *App) completeSelection(o *options) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, words string) ([]string, cobra.ShellCompDirective) {
		before, word := "", words
		if i := strings.LastIndexByte(words, ','); i >= 0 {
			before, word = words[:i+1], words[i+1:]
		}
		declared := a.declared(o)
		var out []string
		offer := func(word, what string) {
			if before == "" {
				word = cobra.CompletionWithDesc(word, what)
			}
			out = append(out, before+word) // behind a comma, bash takes none with a description
		}
		name, _, named := strings.Cut(word, "/")
		if named {
			if k := findKind(name, declared); k != nil {
				for _, r := range k.Resources {
					offer(name+"/"+r.ID.Name, r.Pos.String())
				}
			}
			return out, noFiles
		}
		for _, name := range kindNames() {
			k := findKind(name, declared)
			offer(k.Name, k.Is)
			if len(k.Resources) > 0 {
				offer(k.Name+"/", "one of them")
			}
		}
		return out, noFiles
	}
}

// completeKinds offers kinds alone.
func completeKinds(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, k := range kinds.Table() {
		out = append(out, cobra.CompletionWithDesc(k.Name, k.Is))
	}
	return out, noFiles
}

// declared lists the kinds with what the spec declares of them, without anybody's
// keys; the kinds alone where the spec cannot be read.
func (a *App) declared(o *options) []converge.Kind {
	kinds := converge.Undeclared()
	name, _, err := o.backendName(a)
	if err != nil {
		return kinds
	}
	repo, err := o.load(a, name)
	if err != nil {
		return kinds
	}
	b, err := repo.Backend(name)
	if err != nil {
		return kinds
	}
	people, err := roster.Resolve(repo, b, nil)
	if err != nil {
		return kinds
	}
	return converge.Declare(&kind.Input{Backend: b, Repo: repo, Roster: people})
}

// completeAccounts offers the accounts of people and services on the host.
func (a *App) completeAccounts(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	return a.accountNames(), noFiles
}

// completePeople offers these, and people of developers.yaml who have no account
// on the host.
func (a *App) completePeople(o *options) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names := a.accountNames()
		repo, err := o.load(a, "")
		if err != nil {
			return names, noFiles
		}
		for _, p := range repo.People {
			if u, err := a.Host.User(p.Name); err == nil && u == nil {
				names = append(names, cobra.CompletionWithDesc(p.Name, p.Comment))
			}
		}
		slices.Sort(names)
		return names, noFiles
	}
}

func (a *App) accountNames() []string {
	users, err := a.Host.Users()
	if err != nil {
		return nil
	}
	ranges, err := a.Host.IDRanges()
	if err != nil {
		return nil
	}
	var names []string
	for _, u := range users {
		if u.UID >= ranges.UIDMin && u.UID <= ranges.UIDMax {
			names = append(names, cobra.CompletionWithDesc(u.Name, strings.TrimRight(u.Comment, ",")))
		}
	}
	slices.Sort(names)
	return names
}

// completeDisabled offers whom disable-user has disabled here.
func (a *App) completeDisabled(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	disabled, err := roster.ReadTombstones(a.Host)
	if err != nil {
		return nil, noFiles
	}
	return slices.Sorted(maps.Keys(disabled)), noFiles
}

// completeQuestions offers topics, and after a dot the fields.
func completeQuestions(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	asked, _, found := cutLast(word, ".")
	if !found {
		var out []string
		for _, t := range kinds.Language().Topics() {
			out = append(out, cobra.CompletionWithDesc(t.Name, t.Is))
		}
		return out, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	answers, err := kinds.Language().Explain(asked)
	if err != nil {
		return nil, noFiles
	}
	var out []string
	for _, e := range answers {
		p := e.Place
		if e.Field != nil {
			below, ok := p.Below(*e.Field)
			if !ok {
				continue
			}
			p = below
		}
		for _, f := range p.Fields() {
			out = append(out, cobra.CompletionWithDesc(asked+"."+f.Name, f.Is))
		}
	}
	return out, noFiles | cobra.ShellCompDirectiveNoSpace
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}
