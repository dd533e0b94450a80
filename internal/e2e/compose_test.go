package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"opsafe/internal/host/hosttest"
	"opsafe/internal/testhost"
)

// composeFile is of services that docker's compose really runs.
const composeFile = `
services:
  web:
    image: 127.0.0.1:5000/lab/app:1
    container_name: web
    env_file: [/etc/lab/app.env]
    environment: {BACKEND: "${BACKEND}", PRICE: "$$5"}
    group_add: ["${DOCKER_GID}"]
    volumes: [data:/data]
    stop_signal: SIGKILL
  beside:
    image: 127.0.0.1:5000/lab/app:1
    container_name: beside
    depends_on: [web]
    stop_signal: SIGKILL
  inside:
    image: 127.0.0.1:5000/lab/app:1
    container_name: inside
    network_mode: service:web
    volumes_from: [beside]
    stop_signal: SIGKILL
  debug:
    image: 127.0.0.1:5000/lab/app:1
    profiles: [debug]
volumes: {data: {}}
`

// composeSpec is a spec of it, with a secret.
func composeSpec(secret string) string {
	return `
docker: {}
files:
  /etc/lab/app.env: {content: "TOKEN=` + secret + `\n", secret: true, owner: root, group: root, mode: "0600"}
directories:
  /etc/lab: {owner: root, group: root, mode: "0755"}
compose:
  lab: {files: [app.yaml], group_ids: {DOCKER_GID: docker}, pull: always, running: true, services: {beside: {recreate_on: [/etc/lab/cert.pem]}, inside: {recreate_on: [/etc/lab/inside.pem]}}}
`
}

// TestCompose has a real docker-compose carry out a project, and a real engine pull its
// images from a registry.
func TestCompose(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	var registry hosttest.Registry
	listener, err := e.Listen("tcp", "127.0.0.1:5000")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: &registry} //nolint:gosec // of a test
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	put := func(label string) {
		t.Helper()
		if err := registry.Put("lab/app", "1", program, []string{"/bin/busybox", "sleep", "1000000"}, label); err != nil {
			t.Fatal(err)
		}
	}
	put("first")
	inspect := func(name, what string) string {
		t.Helper()
		return e.mustRun("docker", "inspect", "--format", "{{"+what+"}}", name)
	}
	plan := func(code int, args []string, words ...string) {
		t.Helper()
		e.says(code, e.opsafe(append([]string{"plan", "--backend", "lab", "--exit-code"}, args...)...), words...)
	}
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write(guestRepository+"/backends/lab/app.yaml", composeFile, 0o644)

	seen := e.watchArguments()
	e.lab(0, composeSpec(canary), "never started → running")
	if args := seen(); args != "" {
		t.Errorf("a secret was in an argument list: %s", args)
	}
	for what, want := range map[string]string{
		".State.Running": "true", "index .Config.Labels \"is\"": "first", ".HostConfig.GroupAdd": "[" + e.mustRun("sh", "-c", "getent group docker | cut -d: -f3") + "]",
	} {
		if got := inspect("web", what); got != want {
			t.Errorf("%s of web is %s, not %s", what, got, want)
		}
	}
	if env := inspect("web", ".Config.Env"); !strings.Contains(env, "TOKEN="+canary) || !strings.Contains(env, "BACKEND=lab") || !strings.Contains(env, "PRICE=$5") {
		t.Errorf("the environment of web is %s", env)
	}
	if labels := inspect("web", "json .Config.Labels"); strings.Contains(labels, canary) || !strings.Contains(labels, "opsafe.config") {
		t.Errorf("the labels of web are %s", labels)
	}
	e.undoLast()
	if left := e.mustRun("docker", "ps", "--all", "--quiet") + e.mustRun("docker", "network", "ls", "--quiet", "--filter", "name=lab_"); left != "" {
		t.Errorf("undo has left %s", left)
	}
	e.lab(0, composeSpec(canary))

	// A run with nothing to do starts no program, and a plan asks no registry.
	web, beside := inspect("web", ".Id"), inspect("beside", ".Id")
	e.mustRun("chmod", "a-x", "/usr/bin/docker-compose")
	asked := registry.Asked()
	plan(0, nil, "known after apply; plan --registries asks", "Nothing to do.")
	e.planAlike("lab")
	if registry.Asked() != asked {
		t.Error("a plan has asked the registry")
	}
	e.lab(0, composeSpec(canary), "Nothing to do.")
	e.mustRun("chmod", "a+x", "/usr/bin/docker-compose")

	// What somebody has stopped stays so; what has died is started.
	e.mustRun("docker", "stop", "web")
	e.mustRun("sh", "-c", "kill -9 "+e.containerPID("beside"))
	e.await("the container that has died", func() bool { return e.containerPID("beside") == "0" })
	e.lab(0, composeSpec(canary), "web has been stopped by somebody: it is left so", "beside ended (exit status 137) → running")
	if e.containerPID("web") != "0" || e.containerPID("beside") == "0" || inspect("beside", ".Id") != beside {
		t.Error("the wrong container was started")
	}
	e.mustRun("docker", "start", "web")

	// Another content of a file makes the one service anew that reads it, with what is in
	// the network of its container.
	inside := func() string { return inspect("inside", ".HostConfig.NetworkMode") }
	e.labSpec(composeSpec(canary + "-2"))
	plan(2, nil, "web /etc/lab/app.env", "inside running → made anew with web", "containers end, and do not come back as they were: web, inside")
	e.lab(0, composeSpec(canary+"-2"), "web running → made anew")
	if now := inspect("web", ".Id"); now == web || inspect("beside", ".Id") != beside || inside() != "container:"+now {
		t.Error("not just web, and inside with it, was made anew")
	}
	web, was := inspect("web", ".Id"), inspect("inside", ".Id")
	e.write("/etc/lab/inside.pem", "new\n", 0o600)
	e.lab(0, composeSpec(canary+"-2"), "inside /etc/lab/inside.pem", "inside running → made anew")
	if inspect("web", ".Id") != web || inspect("inside", ".Id") == was || inside() != "container:"+web {
		t.Error("not just inside was made anew, in the network of web")
	}

	// A new image behind the same name.
	put("second")
	e.write("/etc/lab/cert.pem", "new\n", 0o600)
	plan(2, []string{"--registries"}, "web image", "known after apply", "beside /etc/lab/cert.pem")
	e.lab(0, composeSpec(canary+"-2"), "web running → made anew")
	for _, name := range []string{"web", "beside"} {
		if got := inspect(name, "index .Config.Labels \"is\""); got != "second" {
			t.Errorf("%s is of the %s image", name, got)
		}
	}
	plan(0, []string{"--registries"}, "Nothing to do.")

	e.lab(0, "docker: {}\ncompose: {lab: {state: absent}}\n", "lab_default")
	if left := e.mustRun("docker", "ps", "--all", "--quiet") + e.mustRun("docker", "network", "ls", "--quiet", "--filter", "name=lab_"); left != "" {
		t.Errorf("what is to be absent has left %s", left)
	}
	if got := e.mustRun("docker", "volume", "ls", "--quiet"); got != "lab_data" {
		t.Errorf("of its volumes there is %q", got)
	}
}
