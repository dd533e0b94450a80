package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestMounted declares a directory for a disk that is mounted late: it is made on
// the disk, never in the place where that is to be mounted.
func TestMounted(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	const spec = `directories:
  /srv/archive: {mode: "0750"}
  /srv/archive/old: {mode: "0700", when: mounted /srv/archive}
  /srv/elsewhere: {mode: "0700", when: exists}
`
	e.lab(0, spec, "2 not applicable")
	e.says(0, e.opsafe("plan", "--backend", "lab", "--full"), "nothing is mounted at /srv/archive", "/srv/elsewhere does not exist")
	if e.exists("/srv/archive/old") || e.exists("/srv/elsewhere") {
		t.Error("it was made on the root disk")
	}
	e.mustRun("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/srv/archive")
	e.mustRun("mkdir", "/srv/elsewhere")
	facts := filepath.Join(t.TempDir(), "facts.json")
	e.recordTo("lab", facts)
	if here, there := e.opsafe("plan", "--backend", "lab"), e.away("plan", "--backend", "lab", "--facts", facts); here.stdout != there.stdout {
		t.Errorf("on the host: %s\nby its facts: %s", here, there)
	}
	e.lab(0, spec, "/srv/archive/old", "/srv/elsewhere")
	if modes := e.mustRun("stat", "-c", "%a", "/srv/archive", "/srv/archive/old", "/srv/elsewhere"); strings.Join(strings.Fields(modes), " ") != "750 700 700" {
		t.Errorf("the modes are %s", modes)
	}
	e.unitsSettled()
	e.mustRun("umount", "/srv/archive")
	e.lab(0, spec, "1 not applicable")
	if e.exists("/srv/archive/old") {
		t.Error("it was made on the root disk")
	}
}
