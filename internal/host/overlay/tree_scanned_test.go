package overlay_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

// walked counts how often a tree is looked through.
type walked struct {
	host.Host
	walks int
}

func (w *walked) ScanTree(ctx context.Context, rule host.TreeRule) (*host.TreeScan, error) {
	w.walks++
	return w.Host.ScanTree(ctx, rule)
}

func (w *walked) ScanTreeWith(ctx context.Context, rule host.TreeRule, predicted *host.Prediction) (*host.TreeScan, error) {
	w.walks++
	return w.Host.(host.TreeScanner).ScanTreeWith(ctx, rule, predicted)
}

// TestTreeScannedOnce: a tree that has just been brought to a rule needs no other walk, as
// long as nothing else is done; what is known of it is what a walk would find.
func TestTreeScannedOnce(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
files:
  /srv/t: {type: directory}
  /srv/t/a: {content: x, mode: "0644"}
  /srv/t/b: {content: x, mode: "0644", owner: daemon}
`))
	if err != nil {
		t.Fatal(err)
	}
	mode := host.Mode(0o640)
	rule := host.TreeRule{Root: "/srv/t", FileMode: &mode, Owner: "root", From: []string{"root"}}
	scan := func(h host.Reader) *host.TreeScan {
		t.Helper()
		got, err := h.ScanTree(t.Context(), rule)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	base := &walked{Host: overlay.New(snapshot.New(state))}
	h := overlay.New(base)
	if got := scan(h); got.Differ != 1 || len(got.Refused) != 1 {
		t.Fatalf("before: %+v", got)
	}
	do := func(s host.Step) {
		t.Helper()
		if err := h.Do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	do(host.FixTree{Rule: rule, Told: true})
	before := base.walks
	known := scan(h)
	if base.walks != before {
		t.Error("the tree is looked through again, of which is known what it is like")
	}
	do(host.Owe{Pending: host.Pending{Unit: "a.service", Verb: host.Restart}})
	if diff := cmp.Diff(scan(h), known); diff != "" || base.walks == before {
		t.Errorf("a walk finds something else (-walk +known), %d walks:\n%s", base.walks-before, diff)
	}
	do(host.SetAccess{Path: "/srv/t/a", Access: host.AccessOf(0o666)})
	if got := scan(h); got.Differ != 1 {
		t.Errorf("after another step: %+v", got)
	}
}
