package e2e

import (
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/debian"
	"opsafe/internal/testhost"
)

// TestDegradedUnits proves on each suite that a unit which systemd would not load
// never takes its place, be it for the sake of a drop-in, and that nothing else
// is refused: what is a later systemd's, and what is not there yet. What systemd would
// ignore is refused, too.
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
      X-Frobnicate=yes
      [Service]
      ExecStart=/usr/bin/sleep infinity
      Restart=on-failure
      RestartSteps=3
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
	text := e.mustRun("cat", "/etc/systemd/system/lab.service")
	e.labSpec(strings.Replace(good, "Wants=nowhere.service", "Wants=elsewhere.service", 1))
	plan := e.opsafe("plan", "--backend", "lab")
	if old := !strings.Contains(e.mustRun("cat", "/etc/os-release"), "trixie"); old != strings.Contains(plan.stdout, "does not know RestartSteps= and ignores it: it takes 257 or later") {
		e.t.Errorf("whether systemd is too old, with the text\n%s\nis told wrongly:\n%s", text, plan.stdout)
	}
	pid := e.mustRun("systemctl", "show", "-P", "MainPID", "lab.service")
	const refuses, ignores = "systemd refuses it", "systemd would ignore a part of it"
	for _, bad := range []struct{ name, old, text, says, why string }{
		{"unit", "ExecStart=/usr/bin/sleep infinity", "ExecStop=", "lab.service: Service has no ExecStart=", refuses},
		{"drop-in", "MemoryMax=1G", `ExecStart=/usr/bin/true`, "more than one ExecStart=", refuses},
		{"template", "ExecStart=/usr/bin/sleep %i", "Type=simple", "each@", refuses},
		{"timer", "OnCalendar=daily", "OnCalendar=nonsense", "Timer unit lacks value setting", refuses},
		{"drop-in of a package's unit", "Nice=1", "ExecStart=", "ssh.service: Service has no ExecStart=", refuses},
		{"unknown key", "X-Frobnicate=yes", "Frobnicate=yes", "/etc/systemd/system/lab.service:3: Unknown key", ignores},
		{"value", "on-failure", "sometimes", "/etc/systemd/system/lab.service:6: ", ignores},
		{"value in a drop-in", "MemoryMax=1G", "MemoryMax=1X", "/etc/systemd/system/lab.service.d/limits.conf:2: ", ignores},
		{"drop-in of a package's unit", "Nice=1", "Nice=100", "/etc/systemd/system/ssh.service.d/lab.conf:2: ", ignores},
		{"value in a template", "ExecStart=/usr/bin/sleep %i", `ExecStart=/usr/bin/sleep %i\nUMask=8`, "each@.service:3: ", ignores},
		{"one of a timer's times", "OnCalendar=daily", `OnCalendar=daily\nOnCalendar=dialy`, "lab.timer:3: ", ignores},
	} {
		e.labSpec(strings.Replace(good, bad.old, bad.text, 1))
		before := e.mustRun("sh", "-c", "cd /etc/systemd/system && cat lab.service lab.timer each@.service *.d/*.conf")
		for _, who := range []string{"nobody", "root"} {
			r := e.runAs(who, guestBinary, "plan", "--backend", "lab", "--exit-code")
			e.says(1, r, bad.why, bad.says)
		}
		e.says(1, e.opsafe("manage", "--backend", "lab"), bad.why, bad.says)
		if after := e.mustRun("sh", "-c", "cd /etc/systemd/system && cat lab.service lab.timer each@.service *.d/*.conf"); after != before {
			e.t.Errorf("%s: it was written all the same:\n%s", bad.name, after)
		}
	}
	if now := e.mustRun("systemctl", "show", "-P", "MainPID", "lab.service"); now != pid {
		e.t.Errorf("the service was restarted: process %s, then %s", pid, now)
	}
	e.lab(0, good)
}

// TestUnitKeys compares the table of the keys that systemd reads with what systemd itself
// lists on each suite.
func TestUnitKeys(t *testing.T) {
	t.Parallel()
	keys := debian.KnownUnitKeys()
	versions := map[string]int{}
	for _, suite := range testhost.Suites() {
		e := newHost(t, testhost.Bare, suite)
		versions[suite], _ = strconv.Atoi(strings.Fields(e.mustRun("systemctl", "--version"))[1])
		has := map[string]bool{}
		for _, s := range debian.ParseUnit(e.mustRun("/lib/systemd/systemd", "--dump-configuration-items")).Settings {
			has[s.Section+" "+s.Key] = true
			if since, known := keys[s.Section][s.Key]; !known || since > versions[suite] {
				t.Errorf("%s reads %s= in [%s]; the table says %t, since %d", suite, s.Key, s.Section, known, since)
			}
		}
		for section, known := range keys {
			for key, since := range known {
				if since == versions[suite] && !has[section+" "+key] {
					t.Errorf("%s does not read %s= in [%s], which the table says it does", suite, key, section)
				}
			}
		}
	}
}
