package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"opsafe/internal/bench/workload"
)

// guestTree is where the spec of a tree is.
const guestTree = "/srv/tree-spec"

// fewRounds are for what takes long.
const fewRounds = 5

// others measures trees of files, and specs of many people, on a host of their own.
func others(ctx context.Context, o options, out, progress io.Writer) (err error) {
	o.people = 1
	b, err := newBench(ctx, o, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.trees(ctx, out); err != nil {
		return err
	}
	for _, n := range o.many {
		if err := b.specs(ctx, n, out); err != nil {
			return err
		}
	}
	return nil
}

// trees measures a tree that has to get owner, mode and ACL, and one that has them.
func (b *bench) trees(ctx context.Context, out io.Writer) error {
	spec := filepath.Join(b.dir, "tree")
	if err := workload.WriteTreeSpec(spec); err != nil {
		return err
	}
	if err := b.host.Install(ctx, spec, guestTree); err != nil {
		return err
	}
	opsafe := func(args ...string) []string {
		return append(append([]string{guestBin + "opsafe"}, args...), "--dir", guestTree, "--backend", workload.Backend)
	}
	fmt.Fprintf(b.log, "measuring a tree of %d files\n", b.files)
	fresh := script(fmt.Sprintf("rm -rf %[1]s && mkdir %[1]s && cd %[1]s && for d in $(seq %[2]d); do mkdir d$d && (cd d$d && touch $(seq 100)); done", workload.Tree, b.files/100))
	// The first run makes the accounts, and is not measured.
	if _, err := b.rounds(ctx, 1, true, fresh, opsafe("manage")); err != nil {
		return err
	}
	ms, err := b.rounds(ctx, fewRounds, true, fresh, script(workload.TreeTools), fresh, opsafe("manage"))
	if err != nil {
		return err
	}
	ms[1].Name, ms[3].Name = "chown, chmod, setfacl -R", "opsafe manage"
	if err := rows(out, fmt.Sprintf("First run: owner, mode and ACL of %d files", b.files), ms[1], ms[3]); err != nil {
		return err
	}
	ms, err = b.rounds(ctx, fewRounds, true, script(workload.TreeLook), opsafe("manage"))
	if err != nil {
		return err
	}
	ms[0].Name, ms[1].Name = "find and getfacl -R", "opsafe manage"
	return rows(out, fmt.Sprintf("Nothing to do: owner, mode and ACL of %d files", b.files), ms...)
}

// specs measures what is done with a spec alone.
func (b *bench) specs(ctx context.Context, people int, out io.Writer) error {
	state, err := workload.New(people)
	if err != nil {
		return err
	}
	dir := fmt.Sprintf("%s/spec-%d", b.dir, people)
	if err := state.WriteSpec(dir); err != nil {
		return err
	}
	guest := fmt.Sprintf("/srv/spec-%d", people)
	if err := b.host.Install(ctx, dir, guest); err != nil {
		return err
	}
	fmt.Fprintf(b.log, "measuring a spec of %d people\n", people)
	ms, err := b.rounds(
		ctx, fewRounds, true, script("find "+guest+" -type f -exec cat {} + | wc -c"),
		[]string{guestBin + "opsafe", "validate", "--dir", guest},
		[]string{guestBin + "opsafe", "plan", "--facts", "none", "--skip", "unit", "--dir", guest, "--backend", workload.Backend},
	)
	if err != nil {
		return err
	}
	ms[0].Name, ms[1].Name, ms[2].Name = "cat of all its files", "opsafe validate", "opsafe plan, bare host"
	return rows(out, fmt.Sprintf("A spec of %d people, none of whom is there", people), ms...)
}

// once measures what can be done only once.
func (b *bench) once(ctx context.Context, name string, argv []string) (measured, error) {
	ms, err := b.rounds(ctx, 1, true, argv)
	if err != nil {
		return measured{}, err
	}
	ms[0].Name = name
	return ms[0], nil
}

func script(text string) []string { return []string{"/bin/sh", "-ec", text} }

// useradds makes as many accounts as there are people, in as many groups.
func useradds(people int) []string {
	return script(fmt.Sprintf("for i in $(seq %d); do useradd -M -U -G developers,docker,researchers,reviewers,sudo -s /bin/bash tool$i; done", people))
}
