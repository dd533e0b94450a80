package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"opsafe/internal/render"
)

// canary must not be seen anywhere but in its file.
const canary = "canary-5f1d8c"

// servicesLab has a timer that fires, a service with two files that it uses, and
// a secret. The check of the secret notes what all processes were called then.
const servicesLab = `
files:
  /etc/lab-a.conf: {content: "a 1\n", owner: root, group: root, mode: "0644", notify: {restart: [lab-daemon.service]}}
  /etc/lab-b.conf: {content: "b 1\n", owner: root, group: root, mode: "0644", notify: {restart: [lab-daemon.service]}}
  /etc/lab-secret:
    content: "token=` + canary + `-1\n"
    secret: true
    owner: root
    group: root
    mode: "0600"
    check: [/usr/local/sbin/lab-check, "%"]
units:
  lab-daemon.service:
    content: |
      [Unit]
      Description=first
      [Service]
      ExecStartPre=/bin/sh -c 'echo start >>/run/lab-starts'
      ExecStart=/usr/bin/sleep infinity
      [Install]
      WantedBy=multi-user.target
    enabled: true
    running: true
  lab-tick.service:
    content: |
      [Service]
      Type=oneshot
      ExecStart=/bin/sh -c 'echo ticked >/run/lab.fifo'
  lab-tick.timer:
    content: |
      [Timer]
      OnActiveSec=1
      AccuracySec=1ms
      RemainAfterElapse=yes
      [Install]
      WantedBy=timers.target
    enabled: true
    running: true
`

// TestEffectServices proves what the declared state means for what runs:
// timers, restarts, containers, and that secrets stay where they belong.
func TestEffectServices(t *testing.T) {
	t.Parallel()
	e := newTPP(t, servicesLab)
	e.write("/usr/local/sbin/lab-check", "#!/bin/sh\ncat /proc/[0-9]*/cmdline >>/run/lab-cmdlines 2>&1\nif grep -q refuse \"$1\"; then cat \"$1\" >&2; exit 1; fi\n", 0o755)
	e.mustRun("mkfifo", "/run/lab.fifo")

	plan := e.opsafe("plan", "--backend", "tpp")
	first := e.manageJSON("tpp")
	for _, c := range changed(first) {
		if c == "run restart/lab-daemon.service" {
			t.Error("a service is restarted right after its first start")
		}
	}
	t.Run("a timer fires", func(t *testing.T) {
		e := e.on(t)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if r := e.finish(e.Command(ctx, "cat", "/run/lab.fifo")); r.stdout != "ticked\n" {
			t.Errorf("the fifo: %s", r)
		}
	})
	t.Run("a change restarts once", func(t *testing.T) { proveRestarts(e.on(t)) })
	t.Run("a container on the network", func(t *testing.T) { proveNetwork(e.on(t)) })
	t.Run("secrets", func(t *testing.T) { proveSecrets(e.on(t), plan) })
}

func (e *env) starts() int {
	e.t.Helper()
	return strings.Count(e.read("/run/lab-starts"), "start\n")
}

// proveRestarts changes a unit, then two files at once: one restart each.
func proveRestarts(e *env) {
	if n := e.starts(); n != 1 {
		e.t.Fatalf("started %d times by the first run", n)
	}
	const restart = "run restart/lab-daemon.service"
	expect := func(doc render.Document, starts int, want ...string) {
		e.t.Helper()
		got := changed(doc)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			e.t.Errorf("changes: got %q, want %q", got, want)
		}
		if n := e.starts(); n != starts {
			e.t.Errorf("started %d times, want %d", n, starts)
		}
		if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
			e.t.Errorf("the next run changes %q", changed(again))
		}
	}
	expect(e.manageJSON("tpp"), 1)
	e.replace(guestLab, "Description=first", "Description=second")
	expect(e.manageJSON("tpp"), 2, "change unit/lab-daemon.service", restart)
	if got := e.mustRun("systemctl", "show", "-P", "Description", "lab-daemon.service"); got != "second" {
		e.t.Errorf("systemd has the description %q", got)
	}
	e.replace(guestLab, "a 1", "a 2")
	e.replace(guestLab, "b 1", "b 2")
	expect(e.manageJSON("tpp"), 3, "change file//etc/lab-a.conf", "change file//etc/lab-b.conf", restart)
	// What an operator has stopped is not started by a restart; running: true is
	// what starts it, and then nothing is left to restart.
	e.mustRun("systemctl", "stop", "lab-daemon.service")
	e.replace(guestLab, "a 2", "a 3")
	expect(e.manageJSON("tpp"), 4, "change file//etc/lab-a.conf", "change unit/lab-daemon.service")
}

func proveNetwork(e *env) {
	if err := e.ImportBusybox(e.t.Context(), "lab:1"); err != nil {
		e.t.Fatal(err)
	}
	bridge := e.mustRun("ip", "-4", "-brief", "addr", "show", "jobrunner-db")
	subnet := e.mustRun("docker", "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "jobrunner-db")
	inside := e.mustRun("docker", "run", "--rm", "--network", "jobrunner-db", "lab:1", "ip", "-4", "addr", "show", "eth0")
	prefix := strings.SplitAfterN(subnet, ".", 3)[:2]
	if !strings.Contains(inside, "inet "+strings.Join(prefix, "")) || !strings.Contains(bridge, strings.Join(prefix, "")) {
		e.t.Errorf("subnet %s, bridge %s, in the container:\n%s", subnet, bridge, inside)
	}
	gateway := strings.Split(strings.Fields(bridge)[2], "/")[0]
	if r := e.run("docker", "run", "--rm", "--network", "jobrunner-db", "lab:1", "ping", "-c", "1", "-w", "2", gateway); r.code == 0 {
		e.t.Errorf("the container reaches the host, though no address is listed: %s", r)
	}
}

// proveSecrets changes the secret, has its check refuse one, and looks through
// everything that was said.
func proveSecrets(e *env, plan result) {
	if got := e.read("/etc/lab-secret"); got != "token="+canary+"-1\n" {
		e.t.Errorf("the file holds %q", got)
	}
	said := map[string]string{"first plan": plan.String()}
	step := func(name string) {
		said["plan after "+name] = e.opsafe("plan", "--backend", "tpp").String()
		said["json plan after "+name] = e.opsafe("plan", "--backend", "tpp", "--format", "json").String()
		said["manage after "+name] = e.opsafe("manage", "--backend", "tpp").String()
		said["json manage after "+name] = e.opsafe("manage", "--backend", "tpp", "--format", "json").String()
	}
	e.replace(guestLab, canary+"-1", canary+"-2")
	seen := e.watchArguments()
	step("a change")
	said["argument lists"] = seen()
	if got := e.read("/etc/lab-secret"); got != "token="+canary+"-2\n" {
		e.t.Errorf("the file holds %q", got)
	}
	e.replace(guestLab, canary+"-2", canary+"-refuse")
	step("a refusal")
	if got := e.read("/etc/lab-secret"); got != "token="+canary+"-2\n" {
		e.t.Errorf("the file was replaced by what its check refuses: %q", got)
	}
	e.replace(guestLab, "    secret: true\n", "    secret: true\n    onec: false # "+canary+"\n")
	step("a mistake beside it")
	e.replace(guestLab, "    onec: false # "+canary+"\n", "")
	e.replace(guestLab, canary+"-refuse", canary+"-3")
	step("all is well")
	said["the journal"] = e.mustRun("journalctl", "-o", "export", "--no-pager")
	said["argument lists during the check"] = e.read("/run/lab-cmdlines")
	said["opsafe's records"] = e.run("grep", "-r", canary, "/var/lib/opsafe", "/run/opsafe.lock").stdout
	for what, text := range said {
		for line := range strings.Lines(text) {
			if strings.Contains(line, canary) {
				e.t.Errorf("%s shows the secret: %s", what, line)
			}
		}
	}
	if left := e.run("sh", "-c", "grep -lr "+canary+" /etc /run /tmp /var/tmp /root 2>/dev/null").stdout; left != "/etc/lab-secret\n" {
		e.t.Errorf("the secret lies in: %s", left)
	}
}

// watchArguments collects the argument lists of all processes of the machine, as
// fast as it can, until it is called.
func (e *env) watchArguments() func() string {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var seen strings.Builder
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, f := range files {
				if data, err := os.ReadFile(f); err == nil && strings.Contains(string(data), canary) {
					seen.Write(data)
				}
			}
		}
	})
	return func() string {
		close(stop)
		wg.Wait()
		return seen.String()
	}
}
