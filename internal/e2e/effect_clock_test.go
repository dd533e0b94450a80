package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// clockLab has a service that runs and one that does not, both of which must not
// see the clock jump.
const clockLab = `
units:
  lab-on.service:
    content: "[Service]\nExecStart=/usr/bin/sleep infinity\nExecStop=/bin/sh -c 'echo stopped >>/run/lab-on.log'\n"
  lab-off.service:
    content: "[Service]\nExecStart=/usr/bin/sleep infinity\nExecStartPre=/bin/sh -c 'echo started >>/run/lab-off.log'\n"
`

// TestEffectClock proves chronyd with a clock that works, one that does not, and
// the services around it.
func TestEffectClock(t *testing.T) {
	t.Parallel()
	const drop = "/etc/chrony/conf.d/opsafe.conf"
	e := newTPP(t, clockLab)
	e.replace(guestBackend, "stop_around: [", "stop_around: [lab-on.service, lab-off.service, ")
	e.manage(0)
	if e.exists(drop) {
		t.Fatal("chrony is configured on a host without the device")
	}
	e.mustRun("systemctl", "start", "lab-on.service")
	e.replace(guestBackend, "  when: device /dev/ptp_hyperv exists\n", "")
	e.replace(guestBackend, "PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0 stratum 2", "SOCK /run/chrony/lab.sock refid LAB")

	plan := e.opsafe("plan", "--backend", "tpp").stdout
	if !strings.Contains(plan, "lab-on.service") || strings.Contains(plan, "lab-off.service") {
		t.Errorf("the plan has to name what is stopped meanwhile, and nothing else:\n%s", plan)
	}
	e.manage(0)
	if got := e.read(drop); !strings.Contains(got, "\nrefclock SOCK /run/chrony/lab.sock refid LAB\n") {
		t.Errorf("%s:\n%s", drop, got)
	}
	e.clockRuns()
	// It was stopped before chronyd came up, and started after that.
	if on, chrony := e.startOf("lab-on.service"), e.startOf("chrony.service"); on < chrony || e.read("/run/lab-on.log") != "stopped\n" {
		t.Errorf("lab-on started at %d, chronyd at %d; stopped: %q", on, chrony, e.read("/run/lab-on.log"))
	}
	e.manage(0)

	before, started := e.read(drop), e.startOf("lab-on.service")
	e.replace(guestBackend, "SOCK /run/chrony/lab.sock refid LAB", "PHC /dev/nonexistent")
	said := e.manage(1)
	if !strings.Contains(said, "what was there before has been put back") || !strings.Contains(said, "chrony") {
		t.Errorf("the failure is not explained:\n%s", said)
	}
	if got := e.read(drop); got != before {
		t.Errorf("the old configuration is not back:\n%s", got)
	}
	e.clockRuns()
	if e.startOf("lab-on.service") == started {
		t.Error("lab-on has not been stopped around the second attempt")
	}
	e.replace(guestBackend, "PHC /dev/nonexistent", "NONSENSE x y")
	running := e.startOf("chrony.service")
	e.manage(1)
	if got := e.read(drop); got != before {
		t.Errorf("after a directive that chronyd does not know:\n%s", got)
	}
	if e.startOf("chrony.service") != running {
		t.Error("chronyd was restarted for a configuration that it does not accept")
	}
	e.clockRuns()
	e.replace(guestBackend, "NONSENSE x y", "SOCK /run/chrony/lab.sock refid LAB")
	if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
		t.Errorf("with the old spec again: %q", changed(again))
	}
}

// clockRuns proves that chronyd runs with the reference clock, and that the
// services around it are as they were.
func (e *env) clockRuns() {
	e.t.Helper()
	for unit, want := range map[string]string{"chrony.service": "active", "lab-on.service": "active", "lab-off.service": "inactive", "opsafe-deploy.timer": "active"} {
		if got := e.mustRun("systemctl", "show", "-P", "ActiveState", unit); got != want {
			e.t.Errorf("%s is %s, want %s", unit, got, want)
		}
	}
	if e.exists("/run/lab-off.log") {
		e.t.Error("lab-off has been started")
	}
	if sources := e.mustRun("chronyc", "-n", "sources"); !strings.Contains(sources, "#? LAB") {
		e.t.Errorf("chronyc sources:\n%s", sources)
	}
}

// startOf is when a unit became active, in microseconds since the boot.
func (e *env) startOf(unit string) int {
	e.t.Helper()
	n, err := strconv.Atoi(e.mustRun("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", unit))
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}
