package undo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind/kindtest"
	"opsafe/internal/undo"
)

// mounted is a host on which something is mounted over a directory.
type mounted struct {
	host.Host
	dir string
}

func (m mounted) Stat(at string) (*host.Node, error) {
	if strings.HasPrefix(at, m.dir+"/") {
		return nil, nil
	}
	n, err := m.Host.Stat(at)
	if at == m.dir && n != nil {
		over := *n
		over.Held |= host.Mounted
		n = &over
	}
	return n, err
}

// TestCovered: what has been hidden by a mount since is not taken for what it was,
// and nothing is written over it.
func TestCovered(t *testing.T) {
	in, state := kindtest.Load(t, txtar.Parse([]byte(`
-- backend.yaml --
files:
  /etc/app/new: {content: "new\n"}
  /etc/app/changed: {content: "new\n"}
-- host.yaml --
files:
  /var/lib: {type: directory}
  /etc/app: {type: directory}
  /etc/app/changed: {content: "old\n"}
`)))
	h := overlay.New(snapshot.New(state))
	rec := run(t, h, converge.Declare(in))
	look := func(r host.Host) (failed, changed int) {
		t.Helper()
		for _, res := range converge.Run(t.Context(), converge.Options{Host: overlay.New(r), Kinds: undo.Unjudged(t.Context(), r, rec), Now: func() time.Time { return time.Unix(0, 0) }}).Results {
			switch {
			case res.Status == change.Failed && strings.Contains(res.Err.Error(), "mounted on /etc/app since, and hides it"):
				failed++
			case res.Status == change.Changed:
				changed++
			default:
				t.Errorf("%s: %s, %v", res.ID, res.Status, res.Err)
			}
		}
		return failed, changed
	}
	if failed, _ := look(mounted{Host: h, dir: "/etc/app"}); failed != 2 {
		t.Errorf("%d are said to be hidden, not both", failed)
	}
	if failed, changed := look(h); failed != 0 || changed != 2 {
		t.Errorf("with nothing mounted: %d failed, %d come back", failed, changed)
	}
}
