package e2e

import (
	"net/http"
	"os"
	"path"
	"strings"
	"testing"

	"opsafe/internal/host/hosttest"
	"opsafe/internal/testhost"
)

const composeBackFile = `
services:
  web:
    image: 127.0.0.1:5000/lab/app:1
    container_name: web
    env_file: [/etc/lab/app.env]
    environment: {WHICH: "${WHICH:-as declared}"}
    ports: ["127.0.0.1:8080:8000"]
    volumes: [data:/data, /scratch]
    networks: {default: {aliases: [front]}, behind: {}}
  inside:
    image: 127.0.0.1:5000/lab/app:1
    container_name: inside
    network_mode: service:web
    command: [/bin/busybox, sleep, 1d]
    stop_signal: SIGKILL
  db:
    image: 127.0.0.1:5000/lab/db:1
    container_name: db
    stop_signal: SIGKILL
volumes: {data: {}}
networks: {behind: {}}
`

const composeBackSpec = `
docker: {}
files:
  /etc/lab/app.env: {content: "TOKEN=` + canary + `\n", secret: true, owner: root, group: root, mode: "0600"}
directories:
  /etc/lab: {owner: root, group: root, mode: "0755"}
compose:
  lab: {files: [app.yaml], pull: always, running: true}
deployments:
  lab:
    compose: [lab]
    health: {http: "http://127.0.0.1:8080/", within: 15s}
`

// composeBack is a host with a compose project, and what its test goes by.
type composeBack struct {
	*env
	put func(label string)
}

// TestComposeBack has deployments of a compose project fail, in each way, and the
// containers that ran before run again. Its compose is of version 2; TestCompose's is 1.29.
func TestComposeBack(t *testing.T) {
	t.Parallel()
	e := composeBack{env: newHost(t, testhost.Full, "trixie")}
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
	push := func(name, does, label string) {
		t.Helper()
		if err := registry.Put("lab/"+name, "1", program, []string{"/bin/busybox", "sh", "-c", "trap exit TERM; " + does + " & wait"}, label); err != nil {
			t.Fatal(err)
		}
	}
	e.put = func(label string) {
		t.Helper()
		does := "/bin/busybox httpd -f -p 8000 -h /data"
		switch {
		case strings.HasPrefix(label, "sick"):
			does = "echo sick of $TOKEN; /bin/busybox sleep 1d"
		case strings.HasPrefix(label, "dies"):
			does = "echo sick of $TOKEN; exit 3"
		}
		push("app", does, label)
	}
	push("db", "/bin/busybox sleep 1d", "db")
	e.put("sick at first")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write(guestRepository+"/backends/lab/app.yaml", composeBackFile, 0o644)
	e.labSpec(composeBackSpec)
	e.says(0, e.opsafe("bootstrap", "lab"))
	e.lab(0, composeBackSpec)

	// With nothing before, there is nothing after.
	e.mustRun("docker", "rm", "--force", "web", "inside", "db")
	e.says(1, e.opsafe("deploy", "lab"), "health: not within 15s", "lab/web, which was not there before, is removed")
	if left := e.mustRun("docker", "ps", "--all", "--quiet"); left != "" {
		t.Errorf("the first deployment has failed and left %s", left)
	}

	e.put("good")
	e.says(1, e.opsafe("deploy", "lab")) // there is nothing to be served yet
	e.mustRun("sh", "-c", `echo served >/var/lib/docker/volumes/lab_data/_data/index.html`)
	e.says(0, e.opsafe("deploy", "lab"), "deployed lab")
	e.mustRun("docker", "exec", "web", "/bin/busybox", "touch", "/scratch/kept")
	e.good("deployed")
	before := e.mustRun("docker", "inspect", "--format", "{{.Id}}", "db")

	for _, bad := range []struct{ label, why string }{{"sick", "health: not within 15s"}, {"dies", "opsafe manage has failed"}} {
		e.put(bad.label)
		r := e.opsafe("deploy", "lab")
		e.says(1, r, bad.why, "what ran before is back and answers", "lab/web runs from the image 127.0.0.1:5000/lab/app@sha256:", "what the new container of lab/web has said last is in "+composeSaid)
		e.saidLast()
		if strings.Contains(r.String(), canary) {
			t.Errorf("a secret is shown: %s", r)
		}
		e.good(bad.label)
		e.says(0, e.opsafe("manage", "--backend", "lab"), "web and inside are left as they were put back by deployment lab on 20", "or by opsafe deploy lab", "Nothing to do.")
		e.good("manage after " + bad.label)
	}
	if now := e.mustRun("docker", "inspect", "--format", "{{.Id}}", "db"); now != before {
		t.Error("what had not been touched was made anew")
	}
	e.says(1, e.opsafe("deployments"), "failed", "what ran before is back and answers", composeSaid)
	e.backOfManaged()
	e.backOfKilled()
	e.backOfPruned(server)
}

// composeSaid is where the last lines of a container of web's are that has gone.
const composeSaid = "/var/lib/opsafe/said/lab.web.log"

// saidLast proves that root alone can read what web has said last, without its secrets, and
// that it stands nowhere else.
func (e composeBack) saidLast() {
	e.t.Helper()
	if said := e.mustRun("cat", composeSaid); said != "sick of (secret)" {
		e.t.Errorf("kept of what web has said is %q", said)
	}
	if got := e.mustRun("stat", "-c", "%U %a", composeSaid, path.Dir(composeSaid)); got != "root 600\nroot 700" {
		e.t.Errorf("what web has said is %s", got)
	}
	if found := e.run("grep", "-rl", "sick of", "/var/lib/opsafe"); strings.TrimSpace(found.stdout) != composeSaid {
		e.t.Errorf("what web has said stands in %s", found.stdout)
	}
	e.mustRun("rm", composeSaid)
}

// good proves that web is as the last good deployment has made it.
func (e composeBack) good(after string) {
	e.t.Helper()
	e.await("after "+after+": what ran before", func() bool {
		return strings.TrimSpace(e.run("curl", "-sS", "--max-time", "5", "http://127.0.0.1:8080/").stdout) == "served"
	})
	e.inspects("web", map[string]string{
		".State.Running": "true", `index .Config.Labels "is"`: "good", `index .Config.Labels "com.docker.compose.project"`: "lab",
		"len .NetworkSettings.Networks": "2",
	})
	e.inspects("inside", map[string]string{
		".State.Running": "true", `index .Config.Labels "is"`: "good", ".HostConfig.NetworkMode": "container:" + e.mustRun("docker", "inspect", "--format", "{{.Id}}", "web"),
	})
	if env := e.mustRun("docker", "inspect", "--format", "{{.Config.Env}}", "web"); !strings.Contains(env, "TOKEN="+canary) || !strings.Contains(env, "WHICH=as declared") {
		e.t.Errorf("after %s: the environment of web is %s", after, env)
	}
	if e.run("docker", "exec", "web", "/bin/busybox", "test", "-e", "/scratch/kept").code != 0 {
		e.t.Errorf("after %s: web has lost its unnamed volume", after)
	}
	if e.run("docker", "exec", "db", "/bin/busybox", "nslookup", "front").code != 0 {
		e.t.Errorf("after %s: web is not found by its alias", after)
	}
	if e.exists("/var/lib/opsafe/deployments/lab.before.json") {
		e.t.Errorf("after %s: what is known of the containers before is still on the disk", after)
	}
	if e.run("grep", "-r", canary, "/var/lib/opsafe/deployments").code == 0 {
		e.t.Errorf("after %s: there is a secret in the state", after)
	}
}

// backOfManaged has runs fail that no deployment has asked for: of an image that dies, and
// of a service that takes the place of another.
func (e composeBack) backOfManaged() {
	e.t.Helper()
	e.put("dies, managed")
	e.says(1, e.opsafe("manage", "--backend", "lab"), "what ran before is back: lab/web runs from the image 127.0.0.1:5000/lab/app@sha256:", composeSaid)
	e.saidLast()
	e.good("manage")
	e.put("good")
	e.write(guestRepository+"/backends/lab/app.yaml", strings.NewReplacer("  db:\n", "  store:\n", "lab/db:1\n", "lab/db:1\n    command: [/bin/busybox, \"false\"]\n").Replace(composeBackFile), 0o644)
	e.says(1, e.opsafe("manage", "--backend", "lab"), "container db ended as soon as it had started: exit status 1; what ran before is back: ", "lab/db runs from the image 127.0.0.1:5000/lab/db@sha256:", "lab/store, which was not there before, is removed")
	e.good("manage of another service")
	e.write(guestRepository+"/backends/lab/app.yaml", composeBackFile, 0o644)
}

// backOfKilled kills the worker amid its trial of an image that is no good.
func (e composeBack) backOfKilled() {
	e.t.Helper()
	e.put("sick, and killed")
	e.mustRun("systemctl", "stop", "opsafe-deploy-lab.path")
	k := e.startOpsafe("deploy", "lab")
	e.await("the trial", func() bool {
		return strings.TrimSpace(e.run("docker", "inspect", "--format", `{{index .Config.Labels "is"}}`, "web").stdout) == "sick, and killed"
	})
	if got := e.mustRun("stat", "-c", "%U %a", "/var/lib/opsafe/deployments/lab.before.json"); got != "root 600" {
		e.t.Errorf("what is known of the containers before is %s", got)
	}
	e.mustRun("systemctl", "kill", "-s", "KILL", "opsafe-deploy-lab.service")
	<-k.done
	e.good("killed")
	if log := e.mustRun("journalctl", "--no-pager", "-o", "cat", "-u", "opsafe-deploy-lab.service"); !strings.Contains(log, "a worker died while it deployed compose lab (composing)") {
		e.t.Errorf("nobody has put back what the dead worker left: %s", log)
	}
}

// backOfPruned removes the image that ran before, amid the trial of another: it is pulled
// once more, and if that cannot be, what runs is left.
func (e composeBack) backOfPruned(registry *http.Server) {
	e.t.Helper()
	trial := func(label string, amid func()) {
		e.t.Helper()
		before := strings.TrimSpace(e.mustRun("docker", "inspect", "--format", "{{.Image}}", "inside"))
		e.put(label)
		k := e.startOpsafe("deploy", "lab")
		// The new container is there before compose has removed the old one, and the image of
		// a container is not pruned.
		e.await("the trial, and the image before it pruned", func() bool {
			if strings.TrimSpace(e.run("docker", "inspect", "--format", `{{index .Config.Labels "is"}}`, "inside").stdout) != label {
				return false
			}
			e.mustRun("docker", "image", "prune", "--force")
			return e.run("docker", "image", "inspect", before).code != 0
		})
		amid()
		<-k.done
	}
	trial("sick, and pruned", func() {})
	e.good("pruned")
	trial("sick, and alone", func() { _ = registry.Close() })
	e.inspects("web", map[string]string{".State.Running": "true", `index .Config.Labels "is"`: "sick, and alone"})
	e.says(1, e.opsafe("deployments"), "what ran before is not back", "its image sha256:", "is gone")
}
