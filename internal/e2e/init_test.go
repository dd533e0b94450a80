package e2e

import (
	"runtime"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"opsafe/internal/testhost"
)

// TestInit begins a repository on a host that was set up by hand: what init writes
// is valid, a plan with it changes nothing, and its workflow does what it says.
func TestInit(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("rm", "-r", guestRepository)
	e.mustRun("useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", "--comment", "Alice Archer", "alice")
	e.mustRun("install", "-d", "-m", "0700", "-o", "alice", "-g", "alice", "/home/alice/.ssh")
	e.mustRun("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice@laptop", "-f", "/root/alice")
	e.mustRun("install", "-m", "0600", "-o", "alice", "-g", "alice", "/root/alice.pub", "/home/alice/.ssh/authorized_keys")
	for _, argv := range byHand[:3] {
		e.mustRun(argv...)
	}
	for _, tt := range []struct {
		name string
		test func(*env)
	}{
		{"by flags", testInitByFlags},
		{"by answers", testInitByAnswers},
		{"workflow", testInitWorkflow},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(e.on(t)) })
	}
}

// testInitByFlags takes over what usually is, and lets manage say that it is so.
func testInitByFlags(e *env) {
	r := e.opsafe("init", "--backend", "north", "--person", "alice", "--adopt", "package,group,user,sudoers,sshd,docker,chrony,unit")
	if r.code != 0 {
		e.t.Fatal(r)
	}
	if r := e.opsafe("validate"); r.code != 0 || !strings.Contains(r.stdout, "north") {
		e.t.Error(r)
	}
	e.mustRun(guestBinary, "bootstrap", "north")
	if r := e.opsafe("manage"); r.code != 0 || !strings.Contains(r.stdout, "Nothing to do.") {
		e.t.Errorf("with what init wrote: %s", r)
	}
	for file, want := range map[string]string{
		"backends/north/backend.yaml": "\n    keys: [repository]", "backends/north/adopted.yaml": "\n  app:\n",
		"developers.yaml": "\nalice: {roles: [admins], comment: \"Alice Archer\"}\n", "keys/alice": " alice@laptop\n",
	} {
		if got := e.read(guestRepository + "/" + file); !strings.Contains(got, want) {
			e.t.Errorf("%s does not hold %q:\n%s", file, want, got)
		}
	}
	e.mustRun("gpasswd", "-d", "alice", "sudo")
	if r := e.opsafe("plan", "--exit-code"); r.code != 2 || !strings.Contains(r.stdout, "member +alice") {
		e.t.Errorf("after a change by hand: %s", r)
	}
	e.mustRun("gpasswd", "-a", "alice", "sudo")
}

// testInitByAnswers types the answers on a terminal.
func testInitByAnswers(e *env) {
	const dir = "/srv/asked"
	c := e.Command(e.t.Context(), "script", "--quiet", "--return", "--command", guestBinary+" init "+dir, "/dev/null")
	c.Stdin = strings.NewReader("south\nalice\ngroup,user\n")
	if r := e.finish(c); r.code != 0 || !strings.Contains(r.stdout, "What to take over from this host") {
		e.t.Fatal(r)
	}
	if r := e.opsafe("plan", "--exit-code", "--dir", dir, "--backend", "south"); r.code != 0 || !strings.Contains(r.stdout, "Nothing to do.") {
		e.t.Error(r)
	}
}

// testInitWorkflow runs the commands of the workflow that init writes, in its
// repository, with opsafe fetched from where it lies.
func testInitWorkflow(e *env) {
	e.mustRun("mkdir", guestRepository+"/backends/facts")
	e.mustRun(guestBinary, "facts", "--out", guestRepository+"/backends/facts/north.json")
	e.mustRun("cp", guestBinary, "/root/opsafe_linux_"+runtime.GOARCH)
	var w workflow
	if err := yaml.Unmarshal([]byte(e.read(guestRepository+"/.github/workflows/opsafe.yml")), &w); err != nil {
		e.t.Fatal(err)
	}
	step := func(run string) []string {
		return []string{
			"env", "--chdir", guestRepository, "RUNNER_TEMP=/root", "GITHUB_STEP_SUMMARY=/root/summary",
			"OPSAFE_URL=file:///root", "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run,
		}
	}
	job, ran := w.Jobs["plan"], 0
	for _, s := range job.Steps {
		if s.Run == "" {
			continue
		}
		ran++
		e.mustRun(step(s.Run)...)
	}
	if summary := e.read("/root/summary"); ran != 3 || !strings.Contains(summary, "north") || !strings.Contains(summary, "othing to do") {
		e.t.Errorf("%d steps say\n%s", ran, summary)
	}
	// One that cannot be planned, and one without facts, hide nothing of the others.
	e.mustRun("rm", "/root/summary")
	for _, name := range []string{"first", "other"} {
		e.mustRun("mkdir", guestRepository+"/backends/"+name)
		e.write(guestRepository+"/backends/"+name+"/backend.yaml", "description: "+name+"\n", 0o644)
	}
	e.write(guestRepository+"/backends/facts/first.json", "{}\n", 0o644)
	plan := job.Steps[len(job.Steps)-1].Run
	if r := e.run(step(plan)...); r.code != 1 {
		e.t.Errorf("with a plan that failed: %s", r)
	}
	for _, want := range []string{"<code>north</code>", "othing to do", "**other** is not planned: it has no facts", "--out backends/facts/other.json"} {
		if summary := e.read("/root/summary"); !strings.Contains(summary, want) {
			e.t.Errorf("the summary lacks %q:\n%s", want, summary)
		}
	}
}
