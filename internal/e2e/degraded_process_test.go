package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// forks is a process that ignores being asked to end, and forks faster than
// anybody can look: each child puts two in its place. It is bounded by a limit of
// its own, so that the machine lives.
const forks = `import os,signal,resource,time
resource.setrlimit(resource.RLIMIT_NPROC,(60,60))
signal.signal(signal.SIGTERM,signal.SIG_IGN)
signal.signal(signal.SIGHUP,signal.SIG_IGN)
signal.signal(signal.SIGCHLD,signal.SIG_IGN)
while True:
    try:
        if os.fork() and os.getpid()%2:
            os._exit(0)
    except OSError:
        time.sleep(0.0005)
`

// TestDegradedProcesses takes accounts away from those who do not want to go.
func TestDegradedProcesses(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write("/usr/local/bin/forks", forks, 0o755)
	t.Run("a fork bomb", func(t *testing.T) { proveForkBomb(e.on(t)) })
	t.Run("an account in use", func(t *testing.T) { proveAccountInUse(e.on(t)) })
}

// lab runs manage with a spec of the test's own, which has to exit with a code
// and to say some words.
func (e *env) lab(code int, spec string, words ...string) {
	e.t.Helper()
	e.labSpec(spec)
	e.says(code, e.opsafe("manage", "--backend", "lab"), words...)
}

func (e *env) labSpec(spec string) {
	e.t.Helper()
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab")
	e.write(guestRepository+"/backends/lab/backend.yaml", "description: lab\n"+spec, 0o644)
}

// says checks how a run ended, and that it said some words.
func (e *env) says(code int, r result, words ...string) {
	e.t.Helper()
	said := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
	if r.code != code {
		e.t.Fatalf("want exit code %d: %s", code, r)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			e.t.Errorf("it does not say %q: %s", w, r)
		}
	}
}

// start runs something in the background of the host as somebody.
func (e *env) start(user string, argv ...string) {
	e.t.Helper()
	if r := e.runAs(user, append([]string{"setsid", "--fork", "sh", "-c", `exec "$@" </dev/null >/dev/null 2>&1`, "sh"}, argv...)...); r.code != 0 {
		e.t.Fatalf("cannot start %v: %s", argv, r)
	}
}

func (e *env) processes(user string) int {
	e.t.Helper()
	return len(strings.Fields(e.run("ps", "-u", user, "-o", "pid=").stdout))
}

func proveForkBomb(e *env) {
	e.mustRun("useradd", "-m", "mallory")
	e.start("mallory", "python3", "/usr/local/bin/forks")
	const many = 30
	e.await("it has forked", func() bool { return e.processes("mallory") > many })
	e.says(0, e.opsafe("disable-user", "mallory"), "mallory has no access to this host any more")
	if n := e.processes("mallory"); n > 0 {
		e.t.Errorf("%d processes are left", n)
	}
	e.mustRun("pgrep", "-u", "root", "-x", "sshd") // root's own live on
}

func proveAccountInUse(e *env) {
	e.mustRun("useradd", "-m", "-u", "4100", "app")
	e.start("app", "sleep", "infinity")
	e.lab(1, "users:\n  app: {uid: 4200, home: /home/app}\n  other: {uid: 4300, home: /home/other}\n",
		"usermod changes neither uid nor home of an account that has processes, and it has 1", "ps -u app")
	if e.mustRun("id", "-u", "other") != "4300" || e.mustRun("id", "-u", "app") != "4100" || e.processes("app") != 1 {
		e.t.Error("the rest did not go on, or the account's process is gone")
	}
	e.lab(0, "users:\n  app: {state: absent}\n", "running 1 process")
	if r := e.run("getent", "passwd", "app"); r.code == 0 {
		e.t.Errorf("the account is there: %s", r)
	}
}
