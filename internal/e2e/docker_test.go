package e2e

import (
	"testing"

	"opsafe/internal/testhost"
)

// TestDockerReload has a real docker take up options of daemon.json: by a reload,
// which leaves containers alone, or by a restart, which the plan says ends them.
func TestDockerReload(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	if err := e.ImportBusybox(t.Context(), "lab:1"); err != nil {
		t.Fatal(err)
	}
	e.lab(0, "docker: {daemon: {log-driver: local}}\n", "docker.io")
	for _, policy := range []string{"no", "always", "unless-stopped", "on-failure"} {
		e.mustRun("docker", "run", "--detach", "--name", "job-"+policy, "--restart", policy, "--network", "none", "lab:1", "sleep", "1000000")
	}

	pid := e.containerPID("job-no")
	const declared = "docker: {daemon: {log-driver: local, live-restore: true, labels: [a=b]}}\n"
	e.lab(0, declared, "reloads docker.service")
	if now := e.containerPID("job-no"); now != pid || pid == "0" {
		t.Errorf("the container had process %s, and has %s", pid, now)
	}
	if got := e.mustRun("docker", "info", "--format", "{{.LiveRestoreEnabled}} {{.Labels}}"); got != "true [a=b]" {
		t.Errorf("docker took up %q", got)
	}

	// A reload keeps what is not in the file any more.
	const without = "docker: {daemon: {log-driver: local}}\n"
	const ended = "running containers end: docker.service stops, and live-restore is off; nothing starts these again: job-no (restart policy no), job-unless-stopped (restart policy unless-stopped); these come back only if they end with an error: job-on-failure (restart policy on-failure)"
	e.labSpec(without)
	e.says(0, e.opsafe("plan", "--backend", "lab"), ended)
	e.planAlike("lab")
	e.lab(0, without, ended)
	if got := e.mustRun("docker", "info", "--format", "{{.LiveRestoreEnabled}} {{.Labels}}"); got != "false []" {
		t.Errorf("docker keeps %q", got)
	}
	e.await("the container that docker starts again", func() bool { return e.containerPID("job-always") != "0" })
	e.await("the container that has been killed", func() bool { return e.containerPID("job-on-failure") != "0" })
	for _, stays := range []string{"job-no", "job-unless-stopped"} {
		if got := e.containerPID(stays); got != "0" {
			t.Errorf("%s runs, as process %s", stays, got)
		}
	}
	e.unitsSettled()
}

// containerPID is the process of a container; 0: it does not run.
func (e *env) containerPID(name string) string {
	e.t.Helper()
	return e.mustRun("docker", "inspect", "--format", "{{.State.Pid}}", name)
}
