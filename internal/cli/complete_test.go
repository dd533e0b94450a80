package cli_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/cli"
	"opsafe/internal/kinds"
)

// TestMain lets the test's own binary be opsafe, for the shell.
func TestMain(m *testing.M) {
	if os.Getenv("OPSAFE_TEST_AS_PROGRAM") != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

const completable = people + `
-- backends/two/backend.yaml --
roles: {developers: {}}
files:
  /etc/a: {content: "x\n"}
  /etc/b: {content: "x\n"}
units:
  report@.service: {content: "[Service]\nExecStart=/bin/true\n"}
`

// offered are the words that completion offers, and what it says of files.
func (w *world) offered(args ...string) (words []string, directive string) {
	w.t.Helper()
	if code := w.run(append([]string{"__complete"}, args...)...); code != 0 {
		w.t.Fatalf("%v: exit code %d: %s", args, code, w.err.String())
	}
	for line := range strings.Lines(w.out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if rest, ok := strings.CutPrefix(word, ":"); ok {
			return words, rest
		}
		words = append(words, word)
	}
	w.t.Fatalf("%v: no directive in %s", args, w.out.String())
	return nil, ""
}

// The directives of cobra's completion protocol.
const (
	noFile  = "4"
	noSpace = "6"
	dirs    = "16"
)

func TestComplete(t *testing.T) {
	w := newWorld(t, completable)
	w.app.Root = false
	for _, tt := range []struct {
		args      string
		has       []string
		hasNot    []string
		only      []string
		directive string
	}{
		{args: "plan --backend ", only: []string{"one", "two"}},
		{args: "manage --backend ", only: []string{"one", "two"}},
		{args: "keys update --backend ", only: []string{"one", "two"}},
		{args: "bootstrap ", only: []string{"one", "two"}},
		{args: "bootstrap one "},
		{args: "plan "},
		{args: "plan --format ", only: []string{"text", "json", "markdown"}},
		{args: "plan --dir ", directive: dirs},
		{args: "man ", directive: dirs},
		{args: "manage --confirm "},
		// The host is one's: its users are one's people and accounts.
		{args: "plan --only ", has: []string{"user", "user/", "file", "chrony"}, hasNot: []string{"file/", "chrony/"}},
		{args: "plan --only user/", only: []string{"user/svc", "user/alice", "user/bob"}},
		{args: "manage --skip users/", only: []string{"users/svc", "users/alice", "users/bob"}},
		{args: "plan --only key/alice,user/", only: []string{"key/alice,user/svc", "key/alice,user/alice", "key/alice,user/bob"}},
		{args: "plan --only key,", has: []string{"key,user", "key,user/"}},
		{args: "plan --backend two --only file/", only: []string{"file//etc/a", "file//etc/b"}},
		{args: "plan --backend two --only=unit/", only: []string{"unit/report@.service"}},
		{args: "plan --backend three --only ", has: []string{"user", "file"}, hasNot: []string{"user/"}},
		{args: "plan --only nothing/"},
		{args: "adopt --only ", has: []string{"user", "file"}, hasNot: []string{"user/", "person"}},
		{args: "adopt --files ", directive: dirs},
		{args: "access --user ", only: []string{"alice", "bob", "carol"}},
		{args: "access --path ", directive: "0"},
		{args: "adopt --content ", directive: "0"},
		{args: "access --backend ", only: []string{"one", "two"}},
		{args: "disable-user ", only: []string{"carol"}},
		{args: "disable-user carol "},
		{args: "enable-user "},
		{args: "explain ", has: []string{"user", "file", "backend", "person"}, directive: noSpace},
		{args: "explain user.", has: []string{"user.shell", "user.uid"}, directive: noSpace},
		{args: "explain docker.networks.", has: []string{"docker.networks.subnet"}, hasNot: []string{"docker.networks"}, directive: noSpace},
		{args: "explain nothing."},
		{args: "schema ", only: []string{"backend", "developers", "output"}},
	} {
		t.Run(tt.args, func(t *testing.T) {
			if tt.directive == "" {
				tt.directive = noFile
			}
			got, directive := w.offered(strings.Split(tt.args, " ")...)
			if directive != tt.directive {
				t.Errorf("directive %s, not %s", directive, tt.directive)
			}
			for _, s := range tt.has {
				if !slices.Contains(got, s) {
					t.Errorf("%s is not offered, but %v", s, got)
				}
			}
			for _, s := range tt.hasNot {
				if slices.Contains(got, s) {
					t.Errorf("%s is offered: %v", s, got)
				}
			}
			if tt.has == nil && !slices.Equal(got, tt.only) {
				t.Errorf("offered is %v, not %v", got, tt.only)
			}
		})
	}
	w.untouched()
}

// TestCompleteKinds: kinds come with what they are about, in their order.
func TestCompleteKinds(t *testing.T) {
	w := newWorld(t, "-- backends/README --\n")
	got, _ := w.offered("plan", "--only", "")
	var want []string
	for _, k := range kinds.Table() {
		want = append(want, k.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if !strings.Contains(w.out.String(), "user\taccounts\n") {
		t.Errorf("no descriptions in\n%s", w.out.String())
	}
}

// TestCompleteDisabled: who has been disabled is offered to enable-user.
func TestCompleteDisabled(t *testing.T) {
	w := newWorld(t, strings.Replace(completable, aliceKey+" carol@x", "", 1))
	w.want(0, nil, nil, "disable-user", "carol", "--allow-locking-out-every-admin")
	if got, _ := w.offered("enable-user", ""); !slices.Equal(got, []string{"carol"}) {
		t.Errorf("offered is %v", got)
	}
}

// ownTerminals runs a command with terminals of its own, since not every place where
// tests run has any.
const ownTerminals = `
mount -t tmpfs -o mode=0755 tmpfs /dev
for d in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "/dev/${d%:*}" c 1 "${d#*:}"; done
mknod -m 666 /dev/tty c 5 0
mkdir /dev/pts
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /dev/pts
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
exec "$@"`

// TestCompleteInBash types into a bash at a terminal, with bash-completion as
// Debian has it, and reads the line that comes of it.
func TestCompleteInBash(t *testing.T) {
	w := newWorld(t, completable)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	program := "#!/bin/sh\nOPSAFE_TEST_AS_PROGRAM=1 exec '" + self + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "opsafe"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	w.want(0, nil, nil, "bootstrap", "two", "--switch")
	setup := filepath.Join(bin, "bashrc")
	text := ". /usr/share/bash-completion/bash_completion\n" + w.file("/etc/bash_completion.d/opsafe") +
		"\nPS1='READY>'\nbind 'set bell-style none'\nbind -x '\"\\C-t\": printf \"LINE<%s>\\n\" \"$READLINE_LINE\"'\n"
	if err := os.WriteFile(setup, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := []struct{ typed, want string }{
		{"opsafe boo\ton\t", "opsafe bootstrap one "},
		{"opsafe plan --backend tw\t--only file//etc/b\t", "opsafe plan --backend two --only file//etc/b "},
		{"opsafe plan --only unit/r\t", "opsafe plan --only unit/report@.service "},
		{"opsafe plan --only=unit/r\t", "opsafe plan --only=unit/report@.service "},
		{"opsafe plan --only file//etc/a,dock\t", `opsafe plan --only file//etc/a\,docker `},
		{"opsafe explain us\t.she\t", "opsafe explain user.shell"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "sh", "-ec", ownTerminals, "sh",
		"script", "-qec", "bash --noprofile --rcfile "+setup+" -i", "/dev/null")
	c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TERM=dumb", "OPSAFE_DIR="+w.dir, "OPSAFE_BACKEND=two")
	s := startShell(t, c)
	s.until("READY>")
	for _, l := range lines {
		s.enter(l.typed + "\x14") // print the line
		if got, _, _ := strings.Cut(s.until("LINE<", ">\r\n"), ">\r\n"); got != l.want {
			t.Errorf("%q becomes %q, not %q", l.typed, got, l.want)
		}
		s.enter("\x15") // clear it
	}
	s.enter("exit\n")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// shell is one that somebody types into.
type shell struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startShell(t *testing.T, c *exec.Cmd) shell {
	t.Helper()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return shell{t, in, bufio.NewReader(out)}
}

func (s shell) enter(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, keys); err != nil {
		s.t.Fatal(err)
	}
}

// until reads until these texts have come, one after the other, and returns what
// came with the last.
func (s shell) until(texts ...string) string {
	s.t.Helper()
	var got strings.Builder
	for _, text := range texts {
		got.Reset()
		for !strings.HasSuffix(got.String(), text) {
			b, err := s.out.ReadByte()
			if err != nil {
				s.t.Fatalf("%q does not come, but %q: %v", text, got.String(), err)
			}
			got.WriteByte(b)
		}
	}
	return got.String()
}
