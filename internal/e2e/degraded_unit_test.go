package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestDegradedUnits proves on each suite that a unit which systemd would not load
// never takes its place, be it for the sake of a drop-in, and that nothing else
// is refused: what systemd ignores, and what is not there yet.
func TestDegradedUnits(t *testing.T) {
	t.Parallel()
	for _, suite := range testhost.Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			proveUnits(newHost(t, testhost.Bare, suite))
		})
	}
}

func proveUnits(e *env) {
	const good = `
units:
  lab.service:
    content: |
      [Unit]
      Wants=nowhere.service
      Frobnicate=yes
      [Service]
      ExecStart=/usr/bin/sleep infinity
      Restart=nonsense
    drop_ins:
      limits: {content: "[Service]\nMemoryMax=1G\n"}
    running: true
  later.service: {content: "[Service]\nExecStart=/opt/not/yet\n"}
  each@.service: {content: "[Service]\nExecStart=/usr/bin/sleep %i\n"}
  lab.timer: {content: "[Timer]\nOnCalendar=daily\n"}
  ssh.service: {drop_ins: {lab: {content: "[Service]\nNice=1\n"}}}
`
	e.lab(0, good)
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
	pid := e.mustRun("systemctl", "show", "-P", "MainPID", "lab.service")
	for _, bad := range []struct{ name, old, text, says string }{
		{"unit", "ExecStart=/usr/bin/sleep infinity", "ExecStop=", "lab.service: Service has no ExecStart="},
		{"drop-in", "MemoryMax=1G", `ExecStart=/usr/bin/true`, "more than one ExecStart="},
		{"template", "ExecStart=/usr/bin/sleep %i", "Type=simple", "each@"},
		{"timer", "OnCalendar=daily", "OnCalendar=nonsense", "Timer unit lacks value setting"},
		{"drop-in of a package's unit", "Nice=1", "ExecStart=", "ssh.service: Service has no ExecStart="},
	} {
		e.labSpec(strings.Replace(good, bad.old, bad.text, 1))
		before := e.mustRun("sh", "-c", "cd /etc/systemd/system && cat lab.service lab.timer each@.service *.d/*.conf")
		for _, who := range []string{"nobody", "root"} {
			r := e.runAs(who, guestBinary, "plan", "--backend", "lab", "--exit-code")
			e.says(1, r, "systemd refuses it", bad.says)
		}
		e.says(1, e.opsafe("manage", "--backend", "lab"), "systemd refuses it", bad.says)
		if after := e.mustRun("sh", "-c", "cd /etc/systemd/system && cat lab.service lab.timer each@.service *.d/*.conf"); after != before {
			e.t.Errorf("%s: it was written all the same:\n%s", bad.name, after)
		}
	}
	if now := e.mustRun("systemctl", "show", "-P", "MainPID", "lab.service"); now != pid {
		e.t.Errorf("the service was restarted: process %s, then %s", pid, now)
	}
	e.lab(0, good)
}
