package cli_test

import "testing"

// TestManageSettles: what is owed to a unit that does not run any more is forgotten
// for good, although the plan has nothing to do.
func TestManageSettles(t *testing.T) {
	w := newWorld(t, `
-- backends/one/backend.yaml --
files: {/etc/a: {content: "x\n"}}
-- host.yaml --
files: {/etc/a: {content: "x\n"}}
units: {off.service: {file: enabled}}
pending: [{unit: off.service, verb: restart, why: y}]
`)
	w.want(0, []string{"Nothing to do."}, nil, "plan", "--backend", "one")
	w.untouched()
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--backend", "one")
	if owed, err := w.host.Pending(); err != nil || len(owed) > 0 {
		t.Errorf("still owed: %v, %v", owed, err)
	}
	if w.err.Len() > 0 {
		t.Errorf("said beside: %s", w.err.String())
	}
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--backend", "one")
	w.untouched()
}
