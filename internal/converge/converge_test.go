package converge_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

var errBroken = errors.New("broken")

// units of a host: on runs, off does not.
const units = `
units:
  on.service: {active: active}
  two.service: {active: active}
  off.service: {}
`

func TestRun(t *testing.T) {
	unknown := &host.UnknownError{What: "x", Why: "permission denied"}
	for _, tt := range []struct {
		name  string
		host  string
		fail  map[string]error
		lie   map[string]bool
		needs map[string]string
		kinds []converge.Kind
		want  []string // outcome
		did   []string
	}{
		{
			name: "a failure blocks what needs it and nothing else",
			fail: map[string]error{"write /etc/a 1": errBroken},
			kinds: []converge.Kind{files(
				file("/etc/a", "1", nil),
				file("/etc/b", "1", nil, fileID("/etc/a")),
				file("/etc/c", "1", nil, fileID("/etc/b")),
				file("/etc/d", "1", nil),
			)},
			want: []string{
				"file//etc/a failed: broken",
				"file//etc/b blocked: file /etc/a failed",
				"file//etc/c blocked: file /etc/a failed",
				"file//etc/d changed",
			},
			did: []string{"write /etc/a 1", "write /etc/d 1"},
		},
		{
			name: "what is as declared is left alone",
			host: "files: {/etc/a: {content: '1'}}",
			kinds: []converge.Kind{files(
				file("/etc/a", "1", nil),
				kind.Resource{ID: fileID("/etc/b"), When: nil, Looker: file("/etc/a", "1", nil).Looker},
			)},
			want: []string{"file//etc/a unchanged", "file//etc/b unchanged"},
		},
		{
			name:  "what stays wrong does not hold up what can be done",
			host:  "files: {/etc/b: {content: '1'}}",
			kinds: []converge.Kind{files(stillOpen(file("/etc/a", "1", nil)), stillOpen(file("/etc/b", "1", nil)))},
			want: []string{
				"file//etc/a changed",
				"file//etc/a failed: broken",
				"file//etc/b failed: broken",
			},
			did: []string{"write /etc/a 1"},
		},
		{
			name: "a step that has no effect is found out",
			lie:  map[string]bool{"write /etc/a 1": true},
			kinds: []converge.Kind{files(
				file("/etc/a", "1", nil),
				file("/etc/b", "1", nil, fileID("/etc/a")),
			)},
			want: []string{
				"file//etc/a failed: still differs after the change: content is absent, not 1",
				"file//etc/b blocked: file /etc/a failed",
			},
			did: []string{"write /etc/a 1"},
		},
		{
			name: "what may not be seen is unknown, and stops nothing",
			kinds: []converge.Kind{files(
				fixed(fileID("/etc/a"), change.Change{}, unknown),
				fixed(fileID("/etc/b"), change.Change{}, errBroken),
				file("/etc/c", "1", nil, fileID("/etc/a")),
			)},
			want: []string{
				"file//etc/a unknown: x is unknown: permission denied",
				"file//etc/b failed: broken",
				"file//etc/c changed",
			},
			did: []string{"write /etc/c 1"},
		},
		{
			name: "what is wrong may follow from what is unknown, and is not tried then",
			kinds: []converge.Kind{files(
				fixed(fileID("/etc/a"), change.Change{}, unknown),
				needing(fixed(fileID("/etc/b"), change.Change{}, errBroken), fileID("/etc/a")),
			)},
			want: []string{
				"file//etc/a unknown: x is unknown: permission denied",
				"file//etc/b unknown: file /etc/a is unknown",
			},
		},
		{
			name: "what is only known later is deferred, and what it will cause is planned",
			host: units,
			kinds: []converge.Kind{files(fixed(fileID("/etc/a"), change.Change{
				Action: change.Modify, Deferred: "the package brings it",
				Notify: []change.Notification{{Unit: "on.service", Verb: host.Restart}},
			}, nil))},
			want: []string{"file//etc/a changed", "restart/on.service changed"},
			did:  []string{"restart on.service"},
		},
		{
			name: "a later change that undoes an earlier one is caught in the end",
			kinds: []converge.Kind{files(
				file("/etc/a", "1", nil),
				kind.Resource{ID: fileID("other"), Looker: file("/etc/a", "2", nil).Looker},
			)},
			want: []string{
				"file//etc/a failed: did not last to the end of the run: still differs after the change: content is 2, not 1",
				"file/other changed",
			},
			did: []string{"write /etc/a 1", "write /etc/a 2"},
		},
		{
			name:  "a batch is one step, and each resource is judged by what is there",
			fail:  map[string]error{"hold b": errBroken},
			kinds: []converge.Kind{packages(pkg("aa"), held("b"), pkg("cc"))},
			want: []string{
				"package/aa changed",
				"package/b failed: broken",
				"package/cc changed",
			},
			did: []string{"install aa b cc", "hold b"},
		},
		{
			name:  "a batch whose step fails is done one by one, and fails for those that fail alone",
			host:  "packages: {aa: installed}",
			fail:  map[string]error{"install b cc": errors.New("together"), "install b": errBroken},
			kinds: []converge.Kind{packages(pkg("aa"), pkg("b"), pkg("cc"))},
			want:  []string{"package/aa unchanged", "package/b failed: broken", "package/cc changed"},
			did:   []string{"install b cc", "install b", "install cc"},
		},
		{
			name:  "what fails in a batch is not taken further",
			fail:  map[string]error{"install b cc": errors.New("together"), "install b": errBroken},
			kinds: []converge.Kind{packages(held("b"), held("cc"))},
			want:  []string{"package/b failed: broken", "package/cc changed"},
			did:   []string{"install b cc", "install b", "install cc", "hold cc"},
		},
		{
			name:  "a removal that others are in the way of is tried again as long as others go",
			host:  "packages: {a: installed, b: installed, c: installed, d: installed}",
			needs: map[string]string{"a": "b", "b": "c", "c": "d"},
			kinds: []converge.Kind{packages(gone("a", true), gone("b", false), gone("c", true), gone("d", false))},
			want:  []string{"package/a changed", "package/b changed", "package/c changed", "package/d changed"},
			did:   []string{"purge a c", "purge a", "purge c", "purge b d", "purge b", "purge d", "purge a", "purge c", "purge b", "purge a"},
		},
		{
			name:  "a removal that stays impossible fails alone",
			host:  "packages: {a: installed, b: installed, c: installed, d: installed}",
			needs: map[string]string{"a": "b"},
			kinds: []converge.Kind{packages(gone("a", true), gone("c", true), gone("d", false))},
			want:  []string{"package/a failed: b needs it", "package/c changed", "package/d changed"},
			did:   []string{"purge a c", "purge a", "purge c", "purge d", "purge a"},
		},
		{
			name:  "a hold of one package comes after the installation of another",
			host:  "packages: {aa: installed}",
			kinds: []converge.Kind{packages(held("aa"), held("b"))},
			want:  []string{"package/aa changed", "package/b changed"},
			did:   []string{"hold aa", "install b", "hold b"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, tt.host)
			h.fail, h.lie, h.needs = tt.fail, tt.lie, tt.needs
			rep := run(context.Background(), h, tt.kinds...)
			if d := cmp.Diff(tt.want, outcome(rep)); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.did, h.did()); d != "" && len(tt.did)+len(h.did()) > 0 {
				t.Errorf("steps (-want +got):\n%s", d)
			}
			if rep.Interrupted {
				t.Error("interrupted")
			}
		})
	}
}

// held wants a package to be installed and held.
func held(name string) kind.Resource {
	return kind.Resource{ID: change.ID{Kind: "package", Name: name}, Looker: lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
		c, err := pkg(name).Look(ctx, r)
		if err != nil {
			return c, err
		}
		if p, err := r.Package(name); err != nil || p == nil || !p.Hold {
			c.Action = change.Modify
			c.Steps = append(c.Steps, host.HoldPackages{Names: []string{name}, Hold: true})
		}
		return c, nil
	})}
}

func TestConverged(t *testing.T) {
	for _, tt := range []struct {
		rep  converge.Report
		want bool
	}{
		{converge.Report{}, true},
		{converge.Report{Summary: change.Summary{Add: 1, NotApplicable: 1}}, true},
		{converge.Report{Summary: change.Summary{Failed: 1}}, false},
		{converge.Report{Summary: change.Summary{Unknown: 1}}, false},
		{converge.Report{Interrupted: true}, false},
	} {
		if got := tt.rep.Converged(); got != tt.want {
			t.Errorf("%+v: converged %v", tt.rep, got)
		}
	}
}

// TestPutBack has files back when a step fails, with what else reverts the change: one
// that was there, and one that was not.
func TestPutBack(t *testing.T) {
	h := newHost(t, units+"files: {/etc/a: {content: old, mode: \"0666\", group: adm}}\n")
	h.fail["restart on.service"] = errBroken
	rep := run(context.Background(), h, files(file("/etc/a", "new", func(c *change.Change) {
		c.Steps = append(c.Steps, write("/etc/b", "new"), host.ActOnUnit{Name: "on.service", Verb: host.Restart})
		c.PutBack, c.Revert = true, []host.Step{host.StartUnit{Name: "on.service"}}
	})))
	want := []string{"file//etc/a failed: broken; what was there before has been put back"}
	if d := cmp.Diff(want, outcome(rep)); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
	did := []string{"write /etc/a new", "write /etc/b new", "restart on.service", "remove /etc/b", "write /etc/a old", "start on.service"}
	if d := cmp.Diff(did, h.did()); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	if n, err := h.Stat("/etc/a"); err != nil || n == nil || n.Group != "root" || n.Access.Mode() != 0o644 {
		t.Errorf("/etc/a has not kept the declared owner and rights: %+v, %v", n, err)
	}
}

// TestRevert follows the steps that put things back, and those that are done in
// any case.
func TestRevert(t *testing.T) {
	edit := func(c *change.Change) {
		c.Steps = append([]host.Step{host.StopUnit{Name: "on.service"}}, append(c.Steps, host.ActOnUnit{Name: "two.service", Verb: host.Restart})...)
		c.Revert = []host.Step{host.RemovePath{Path: "/etc/a"}, host.StartUnit{Name: "two.service"}}
		c.Finally = []host.Step{host.StartUnit{Name: "on.service"}}
	}
	for _, tt := range []struct {
		name string
		fail map[string]error
		lie  map[string]bool
		want string
		did  []string
	}{
		{
			name: "success", want: "file//etc/a changed",
			did: []string{"stop on.service", "write /etc/a 1", "restart two.service", "start on.service"},
		},
		{
			name: "a step fails", fail: map[string]error{"restart two.service": errBroken},
			want: "file//etc/a failed: broken; what was there before has been put back",
			did:  []string{"stop on.service", "write /etc/a 1", "restart two.service", "remove /etc/a", "start two.service", "start on.service"},
		},
		{
			name: "the look afterwards fails", lie: map[string]bool{"write /etc/a 1": true, "remove /etc/a": true},
			want: "file//etc/a failed: still differs after the change: content is absent, not 1; what was there before has been put back",
			did:  []string{"stop on.service", "write /etc/a 1", "restart two.service", "remove /etc/a", "start two.service", "start on.service"},
		},
		{
			name: "nothing can be put back", fail: map[string]error{"restart two.service": errBroken, "remove /etc/a": errors.New("stuck")},
			want: "file//etc/a failed: broken; and what was there before could not be put back: stuck",
			did:  []string{"stop on.service", "write /etc/a 1", "restart two.service", "remove /etc/a", "start on.service"},
		},
		{
			name: "the last steps fail", fail: map[string]error{"start on.service": errBroken},
			want: "file//etc/a failed: broken",
			did:  []string{"stop on.service", "write /etc/a 1", "restart two.service", "start on.service"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, units)
			h.fail, h.lie = tt.fail, tt.lie
			rep := run(context.Background(), h, files(file("/etc/a", "1", edit)))
			if d := cmp.Diff([]string{tt.want}, outcome(rep)); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.did, h.did()); d != "" {
				t.Errorf("steps (-want +got):\n%s", d)
			}
		})
	}
}

// TestCancelled: nothing more is done after the run is cancelled, but what puts
// things right is.
func TestCancelled(t *testing.T) {
	t.Run("between resources", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		h := newHost(t, units)
		h.after = func(step string) {
			if step == "write /etc/b 1" {
				cancel()
			}
		}
		rep := run(ctx, h, files(
			file("/etc/a", "1", notify(host.Restart, "on.service")), file("/etc/b", "1", nil), file("/etc/c", "1", nil),
		))
		if !rep.Interrupted || rep.Converged() {
			t.Error("it does not say that it was interrupted")
		}
		if d := cmp.Diff([]string{"write /etc/a 1", "write /etc/b 1"}, h.did()); d != "" {
			t.Errorf("steps (-want +got):\n%s", d)
		}
		pending, err := h.Pending()
		if err != nil || len(pending) != 1 || pending[0].Unit != "on.service" {
			t.Errorf("the restart is not owed any more: %v, %v", pending, err)
		}
	})
	t.Run("in the middle of a change", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		h := newHost(t, units)
		h.after = func(step string) {
			if step == "stop on.service" {
				cancel()
			}
		}
		rep := run(ctx, h, files(file("/etc/a", "1", func(c *change.Change) {
			c.Steps = append([]host.Step{host.StopUnit{Name: "on.service"}}, c.Steps...)
			c.Finally = []host.Step{host.StartUnit{Name: "on.service"}}
		})))
		if !rep.Interrupted || rep.Summary.Failed != 1 {
			t.Errorf("%v", outcome(rep))
		}
		if d := cmp.Diff([]string{"stop on.service", "start on.service"}, h.did()); d != "" {
			t.Errorf("steps (-want +got):\n%s", d)
		}
	})
	t.Run("before a batch is made", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		h := newHost(t, "")
		late := kind.Resource{ID: change.ID{Kind: "package", Name: "b"}, Looker: lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
			cancel()
			return pkg("b").Look(ctx, r)
		})}
		rep := run(ctx, h, packages(pkg("aa"), late), files(file("/etc/a", "1", nil)))
		if !rep.Interrupted || len(h.did()) > 0 {
			t.Errorf("it went on: %v %v", h.did(), outcome(rep))
		}
	})
}

// recorder is a Sink that remembers.
type recorder struct{ calls []string }

func (r *recorder) Begin(ids []change.ID, _ change.Change) {
	line := "begin"
	for _, id := range ids {
		line += " " + id.String()
	}
	r.calls = append(r.calls, line)
}

func (r *recorder) Done(out change.Result) {
	r.calls = append(r.calls, "done "+out.ID.String()+" "+string(out.Status))
}

func TestSink(t *testing.T) {
	h := newHost(t, units)
	var sink recorder
	converge.Run(context.Background(), converge.Options{Host: h, Sink: &sink, Now: now, Kinds: []converge.Kind{
		packages(pkg("aa"), pkg("b")),
		files(file("/etc/a", "1", notify(host.Reload, "on.service"))),
	}})
	want := []string{
		"begin package/aa package/b", "done package/aa changed", "done package/b changed",
		"begin file//etc/a", "done file//etc/a changed",
		"begin reload/on.service", "done reload/on.service changed",
		"begin", // watching whether it keeps running
	}
	if d := cmp.Diff(want, sink.calls); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}
