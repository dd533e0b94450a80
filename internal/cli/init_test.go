package cli_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// aliceLine is a public key of alice's.
func aliceLine(t *testing.T) string {
	t.Helper()
	public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " alice@laptop"
}

// initWorld is a host on which alice has an account, with these lines in her file of
// keys. There is no repository yet.
func initWorld(t *testing.T, keys string) *world {
	t.Helper()
	w := newWorld(t, `
-- host.yaml --
groups:
  - {name: alice, gid: 1000}
  - {name: sudo, gid: 27, members: [alice]}
  - {name: local, gid: 2000, members: [alice]}
users:
  - {name: alice, uid: 1000, gid: 1000, home: /home/alice, shell: /bin/zsh, comment: Alice Archer}
  - {name: app, uid: 1001, gid: 2000, home: /home/app, shell: /usr/sbin/nologin}
files:
  /home/alice: {type: directory, owner: alice, group: alice, mode: "0700"}
  /etc/app.conf: {owner: app, group: local, content: "workers = 4\\n"}
  /home/app: {type: directory, owner: app, group: local, mode: "0700"}
  /home/alice/.ssh: {type: directory, owner: alice, group: alice, mode: "0700"}
  /home/alice/.ssh/authorized_keys: {owner: alice, group: alice, mode: "0600", content: "`+strings.ReplaceAll(keys, "\n", `\n`)+`"}
`)
	delete(w.env, "OPSAFE_DIR")
	w.dir = filepath.Join(t.TempDir(), "srv", "opsafe")
	return w
}

func (w *world) written(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// begun demands that the new repository is valid, and that a plan changes nothing.
func (w *world) begun(backend string) {
	w.t.Helper()
	w.untouched()
	w.want(0, []string{"valid"}, nil, "validate", "--dir", w.dir)
	w.want(0, []string{"Nothing to do."}, nil, "plan", "--exit-code", "--dir", w.dir, "--backend", backend)
}

func TestInit(t *testing.T) {
	key := aliceLine(t)
	for name, tt := range map[string]struct {
		keys   string
		args   []string
		people string // in developers.yaml
		spec   string // in backend.yaml
		not    string // not in it
		says   string
	}{
		"somebody with an account and a key": {
			keys: key + "\n", args: []string{"--person", "alice"},
			people: "\nalice: {roles: [admins], comment: \"Alice Archer\"}\n",
			spec:   "\npeople: [admins]\nroles:\n  admins:\n    groups: [sudo]\n    shell: /bin/zsh\n    keys: [repository]",
			not:    "local",
		},
		"a key that is bound to a command": {
			keys: `command=\"/bin/true\" ` + key + "\n", args: []string{"--person", "alice"},
			people: "\nalice: {roles: [admins]", spec: "\n    # keys: [repository]", says: "the keys of alice are not managed: ",
		},
		"no account yet": {
			args: []string{"--person", "bob"}, people: "\n# Nothing is given to bob yet: there is no account bob on this host yet.\n",
			spec: "\n# people: [admins]", says: "bob is listed without a role",
		},
		"nobody": {people: "\n{}\n", spec: "\n# people: [admins]"},
		"what is on the host": {
			keys: key + "\n", args: []string{"--person", "alice", "--adopt", "user,group"},
			spec: "\n  - adopted.yaml\n", people: "\nalice: {roles: [admins]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := initWorld(t, tt.keys)
			w.want(0, []string{"A plan with it changes nothing", "wrote " + w.dir + "/backends/web1/backend.yaml", "\n  sudo opsafe plan --dir " + w.dir + "\n"}, []string{tt.says},
				append([]string{"init", w.dir, "--backend", "web1"}, tt.args...)...)
			if people := w.written("developers.yaml"); !strings.Contains(people, tt.people) {
				t.Errorf("developers.yaml:\n%s", people)
			}
			backend := w.written("backends/web1/backend.yaml")
			if !strings.Contains(backend, tt.spec) || tt.not != "" && strings.Contains(backend, tt.not) {
				t.Errorf("backend.yaml:\n%s", backend)
			}
			for _, line := range []string{"bash /srv/opsafe/get-opsafe web1 ", "opsafe plan                            # what"} {
				if readme := w.written("README.md"); !strings.Contains(readme, line) {
					t.Errorf("README.md does not have %q:\n%s", line, readme)
				}
			}
			w.begun("web1")
		})
	}
}

// TestInitWritesKeys takes the keys that let the person in, or those of a file.
func TestInitWritesKeys(t *testing.T) {
	w := initWorld(t, aliceLine(t)+"\n")
	w.want(0, nil, nil, "init", w.dir, "--person", "alice", "--backend", "web1")
	if got := w.written("keys/alice"); got != aliceLine(t)+"\n" {
		t.Errorf("keys/alice: %s", got)
	}
	w = initWorld(t, "")
	file := filepath.Join(t.TempDir(), "alice.pub")
	if err := os.WriteFile(file, []byte(aliceLine(t)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.want(0, nil, []string{"the keys of alice are not managed: there is no key in /home/alice/.ssh/authorized_keys"},
		"init", w.dir, "--person", "alice", "--backend", "web1", "--key", file)
	if got := w.written("keys/alice"); got != aliceLine(t)+"\n" {
		t.Errorf("keys/alice: %s", got)
	}
	w.begun("web1")
}

// TestInitAdopts leaves the person out of what is taken over, whom developers.yaml
// has, and says what that refers to.
func TestInitAdopts(t *testing.T) {
	w := initWorld(t, aliceLine(t)+"\n")
	w.want(0, nil, nil, "init", w.dir, "--person", "alice", "--backend", "web1", "--adopt", "user")
	adopted := w.written("backends/web1/adopted.yaml")
	if !strings.Contains(adopted, "\n  app:\n") || strings.Contains(adopted, "\n  alice:") {
		t.Errorf("adopted.yaml:\n%s", adopted)
	}
	w.begun("web1")

	w = initWorld(t, aliceLine(t)+"\n")
	w.want(0, nil, nil, "init", w.dir, "--person", "alice", "--backend", "web1", "--adopt", "file//etc/app.conf")
	if referred := w.written("backends/web1/referred.yaml"); !strings.Contains(referred, " app:") {
		t.Errorf("referred.yaml:\n%s", referred)
	}
	w.begun("web1")
}

// TestInitAsks takes what no flag says from answers, and the usual ones where nobody
// can be asked.
func TestInitAsks(t *testing.T) {
	w := initWorld(t, aliceLine(t)+"\n")
	w.env["SUDO_USER"] = "alice"
	w.app.In = strings.NewReader("north\n\ngroup, user\n")
	w.want(0, nil, []string{"Name of the backend", "begins, or none [alice]: ", "all, or kinds"}, "init", w.dir)
	if people := w.written("developers.yaml"); !strings.Contains(people, "\nalice: {roles: [admins]") {
		t.Errorf("developers.yaml:\n%s", people)
	}
	if adopted := w.written("backends/north/adopted.yaml"); !strings.Contains(adopted, "\n  app:\n") {
		t.Errorf("adopted.yaml:\n%s", adopted)
	}
	w.app.In = nil
	w.begun("north")

	w = initWorld(t, aliceLine(t)+"\n")
	w.env["SUDO_USER"] = "alice"
	w.want(0, nil, nil, "init", w.dir)
	facts, err := w.host.Facts()
	if err != nil {
		t.Fatal(err)
	}
	w.begun(facts.Hostname)

	w = initWorld(t, "")
	w.app.In = strings.NewReader("north\nalice")
	w.want(1, nil, []string{"cannot read the answer"}, "init", w.dir)
	if _, err := os.Stat(w.dir); err == nil {
		t.Error("something has been written without an answer")
	}
}

// TestInitNamesOpsafe: what init writes names the program that wrote it, by its digest,
// and where it can be fetched from.
func TestInitNamesOpsafe(t *testing.T) {
	w := initWorld(t, "")
	w.want(0, nil, nil, "init", w.dir, "--backend", "web1", "--from", "https://example.org/opsafe/v1")
	sums := w.written("opsafe.sha256")
	if !regexp.MustCompile(`(?m)^# from https://example.org/opsafe/v1\n[0-9a-f]{64}  opsafe_linux_` + runtime.GOARCH + `$`).MatchString(sums) {
		t.Errorf("opsafe.sha256:\n%s", sums)
	}
}

func TestInitRefuses(t *testing.T) {
	w := initWorld(t, "")
	if err := os.MkdirAll(filepath.Join(w.dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.want(1, nil, []string{"want small letters"}, "init", w.dir, "--backend", "North!")
	w.want(1, nil, []string{"is no address"}, "init", w.dir, "--backend", "north", "--from", "https://example.org/a\nb")
	w.want(1, nil, []string{`there is no kind "grop"`}, "init", w.dir, "--backend", "north", "--adopt", "grop")
	w.want(0, nil, nil, "init", w.dir, "--backend", "north") // .git alone is no repository of specs
	w.want(1, nil, []string{"there is .backend.schema.json already", "opsafe adopt"}, "init", w.dir, "--backend", "north")
}

// TestInitExamples takes the number signs away from the examples of a new backend.
func TestInitExamples(t *testing.T) {
	w := initWorld(t, "")
	w.want(0, nil, nil, "init", w.dir, "--backend", "web1")
	name := filepath.Join(w.dir, "backends/web1/backend.yaml")
	text := w.written("backends/web1/backend.yaml")
	head, examples, found := strings.Cut(text, "\n# Examples: ")
	if !found {
		t.Fatal(text)
	}
	_, examples, _ = strings.Cut(examples, "\n")
	if err := os.WriteFile(name, []byte(head+"\n"+regexp.MustCompile(`(?m)^# `).ReplaceAllString(examples, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	w.want(0, []string{"valid"}, nil, "validate", "--dir", w.dir)
	w.want(2, []string{"htop", "/srv/data", "tidy.timer"}, nil, "plan", "--exit-code", "--dir", w.dir, "--backend", "web1")
}

// TestNextCommand: the command that is named for what comes next finds the repository.
func TestNextCommand(t *testing.T) {
	w := newWorld(t, repository)
	out := filepath.Join(t.TempDir(), "plan.json")
	next := "sudo opsafe manage --plan " + out
	w.want(0, nil, []string{next + "\n"}, "plan", "--backend", "one", "--out", out)
	w.want(0, nil, []string{next + " --dir " + w.dir + "\n"}, "plan", "--backend", "one", "--out", out, "--dir", w.dir)
}
