package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// guestFacts is where facts are recorded on a host.
const guestFacts = "/root/facts.json"

// planAlike demands that the plan by facts that have just been recorded is the
// plan on the host, byte for byte: in every format, on this other machine, and
// for somebody on the host who may see nothing.
func (e *env) planAlike(backend string) {
	e.t.Helper()
	copied := filepath.Join(e.t.TempDir(), "facts.json")
	e.recordTo(backend, copied)
	if mode := e.mustRun("stat", "-c", "%a %U", guestFacts); mode != "600 root" {
		e.t.Errorf("the facts are %s", mode)
	}
	e.write("/tmp/facts.json", e.read(guestFacts), 0o644)
	formats := []string{"text", "json", "markdown"}
	if backend != "tpp" {
		formats = formats[1:2]
	}
	for _, format := range formats {
		args := []string{"plan", "--backend", backend, "--full", "--exit-code", "--format", format}
		if backend != "tpp" {
			args = append(args, "--skip", "key") // registered ones, of a server that neither can reach
		}
		here := e.opsafe(args...)
		for where, there := range map[string]result{
			"elsewhere": e.away(append(args, "--facts", copied)...),
			"as nobody": e.runAs("nobody", append(append([]string{guestBinary}, args...), "--facts", "/tmp/facts.json")...),
		} {
			if d := cmp.Diff(here.stdout, factless(there.stdout)); d != "" {
				e.t.Errorf("the plan %s (+) is not the one on the host (-):\n%s\n%s", where, d, there.stderr)
			}
			if here.code != there.code {
				e.t.Errorf("the plan %s ends with %d, on the host with %d: %s\n%s", where, there.code, here.code, there.stderr, here.stderr)
			}
		}
	}
}

// namesFacts is where a plan in Markdown and in JSON says by which facts it is.
var namesFacts = regexp.MustCompile(`(?s)\nplanned for [^\n]*\n|  "facts": \{.*?\n  \},\n`)

// factless is a plan without that.
func factless(plan string) string { return namesFacts.ReplaceAllString(plan, "") }

// recordTo records the host's facts, and copies them to a file of this machine.
func (e *env) recordTo(backend, file string) {
	e.t.Helper()
	if r := e.opsafe("facts", "--backend", backend, "--out", guestFacts); r.code != 0 {
		e.t.Fatalf("facts: %s", r)
	}
	if err := os.WriteFile(file, []byte(e.read(guestFacts)), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// away runs opsafe on the machine of the tests, with the repository of the host.
func (e *env) away(args ...string) result {
	e.t.Helper()
	path, err := binary()
	if err != nil {
		e.t.Fatal(err)
	}
	cmd := exec.CommandContext(e.t.Context(), path, append(args, "--dir", filepath.Join(e.Root(), guestRepository))...)
	return e.finish(cmd)
}

// TestFacts plans for hosts in several states far from them.
func TestFacts(t *testing.T) {
	t.Parallel()
	t.Run("with nothing installed", func(t *testing.T) {
		t.Parallel()
		e := newHost(t, testhost.Bare, "")
		for _, backend := range []string{"tpp", "emis", "test"} {
			e.planAlike(backend)
		}
	})
	t.Run("converged", func(t *testing.T) {
		t.Parallel()
		e := newHost(t, testhost.Full, "")
		e.planAlike("tpp")
		e.manageJSON("tpp")
		e.makeWorkspace(highPrivacy)
		for _, backend := range []string{"tpp", "emis", "test"} {
			e.planAlike(backend)
		}
		e.changedSpec()
	})
}

// changedSpec records a host and then changes the spec, as somebody does who asks
// for a change by a pull request: it can be planned by the facts of before.
func (e *env) changedSpec() {
	e.t.Helper()
	copied := filepath.Join(e.t.TempDir(), "facts.json")
	e.recordTo("tpp", copied)
	e.write(guestRepository+"/backends/tpp/more.yaml", `
files:
  /etc/opsafely-new.conf: {content: "new\n"}
  /etc/ssl/openssl.cnf: {content: "elsewhere\n"}
packages:
  sl: installed
sudoers:
  more: {content: "%developers ALL=(root) NOPASSWD: /bin/true\n"}
units:
  systemd-timesyncd.service: {masked: true}
`, 0o644)
	e.replace(guestRepository+"/backends/tpp/backend.yaml", "include: [", "include: [more.yaml, ")
	here := e.opsafe("plan", "--backend", "tpp", "--format", "json")
	there := e.away("plan", "--backend", "tpp", "--format", "json", "--facts", copied)
	doc, want := document(e.t, there), document(e.t, here)
	var unknown []string
	for _, i := range doc.Unknown {
		unknown = append(unknown, i.Kind+"/"+i.Name)
	}
	// What is in a file that nobody has asked for is not in the facts, and said.
	if d := cmp.Diff([]string{"file//etc/ssl/openssl.cnf"}, unknown); d != "" {
		e.t.Errorf("unknown: %s", d)
	}
	// The host's package index, which is too large to be recorded, has no sl. By the
	// facts it might come, and bring what conditions ask for.
	doc.Changes = slices.DeleteFunc(doc.Changes, func(i render.Item) bool { return strings.Contains(i.Deferred, "which sl may bring") })
	if d := cmp.Diff(append([]string{"package/sl"}, names(want.Changes, "file//etc/ssl/openssl.cnf")...), names(doc.Changes)); d != "" {
		e.t.Errorf("changes on the host (-) and by the facts (+): %s", d)
	}
	for _, said := range []string{"visudo -c -f %", "whether apt knows sl"} {
		if !strings.Contains(there.stderr, said) {
			e.t.Errorf("it does not say what was not asked, %s: %s", said, there.stderr)
		}
	}
}

// names are those of resources, but for some.
func names(items []render.Item, but ...string) []string {
	var out []string
	for _, i := range items {
		if name := i.Kind + "/" + i.Name; !slices.Contains(but, name) {
			out = append(out, name)
		}
	}
	return out
}

// TestFactsSecrets plants secrets everywhere and looks for them in the facts and
// in a plan that is kept.
func TestFactsSecrets(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.labSpec(strings.ReplaceAll(secretLab, "ROUND", "2"))
	e.write(secretTemplate, "t={{ .Values.token }} "+canary+"-text\n", 0o644)
	e.appendTo(guestPeople, "canaryperson: {roles: [labs]}\n")
	e.mustRun("mkdir", "-p", "/etc/lab", "/home/app/.ssh", "/srv/lab")
	e.mustRun("useradd", "-m", "leaver")
	if r := e.feed(e.Command(t.Context(), "chpasswd", "-e"), "leaver:$6$"+canary+"$"+strings.Repeat("x", 86)+"\n"); r.code != 0 {
		t.Fatal(r)
	}
	for path, text := range map[string]string{
		"/etc/lab-token": canary, "/etc/lab/gone": canary + "\n", "/etc/lab/content": "k=" + canary + "\n", "/etc/lab/template": canary,
		"/etc/lab/lines": "k=" + canary + "\n", "/etc/lab/block": canary + "\n", "/etc/lab/02_secrets.env": "LAB_TOKEN=" + canary + "\n",
		"/etc/lab/beside": canary, "/home/app/.ssh/id_ed25519": canary, "/root/.netrc": canary, "/srv/lab/private": canary,
		"/etc/ssh/ssh_host_ed25519_key": canary, "/etc/private.conf": canary, "/var/lib/opsafe/confirm/record.json": canary,
	} {
		e.mustRun("mkdir", "-p", filepath.Dir(path))
		e.write(path, text, 0o600)
	}
	e.mustRun("rm", "-r", "/var/lib/opsafe/confirm")
	e.write("/etc/lab/01_defaults.env", "PORT=0\nLAB_TOKEN="+canary+"-by-hand\n", 0o644)
	e.planAlikeBut("lab")
	if r := e.opsafe("plan", "--backend", "lab", "--out", "/root/plan.json"); !strings.Contains(r.stderr, "manage --plan") {
		t.Fatal(r)
	}
	facts := e.read(guestFacts)
	for name, text := range map[string]string{"facts": facts, "kept plan": e.read("/root/plan.json")} {
		for line := range strings.Lines(text) {
			if strings.Contains(line, canary) || strings.Contains(line, "$6$") {
				t.Errorf("the %s shows a secret: %s", name, line)
			}
		}
	}
	if !strings.Contains(facts, "canaryperson") {
		t.Error("the search does not find what is there")
	}
	var parsed map[string]any
	if err := json.Unmarshal([]byte(facts), &parsed); err != nil || !strings.HasPrefix(facts, "{\n \"format_version\": 1,\n") {
		t.Errorf("the facts do not begin with their version (%v): %.100s", err, facts)
	}
}

// planAlikeBut is planAlike for a host on which files are edited in part that are
// secret: these are unknown by the facts, and said to be so.
func (e *env) planAlikeBut(backend string, edited ...string) {
	e.t.Helper()
	copied := filepath.Join(e.t.TempDir(), "facts.json")
	e.recordTo(backend, copied)
	skip := []string{"plan", "--backend", backend, "--full", "--skip", "key"}
	for _, p := range edited {
		skip = append(skip, "--skip", "file/"+p)
	}
	here, there := e.opsafe(skip...), e.away(append(skip, "--facts", copied)...)
	if d := cmp.Diff(here.stdout, there.stdout); d != "" {
		e.t.Errorf("the plan by the facts (+) is not the one on the host (-):\n%s", d)
	}
	doc := document(e.t, e.away("plan", "--backend", backend, "--format", "json", "--facts", copied, "--only", "file"))
	for _, p := range edited {
		found := false
		for _, i := range doc.Unknown {
			found = found || i.Name == p && strings.Contains(i.Reason, "secret")
		}
		if !found {
			e.t.Errorf("%s is not unknown: %+v", p, doc.Unknown)
		}
	}
}
