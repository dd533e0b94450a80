package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/testhost"
)

const (
	hostName = "try"
	backend  = "tpp"
	// repository is where opsafe looks when it is not told otherwise.
	repository = "/srv/opsafe"
	// leaver is the person who loses access.
	leaver = "jongmassey"
	// privateDir holds what only few may see.
	privateDir = "/srv/high_privacy/workspaces"
)

// demo is the demonstration on one host.
type demo struct {
	*screen
	host    *testhost.Host
	planned []string // the changes of the plan for the bare host
	later   []string // those of which it said that they are known after apply, by name
}

// report is what is read of opsafe's JSON document.
type report struct {
	Changes []struct {
		Kind, Name string
		Later      string `json:"known_after_apply"`
	}
	Unknown []struct{ Kind, Name string }
	Summary struct{ Failed int }
}

// names lists the changes as kind/name, sorted.
func (r report) names() []string {
	var names []string
	for _, c := range r.Changes {
		names = append(names, c.Kind+"/"+c.Name)
	}
	slices.Sort(names)
	return names
}

// plans asks opsafe, behind the scenes, what it would do now.
func (d *demo) plans(ctx context.Context) (report, error) {
	var r report
	res, err := d.host.Run(ctx, repository+"/bin/opsafe", "plan", "--backend", backend, "--format", "json")
	if err != nil {
		return r, err
	}
	if res.Code != 0 {
		return r, wrong("opsafe plan ended with exit code %d: %s", res.Code, res.Stderr)
	}
	if err := json.Unmarshal([]byte(res.Stdout), &r); err != nil {
		return r, fmt.Errorf("cannot read opsafe's JSON: %w", err)
	}
	if r.Summary.Failed > 0 || len(r.Unknown) > 0 {
		return r, wrong("the plan has %d failures and %d unknown", r.Summary.Failed, len(r.Unknown))
	}
	return r, nil
}

// expect asks opsafe for its plan and compares it.
func (d *demo) expect(ctx context.Context, want ...string) error {
	r, err := d.plans(ctx)
	if err != nil {
		return err
	}
	slices.Sort(want)
	if got := r.names(); !slices.Equal(got, want) {
		return wrong("opsafe would change %s, not %s", listed(got), listed(want))
	}
	return nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// show runs a command in the host before everybody's eyes. It has to end with
// the exit code.
func (d *demo) show(ctx context.Context, how folding, code int, argv ...string) (string, error) {
	d.command(argv)
	return d.run(ctx, how, code, argv...)
}

func (d *demo) run(ctx context.Context, how folding, code int, argv ...string) (string, error) {
	out, got, err := d.pass(d.host.Command(ctx, argv...), how)
	if err != nil {
		return out, err
	}
	if got != code {
		return out, wrong("%s ended with exit code %d, not %d", strings.Join(argv, " "), got, code)
	}
	return out, nil
}

// showAll runs commands that have nothing to say.
func (d *demo) showAll(ctx context.Context, argvs ...[]string) error {
	d.command(argvs...)
	for _, argv := range argvs {
		if _, err := d.run(ctx, folding{}, 0, argv...); err != nil {
			return err
		}
	}
	return nil
}
