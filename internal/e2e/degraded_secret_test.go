package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// secretLab plants the canary in every form of a secret. ROUND is replaced.
const secretLab = `
people: [labs]
roles:
  labs: {shell: /bin/bash, keys: [github]}
keys:
  github: {form: api, url: "http://127.0.0.1:9", token_file: /etc/lab-token}
values: {token: ` + canary + `-value-ROUND}
users:
  app: {uid: 4400, home: /home/app}
key_pairs:
  /home/app/.ssh/id_ed25519: {owner: app, group: app}
directories:
  /etc/lab: {mode: "0755"}
files:
  /etc/lab/content: {content: "k=` + canary + `-content-ROUND\n", secret: true, check: [/usr/local/sbin/lab-check, "%"]}
  /etc/lab/template: {template: lab.tmpl, secret: true}
  /etc/lab/lines: {lines: ["k=` + canary + `-line-ROUND"], secret: true}
  /etc/lab/block: {block: "k=` + canary + `-block-ROUND\n", secret: true}
  /etc/lab/02_secrets.env: {content: "LAB_TOKEN=` + canary + `-env-ROUND\n", secret: true, once: true}
  /etc/lab/01_defaults.env: {content: "PORT=ROUND\n"}
  /etc/lab/gone: {state: absent, secret: true}
`

const secretTemplate = guestRepository + "/backends/lab/lab.tmpl"

// TestDegradedSecrets looks for secrets in everything that is said, written or
// handed to programs, while all goes well and while it does not.
func TestDegradedSecrets(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	s := &secretSearch{env: e, said: map[string]string{}}
	e.write("/usr/local/sbin/lab-check", "#!/bin/sh\ncat /proc/[0-9]*/cmdline /proc/self/environ >>/run/lab-seen 2>/dev/null\nif grep -q refuse \"$1\"; then cat \"$1\"; cat \"$1\" >&2; exit 1; fi\n", 0o755)
	e.write("/etc/lab-token", canary+"-token\n", 0o600)
	e.write("/etc/lab/gone", canary+"-gone\n", 0o600)
	e.write("/etc/lab/01_defaults.env", "PORT=0\nLAB_TOKEN="+canary+"-by-hand\n", 0o644)
	e.appendTo(guestPeople, "canaryperson: {roles: [labs]}\n")
	e.write(secretTemplate, "t={{ .Values.token }} "+canary+"-text\n", 0o644)
	seen := e.watchArguments()

	s.round("first", "1")
	s.round("a change", "2")
	s.said["argument lists"] = seen()
	s.round("a refusal by the check", "refuse")
	e.write(secretTemplate, "{{ .Values.nothing }} "+canary+"\n{{ index .Values \""+canary+"\" }}\n", 0o644)
	s.round("a value that is missing", "3")
	e.write(secretTemplate, "{{ "+strings.ReplaceAll(canary, "-", "_")+" }}\n{{ index \""+canary+" }}", 0o644)
	s.round("a template that cannot be read", "3")
	e.write(secretTemplate, "t={{ .Values.token }}\n", 0o644)
	e.replace(guestRepository+"/backends/lab/backend.yaml", `{content: "LAB_TOKEN`, `{contnet: "LAB_TOKEN`)
	s.commands("a mistake in the spec")
	e.mustRun("mount", "--bind", "/etc/lab", "/etc/lab")
	e.mustRun("mount", "-o", "remount,ro,bind", "/etc/lab")
	s.round("a write that fails", "4")
	e.mustRun("umount", "/etc/lab")
	s.round("all is well", "5")
	if got := e.read("/etc/lab/content"); got != "k="+canary+"-content-5\n" {
		t.Errorf("the secret is now %q", got)
	}

	e.mustRun("useradd", "-m", "leaver")
	if r := e.feed(e.Command(t.Context(), "chpasswd", "-e"), "leaver:$6$"+canary+"$"+strings.Repeat("x", 86)+"\n"); r.code != 0 {
		t.Fatal(r)
	}
	s.keep("disable-user --plan", e.opsafe("disable-user", "leaver", "--plan", "--full"))
	s.keep("disable-user", e.opsafe("disable-user", "leaver", "--full", "--format", "json"))
	s.said["what programs were given"] = e.read("/run/lab-seen")
	s.search()
}

// secretSearch collects what is said.
type secretSearch struct {
	*env
	said map[string]string
}

// round declares the secrets of a round, and plans and manages in every way.
func (s *secretSearch) round(name, round string) {
	s.t.Helper()
	s.labSpec(strings.ReplaceAll(secretLab, "ROUND", round))
	s.commands(name)
}

func (s *secretSearch) commands(name string) {
	s.t.Helper()
	for _, args := range [][]string{
		{"validate"},
		{"plan", "--full"},
		{"plan", "--format", "json", "--full"},
		{"plan", "--format", "markdown", "--full"},
		{"manage", "--full"},
		{"manage", "--format", "json"},
	} {
		if args[0] != "validate" {
			args = append(args, "--backend", "lab")
		}
		s.keep(name+": "+strings.Join(args, " "), s.opsafe(args...))
	}
}

func (s *secretSearch) keep(name string, r result) {
	s.t.Helper()
	if r.stdout+r.stderr == "" {
		s.t.Errorf("%s says nothing", name)
	}
	s.said[name] = r.String()
}

// search looks through all that was said, and all that lies about.
func (s *secretSearch) search() {
	s.t.Helper()
	needles := []string{canary, strings.ReplaceAll(canary, "-", "_")}
	private := strings.Split(s.read("/home/app/.ssh/id_ed25519"), "\n")
	needles = append(needles, private[2])
	s.said["the journal"] = s.mustRun("journalctl", "-o", "export", "--no-pager")
	for what, text := range s.said {
		for line := range strings.Lines(text) {
			for _, n := range needles {
				if strings.Contains(line, n) {
					s.t.Errorf("%s shows a secret: %s", what, line)
				}
			}
		}
	}
	for _, n := range needles {
		left := s.run("grep", "-rlI", "--devices=skip", "-e", n, "/etc", "/run", "/tmp", "/var/tmp", "/var/log", "/var/lib/opsafe", "/root", "/home").stdout
		for path := range strings.Lines(left) {
			switch path = strings.TrimSpace(path); {
			case strings.HasPrefix(path, "/etc/lab"), path == "/home/app/.ssh/id_ed25519", strings.HasPrefix(path, "/etc/shadow-"):
			default:
				s.t.Errorf("a secret lies in %s", path)
			}
		}
	}
}
