package e2e

import (
	"path/filepath"
	"testing"

	"opsafe/internal/testhost"
)

// composePullFile is a compose file of which pull requests change something.
const composePullFile = `services:
  web:
    image: lab:1
    container_name: web
    command: [sleep, "1000000"]
    stop_signal: SIGKILL
    env_file: [/etc/lab/app.env, /etc/lab/secret.env]
    environment: {LEVEL: "${LEVEL}"}
  beside:
    image: lab:1
    container_name: beside
    command: [sleep, "1000000"]
    stop_signal: SIGKILL
`

const composePullSpec = `
docker: {}
directories:
  /etc/lab: {owner: root, group: root, mode: "0755"}
files:
  /etc/lab/app.env: {content: "A=1\n", owner: root, group: root, mode: "0644"}
  /etc/lab/vars.env: {content: "LEVEL=1\n", owner: root, group: root, mode: "0644"}
  /etc/lab/secret.env: {content: "TOKEN=one\n", secret: true, owner: root, group: root, mode: "0600"}
compose:
  lab: {files: [app.yaml], env_files: [/etc/lab/vars.env], pull: missing, running: true}
`

// TestPullRequestsOfCompose plans pull requests on compose projects that run, as
// TestPullRequests does.
func TestPullRequestsOfCompose(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	for _, tag := range []string{"lab:1", "lab:2", "lab:latest"} {
		if err := e.ImportBusybox(t.Context(), tag); err != nil {
			t.Fatal(err)
		}
	}
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write(guestRepository+"/backends/lab/app.yaml", composePullFile, 0o644)
	e.lab(0, composePullSpec, "never started → running")
	e.write("/opt/own.env", "X=1\n", 0o644)
	p := puller{env: e, backend: "lab", away: filepath.Join(t.TempDir(), "facts.json")}
	e.recordTo("lab", p.away)
	e.write("/tmp/facts.json", e.read(guestFacts), 0o644)

	const app, spec = "backends/lab/app.yaml", "backends/lab/backend.yaml"
	web := func(old, text string) []edit { return []edit{{app, old, text}} }
	lab := func(old, text string) []edit { return []edit{{spec, old, text}} }
	another := "services:\n  two:\n    image: lab:2\n    command: [sleep, \"1000000\"]\n"
	for _, pull := range []pull{
		{name: "a command", edits: web(`command: [sleep, "1000000"]`, `command: [sleep, "2000000"]`)},
		{name: "a port", edits: web("container_name: web", "container_name: web\n    ports: [\"127.0.0.1:8080:80\"]")},
		{name: "another image that is there", edits: web("image: lab:1", "image: lab:2")},
		{name: "an image without a tag", edits: web("image: lab:1", "image: lab")},
		{name: "an image by its whole name", edits: web("image: lab:1", "image: docker.io/library/lab:2")},
		{name: "an image that is yet to be pulled", edits: web("image: lab:1", "image: lab:3")},
		{name: "an image of a registry", edits: web("image: lab:1", "image: registry.example/lab/app:3")},
		{name: "an image that is not there and never pulled", edits: append(web("image: lab:1", "image: lab:3"), lab("pull: missing", "pull: never")...)},
		{name: "an image that is always pulled", edits: append(web("LEVEL: ", "MORE: x, LEVEL: "), lab("pull: missing", "pull: always")...)},
		{name: "a service comes", edits: append(web("  beside:\n", "  more:\n    image: lab:2\n  beside:\n"), edit{file: spec, old: "lab: {files", text: "lab: {files"})},
		{name: "a service goes", edits: web("  beside:\n    image: lab:1\n    container_name: beside\n    command: [sleep, \"1000000\"]\n    stop_signal: SIGKILL\n", "")},
		{name: "an environment file changes", edits: lab(`"A=1\n"`, `"A=2\n"`)},
		{name: "a secret environment file changes", edits: lab("TOKEN=one", "TOKEN=two")},
		{name: "a file of variables changes", edits: lab("LEVEL=1", "LEVEL=2")},
		{name: "a variable", edits: lab("pull: missing", "pull: missing, variables: {LEVEL: \"3\"}")},
		{name: "a new environment file", edits: append(web("/etc/lab/secret.env]", "/etc/lab/secret.env, /etc/lab/new.env]"), lab("files:\n  /etc", "files:\n  /etc/lab/new.env: {content: \"B=1\\n\", owner: root, group: root, mode: \"0644\"}\n  /etc")...)},
		{name: "the number of a group", edits: append(web("{LEVEL:", "{GROUP: \"${GROUP}\", LEVEL:"), lab("pull: missing", "pull: missing, group_ids: {GROUP: docker}")...)},
		{name: "made anew for a file", edits: lab("running: true}", "running: true, services: {web: {recreate_on: [/etc/lab/vars.env]}}}")},
		{name: "a network", edits: web("services:\n", "networks: {back: {}}\nservices:\n")},
		{name: "a project comes", edits: append(lab("compose:\n", "compose:\n  other: {files: [other.yaml], running: true}\n"), edit{file: "backends/lab/other.yaml", text: another})},
		{name: "a project goes", edits: lab("lab: {files: [app.yaml], env_files: [/etc/lab/vars.env], pull: missing, running: true}", "lab: {state: absent}")},
		{name: "an environment file that only the host knows", edits: web("/etc/lab/secret.env]", "/etc/lab/secret.env, /opt/own.env]"), unknown: []string{"compose/lab"}},
	} {
		t.Run(pull.name, func(t *testing.T) { p.on(t).try(pull) })
	}
}
