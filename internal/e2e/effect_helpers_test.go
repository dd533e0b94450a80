package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// patience bounds every wait for something that takes a second or two.
const patience = 60 * time.Second

// The spec of the host's copy.
const (
	guestBackend = guestRepository + "/backends/tpp/backend.yaml"
	guestPeople  = guestRepository + "/developers.yaml"
	guestLab     = guestRepository + "/backends/tpp/lab.yaml"
)

// goodPassword is long enough and of all four classes.
const goodPassword = "Correct-Horse-7-Staple"

// newTPP boots a host with everything installed that tpp needs, whose copy of the
// backend also includes lab, a spec of the test's own.
func newTPP(t *testing.T, lab string) *env {
	t.Helper()
	e := newHost(t, testhost.Full, "")
	e.write(guestLab, lab, 0o644)
	// Last: it overrides what the common parts say.
	e.replace(guestBackend, "collector.yaml]", "collector.yaml, lab.yaml]")
	return e
}

// setLab replaces the test's own part of the spec.
func (e *env) setLab(lab string) {
	e.t.Helper()
	e.write(guestLab, lab, 0o644)
}

// appendTo adds text to the end of a file of the host, which may be missing.
func (e *env) appendTo(path, text string) {
	e.t.Helper()
	was := ""
	if e.exists(path) {
		was = e.read(path)
	}
	e.write(path, was+text, 0o644)
}

// exists reports whether the host has a path, links not followed.
func (e *env) exists(path string) bool {
	e.t.Helper()
	return e.run("test", "-e", path, "-o", "-L", path).code == 0
}

// sshKey is a key pair of a person's, on the outer machine.
type sshKey struct {
	file   string // the private half
	public string // the line for authorized_keys, with a line end
}

func newSSHKey(t *testing.T, comment string) sshKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	k := sshKey{file: filepath.Join(t.TempDir(), "key")}
	k.public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p))) + " " + comment + "\n"
	if err := os.WriteFile(k.file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// giveKey makes a key and puts it into the person's file in the host's copy.
func (e *env) giveKey(name string) sshKey {
	e.t.Helper()
	k := newSSHKey(e.t, name+"@test")
	e.appendTo(guestRepository+"/keys/"+name, k.public)
	return k
}

// setPassword is what a person has done at the first login.
func (e *env) setPassword(name string) {
	e.t.Helper()
	// A hash that sudo checks in a millisecond, not in 40.
	if r := e.feed(e.Command(e.t.Context(), "chpasswd", "-c", "SHA512", "-s", "1000"), name+":"+goodPassword+"\n"); r.code != 0 {
		e.t.Fatalf("chpasswd: %s", r)
	}
}

// feed runs a program with an input.
func (e *env) feed(cmd *exec.Cmd, input string) result {
	e.t.Helper()
	cmd.Stdin = strings.NewReader(input)
	return e.finish(cmd)
}

// ssh logs in from outside and runs a program there.
func (e *env) ssh(user string, k sshKey, argv ...string) result {
	e.t.Helper()
	return e.finish(e.SSH(e.t.Context(), user, k.file, argv...))
}

// refused fails the test unless sshd does not let somebody in.
func (e *env) refused(user string, k sshKey) {
	e.t.Helper()
	if r := e.ssh(user, k, "true"); r.code != 255 || !strings.Contains(r.stderr, "Permission denied (publickey)") {
		e.t.Errorf("%s: want sshd to refuse, and to offer nothing but keys: %s", user, r)
	}
}

// manage runs opsafe manage, which has to exit with a code, and returns what it
// said on both streams.
func (e *env) manage(code int, args ...string) string {
	e.t.Helper()
	r := e.opsafe(append([]string{"manage", "--backend", "tpp"}, args...)...)
	if r.code != code {
		e.t.Fatalf("manage %v: want exit code %d: %s", args, code, r)
	}
	return r.stdout + r.stderr
}

// changed lists the changes of a run: "restart lab.service", "change file//etc/x".
func changed(d render.Document) []string {
	out := []string{}
	for _, c := range d.Changes {
		out = append(out, c.Action+" "+c.Kind+"/"+c.Name)
	}
	return out
}

// dialogue is a program that is talked to as from a terminal.
type dialogue struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   chan []byte
	all   bytes.Buffer
	fresh string // what has not been matched yet
	ctx   context.Context
}

// talk starts ssh with a terminal on the other side.
func (e *env) talk(user string, k sshKey, argv ...string) *dialogue {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	e.t.Cleanup(cancel)
	cmd := e.SSH(ctx, user, k.file, argv...)
	for i, a := range cmd.Args {
		if a == "ssh" {
			cmd.Args = append(cmd.Args[:i+1:i+1], append([]string{"-tt"}, cmd.Args[i+1:]...)...)
			break
		}
	}
	return e.converse(ctx, cmd)
}

// converse starts a program that is talked to until the context is over.
func (e *env) converse(ctx context.Context, cmd *exec.Cmd) *dialogue {
	e.t.Helper()
	d := &dialogue{t: e.t, cmd: cmd, out: make(chan []byte), ctx: ctx}
	var err error
	if d.in, err = cmd.StdinPipe(); err != nil {
		e.t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		e.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	write.Close()
	go d.listen(read)
	return d
}

func (d *dialogue) listen(r *os.File) {
	defer close(d.out)
	defer r.Close()
	for {
		b := make([]byte, 4096)
		n, err := r.Read(b)
		if n > 0 {
			select {
			case d.out <- b[:n]:
			case <-d.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// expect waits for a text, and returns what was said before it.
func (d *dialogue) expect(text string) string {
	d.t.Helper()
	for {
		if before, after, ok := strings.Cut(d.fresh, text); ok {
			d.fresh = after
			return before
		}
		select {
		case b, ok := <-d.out:
			if !ok {
				d.t.Fatalf("%q was never said; all that was:\n%s", text, d.all.String())
			}
			d.all.Write(b)
			d.fresh += string(b)
		case <-d.ctx.Done():
			d.t.Fatalf("waited for %q in vain; so far:\n%s", text, d.all.String())
		}
	}
}

// say types a line.
func (d *dialogue) say(line string) {
	d.t.Helper()
	if _, err := io.WriteString(d.in, line+"\n"); err != nil {
		d.t.Fatalf("cannot say %q: %v; so far:\n%s", line, err, d.all.String())
	}
}

// end waits for the program to end and returns all that it said.
func (d *dialogue) end() string {
	d.t.Helper()
	for b := range d.out {
		d.all.Write(b)
	}
	if err := d.cmd.Wait(); err != nil && d.cmd.ProcessState == nil {
		d.t.Fatal(err)
	}
	if d.ctx.Err() != nil {
		d.t.Fatalf("it did not end; so far:\n%s", d.all.String())
	}
	return d.all.String()
}

// firstLogin sets a person's password as sshd asks for it.
func (e *env) firstLogin(user string, k sshKey) string {
	e.t.Helper()
	d := e.talk(user, k)
	d.expect("You must change your password now and login again")
	d.expect("New password: ")
	d.say(goodPassword)
	d.expect("Retype new password: ")
	d.say(goodPassword)
	d.expect("password updated successfully")
	return d.end()
}

// await tries until it works: for what systemd or sshd bring about a moment
// later. They need the processor for it, so trying takes at most a fifth of it.
func (e *env) await(what string, try func() bool) {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		began := time.Now()
		if try() {
			return
		}
		select {
		case <-time.After(min(max(20*time.Millisecond, 4*time.Since(began)), time.Second)):
		case <-deadline:
			e.t.Fatalf("waited in vain until %s", what)
		}
	}
}
