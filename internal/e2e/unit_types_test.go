package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// lazyLab has a file system that is mounted when somebody looks, and swap space, which
// systemd does not turn on in a container.
const lazyLab = `
directories: {/srv/lazy: {}}
units:
  srv-lazy.mount: {content: "[Mount]\nWhat=tmpfs\nWhere=/srv/lazy\nType=tmpfs\n"}
  srv-lazy.automount: {content: "[Automount]\nWhere=/srv/lazy\n[Install]\nWantedBy=multi-user.target\n", enabled: true, running: true}
  dev-lab.swap: {content: "[Swap]\nWhat=/dev/lab\n[Install]\nWantedBy=swap.target\n", enabled: true}
`

// withoutRestart has units take up a drop-in that cannot be restarted, or with which all
// in them would end.
func (e *env) withoutRestart() {
	e.t.Helper()
	e.mustRun("systemd-run", "--quiet", "--slice=user.slice", "--unit=held", "sleep", "infinity")
	e.labSpec(`units:
  user.slice: {drop_ins: {tasks: {content: "[Slice]\nTasksMax=777\n"}}}
  "-.mount": {drop_ins: {wait: {content: "[Mount]\nTimeoutSec=77\n"}}}
`)
	e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Plan: 2 to add. 2 unchanged")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Done: 2 added. 2 unchanged")
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do")
	if got := e.mustRun("systemctl", "show", "-P", "TasksMax", "user.slice"); got != "777" {
		e.t.Errorf("user.slice has TasksMax %s", got)
	}
	if e.mustRun("systemctl", "is-active", "held.service") != "active" {
		e.t.Error("what runs in user.slice has ended")
	}
}

// TestUnitTypes has an automount and swap space made, changed, undone and taken away.
func TestUnitTypes(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("mknod", "/dev/autofs", "c", "10", "235")
	e.mustRun("systemctl", "daemon-reexec") // it looks once whether there can be automounts
	e.labSpec(lazyLab)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "srv-lazy.automount", "dev-lab.swap")
	e.lab(0, lazyLab)
	e.unitsSettled()
	if got := e.mustRun("systemctl", "is-enabled", "dev-lab.swap"); got != "enabled" {
		t.Errorf("dev-lab.swap is %s", got)
	}
	if e.run("mountpoint", "--quiet", "/srv/lazy").code != 0 || e.mustRun("systemctl", "is-active", "srv-lazy.automount") != "active" {
		t.Error("the automount does not wait at /srv/lazy")
	}
	e.mustRun("ls", "/srv/lazy/")
	if got := e.mustRun("stat", "--file-system", "--format", "%T", "/srv/lazy/"); got != "tmpfs" {
		t.Errorf("whoever looks finds %s", got)
	}
	e.unitsSettled()

	e.lab(0, strings.Replace(lazyLab, `Where=/srv/lazy\n[Install]`, `Where=/srv/lazy\nTimeoutIdleSec=3600\n[Install]`, 1), "srv-lazy.automount")
	if got := e.mustRun("systemctl", "show", "-P", "TimeoutIdleUSec", "srv-lazy.automount"); got != "1h" {
		t.Errorf("the automount unmounts after %s", got)
	}
	e.unitsSettled()
	e.undoLast()
	if got := e.mustRun("systemctl", "show", "-P", "TimeoutIdleUSec", "srv-lazy.automount"); got != "0" {
		t.Errorf("after undo, the automount unmounts after %s", got)
	}
	// It cannot be opened over what is mounted: that is mounted anew.
	e.mustRun("systemctl", "stop", "srv-lazy.automount")
	e.mustRun("systemctl", "start", "srv-lazy.mount")
	e.lab(0, lazyLab, "srv-lazy.mount runs without it")
	e.unitsSettled()
	e.lab(0, "units: {srv-lazy.automount: {state: absent}, srv-lazy.mount: {state: absent}, dev-lab.swap: {state: absent}}\n")
	e.withoutRestart()
	e.unitsSettled()
	if e.exists("/etc/systemd/system/swap.target.wants/dev-lab.swap") {
		t.Error("dev-lab.swap is still wanted")
	}
	if e.run("mountpoint", "--quiet", "/srv/lazy").code == 0 {
		t.Error("something is still mounted on /srv/lazy")
	}
}
