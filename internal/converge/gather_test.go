package converge_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/kind"
)

// next wants a file with the next number: how many files of the directory there are.
func next(path string) kind.Resource {
	return kind.Resource{ID: fileID(path), Looker: lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
		n, err := r.Stat(path)
		if err != nil || n != nil {
			return change.Change{}, err
		}
		names, err := r.ReadDir("/srv")
		if err != nil {
			return change.Change{}, err
		}
		return file(path, strconv.Itoa(len(names)), nil).Look(ctx, r)
	})}
}

// TestGather: changes that follow one another are made together, each as if those before
// it had been made.
func TestGather(t *testing.T) {
	const there = "files: {/srv: {type: directory}, /srv/c: {content: '1'}}"
	for _, tt := range []struct {
		name      string
		resources []kind.Resource
		fail      map[string]error
		lie       map[string]bool
		want      []string // outcome
		did       []string
		content   map[string]string
	}{
		{
			name:      "each sees what is done before it",
			resources: []kind.Resource{next("/srv/a"), next("/srv/b"), next("/srv/c"), next("/srv/d"), next("/srv/e")},
			want:      []string{"file//srv/a changed", "file//srv/b changed", "file//srv/c unchanged", "file//srv/d changed", "file//srv/e changed"},
			did:       []string{"write together /srv/a /srv/b", "write together /srv/d /srv/e"},
			content:   map[string]string{"/srv/a": "1", "/srv/b": "2", "/srv/d": "3", "/srv/e": "4"},
		},
		{
			name: "what cannot be made together is made by itself, in its turn",
			resources: []kind.Resource{
				next("/srv/a"), next("/srv/b"), file("/srv/u", "1", notify(host.Restart, "on.service")), next("/srv/d"), stillOpen(next("/srv/e")), next("/srv/f"),
			},
			want: []string{
				"file//srv/a changed", "file//srv/b changed", "file//srv/u changed", "file//srv/d changed",
				"file//srv/e changed", "file//srv/e failed: broken", "file//srv/f changed", "restart/on.service changed",
			},
			did: []string{"write together /srv/a /srv/b", "write /srv/u 1", "write /srv/d 4", "write /srv/e 5", "write /srv/f 6", "restart on.service"},
		},
		{
			name:      "what has died in the middle is completed one by one",
			resources: []kind.Resource{next("/srv/a"), next("/srv/b"), next("/srv/d")},
			fail:      map[string]error{"write together /srv/a /srv/b /srv/d": errBroken},
			want:      []string{"file//srv/a changed", "file//srv/b changed", "file//srv/d changed"},
			did:       []string{"write together /srv/a /srv/b /srv/d", "write /srv/b 2", "write /srv/d 3"},
			content:   map[string]string{"/srv/a": "1", "/srv/b": "2", "/srv/d": "3"},
		},
		{
			name:      "one that fails fails by itself",
			resources: []kind.Resource{next("/srv/a"), next("/srv/b"), next("/srv/d"), needing(next("/srv/e"), fileID("/srv/b"))},
			fail:      map[string]error{"write together /srv/a /srv/b /srv/d /srv/e": errBroken, "write /srv/b 2": errBroken},
			want:      []string{"file//srv/a changed", "file//srv/b failed: broken", "file//srv/d changed", "file//srv/e blocked: file /srv/b failed"},
			did:       []string{"write together /srv/a /srv/b /srv/d /srv/e", "write /srv/b 2", "write /srv/d 2"},
		},
		{
			name:      "one that has had no effect is found out",
			resources: []kind.Resource{next("/srv/a"), next("/srv/b")},
			lie:       map[string]bool{"write together /srv/a /srv/b": true},
			want: []string{
				"file//srv/a failed: still differs after the change: content is absent, not 1",
				"file//srv/b failed: still differs after the change: content is absent, not 1",
			},
			did: []string{"write together /srv/a /srv/b"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, units+there)
			if tt.fail != nil {
				h.fail = tt.fail
			}
			h.lie = tt.lie
			rep := gathering(context.Background(), h, tt.resources)
			if d := cmp.Diff(tt.want, outcome(rep)); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.did, h.did()); d != "" {
				t.Errorf("steps (-want +got):\n%s", d)
			}
			said := slices.ContainsFunc(rep.Results, func(r change.Result) bool { return strings.Contains(strings.Join(r.Notes, "\n"), "by itself: broken") })
			if said != (tt.fail != nil) {
				t.Errorf("it says why not all is made together: %v", said)
			}
			for path, want := range tt.content {
				if got, err := h.ReadFile(path); string(got) != want || err != nil {
					t.Errorf("%s has %q, want %q, %v", path, got, want, err)
				}
			}
		})
	}
}

// TestGatherCancelled: what has been made is said, and nothing more is begun.
func TestGatherCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := newHost(t, "files: {/srv: {type: directory}}")
	h.after = func(string) { cancel() }
	all := []kind.Resource{next("/srv/a"), next("/srv/b"), file("/srv/u", "1", notify(host.Restart, "on.service"))}
	rep := gathering(ctx, h, all)
	if d := cmp.Diff([]string{"file//srv/a changed", "file//srv/b changed"}, outcome(rep)); d != "" || !rep.Interrupted {
		t.Errorf("results (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"write together /srv/a /srv/b"}, h.did()); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
}

func gathering(ctx context.Context, h host.Host, resources []kind.Resource) *converge.Report {
	k := files(resources...)
	k.Together = true
	return converge.Run(ctx, converge.Options{
		Host: h, Now: now, Kinds: []converge.Kind{k},
		Ahead: func(on host.Reader) host.Host { return overlay.New(on) },
	})
}
