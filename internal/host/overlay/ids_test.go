package overlay_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

// TestNamesFollowIDs gives names to numbers and takes them away, in many orders. A
// node that has been copied shows the same as one that is read from the base in the
// end.
func TestNamesFollowIDs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		state, err := snapshot.Parse([]byte(`
files:
  /srv/copied: {type: directory, owner: "#2001", group: "#2002", acl: ["user:#2003:rwx", "group:#2001:r-x", "default:user:#2002:r-x"]}
  /srv/read: {type: directory, owner: "#2001", group: "#2002", acl: ["user:#2003:rwx", "group:#2001:r-x", "default:user:#2002:r-x"]}
`))
		if err != nil {
			t.Fatal(err)
		}
		h := overlay.New(snapshot.New(state))
		n, err := h.Stat("/srv/copied")
		if err != nil || n == nil {
			t.Fatalf("/srv/copied: %v, %v", n, err)
		}
		do(t, h, host.SetAccess{Path: "/srv/copied", Access: n.Access})
		steps := renameAtRandom(t, h, rand.New(rand.NewPCG(seed, 0)))
		copied, err := h.Stat("/srv/copied")
		if err != nil {
			t.Fatal(err)
		}
		read, err := h.Stat("/srv/read")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(copied, read); d != "" {
			t.Fatalf("seed %d: the nodes differ (-copied +read):\n%s\nafter %+v", seed, d, steps)
		}
	}
}

// renameAtRandom does steps that name and unname a few numbers, some of which are
// refused, and says which were done.
func renameAtRandom(t *testing.T, h *overlay.Host, r *rand.Rand) []host.Step {
	t.Helper()
	const most = 30
	var done []host.Step
	for range most {
		name, id := fmt.Sprintf("n%d", r.IntN(3)), 2001+r.IntN(3)
		mode := host.Mode(0o700 | r.IntN(8))
		s := []host.Step{
			host.AddGroup{Name: name, GID: id},
			host.SetGID{Name: name, GID: id},
			host.DeleteGroup{Name: name},
			host.AddUser{Name: name, UID: id, Group: "root", Home: "/home/" + name, Shell: "/bin/sh"},
			host.SetUser{Name: name, UID: &id},
			host.DeleteUser{Name: name},
			host.FixTree{Rule: host.TreeRule{Root: "/srv", DirMode: &mode}},
		}[r.IntN(7)]
		if err := h.Do(t.Context(), s); err == nil {
			done = append(done, s)
		}
	}
	return done
}
