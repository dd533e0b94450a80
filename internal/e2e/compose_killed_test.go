package e2e

import (
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestComposeKilled kills a run while compose waits for a container to end that is made
// anew: the next run has it run, though the engine says that somebody has stopped it. Its
// compose is of version 2.
func TestComposeKilled(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "trixie")
	e.localImage("app:1")
	spec := func(value string) string {
		return "docker: {}\ncompose: {lab: {files: [app.yaml], variables: {VALUE: " + value + "}}}\n"
	}
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write(guestRepository+"/backends/lab/app.yaml", `
services:
  web:
    image: app:1
    container_name: web
    environment: {VALUE: "${VALUE}"}
    stop_grace_period: 4s
    command: [/bin/busybox, sh, -c, "trap '/bin/busybox echo was told to end' TERM; while :; do /bin/busybox sleep 1; done"]
`, 0o644)
	e.lab(0, strings.Replace(spec("a"), "variables", "running: true, variables", 1))
	was := e.mustRun("docker", "inspect", "--format", "{{.Id}}", "web")

	e.labSpec(spec("b"))
	e.mustRun("systemd-run", "--quiet", "--unit=lab-manage", guestBinary, "manage", "--dir", guestRepository, "--backend", "lab")
	e.await("compose to stop it", func() bool { return strings.Contains(e.run("docker", "logs", "web").stdout, "was told to end") })
	e.mustRun("systemctl", "kill", "-s", "KILL", "lab-manage.service")
	e.await("the container to end", func() bool {
		return e.mustRun("docker", "inspect", "--format", "{{.State.Running}} {{.Id}}", "web") == "false "+was
	})
	e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "web stopped by a run that did not finish → made anew")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "web stopped by a run that did not finish → made anew")
	e.inspects("web", map[string]string{".State.Running": "true"})
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")

	// To the one in its place nothing is owed: somebody may stop it.
	e.mustRun("docker", "stop", "--time", "1", "web")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "web has been stopped by somebody: it is left so")
	e.inspects("web", map[string]string{".State.Running": "false"})
}

// TestComposeAside has compose fail after it has made a container and put the one before
// aside, since its port is taken. The one before runs again, and what compose has left is in
// nobody's way once the port is another.
func TestComposeAside(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.localImage("app:1")
	file := func(port string) {
		e.write(guestRepository+"/backends/lab/app.yaml", `
services:
  web:
    image: app:1
    container_name: web
    stop_signal: SIGKILL
    volumes: [/scratch]
    networks: [theirs, default]
    ports: ["127.0.0.1:`+port+`:80"]
networks: {theirs: {external: true}}
`, 0o644)
	}
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.mustRun("docker", "network", "create", "theirs")
	file("8081")
	const spec = "docker: {}\ncompose: {lab: {files: [app.yaml]%s}}\n"
	e.lab(0, fmt.Sprintf(spec, ", running: true"))
	e.mustRun("docker", "exec", "web", "/bin/busybox", "touch", "/scratch/kept")
	file("22")
	e.lab(1, fmt.Sprintf(spec, ""), "address already in use")
	if got := e.mustRun("docker", "ps", "--format", "{{.Names}} {{.Ports}}"); got != "web 127.0.0.1:8081->80/tcp" {
		t.Errorf("the container from before does not run again: %s", got)
	}
	file("8082")
	e.lab(0, fmt.Sprintf(spec, ""), "web running → made anew")
	if got := e.mustRun("docker", "ps", "--all", "--format", "{{.Names}} {{.Ports}}"); got != "web 127.0.0.1:8082->80/tcp" {
		t.Errorf("there are the containers %s", got)
	}
	e.mustRun("docker", "exec", "web", "/bin/busybox", "test", "-e", "/scratch/kept")
	e.inspects("web", map[string]string{"len .NetworkSettings.Networks": "2"})
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")
}

// localImage makes an image of one program by hand, as docker import does.
func (e *env) localImage(name string) {
	e.t.Helper()
	e.mustRun("mkdir", "-p", "/root/image/bin")
	e.install("/bin/busybox", "/root/image/bin/busybox")
	e.mustRun("sh", "-c", `systemctl start docker.service && tar -C /root/image -c . | docker import --change 'CMD ["/bin/busybox", "sleep", "1d"]' - "$1"`, "sh", name)
}
