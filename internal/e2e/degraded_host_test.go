package e2e

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"testing"

	"opsafe/internal/testhost"
)

// hostLab has something of each kind, so that what goes on beside a fault shows.
const hostLab = `
packages:
  tree: installed
groups:
  team: {}
users:
  worker: {uid: 4400, home: /home/worker, groups: [team]}
directories:
  /srv/lab: {owner: root, group: root, mode: "0755"}
files:
  /etc/lab.conf: {content: "lab\n"}
  /srv/lab/data: {content: "data\n"}
`

// TestDegradedHost breaks one host in one way after the other. Each time a run
// says what is wrong and what to do, does everything else, and converges once it
// is mended.
func TestDegradedHost(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	for _, part := range []struct {
		name  string
		prove func(e *env)
	}{
		{"dpkg half-configured", proveHalfConfigured},
		{"dpkg locked", proveDpkgLocked},
		{"read-only /etc", proveReadOnly},
		{"stale account lock", proveStaleLock},
		{"account tools busy", proveAccountsBusy},
		{"full disk", proveFullDisk},
		{"no bus", proveNoBus},
		{"docker down", proveDockerDown},
	} {
		t.Run(part.name, func(t *testing.T) {
			e := e.on(t)
			part.prove(e)
			e.lab(0, hostLab)
			e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
			e.forgetLab()
		})
	}
}

// forgetLab takes away what hostLab brings.
func (e *env) forgetLab() {
	e.t.Helper()
	e.run("userdel", "worker")
	e.run("groupdel", "team")
	e.mustRun("rm", "-rf", "/srv/lab", "/etc/lab.conf", "/home/worker")
}

// wentOn fails the test unless everything of hostLab is there but what is named.
func (e *env) wentOn(but ...string) {
	e.t.Helper()
	for what, argv := range map[string][]string{
		"package": {"test", "-x", "/usr/bin/tree"},
		"group":   {"getent", "group", "team"},
		"user":    {"getent", "passwd", "worker"},
		"conf":    {"grep", "-qx", "lab", "/etc/lab.conf"},
		"data":    {"grep", "-qx", "data", "/srv/lab/data"},
	} {
		want := 0
		for _, b := range but {
			if b == what {
				want = 1
			}
		}
		if r := e.run(argv...); r.code == 0 != (want == 0) {
			e.t.Errorf("%s: %s", what, r)
		}
	}
}

// proveHalfConfigured is a package whose script fails, and another that is to be
// installed.
func proveHalfConfigured(e *env) {
	const script = "/var/lib/dpkg/info/jq.postinst"
	e.mustRun("apt-get", "-qq", "purge", "-y", "tree")
	e.write(script, "#!/bin/sh\ntest -e /run/mended\n", 0o755)
	if r := e.run("dpkg-reconfigure", "jq"); r.code == 0 {
		e.t.Fatal("jq is configured")
	}
	e.mustRun("sed", "-i", "/^Package: jq$/,/^$/s/^Status: .*/Status: install ok half-configured/", "/var/lib/dpkg/status")
	// It is named, and stops no other package.
	e.lab(0, hostLab, "+ tree", "finish jq half configured →")
	e.wentOn()
	if got := e.mustRun("dpkg-query", "-W", "-f", "${db:Status-Status}", "jq"); got != "half-configured" {
		e.t.Errorf("jq is %s", got)
	}
	e.write("/run/mended", "", 0o644)
	e.mustRun("dpkg", "--purge", "tree")
	e.labSpec(hostLab)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "finish jq half configured →", "what was left half done: jq (half configured)")
	e.lab(0, hostLab, "tree")
	if got := e.mustRun("dpkg-query", "-W", "-f", "${db:Status-Status}", "jq"); got != "installed" {
		e.t.Errorf("jq is %s", got)
	}
}

// hold takes POSIX locks on files of the host until the function is called that
// it returns.
func (e *env) hold(paths ...string) (release func()) {
	e.t.Helper()
	cmd := e.Command(e.t.Context(), append([]string{"python3", "-c", "import fcntl,sys\nfs=[open(p,'a+') for p in sys.argv[1:]]\n[fcntl.lockf(f,fcntl.LOCK_EX) for f in fs]\nprint('held',flush=True)\nsys.stdin.read()"}, paths...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		e.t.Fatalf("nothing is held: %q, %v", line, err)
	}
	return sync.OnceFunc(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
}

// whileHeld runs manage, and lets go of what is held once it waits for that.
func (e *env) whileHeld(release func(), waits func() bool) result {
	e.t.Helper()
	e.labSpec(hostLab)
	done := make(chan result, 1)
	go func() {
		defer close(done)
		done <- e.opsafe("manage", "--backend", "lab")
	}()
	defer func() { // also if nobody has come to wait: the run has to end before the test
		release()
		<-done
	}()
	e.await("somebody waits", waits)
	release()
	return <-done
}

func proveDpkgLocked(e *env) {
	e.mustRun("apt-get", "-qq", "purge", "-y", "tree")
	release := e.hold("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock")
	r := e.whileHeld(release, func() bool {
		// The simulation before it takes no lock: it has -s there.
		return e.run("pgrep", "-f", "force-confold --no-install-recommends .*install -- tree").code == 0
	})
	e.says(0, r, "tree")
	e.wentOn()
}

func proveReadOnly(e *env) {
	e.mustRun("mount", "--bind", "/etc", "/etc")
	e.mustRun("mount", "-o", "remount,ro,bind", "/etc")
	e.lab(1, hostLab, "cannot change accounts: /etc is on a read-only file system",
		"cannot write /etc/lab.conf", "read-only file system", "user worker")
	e.wentOn("group", "user", "conf")
	e.mustRun("umount", "/etc")
}

func proveStaleLock(e *env) {
	e.write("/etc/passwd.lock", "1\x00", 0o600)
	e.write("/etc/group.lock", "999999\x00", 0o600)
	e.lab(0, hostLab, `removed /etc/passwd.lock, a lock that has outlived its account tool: it named "1"`, "removed /etc/group.lock")
	e.wentOn()
}

func proveAccountsBusy(e *env) {
	release := e.hold("/etc/.pwd.lock")
	r := e.whileHeld(release, func() bool { return e.run("pgrep", "-x", "groupadd|useradd").code == 0 })
	e.says(0, r, "worker")
	e.wentOn()
}

// proveFullDisk fills the file system of what is to be written: what was there
// stays whole.
func proveFullDisk(e *env) {
	e.mustRun("mkdir", "-p", "/srv/lab")
	e.mustRun("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/srv/lab")
	e.write("/srv/lab/data", "old\n", 0o644)
	e.run("sh", "-c", "cat /dev/zero >/srv/lab/filler 2>/dev/null")
	e.lab(1, hostLab, "cannot write /srv/lab/data", "no space left on device")
	if got := e.read("/srv/lab/data"); got != "old\n" {
		e.t.Errorf("what was there is now %q", got)
	}
	if left := e.mustRun("ls", "-A", "/srv/lab"); left != "data\nfiller" {
		e.t.Errorf("left behind: %q", left)
	}
	e.wentOn("data")
	e.mustRun("umount", "/srv/lab")
}

// proveNoBus stops the system bus: root does without, others are told.
func proveNoBus(e *env) {
	const units = "units:\n  cron.service: {when: unit cron.service exists, running: true}\n  ssh.service: {enabled: true, running: true}\n"
	e.mustRun("systemctl", "stop", "dbus.service", "dbus.socket")
	e.mustRun("systemctl", "stop", "ssh.service")
	e.lab(0, hostLab+units, "ssh.service")
	e.wentOn()
	r := e.runAs("nobody", guestBinary, "plan", "--backend", "lab", "--exit-code")
	e.says(1, r, "unit ssh.service", "state of systemd's units is unknown")
	if strings.Contains(r.stdout, "Nothing to do") {
		e.t.Errorf("what was not seen is taken for fine: %s", r)
	}
	e.mustRun("systemctl", "start", "dbus.socket", "dbus.service")
	r = e.runAs("nobody", guestBinary, "plan", "--backend", "lab", "--exit-code")
	e.says(0, r, "Nothing to do")
}

// proveDockerDown keeps the engine from starting.
func proveDockerDown(e *env) {
	const docker = "docker:\n  networks:\n    labnet: {interface: labnet}\n"
	e.mustRun("systemctl", "stop", "docker.service", "docker.socket")
	e.write("/etc/systemd/system/docker.service.d/broken.conf", "[Service]\nExecStart=\nExecStart=/bin/false\nRestart=no\n", 0o644)
	e.mustRun("systemctl", "daemon-reload")
	e.lab(1, hostLab+docker, "docker engine", "cannot start docker.service", "journalctl -u docker.service", "docker network/labnet", "docker engine failed")
	e.wentOn()
	e.mustRun("rm", "/etc/systemd/system/docker.service.d/broken.conf")
	e.mustRun("systemctl", "daemon-reload")
	e.lab(0, hostLab+docker, "labnet")
	e.mustRun("docker", "network", "inspect", "labnet")
}
