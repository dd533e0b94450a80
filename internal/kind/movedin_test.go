package kind_test

import (
	"context"
	"strings"
	"testing"

	"opsafe/internal/kind/kindtest"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// mover is a host on which somebody puts a file of daemon's in the place of each
// whose rights are about to be set, between the look and the step.
type mover struct{ host.Host }

func (m mover) Do(ctx context.Context, s host.Step) error {
	if set, ok := s.(host.SetAccess); ok {
		if err := m.Host.Do(ctx, host.SetOwner{Path: set.Path, Owner: "daemon"}); err != nil {
			return err
		}
	}
	return m.Host.Do(ctx, s)
}

// TestMovedAfterTheLook: no file gets rights that were meant for another one.
func TestMovedAfterTheLook(t *testing.T) {
	in, h := kindtest.SetUp(t, txtar.Parse([]byte(`
-- backend.yaml --
users: {app: {uid: 1001, home: /srv/app}}
files: {/srv/data/mode: {owner: app, mode: "0644"}}
directories: {/srv/data/room: {owner: app, mode: "0755"}}
acls: {/srv/data/acl: {access: ["user:app:rw"]}}
-- host.yaml --
users: [{name: app, uid: 1001, home: /srv/app}]
groups: [{name: app, gid: 1001}]
files:
  /srv/app: {type: directory, owner: app, group: app, mode: "0700"}
  /srv/data: {type: directory, owner: app, group: app, mode: "0755"}
  /srv/data/mode: {owner: app, mode: "0600", content: "x\n"}
  /srv/data/acl: {owner: app, mode: "0600", content: "x\n"}
  /srv/data/room: {type: directory, owner: app, mode: "0700"}
`)))
	failed := 0
	for _, r := range kindtest.Converge(t.Context(), in, mover{h}) {
		if r.Status != change.Failed {
			continue
		}
		failed++
		if !strings.Contains(r.Err.Error(), "belongs to daemon, not to app") {
			t.Errorf("%s: %v", r.ID, r.Err)
		}
	}
	if failed != 3 {
		t.Errorf("%d were refused, not all 3", failed)
	}
	for at, mode := range map[string]host.Mode{"/srv/data/mode": 0o600, "/srv/data/acl": 0o600, "/srv/data/room": 0o700} {
		if n, err := h.Stat(at); err != nil || n.Access.Mode() != mode || len(n.Access.Named) > 0 {
			t.Errorf("%s has got rights: %+v, %v", at, n, err)
		}
	}
}
