package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// TestEffectUnits proves that a unit's state is what systemd says once it has
// settled, and that what systemd does to several units at once is planned as that.
func TestEffectUnits(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	for _, prove := range []struct {
		name string
		with func(*env)
	}{
		{"crash loops", proveCrashLoops},
		{"sockets", proveSockets},
		{"together", proveTogether},
		{"absent", proveAbsent},
		{"a file put back", provePutBack},
		{"templates", proveTemplates},
		{"masked", proveMasked},
		{"scripts", proveScripts},
		{"timers", proveTimers},
		{"mounts", proveMounts},
		{"types", proveTypes},
		{"ssh.socket", proveSSHSocket},
	} {
		t.Run(prove.name, func(t *testing.T) { prove.with(e.on(t)) })
	}
}

func (e *env) active(unit, want string) {
	e.t.Helper()
	if got := e.mustRun("systemctl", "show", "-P", "ActiveState", unit); got != want {
		e.t.Errorf("%s is %s, not %s", unit, got, want)
	}
}

func (e *env) pid(unit string) string {
	e.t.Helper()
	return e.mustRun("systemctl", "show", "-P", "MainPID", unit)
}

// undoLast undoes the last run.
func (e *env) undoLast() {
	e.t.Helper()
	var doc render.HistoryDoc
	if err := json.Unmarshal([]byte(e.opsafe("history", "--format", "json").stdout), &doc); err != nil || len(doc.Runs) == 0 {
		e.t.Fatalf("no history: %v", err)
	}
	e.says(0, e.opsafe("undo", strconv.Itoa(doc.Runs[len(doc.Runs)-1].Run)), "")
}

// settled has a second run and a plan find nothing to do.
func (e *env) unitsSettled() {
	e.t.Helper()
	e.says(0, e.opsafe("plan", "--backend", "lab"), "Nothing to do")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
}

func proveCrashLoops(e *env) {
	for _, tt := range []struct{ name, service string }{
		{"restarted after an hour", "ExecStart=/bin/false\nRestart=on-failure\nRestartSec=1h"},
		{"restarted at once", "ExecStart=/bin/false\nRestart=always"},
		{"restarted after a while", "ExecStart=/bin/sh -c 'sleep 1; exit 1'\nRestart=always\nRestartSec=2"},
		{"does not get ready", "Type=notify\nExecStart=/bin/sleep 100\nTimeoutStartSec=2\nRestart=always"},
		{"prepared for each start", "ExecStartPre=/bin/sleep 2\nExecStart=/bin/false\nRestart=on-failure\nRestartSec=100ms"},
		{"not restarted", "ExecStart=/bin/sh -c 'sleep 0.5; false'"},
		{"a program that is not there", "ExecStart=/opt/missing\nRestart=on-failure\nRestartSec=1h"},
	} {
		spec := "units: {loop.service: {content: " + quoted("[Service]\n"+tt.service+"\n") + ", running: true}}\n"
		for range 3 {
			e.lab(1, spec, "loop.service")
		}
		e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "loop.service")
		r := e.opsafe("status", "--backend", "lab")
		if strings.Contains(r.stdout, "as declared\n") && !strings.Contains(r.stdout, "not as declared") {
			e.t.Errorf("%s: status: %s", tt.name, r)
		}
		e.lab(0, "units: {loop.service: {state: absent}}\n")
		e.unitsSettled()
	}
	// One that has fallen once, and is up: it runs.
	e.lab(0, "units: {loop.service: {content: \"[Service]\\nExecStart=/bin/sleep infinity\\nRestart=always\\n\", running: true}}\n")
	e.mustRun("systemctl", "kill", "-s", "KILL", "loop.service")
	e.unitsSettled()
	// One that is restarted over a file.
	const good = `
files: {/opt/current: {link: /bin/sleep, notify: {restart: [loop.service]}}}
units: {loop.service: {content: "[Service]\nExecStart=/opt/current infinity\nRestart=always\n", running: true}}
`
	e.lab(0, good)
	e.unitsSettled()
	bad := strings.Replace(good, "/bin/sleep", "/opt/missing", 1)
	e.lab(1, bad, "loop.service")
	e.lab(1, bad, "loop.service")
	e.lab(0, good)
	e.unitsSettled()
	e.active("loop.service", "active")
}

// quoted is a text as a YAML string.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func proveSockets(e *env) {
	const spec = `
units:
  echo.socket:
    content: "[Socket]\nListenStream=127.0.0.1:7777\n[Install]\nWantedBy=sockets.target\n"
    enabled: true
    running: true
  echo.service: {content: "[Service]\nExecStart=/bin/sleep infinity\n", running: true}
`
	listens := func(port string) {
		e.t.Helper()
		e.active("echo.socket", "active")
		e.active("echo.service", "active")
		if got := e.mustRun("systemctl", "show", "-P", "Listen", "echo.socket"); !strings.Contains(got, ":"+port) {
			e.t.Errorf("echo.socket listens on %s, not on %s", got, port)
		}
	}
	e.lab(0, spec)
	listens("7777")
	e.unitsSettled()
	moved := strings.Replace(spec, "7777", "7779", 1)
	e.labSpec(moved)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "restart echo.socket", "echo.service is stopped, and started again")
	e.lab(0, moved)
	listens("7779")
	e.unitsSettled()
	e.undoLast()
	listens("7777")
	e.lab(0, moved)
	// An address that another has: the old one comes back.
	taken := strings.Replace(spec, "127.0.0.1:7777", "127.0.0.1:22", 1)
	e.lab(1, taken, "echo.socket")
	listens("7779")
	e.lab(1, taken, "echo.socket")
	listens("7779")
	// A drop-in, and a socket that is down while its service runs.
	dropped := strings.Replace(moved, "    running: true\n", "    running: true\n    drop_ins: {b: {content: \"[Socket]\\nBacklog=7\\n\"}}\n", 1)
	e.lab(0, dropped)
	listens("7779")
	e.mustRun("systemctl", "stop", "echo.socket")
	e.active("echo.service", "active")
	e.lab(0, dropped)
	listens("7779")
	e.unitsSettled()
	e.lab(0, "units: {echo.socket: {state: absent}, echo.service: {state: absent}}\n")
	e.unitsSettled()
}

func proveTogether(e *env) {
	const spec = `
units:
  db.service: {content: "[Service]\nExecStart=/bin/sleep 100001\n", running: true}
  jobs.service: {content: "[Unit]\nRequires=db.service\nAfter=db.service\n[Service]\nExecStart=/bin/sleep 200002\n", running: true}
  part.service: {content: "[Unit]\nPartOf=jobs.service\n[Service]\nExecStart=/bin/sleep 300003\n", running: true}
`
	e.lab(0, spec)
	e.unitsSettled()
	was := e.pid("jobs.service")
	changed := strings.Replace(spec, "100001", "100009", 1)
	e.labSpec(changed)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "restart db.service", "systemd restarts with it: jobs.service, part.service")
	e.lab(0, changed)
	for _, u := range []string{"db.service", "jobs.service", "part.service"} {
		e.active(u, "active")
	}
	if e.pid("jobs.service") == was {
		e.t.Error("jobs.service was not restarted: the plan is wrong")
	}
	e.unitsSettled()
	stopped := "units: {db.service: {running: false, when: unit db.service exists}}\n"
	e.labSpec(stopped)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "systemd stops with it: jobs.service, part.service")
	e.lab(0, stopped)
	e.active("part.service", "inactive")
	e.undoLast()
	for _, u := range []string{"db.service", "jobs.service", "part.service"} {
		e.active(u, "active")
	}
	e.lab(0, "units: {db.service: {state: absent}, jobs.service: {state: absent}, part.service: {state: absent}}\n")
	// Two that require each other: neither can be started before both are there.
	e.lab(0, `
units:
  one.service: {content: "[Unit]\nRequires=two.service\n[Service]\nExecStart=/bin/sleep 400004\n", running: true}
  two.service: {content: "[Unit]\nRequires=one.service\n[Service]\nExecStart=/bin/sleep 500005\n", running: true}
`)
	e.active("one.service", "active")
	e.active("two.service", "active")
	e.unitsSettled()
	e.undoLast()
	e.active("one.service", "inactive")
	e.active("two.service", "inactive")
}

func proveAbsent(e *env) {
	const spec = `
units:
  gone.service:
    content: "[Service]\nExecStart=/bin/sleep 200000\n[Install]\nWantedBy=multi-user.target\n"
    enabled: true
    running: true
    drop_ins: {d1: {content: "[Service]\nNice=1\n"}, d2: {content: "[Service]\nNice=2\n"}}
`
	const absent = "units: {gone.service: {state: absent}}\n"
	nothing := func() {
		e.t.Helper()
		e.active("gone.service", "inactive")
		for _, p := range []string{"gone.service", "gone.service.d", "multi-user.target.wants/gone.service"} {
			if e.exists("/etc/systemd/system/" + p) {
				e.t.Errorf("%s is left", p)
			}
		}
		e.unitsSettled()
	}
	e.lab(0, spec)
	e.labSpec(absent)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "d1, d2")
	e.lab(0, absent)
	nothing()
	e.undoLast()
	e.active("gone.service", "active")
	if got := e.mustRun("systemctl", "show", "-P", "Nice", "gone.service"); got != "2" {
		e.t.Errorf("after undo its niceness is %s", got)
	}
	e.lab(0, spec)
	e.mustRun("rm", "/etc/systemd/system/gone.service")
	e.mustRun("systemctl", "daemon-reload")
	e.active("gone.service", "active")
	e.lab(0, absent)
	nothing()
	e.lab(0, spec)
	e.mustRun("sh", "-c", "systemctl stop gone; rm /etc/systemd/system/gone.service; systemctl daemon-reload")
	e.lab(0, absent)
	nothing()
}

func provePutBack(e *env) {
	const spec = `units: {tone.service: {content: "[Service]\nExecStart=/bin/sleep 200000\n[Install]\nWantedBy=multi-user.target\n", enabled: true, running: true}}` + "\n"
	for _, wanted := range []string{spec, strings.Replace(spec, ", running: true", "", 1)} {
		e.lab(0, spec)
		e.mustRun("sh", "-c", "rm /etc/systemd/system/tone.service; systemctl daemon-reload")
		e.labSpec(strings.Replace(wanted, "200000", "100000", 1))
		e.says(0, e.opsafe("plan", "--backend", "lab"), "restart tone.service")
		e.lab(0, strings.Replace(wanted, "200000", "100000", 1))
		if got := e.mustRun("sh", "-c", "tr '\\0' ' ' </proc/"+e.pid("tone.service")+"/cmdline"); got != "/bin/sleep 100000" {
			e.t.Errorf("it runs %q", got)
		}
		e.unitsSettled()
		e.lab(0, "units: {tone.service: {state: absent}}\n")
	}
}

func proveTemplates(e *env) {
	const spec = `
units:
  t@.service:
    content: "[Service]\nExecStart=/bin/sleep 10000\n[Install]\nWantedBy=multi-user.target\nDefaultInstance=one\n"
    enabled: true
`
	const wants = "/etc/systemd/system/multi-user.target.wants/"
	e.lab(0, spec)
	e.unitsSettled()
	e.mustRun("systemctl", "enable", "--now", "t@two.service")
	e.unitsSettled()
	was := e.pid("t@two.service")
	changed := strings.Replace(spec, "10000", "20000", 1)
	e.labSpec(changed)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "restart t@two.service")
	e.lab(0, changed)
	if now := e.pid("t@two.service"); now == was || now == "0" {
		e.t.Errorf("t@two.service: process %s, then %s", was, now)
	}
	for _, i := range []string{"one", "two"} {
		if !e.exists(wants + "t@" + i + ".service") {
			e.t.Errorf("t@%s.service is not enabled any more", i)
		}
	}
	e.unitsSettled()
	e.lab(0, strings.Replace(changed, "enabled: true", "enabled: false", 1))
	if e.exists(wants+"t@one.service") || !e.exists(wants+"t@two.service") {
		e.t.Error("the default instance alone was to be disabled")
	}
	e.unitsSettled()
	e.lab(0, "units: {t@.service: {state: absent}}\n")
	e.active("t@two.service", "inactive")
	if e.exists(wants + "t@two.service") {
		e.t.Error("the link of an instance is left")
	}
	e.unitsSettled()
}

func proveMasked(e *env) {
	e.mustRun("systemctl", "start", "systemd-timesyncd.service")
	const spec = `units: {systemd-timesyncd.service: {masked: true, drop_ins: {tru: {content: "[Service]\nNice=2\n"}}}}` + "\n"
	e.lab(0, spec)
	e.unitsSettled()
	e.lab(0, "units: {systemd-timesyncd.service: {masked: false, drop_ins: {tru: {state: absent}}}}\n")
	e.unitsSettled()
	// Disabled under a mask for now.
	e.mustRun("systemctl", "enable", "systemd-timesyncd.service")
	e.mustRun("systemctl", "mask", "--runtime", "systemd-timesyncd.service")
	e.lab(0, "units: {systemd-timesyncd.service: {enabled: false}}\n")
	e.unitsSettled()
	e.mustRun("systemctl", "unmask", "--runtime", "systemd-timesyncd.service")
	if got := e.run("systemctl", "is-enabled", "systemd-timesyncd.service").stdout; got != "disabled\n" {
		e.t.Errorf("behind the mask it is %q", got)
	}
}

func proveScripts(e *env) {
	e.write("/etc/init.d/oldsvc", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: oldsvc\n# Required-Start: $remote_fs\n# Required-Stop: $remote_fs\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\nexit 0\n", 0o755)
	e.mustRun("sh", "-c", "for l in 2 3 4 5; do mkdir -p /etc/rc$l.d; ln -sf ../init.d/oldsvc /etc/rc$l.d/S01oldsvc; done; systemctl daemon-reload")
	const spec = "units: {oldsvc.service: {enabled: false, when: unit oldsvc.service exists}}\n"
	e.labSpec(spec)
	e.says(1, e.opsafe("plan", "--backend", "lab", "--exit-code"), "SysV script /etc/init.d/oldsvc", "masked: true")
	e.lab(1, spec, "masked: true")
	e.lab(0, strings.Replace(spec, "enabled: false", "masked: true", 1))
	e.unitsSettled()
	e.lab(0, strings.Replace(spec, "enabled: false", "masked: false", 1))
	e.mustRun("sh", "-c", "rm /etc/rc*.d/S01oldsvc; systemctl daemon-reload")
	e.lab(0, spec)
	e.lab(1, "units: {sshd.service: {enabled: true, when: unit sshd.service exists}}\n", "another name of ssh.service")
}

func proveTimers(e *env) {
	spec := func(at, more string) string {
		return `
units:
  job.service: {content: "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo ran >>/run/job-runs'\n"}
  job.timer: {content: "[Timer]\nOnCalendar=*-*-* ` + at + `\n` + more + `[Install]\nWantedBy=timers.target\n", enabled: true, running: true}
`
	}
	runs := func() string { return e.run("cat", "/run/job-runs").stdout }
	for _, more := range []string{"", `Persistent=yes\n`} {
		e.lab(0, spec("23:59:59", more))
		// As if it had fired the day before.
		e.mustRun("sh", "-c", "systemctl stop job.timer; [ ! -e /var/lib/systemd/timers/stamp-job.timer ] || touch -d '26 hours ago' /var/lib/systemd/timers/stamp-job.timer")
		e.mustRun("sh", "-c", "systemctl start job.timer; systemctl stop job.service")
		before := runs()
		e.labSpec(spec("00:00:01", more))
		e.says(0, e.opsafe("plan", "--backend", "lab"), "does not run for a time that is over")
		e.lab(0, spec("00:00:01", more))
		e.active("job.timer", "active")
		e.unitsSettled()
		e.mustRun("systemctl", "daemon-reload")
		if after := runs(); after != before {
			e.t.Errorf("the job has run for a time that is over: %q, then %q", before, after)
		}
		e.undoLast()
		if after := runs(); after != before {
			e.t.Errorf("the job has run by undo: %q, then %q", before, after)
		}
		e.active("job.timer", "active")
		e.lab(0, "units: {job.timer: {state: absent}, job.service: {state: absent}}\n")
	}
}

func proveSSHSocket(e *env) {
	e.mustRun("sh", "-c", "systemctl disable --now ssh.service; systemctl start ssh.socket")
	accept := e.mustRun("systemctl", "show", "-P", "Accept", "ssh.socket") == "yes"
	for i, max := range []string{"5", "4", "3"} {
		if i > 0 && !accept {
			e.mustRun("systemctl", "start", "ssh.service")
		}
		spec := "sshd: {lab: {content: \"MaxAuthTries " + max + "\\n\"}}\n"
		e.lab(0, spec)
		e.active("ssh.socket", "active")
		if i > 0 && !accept {
			e.active("ssh.service", "active")
		}
		e.unitsSettled()
	}
	e.lab(0, "sshd: {lab: {state: absent}}\n")
	e.mustRun("sh", "-c", "systemctl stop ssh.socket ssh.service; systemctl enable --now ssh.service")
}

// proveMounts has a declared mount come before what lies on it, and nothing be made
// beneath it while it is down.
func proveMounts(e *env) {
	const spec = `
directories: {/srv/h: {}, /var/h2: {mode: "0711"}, /srv/apps: {owner: app}}
users: {svc: {home: /srv/h/svc, home_mode: "0700"}, app: {home: /srv/apps/app, home_mode: "0700"}}
key_pairs: {/srv/h/svc/.ssh/id: {owner: svc}}
files: {/srv/h/svc/app.conf: {content: "x\n", owner: svc}, /mnt/lab/f: {content: "on a device\n"}}
units:
  srv-h.mount: {content: "[Mount]\nWhat=/var/h2\nWhere=/srv/h\nType=none\nOptions=bind\n[Install]\nWantedBy=local-fs.target\n", enabled: true, running: true}
  mnt-lab.mount: {content: "[Mount]\nWhat=tmpfs\nWhere=/mnt/lab\nType=tmpfs\nOptions=mode=0711\n", running: true}
`
	e.lab(0, spec)
	e.unitsSettled()
	e.active("srv-h.mount", "active")
	key := e.mustRun("ssh-keygen", "-lf", "/srv/h/svc/.ssh/id")
	if got := e.mustRun("ssh-keygen", "-lf", "/var/h2/svc/.ssh/id"); got != key {
		e.t.Errorf("the key is not on the mount: %s", got)
	}
	if got := e.mustRun("stat", "-c", "%U", "/srv/apps"); got != "app" {
		e.t.Errorf("/srv/apps belongs to %s", got)
	}
	beneath := func() {
		e.t.Helper()
		e.mustRun("systemctl", "stop", "srv-h.mount")
		if got := e.mustRun("ls", "-A", "/srv/h"); got != "" {
			e.t.Errorf("made beneath the mount: %s", got)
		}
	}
	beneath()
	e.labSpec(spec)
	r := e.opsafe("plan", "--backend", "lab")
	e.says(0, r, "srv-h.mount")
	if strings.Contains(r.stdout, "app.conf") || strings.Contains(r.stdout, ".ssh/id") {
		e.t.Errorf("the plan makes anew what is on the mount: %s", r)
	}
	// A part of the spec makes nothing beneath it, either.
	e.says(1, e.opsafe("manage", "--backend", "lab", "--only", "user/svc", "--only", "key//srv/h/svc/.ssh/id"), "srv-h.mount does not run")
	beneath()
	e.lab(0, spec)
	e.unitsSettled()
	if got := e.mustRun("ssh-keygen", "-lf", "/srv/h/svc/.ssh/id"); got != key {
		e.t.Errorf("another key: %s, not %s", got, key)
	}
	// A mount that cannot be.
	e.mustRun("systemctl", "stop", "srv-h.mount")
	bad := strings.Replace(spec, "What=/var/h2", "What=/etc/hostname", 1)
	e.lab(1, bad, "not tried: srv-h.mount does not run")
	beneath()
	e.lab(0, spec)
	// All of it goes with undo, the mount last.
	e.lab(0, `
directories: {/srv/u: {}, /var/u2: {}}
users: {und: {home: /srv/u/und, home_mode: "0700"}}
files: {/srv/u/f: {content: "x\n"}}
units: {srv-u.mount: {content: "[Mount]\nWhat=/var/u2\nWhere=/srv/u\nType=none\nOptions=bind\n", running: true}}
`)
	if !e.exists("/var/u2/f") {
		e.t.Error("/srv/u/f is not on the mount")
	}
	e.undoLast()
	for _, p := range []string{"/srv/u", "/var/u2", "/etc/systemd/system/srv-u.mount"} {
		if e.exists(p) {
			e.t.Errorf("undo leaves %s: %s", p, e.run("ls", "-lAR", p).stdout)
		}
	}
	// And what a run takes away comes back where it was.
	e.lab(0, "files: {/srv/h/svc/app.conf: {state: absent}}\nunits: {srv-h.mount: {running: false, when: unit srv-h.mount exists}}\n")
	e.undoLast()
	if got := e.mustRun("cat", "/srv/h/svc/app.conf"); got != "x" {
		e.t.Errorf("app.conf is %q", got)
	}
	e.mustRun("systemctl", "stop", "srv-h.mount", "mnt-lab.mount")
}

// proveTypes has units of every type planned and made, by another name and from
// elsewhere, too.
func proveTypes(e *env) {
	e.write("/opt/units/linked.service", "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n", 0o644)
	e.mustRun("systemctl", "link", "/opt/units/linked.service")
	const spec = `
units:
  linked.service: {enabled: true, running: true, when: unit linked.service exists}
  mnt-auto.mount: {content: "[Mount]\nWhat=tmpfs\nWhere=/mnt/auto\nType=tmpfs\n"}
  lab.slice: {content: "[Slice]\nTasksMax=100\n", running: true}
  watch.path: {content: "[Path]\nPathExists=/run/never\n[Install]\nWantedBy=paths.target\n", enabled: true, running: true}
  watch.service: {content: "[Service]\nType=oneshot\nExecStart=/bin/true\nSlice=lab.slice\n"}
  lab.target: {content: "[Unit]\nDescription=lab\n[Install]\nWantedBy=multi-user.target\n", enabled: true, running: true}
  dev-lab.swap: {content: "[Swap]\nWhat=/dev/lab\n[Install]\nWantedBy=swap.target\n", enabled: true, running: false}
`
	e.labSpec(spec)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "linked.service", "lab.slice", "watch.path", "dev-lab.swap")
	e.lab(0, spec)
	e.unitsSettled()
	for _, u := range []string{"linked.service", "lab.slice", "watch.path", "lab.target"} {
		e.active(u, "active")
	}
	changed := strings.Replace(spec, "TasksMax=100", "TasksMax=200", 1)
	e.lab(0, changed)
	e.unitsSettled()
	if got := e.mustRun("systemctl", "show", "-P", "TasksMax", "lab.slice"); got != "200" {
		e.t.Errorf("lab.slice: TasksMax is %s", got)
	}
	e.undoLast()
	if got := e.mustRun("systemctl", "show", "-P", "TasksMax", "lab.slice"); got != "100" {
		e.t.Errorf("lab.slice after undo: TasksMax is %s", got)
	}
	e.lab(0, strings.Replace(spec, "linked.service: {enabled: true, running: true", "linked.service: {enabled: false, running: false", 1))
	e.active("linked.service", "inactive")
	if e.exists("/etc/systemd/system/multi-user.target.wants/linked.service") || !e.exists("/etc/systemd/system/linked.service") {
		e.t.Error("the unit was to be disabled, and to stay linked")
	}
	e.unitsSettled()
	e.lab(0, "units: {mnt-auto.mount: {state: absent}, lab.slice: {state: absent}, watch.path: {state: absent}, watch.service: {state: absent}, lab.target: {state: absent}, dev-lab.swap: {state: absent}}\n")
	e.unitsSettled()
}
