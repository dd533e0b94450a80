package kinds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestDeploymentProblems says what is wrong with deployments before a host is looked at,
// in one go.
func TestDeploymentProblems(t *testing.T) {
	text := `
users: {site: {system: true}}
directories: {/srv/open: {mode: "0777"}}
files: {/srv/good/current: {content: x}}
deployments:
  good: {git: "git@git.example:team/site.git", user: site, directory: /srv/good, every: 30s}
  none: {user: site}
  two: {git: "https://git.example/a.git", ssh: {to: deploy@app1}, user: site, directory: /srv/two}
  open: {git: /srv/site.git, user: site, directory: /srv/open}
  below: {git: /srv/site.git, user: site, directory: /srv/good/x}
  nobody: {git: "https://u:p@git.example/a.git", user: sit, directory: /srv/nobody}
  ext: {git: "ext::sh -c id", user: site, directory: /srv/ext}
  file: {git: "file:///srv/a.git", user: site, directory: /srv/file}
  units: {git: /srv/site.git, user: site, directory: /srv/units, restart: [sit.service], health: {unit: nope.service}}
  programs: {git: /srv/site.git, user: site, directory: /srv/programs, steps: [{run: [npm, ci]}, {within: 5m}], check: [nginx], health: {run: [true]}}
  times: {git: /srv/site.git, user: site, directory: /srv/times, every: 5s, within: 48h, steps: [{run: [/bin/true], within: soon}], keep: 1}
  healths: {git: /srv/site.git, user: site, directory: /srv/healths, health: {run: [/bin/true], holds: 5s, within: 5s, status: 302}}
  project: {compose: [app]}
  shared: {git: /srv/site.git, user: site, directory: /srv/shared, shared: [a, a/b, ../c, .git/config]}
  main: {git: /srv/site.git, user: site, directory: /srv/main}
  spec: {spec: "https://git.example/spec.git", user: site, directory: /srv/spec, restart: [ssh.service]}
  token: {git: /srv/site.git, user: site, directory: /srv/token, status: {api: "https://api"}}
  plain: {git: "http://git.example/a.git", user: site, directory: /srv/plain, status: {repository: a/b, token: /etc/t, api: "http://10.0.0.1/"}}
  specplain: {spec: "http://git.example/a.git", directory: /srv/specplain}
  goodsigned: {git: "http://git.example/a.git", user: site, directory: /srv/goodsigned, signers: /etc/signers}
  goodlocal: {git: "http://[::1]:8000/a.git", user: site, directory: /srv/goodlocal}
`
	problems(t, text, []string{"good", "goodsigned", "goodlocal"}, []string{
		"file /srv/good/current: deployment good is at", "deployment none: want one or the other of git, compose, ssh and spec: none",
		"deployment two: want one or the other of git, compose, ssh and spec: git and ssh are said",
		"deployment open: directory /srv/open is declared at", "deployment below: directory /srv/good/x is that of deployment good",
		"deployment nobody: git: holds a name or password", `deployment nobody: user: no user "sit" is declared`,
		`deployment ext: git "ext::sh -c id": want an address of a git repository`, "deployment file: git: cannot be read as an address",
		`deployment units: restart: no unit "sit.service"`, `health of deployment units: unit: no unit "nope.service"`,
		"deployment programs: steps[0]: run: want the path of a program", "deployment programs: steps[1]: has no run", "deployment programs: check: want the path",
		"deployment times: every: 5s is outside", "deployment times: within: 48h is outside", `steps[0] of deployment times: within "soon": want a time`, "deployment times: keep: want a number",
		"deployment healths: health: holds: 5s has to pass within 5s, too", "deployment healths: health: status goes with http",
		`deployment project: there is no compose project "app"`, "deployment shared: shared: a overlaps with a/b", `deployment shared: shared "../c"`, `deployment shared: shared ".git/config"`,
		"deployment main: the queue has directories of its own", "deployment spec: restart goes with git", "deployment spec: user goes with git or ssh", "deployment token: status: has no token",
		"deployment token: status: has no repository",
		"deployment plain: git: what comes by http://", "deployment plain: status: api: http:// would show the token", "deployment specplain: spec: what comes by http://",
	})
}

// problems loads a backend, which has to be refused for all that is wanted, and for
// nothing of the deployments that are right.
func problems(t *testing.T, text string, right, wanted []string) {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, "backends/x/backend.yaml")
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err == nil {
		t.Fatal("there is no problem")
	}
	for _, want := range wanted {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(err.Error(), "/etc/hooks/hook.key") {
		t.Error("it refuses a secret that is one")
	}
	for _, name := range right {
		if strings.Contains(err.Error(), "deployment "+name+": ") {
			t.Errorf("it refuses %s, which is right", name)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

// TestReceiverProblems says what is wrong with receivers and what triggers deployments,
// before a host is looked at, in one go.
func TestReceiverProblems(t *testing.T) {
	const deployments = `
deployments:
  good: {git: /srv/a.git, directory: /srv/good, user: site, triggers: {github: {repository: team/site, secret: /etc/hooks/site}, key: /etc/hooks/good.key}}
  github-webhook: {git: /srv/a.git, directory: /srv/hook, user: site, triggers: {key: /etc/hooks/hook.key}}
  half: {git: /srv/a.git, directory: /srv/half, user: site, triggers: {github: {repository: team/site}}}
  far: {ssh: {to: deploy@app1}, user: site, triggers: {github: {repository: team/site, secret: /etc/hooks/site}}}
`
	const users = "users: {site: {system: true}, opsafe-receive: {system: true}}\n"
	const secrets = "files: {/etc/hooks/site: {content: \"short\\n\"}, /etc/hooks/good.key: {content: \"change-me-please\\n\"}, /etc/hooks/hook.key: {content: \"0123456789ab\\n\"}}\n"
	for _, tt := range []struct {
		name, text    string
		right, wanted []string
	}{
		{"addresses", users + `receiver: {listen: "127.0.0.1:0", proxies: ["10.1"], github_addresses: [any, published, "10.1.0.0/33"]}` + deployments, []string{"good"}, []string{
			`receiver: listen: "127.0.0.1:0" cannot be`, `receiver: proxies: "10.1" cannot be`, "github_addresses: any takes in all others", `github_addresses: "10.1.0.0/33" cannot be`,
			"user opsafe-receive: it is the receiver's own account", "deployment github-webhook: triggers: key: POST /github-webhook is GitHub's form",
			"deployment half: triggers: github: want repository and secret", "deployment far: triggers: github goes with git or spec",
		}},
		{"secrets", users + secrets + "receiver: {}" + deployments, []string{"good"}, []string{
			"file /etc/hooks/site: it is the secret of a hook of deployment good, and lets nobody in: it has less than 12 characters",
			"file /etc/hooks/good.key: it is the secret of a hook of deployment good, and lets nobody in: it is a placeholder",
		}},
		{"no receiver", users + deployments, nil, []string{"deployment good: triggers: there is no receiver"}},
		{"an absent one", users + "receiver: {state: absent, listen: 127.0.0.1:80}" + deployments, nil, []string{
			"deployment good: triggers: there is no receiver", "receiver: is absent and has listen",
		}},
		{"nothing to trigger", "receiver: {}\nfiles: {/etc/systemd/system/opsafe-receive.socket: {content: x}, /var/lib/opsafe/receiver.json: {content: x}}\n", nil, []string{
			"receiver: no deployment has triggers", "file /etc/systemd/system/opsafe-receive.socket: receiver is at", "file /var/lib/opsafe/receiver.json: receiver is at",
		}},
		{"forms", `receiver: {listen: "*:80", proxies: [web], github_addresses: [github], env_files: [proxy.env]}`, nil, []string{
			`receiver: listen "*:80": want`, `receiver: proxies "web": want`, `receiver: github_addresses "github": want`, `receiver: env_files "proxy.env": want`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { problems(t, tt.text, tt.right, tt.wanted) })
	}
}
