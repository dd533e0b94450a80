package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
)

// oneByOne is a host that does not know which nodes are alike.
type oneByOne struct{ *Host }

func (h oneByOne) ScanTreeWith(ctx context.Context, rule host.TreeRule, predicted *host.Prediction) (*host.TreeScan, error) {
	return h.Host.ScanTreeWith(ctx, rule, &host.Prediction{Node: predicted.Node})
}

// TestPredictedAlike crosses random trees, steps and rules: what is predicted once for all
// nodes that are alike is what is predicted of each of them.
func TestPredictedAlike(t *testing.T) {
	h, dir := newTestHost(t)
	rng := rand.New(rand.NewPCG(3, 4))
	paths := randomTree(t, rng, h, dir)
	refused, differ := 0, 0
	for round := range 150 {
		var alike, each host.Host = overlay.New(h), overlay.New(oneByOne{h})
		for range 1 + rng.IntN(4) {
			step := randomStep(rng, dir, paths)
			if err, other := alike.Do(t.Context(), step), each.Do(t.Context(), step); fmt.Sprint(err) != fmt.Sprint(other) {
				t.Fatalf("round %d: %+v: %v, %v", round, step, err, other)
			}
			if rng.IntN(3) == 0 { // what is on top of it predicts more
				alike, each = overlay.New(alike), overlay.New(each)
			}
		}
		rule := randomTreeRule(rng, dir, paths)
		got, err := alike.ScanTree(t.Context(), rule)
		must(t, err)
		want, err := each.ScanTree(t.Context(), rule)
		must(t, err)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Fatalf("round %d: rule %+v (-alike +each):\n%s", round, rule, diff)
		}
		refused, differ = refused+len(got.Refused), differ+got.Differ
	}
	if refused == 0 || differ == 0 {
		t.Errorf("%d refused and %d differ: nothing was tried", refused, differ)
	}
}

// randomTree makes a tree of nodes of few sorts, and returns their paths.
func randomTree(t *testing.T, rng *rand.Rand, h *Host, dir string) []string {
	makeTree(t, dir, 12, 6)
	must(t, os.Symlink("d00", dir+"/link"))
	must(t, os.Link(dir+"/d00/d0000/f0000", dir+"/d01/several"))
	var paths []string
	must(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if p == dir || err != nil {
			return err
		}
		paths = append(paths, p)
		if d.Type()&os.ModeSymlink != 0 {
			return nil
		}
		if err := unix.Chmod(p, []uint32{0o640, 0o750, 0o1750}[rng.IntN(3)]); err != nil || rng.IntN(2) == 0 {
			return err
		}
		n, err := h.Stat(p)
		if err != nil {
			return err
		}
		access := (&host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: host.Read}}}).Apply(n.Access, d.IsDir())
		return h.Do(t.Context(), host.SetAccess{Path: p, Access: access})
	}))
	for _, p := range paths {
		must(t, os.Lchown(p, rng.IntN(3), rng.IntN(2)))
	}
	return paths
}

func randomTreeRule(rng *rand.Rand, dir string, paths []string) host.TreeRule {
	r := randomRule(rng)
	r.Root = dir
	if rng.IntN(3) == 0 {
		r.Root = dir + "/d00"
	}
	if rng.IntN(2) == 0 {
		r.From = []string{"root", "bin"}
	}
	for range rng.IntN(3) {
		r.Except = append(r.Except, paths[rng.IntN(len(paths))])
		r.Prune = append(r.Prune, paths[rng.IntN(len(paths))])
	}
	outside := func(p string) bool { return len(p) <= len(r.Root) || p[:len(r.Root)+1] != r.Root+"/" }
	r.Except, r.Prune = slices.DeleteFunc(r.Except, outside), slices.DeleteFunc(r.Prune, outside)
	return r
}

func randomStep(rng *rand.Rand, dir string, paths []string) host.Step {
	p := paths[rng.IntN(len(paths))]
	switch rng.IntN(8) {
	case 0:
		return host.SetOwner{Path: p, Owner: "daemon", Group: "daemon"}
	case 1:
		return host.RemovePath{Path: p}
	case 2:
		return host.MakeDir{Path: p + "/made", Owner: "bin", Group: "bin", Access: host.AccessOf(0o750)}
	case 3:
		return host.WriteFile{Path: p, Owner: "daemon", Group: "bin", Access: host.AccessOf(0o640), Content: host.NewContent([]byte("x"))}
	}
	return host.FixTree{Rule: randomTreeRule(rng, dir, paths), Told: true}
}
