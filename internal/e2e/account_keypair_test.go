package e2e

import (
	"strings"
	"testing"
)

const pairLab = `
users:
  courier: {system: true, home: /var/lib/courier, home_mode: "0750", shell: /bin/bash, password: locked}
  dropbox: {system: true, home: /var/lib/dropbox, home_mode: "0750", shell: /bin/bash, password: locked}
directories:
  /var/lib/courier/.ssh: {owner: courier, group: courier, mode: "0700"}
key_pairs:
  /var/lib/courier/.ssh/id_ed25519: {owner: courier, comment: courier@lab}
`

// TestAccountKeyPair makes a service user's key pair, once, and logs in with it.
func TestAccountKeyPair(t *testing.T) {
	t.Parallel()
	const private = "/var/lib/courier/.ssh/id_ed25519"
	e := newTPP(t, pairLab)
	said := e.opsafe("plan", "--backend", "tpp").String() + e.opsafe("plan", "--backend", "tpp", "--format", "json").String()
	said += e.manage(0, "--format", "json")
	pair, public := e.read(private), e.read(private+".pub")
	said += e.manage(0) + e.opsafe("plan", "--backend", "tpp").String() + e.mustRun("journalctl", "--no-pager", "-o", "export")

	if modes := e.mustRun("stat", "-c", "%U:%G %a", private, private+".pub"); modes != "courier:courier 600\ncourier:courier 644" {
		t.Errorf("modes: %s", modes)
	}
	if !strings.HasPrefix(public, "ssh-ed25519 ") || !strings.HasSuffix(public, " courier@lab\n") {
		t.Errorf("public half: %s", public)
	}
	if derived := e.mustRun("ssh-keygen", "-y", "-P", "", "-f", private); derived != strings.TrimSpace(public) {
		t.Errorf("the halves do not belong together: %s and %s", derived, public)
	}
	for line := range strings.Lines(pair) {
		if line = strings.TrimSpace(line); strings.Contains(said, line) {
			t.Errorf("the private key was shown: %s", line)
		}
	}
	if e.read(private) != pair {
		t.Error("a later run made another pair")
	}

	f := strings.Fields(public)
	e.setLab(pairLab + `authorized_keys:
  dropbox: {keys: ["` + f[0] + " " + f[1] + ` courier@lab"], options: 'restrict,command="/usr/bin/id -un"'}
`)
	e.manage(0)
	login := func(argv ...string) result {
		return e.runAs("courier", append([]string{
			"ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "dropbox@127.0.0.1",
		}, argv...)...)
	}
	for _, argv := range [][]string{nil, {"cat", "/etc/passwd"}} {
		if r := login(argv...); r.code != 0 || r.stdout != "dropbox\n" {
			t.Errorf("login of courier as dropbox, asking for %q: %s", argv, r)
		}
	}
	if r := e.runAs("courier", "ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "opensafely@127.0.0.1", "true"); r.code != 255 {
		t.Errorf("the key opens another account: %s", r)
	}
	if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
		t.Errorf("the next run changes %q", changed(again))
	}
}
