package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// byHand sets a host up as people do, program by program.
var byHand = [][]string{
	{"groupadd", "--gid", "10010", "reviewers"},
	{"useradd", "--create-home", "--uid", "10000", "--shell", "/bin/bash", "--comment", "The application", "--groups", "reviewers,docker", "app"},
	{"useradd", "--create-home", "--uid", "10001", "--gid", "reviewers", "--home-dir", "/var/lib/collector", "--shell", "/usr/sbin/nologin", "collector"},
	{"chmod", "0750", "/home/app"},
	{"install", "-d", "-o", "app", "-g", "app", "-m", "2750", "/srv/data"},
	{"setfacl", "-m", "group:reviewers:rx,user:collector:rwx,default:group:reviewers:rx,default:user:collector:rwx", "/srv/data"},
	{"ln", "-s", "/etc/app.conf", "/etc/app.link"},
	{"apt-mark", "hold", "docker.io"},
	{"systemctl", "daemon-reload"},
	{"systemctl", "enable", "--now", "app.service", "backup.timer"},
	{"systemctl", "disable", "--now", "rsync.service"},
	{"systemctl", "restart", "docker.service"},
	{"docker", "network", "create", "--driver", "bridge", "--subnet", "172.30.0.0/24", "--gateway", "172.30.0.1", "--internal", "--opt", "com.docker.network.bridge.name=jobs", "--opt", "com.docker.network.bridge.enable_icc=false", "jobs"},
}

// TestAdopt adopts a host that was set up by hand, kind by kind. With what is
// written, manage finds nothing to do, and then sees what is changed by hand.
func TestAdopt(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.write("/etc/app.conf", "workers = 4\n\n\tdeep = \"yes\"  \n", 0o644)
	e.write("/etc/app.env", "TOKEN="+canary+"\n", 0o600)
	e.write("/etc/sudoers.d/app", "Defaults:app !requiretty\napp ALL=(root) NOPASSWD: /usr/bin/systemctl restart app.service\n", 0o440)
	e.write("/etc/ssh/sshd_config.d/10-app.conf", "X11Forwarding no\n", 0o644)
	e.write("/etc/systemd/system/app.service", "[Unit]\nDescription=App\n[Service]\nUser=app\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n", 0o644)
	e.mustRun("mkdir", "-p", "/etc/systemd/system/app.service.d", "/etc/systemd/system/cron.service.d", "/etc/docker", "/etc/apt/keyrings")
	e.write("/etc/systemd/system/app.service.d/limits.conf", "[Service]\nMemoryMax=1G\n", 0o644)
	e.write("/etc/systemd/system/backup.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/true\n", 0o644)
	e.write("/etc/systemd/system/backup.timer", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n", 0o644)
	e.write("/etc/docker/daemon.json", "{ \"log-driver\": \"local\",\n  \"live-restore\": true }\n", 0o644)
	e.write("/etc/apt/keyrings/tools.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", 0o644)
	e.write("/etc/apt/sources.list.d/tools.sources", "Types: deb\nURIs: https://tools.example/debian\nSuites: bookworm\nComponents: main\nSigned-By: /etc/apt/keyrings/tools.asc\n", 0o644)
	for _, argv := range byHand {
		e.mustRun(argv...)
	}
	before := e.mustRun("find", "/etc", "-newer", "/etc/apt/sources.list.d/tools.sources", "-not", "-type", "l")

	args := []string{"adopt", "--files", guestRepository + "/backends/adopted/files"}
	for _, only := range []string{
		"source", "package", "group", "user", "password", "sudoers", "sshd", "docker", "chrony", "unit", "unit/rsync.service",
		"directory//srv/data", "acl//srv/data", "file//etc/app.conf", "file//etc/app.link", "file//etc/app.env",
	} {
		args = append(args, "--only", only)
	}
	r := e.opsafe(args...)
	if r.code != 0 {
		t.Fatal(r)
	}
	if after := e.mustRun("find", "/etc", "-newer", "/etc/apt/sources.list.d/tools.sources", "-not", "-type", "l"); after != before {
		t.Errorf("adopt changes the host:\n%s\nbefore:\n%s", after, before)
	}
	for _, want := range []string{
		"\n  vim: installed\n", "\n  docker.io:\n    state: installed\n    hold: true\n", "\n    gid: 10010\n", "\n    uid: 10000\n    groups: [docker, reviewers]\n",
		"\n    comment: The application\n", "\n  collector:\n    uid: 10001\n    group: reviewers\n    home: /var/lib/collector\n", "\n    mode: \"2750\"\n",
		"user:collector:rwx", "\n    link: /etc/app.conf\n", "\n    source: files/etc-app.conf\n", "\n  10-app:\n", "\n    live-restore: true\n",
		"\n    jobs:\n      interface: jobs\n      subnet: 172.30.0.0/24\n", "\nchrony: {}\n", "\n  backup.timer:\n", "\n      limits:\n", "\n      signed_by: tools\n",
		"\n  rsync.service:\n    enabled: false\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not written", want)
		}
	}
	if strings.Contains(r.stdout+r.stderr, canary) || e.run("grep", "-r", canary, guestRepository).code == 0 {
		t.Error("the content of a file that only root may read is written")
	}
	for _, not := range []string{"libc6:", "adduser:", "docker: declare it"} {
		if strings.Contains(r.stdout+r.stderr, not) {
			t.Errorf("%q is written", not)
		}
	}
	if t.Failed() {
		t.Fatal(r)
	}

	e.write(guestRepository+"/backends/adopted/backend.yaml", r.stdout, 0o644)
	if r := e.opsafe("manage", "--backend", "adopted"); r.code != 0 || !strings.Contains(r.stdout, "Nothing to do.") {
		t.Fatalf("with what was adopted: %s", r)
	}
	e.mustRun("chmod", "0700", "/srv/data")
	e.mustRun("gpasswd", "-d", "app", "docker")
	if r := e.opsafe("plan", "--backend", "adopted", "--exit-code"); r.code != 2 || !strings.Contains(r.stdout, "2 to change") {
		t.Errorf("after a change by hand: %s", r)
	}
}
