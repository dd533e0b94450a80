package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// newMachine boots a host with one of the complete examples of testdata as its
// repository, as it is committed.
func newMachine(t *testing.T, example string) *env {
	t.Helper()
	e := &env{Host: testhost.Start(t, testhost.Options{Image: testhost.Full}), t: t}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	e.install(path, guestBinary)
	e.install(filepath.Join(repository, "testdata", example), guestRepository)
	e.mustRun("chmod", "-R", "go-w", guestRepository)
	return e
}

// settledAs says that a backend has nothing left to do, by a plan and by a second run.
func (e *env) settledAs(backend string) {
	e.t.Helper()
	e.says(0, e.opsafe("plan", "--backend", backend, "--exit-code"), "Nothing to do.")
	e.says(0, e.opsafe("manage", "--backend", backend), "Nothing to do.")
}

// dragonflyArchive is an archive with the program of testdata as dragonfly's. It is not
// compressed, so that its checksum, which the example has, never changes.
func dragonflyArchive(t *testing.T) []byte {
	t.Helper()
	program, err := os.ReadFile("testdata/machines/dragonfly")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	err = w.WriteHeader(&tar.Header{Name: "dragonfly-x86_64", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(program)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDurHack makes DurHack's host of the committed example, and looks at what each of
// its accounts can do there and what its services answer.
func TestDurHack(t *testing.T) {
	t.Parallel()
	e := newMachine(t, "durhack")
	listener, err := e.Listen("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	archive, asked := dragonflyArchive(t), 0
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // of a test
		if r.URL.Path == "/dragonfly-v1.23.2/dragonfly-x86_64.tar.gz" {
			asked++
			_, _ = w.Write(archive)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	e.appendTo("/etc/hosts", "127.0.0.1 mirror.durhack.example\n")

	hub := e.gitHub()
	e.durHackSecrets()

	e.manageJSON("durhack")
	e.settledAs("durhack")
	if asked != 1 {
		t.Errorf("the mirror was asked %d times", asked)
	}
	e.durHackDeployer()
	e.durHackServices()
	e.durHackPushes(hub)
	e.durHackBehindProxy(hub)
	e.settledAs("durhack")
}

// durHackDeployer is what the deployer may do, and no more.
func (e *env) durHackDeployer() {
	e.t.Helper()
	const deployer, confd = "durhack-deployer", "/etc/nginx/conf.d"
	if got := e.mustRun("stat", "-c", "%U:%G", confd, confd+"/deployer.conf"); got != "root:root\nroot:root" {
		e.t.Errorf("what was there belongs to %q", got)
	}
	e.mustRun("mkdir", confd+"/sites")
	e.may(deployer,
		"cp "+confd+"/deployer.conf /tmp/mine && cat /tmp/mine >"+confd+"/deployer.conf",
		"echo '# mine' >"+confd+"/mine.conf",
		"echo '# mine' >"+confd+"/sites/mine.conf && ls "+confd+"/sites",
		"sudo -n /usr/bin/certbot --version",
		"sudo -n /usr/bin/systemctl reload nginx",
		"psql --tuples-only --command='create table events (id text primary key)' durhack-deployer",
	)
	e.mayNot(deployer,
		confd+"/mine.conf",
		"echo >/etc/nginx/nginx.conf",
		"psql postgres --command='create database more'",
	)
	for _, more := range []string{"systemctl restart nginx", "systemctl reload nginx ssh", "systemctl reload nginx.service", "true"} {
		if r := e.runAs(deployer, append([]string{"sudo", "-n"}, strings.Fields(more)...)...); r.code == 0 || !strings.Contains(r.stderr, "a password is required") {
			e.t.Errorf("the deployer can %s: %s", more, r)
		}
	}
	e.mustRun("nginx", "-t")
}

// durHackServices is what its services answer.
func (e *env) durHackServices() {
	e.t.Helper()
	for path, want := range map[string]string{
		"/opt/dragonfly/dragonfly-current": "/opt/dragonfly/dragonfly-v1.23.2",
		"/usr/local/bin/dragonfly":         "/opt/dragonfly/dragonfly-current/dragonfly-x86_64",
	} {
		if got := e.mustRun("readlink", path); got != want {
			e.t.Errorf("%s leads to %s, not to %s", path, got, want)
		}
	}
	e.await("nginx on port 3400", func() bool {
		return e.run("curl", "--silent", "--fail", "http://127.0.0.1:3400/health").stdout == "ok\n"
	})
	e.await("dragonfly", func() bool { return strings.TrimSpace(e.run("redis-cli", "ping").stdout) == "PONG" })
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/var/lib/dragonfly", "/var/lib/dragonfly/dump"); got != "dragonfly:dragonfly 755\ndragonfly:dragonfly 644" {
		e.t.Errorf("dragonfly's home and what it writes there: %s", got)
	}
	// Told to end by somebody else than systemd, it is started again.
	pid := e.pid("dragonfly.service")
	e.mustRun("redis-cli", "shutdown")
	e.await("dragonfly to come again", func() bool {
		now := e.pid("dragonfly.service")
		return now != pid && now != "0" && strings.TrimSpace(e.run("redis-cli", "ping").stdout) == "PONG"
	})
}
