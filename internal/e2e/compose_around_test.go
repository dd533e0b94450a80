package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// aroundLab has containers that must not see the clock jump, and that are made anew for
// another content of a file.
const aroundLab = `
files:
  /etc/lab.conf: {content: "level 1\n", owner: root, group: root, mode: "0644", notify: {restart: [compose/lab]}}
compose:
  lab: {files: [app.yaml], running: true}
docker: {}
chrony: {servers: [192.0.2.1], stop_around: [compose/lab]}
`

const aroundFile = `
services:
  web: {image: "lab:1", container_name: web, command: [sleep, "1000000"], network_mode: none, stop_signal: SIGKILL}
  off: {image: "lab:1", container_name: off, command: [sleep, "1000000"], network_mode: none, stop_signal: SIGKILL}
`

// TestComposeAround has chronyd restarted with a project's containers stopped meanwhile,
// in a run that ends and in one that is killed, and a file have them made anew.
func TestComposeAround(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	if err := e.ImportBusybox(t.Context(), "lab:1"); err != nil {
		t.Fatal(err)
	}
	inspect := func(name, what string) string {
		t.Helper()
		return e.mustRun("docker", "inspect", "--format", "{{"+what+"}}", name)
	}
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write(guestRepository+"/backends/lab/app.yaml", aroundFile, 0o644)
	e.lab(0, aroundLab, "never started → running")
	e.mustRun("docker", "stop", "off")

	web, started := inspect("web", ".Id"), inspect("web", ".State.StartedAt")
	second := strings.Replace(aroundLab, "192.0.2.1", "192.0.2.2", 1)
	e.lab(0, second, "restarts chrony.service, with container web stopped meanwhile")
	if inspect("web", ".Id") != web || inspect("web", ".State.StartedAt") == started {
		t.Error("web has not been stopped, and started again as it was")
	}
	if e.containerPID("web") == "0" || e.containerPID("off") != "0" {
		t.Error("not just what ran runs again")
	}
	e.asksServers("192.0.2.2")

	// A run is killed while chronyd is being restarted.
	e.write("/etc/systemd/system/chrony.service.d/slow.conf", "[Service]\nExecStartPre=/bin/sh -c 'test ! -p /run/slow || cat /run/slow'\n", 0o644)
	e.mustRun("systemctl", "daemon-reload")
	e.mustRun("mkfifo", "/run/slow")
	third := strings.Replace(aroundLab, "192.0.2.1", "192.0.2.3", 1)
	e.labSpec(third)
	k := e.startOpsafe("manage", "--backend", "lab")
	e.await("chronyd is being restarted", func() bool {
		return e.mustRun("systemctl", "show", "-P", "SubState", "chrony.service") == "start-pre"
	})
	k.kill()
	if r := e.feed(e.Command(t.Context(), "tee", "/run/slow"), "go\n"); r.code != 0 {
		t.Fatal(r)
	}
	e.mustRun("rm", "/run/slow")
	if e.containerPID("web") != "0" {
		t.Fatal("the run was killed too late")
	}
	e.lab(0, third, "web stopped by a run that did not finish → running")
	if e.containerPID("web") == "0" || e.containerPID("off") != "0" || inspect("web", ".Id") != web {
		t.Error("not just what ran before runs again")
	}
	e.lab(0, third, "Nothing to do.")

	e.lab(0, strings.Replace(third, "level 1", "level 2", 1), "web /etc/lab.conf", "web running → made anew", "off has been stopped by somebody")
	if inspect("web", ".Id") == web || e.containerPID("off") != "0" {
		t.Error("not just web was made anew")
	}
	e.unitsSettled()
}
