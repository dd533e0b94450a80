package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// The machines of the example altlab, by their backends, with their addresses there and
// the applications that they run.
const (
	altlabHost        = "192.0.2.10"
	altlabPublic      = "/var/lib/deploy/.ssh/id_ed25519.pub"
	altlabKeyFile     = guestRepository + "/keys/altlab-gw"
	altlabKnownHosts  = guestRepository + "/backends/altlab-gw/files/ssh_known_hosts"
	altlabApplication = "/usr/local/bin/deploy-application"
)

type altlabServer struct{ backend, address, application, port, id string }

func altlabServers() []altlabServer {
	return []altlabServer{
		{"altlab-itw", "192.0.2.11", "itwewina", "3801", "60801"},
		{"altlab-kor", "192.0.2.12", "korp", "3802", "60802"},
	}
}

// TestALTLab makes the host server and both application servers of the committed example,
// joined by a network, and carries the host server's key to them as its README says.
func TestALTLab(t *testing.T) {
	t.Parallel()
	gw := newMachine(t, "altlab")
	known := ""
	apps := map[string]*env{}
	for _, s := range altlabServers() {
		app := newMachine(t, "altlab")
		if err := gw.Join(t.Context(), app.Host, altlabHost, s.address); err != nil {
			t.Fatal(err)
		}
		f := strings.Fields(app.read("/etc/ssh/ssh_host_ed25519_key.pub"))
		known += s.backend + " " + f[0] + " " + f[1] + "\n"
		apps[s.backend] = app
	}
	gw.write(altlabKnownHosts, known, 0o644)
	gw.manageJSON("altlab-gw")
	gw.settledAs("altlab-gw")
	public := gw.read(altlabPublic)
	if host := gw.mustRun("hostname"); !strings.HasPrefix(public, "ssh-ed25519 ") || !strings.HasSuffix(public, " deploy@"+host+"\n") {
		t.Fatalf("the public half on %s: %s", host, public)
	}
	for _, s := range altlabServers() {
		t.Run(s.backend, func(t *testing.T) {
			app := apps[s.backend].on(t)
			app.write(altlabKeyFile, public, 0o644)
			app.serveApplication(s)
			gw.on(t).deploysOn(app, s)
		})
	}
	gw.settledAs("altlab-gw")
}

// serveApplication brings an application server to its state. The image is there
// already: no registry is to be reached.
func (e *env) serveApplication(s altlabServer) {
	e.t.Helper()
	e.mustRun("systemctl", "start", "docker.service")
	e.mustRun("systemctl", "disable", "docker.service")
	if err := e.ImportBusybox(e.t.Context(), "busybox:latest"); err != nil {
		e.t.Fatal(err)
	}
	build := `cd "$(mktemp -d)" && docker create --name once busybox:latest && ` +
		`docker commit --change 'CMD ["busybox", "httpd", "-f", "-p", "8000", "-h", "/data"]' once "$1" && docker rm once`
	e.mustRun("sh", "-c", build, "sh", "ghcr.io/ualbertaaltlab/"+s.application+":latest")
	e.manageJSON(s.backend)
	e.settledAs(s.backend)
	if got := e.mustRun("systemctl", "is-enabled", "docker.service"); got != "enabled" {
		e.t.Errorf("docker is %s", got)
	}
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/var/lib/deploy/.ssh/authorized_keys"); got != "deploy:deploy 644" {
		e.t.Errorf("authorized_keys is %s", got)
	}
	if got := e.mustRun("id", "-u", s.application) + " " + e.mustRun("id", "-g", s.application); got != s.id+" "+s.id {
		e.t.Errorf("%s is %s", s.application, got)
	}
	// What the account owns, the container reads: they have one number.
	e.mustRun("sh", "-c", `echo "$1" >"/srv/$1/index.html" && chmod 0400 "/srv/$1/index.html" && chown "$1:" "/srv/$1/index.html"`, "sh", s.application)
	e.answersAs(s)
}

func (e *env) answersAs(s altlabServer) {
	e.t.Helper()
	e.await(s.application+" on port "+s.port, func() bool {
		return e.run("curl", "--silent", "--fail", "http://127.0.0.1:"+s.port+"/").stdout == s.application+"\n"
	})
}

// deploysOn has the host server deploy by ssh, and try what else its key could open.
func (e *env) deploysOn(app *env, s altlabServer) {
	e.t.Helper()
	login := func(user string, options []string, argv ...string) result {
		e.t.Helper()
		argv = append(append([]string{"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"}, options...), append([]string{user + "@" + s.backend}, argv...)...)
		return e.runAs("deploy", argv...)
	}
	container := func() (id, started string) {
		e.t.Helper()
		var all []struct{ ID, Started string }
		out := app.mustRun("sh", "-c", `docker inspect --format '[{"ID":{{json .Id}},"Started":{{json .State.StartedAt}}}]' $(docker ps --quiet)`)
		if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
			e.t.Fatalf("containers: %v: %s", err, out)
		}
		return all[0].ID, all[0].Started
	}
	id, started := container()
	if r := login("deploy", nil, s.application); r.code != 0 {
		e.t.Fatalf("deploying %s: %s", s.application, r)
	}
	if now, again := container(); now != id || again == started {
		e.t.Errorf("the container was not restarted: %s at %s, then %s at %s", id, started, now, again)
	}
	app.answersAs(s)
	for _, argv := range [][]string{
		nil, {"true"}, {"cat", "/etc/passwd"}, {s.application + ";id"}, {"$(id)"}, {"--", "--help"}, {"docker ps"}, {"/bin/sh", "-c", "id"},
	} {
		if r := login("deploy", nil, argv...); r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, "deploy-application: ") {
			e.t.Errorf("asking for %q: %s", argv, r)
		}
	}
	for what, r := range map[string]result{
		"a terminal":      login("deploy", []string{"-tt"}),
		"a forwarded way": login("deploy", []string{"-W", "127.0.0.1:" + s.port}),
		"sftp":            login("deploy", []string{"-s"}, "sftp"),
		"root":            login("root", nil, "id"),
		"the application": login(s.application, nil, "id"),
	} {
		if r.code == 0 || strings.Contains(r.stdout, "uid=") || strings.Contains(r.stdout, s.application) {
			e.t.Errorf("the key opens %s: %s", what, r)
		}
	}
	// Nobody else comes in by it, and nobody passes for the server.
	if r := app.run("runuser", "-u", "deploy", "--", "ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "deploy@127.0.0.1", s.application); r.code != 255 {
		e.t.Errorf("the server's own account has a key: %s", r)
	}
	app.mustRun("test", "-x", altlabApplication)
	app.settledAs(s.backend)
}
