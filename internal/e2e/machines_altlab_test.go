package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"opsafe/internal/host/hosttest"
	"opsafe/internal/notes"
)

// The machines of the example altlab, by their backends, with their addresses there and
// the applications that they run.
const (
	altlabHost       = "192.0.2.10"
	altlabPublic     = "/var/lib/deploy/.ssh/id_ed25519.pub"
	altlabKeyFile    = guestRepository + "/keys/altlab-gw"
	altlabKnownHosts = guestRepository + "/backends/altlab-gw/files/ssh_known_hosts"
	altlabSecret     = "altlab-secret-0123"
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
	gw.mustRun("install", "-d", "-m", "0700", "/etc/opsafe/hooks")
	for _, s := range altlabServers() {
		gw.write("/etc/opsafe/hooks/"+s.application+".key", altlabSecret+s.application+"\n", 0o600)
	}
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
			put := app.serveApplication(s)
			gw.on(t).deploysOn(app, s, put)
			if s == altlabServers()[0] {
				app.goesBack(s, put)
			}
		})
	}
	gw.settledAs("altlab-gw")
}

// goesBack has an image fail its health check, so that the one before runs again; and goes
// back from one that does not, by the way that rollback says.
func (e *env) goesBack(s altlabServer, put func(label string)) {
	e.t.Helper()
	put("sick")
	e.says(1, e.opsafe("deploy", s.application), "health: not within 30s", "what ran before is back and answers")
	e.says(1, e.opsafe("deployments"), "failed", "health: not within 30s")
	if _, _, image := e.container(); image != "second" {
		e.t.Errorf("after it has failed the container is of the %s image", image)
	}
	e.answersAs(s)
	put("third")
	e.says(0, e.opsafe("deploy", s.application), s.application+" was of the image ")
	e.says(1, e.opsafe("rollback", s.application), "has no releases to go back to", "opsafe deployments says")
	ran := regexp.MustCompile(s.application + `/\S+ was of the image (\S+@sha256:[0-9a-f]{64}) before`).FindStringSubmatch(e.opsafe("deployments").stdout)
	if ran == nil {
		e.t.Fatalf("it does not say what ran before: %s", e.opsafe("deployments"))
	}
	file := guestRepository + "/backends/" + s.backend + "/files/" + s.application + ".yaml"
	e.replace(file, "ghcr.io/ualbertaaltlab/"+s.application+":latest", ran[1])
	if r := e.opsafe("deploy", s.application); r.code != 0 {
		e.t.Fatalf("cannot go back to %s: %s\n%s", ran[1], r, e.run("journalctl", "--no-pager", "-n", "40", "-o", "cat", "-u", "opsafe-deploy-"+s.application+".service").stdout)
	}
	if _, _, image := e.container(); image != "second" {
		e.t.Errorf("after going back the container is of the %s image", image)
	}
	e.answersAs(s)
	e.settledAs(s.backend)
}

// serveApplication brings an application server to its state, with the image of a
// registry that answers by the name of the committed example's. Put has another there.
func (e *env) serveApplication(s altlabServer) (put func(label string)) {
	e.t.Helper()
	put = e.imagesOf(s)
	put("first")
	e.mustRun("systemctl", "start", "docker.service")
	e.mustRun("systemctl", "disable", "docker.service")
	e.says(0, e.opsafe("bootstrap", s.backend))
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
	return put
}

// imagesOf has a registry answer by the name of GitHub's, over https, with images of a
// server's application. Labels tell them apart. It is at an address of the network: of one
// of the host itself, docker asks without TLS.
func (e *env) imagesOf(s altlabServer) (put func(label string)) {
	e.t.Helper()
	const name = "ghcr.io"
	config, ca := certified(e.t, name)
	e.mustRun("mkdir", "-p", "/etc/docker/certs.d/"+name)
	e.write("/etc/docker/certs.d/"+name+"/ca.crt", ca, 0o644)
	e.appendTo("/etc/hosts", s.address+" "+name+"\n")
	listener, err := e.Listen("tcp", s.address+":443")
	if err != nil {
		e.t.Fatal(err)
	}
	var registry hosttest.Registry
	server := &http.Server{Handler: &registry, TLSConfig: config} //nolint:gosec // of a test
	go func() { _ = server.ServeTLS(listener, "", "") }()
	e.t.Cleanup(func() { _ = server.Close() })
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		e.t.Fatal(err)
	}
	return func(label string) {
		e.t.Helper()
		serves := "/bin/busybox httpd -f -p 8000 -h /data"
		if label == "sick" {
			serves = "/bin/busybox sleep 1d"
		}
		argv := []string{"/bin/busybox", "sh", "-c", "trap exit TERM; " + serves + " & wait"}
		if err := registry.Put("ualbertaaltlab/"+s.application, "latest", program, argv, label); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *env) answersAs(s altlabServer) {
	e.t.Helper()
	e.await(s.application+" on port "+s.port, func() bool {
		return e.run("curl", "--silent", "--fail", "http://127.0.0.1:"+s.port+"/").stdout == s.application+"\n"
	})
}

// posted is how the host server answers a request for an application.
func (e *env) posted(application, body string) string {
	e.t.Helper()
	e.write("/root/request.json", body, 0o600)
	return e.run("curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "--json", "@/root/request.json", "http://127.0.0.1:8000/"+application).stdout
}

// container is the one of an application server: which it is, since when, and from what.
func (e *env) container() (id, started, image string) {
	e.t.Helper()
	var all []struct{ ID, Started, Image string }
	out := e.mustRun("sh", "-c", `docker inspect --format '[{"ID":{{json .Id}},"Started":{{json .State.StartedAt}},"Image":{{json (index .Config.Labels "is")}}}]' $(docker ps --quiet)`)
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		e.t.Fatalf("containers: %v: %s", err, out)
	}
	return all[0].ID, all[0].Started, all[0].Image
}

// deploysOn has requests to the host server deploy on an application server, and tries
// what else its key could open.
func (e *env) deploysOn(app *env, s altlabServer, put func(label string)) {
	e.t.Helper()
	for _, bad := range []struct{ name, body, want string }{
		{s.application, `{"secret": "another-secret-01"}`, "401"},
		{s.application, `secret`, "400"},
		{"none", `{"secret": "` + altlabSecret + `none"}`, "404"},
	} {
		if got := e.posted(bad.name, bad.body); got != bad.want {
			e.t.Errorf("%s with %s is answered with %s, not %s", bad.name, bad.body, got, bad.want)
		}
	}
	request := `{"secret": "` + altlabSecret + s.application + `"}`
	deployed := func(times string) {
		e.t.Helper()
		if got := e.posted(s.application, request); got != "202" {
			e.t.Fatalf("a request is answered with %s", got)
		}
		e.await(s.application+" is deployed", func() bool {
			out := e.run("jq", "-r", `[.history[].outcome] | join(" ")`, notes.Deployments+"/"+s.application+".state.json").stdout
			return out == times+"\n"
		})
	}
	was, _, image := app.container()
	if image != "first" {
		e.t.Errorf("the container is of the %s image", image)
	}
	put("second")
	deployed("deployed")
	id, started, image := app.container()
	if id == was || image != "second" {
		e.t.Errorf("the container was not made anew: %s of the %s image", id, image)
	}
	app.answersAs(s)
	deployed("deployed deployed")
	if now, again, _ := app.container(); now != id || again != started {
		e.t.Errorf("a request without another image has made anew or restarted the container: %s at %s, then %s at %s", id, started, now, again)
	}
	e.opensNoMore(app, s)
	app.settledAs(s.backend)
}

// opensNoMore tries what else the host server's key could open.
func (e *env) opensNoMore(app *env, s altlabServer) {
	e.t.Helper()
	login := func(user string, options []string, argv ...string) result {
		e.t.Helper()
		argv = append(append([]string{"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"}, options...), append([]string{user + "@" + s.backend}, argv...)...)
		return e.runAs("deploy", argv...)
	}
	for _, argv := range [][]string{
		nil, {"true"}, {"cat", "/etc/passwd"}, {s.application + ";id"}, {"$(id)"}, {"--", "--help"}, {"docker ps"}, {"/bin/sh", "-c", "id"},
	} {
		if r := login("deploy", nil, argv...); r.code == 0 || r.stdout != "" || !strings.Contains(r.stderr, "want the name of a deployment") && !strings.Contains(r.stderr, "sudo: ") {
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
}
