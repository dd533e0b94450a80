package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// door is an account, and how somebody may get in as it.
type door struct {
	name, shell string
	groups      string
	file        string // authorized_keys; KEY, CERT-KEY stand for keys
	cert        bool   // come with a certificate
	setup       func(e *env, home string)
	in          bool // for the reader of the table: sshd lets them in
}

// TestDoors tries each sort of way in with a real ssh, and holds what opsafe access
// says against what came of it.
func TestDoors(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.labSpec("files: {/etc/lab: {content: \"1\\n\"}}\n")
	k, ca := newSSHKey(t, "guest"), newSSHKey(t, "authority")
	e.certify(k, ca)
	e.mustRun("mkdir", "-p", "/etc/ssh/keys")
	doors := []door{
		{name: "plain", file: "KEY", in: true},
		{name: "tabbed", file: "\tKEY", in: true},
		{name: "blanks", file: "  \t KEY  \r", in: true},
		{name: "short", file: "ED25519 BLOB"},
		{name: "nopty", file: "no-pty KEY", in: true},
		{name: "restricted", file: "restrict KEY", in: true},
		{name: "ptyback", file: "restrict,pty KEY", in: true},
		{name: "command", file: `command="echo \"one, two\"" KEY`, in: true},
		{name: "forced", file: `restrict,command="id" KEY`, in: true},
		{name: "fromhere", file: `from="127.0.0.0/8" KEY`, in: true},
		{name: "ended", file: `expiry-time="20200101" KEY`},
		{name: "later", file: `expiry-time="20990101" KEY`, in: true},
		{name: "odd", file: "no-such-option KEY"},
		{name: "unquoted", file: "command=id KEY"},
		{name: "trailing", file: "KEY trailing no-pty", in: true},
		{name: "nothing", file: "# KEY"},
		{name: "html", file: "<html>502</html>"},
		{name: "second", file: "rubbish\nno-pty KEY", in: true},
		{name: "authority", file: `cert-authority,principals="guest" CA`, cert: true, in: true},
		{name: "stranger", file: "KEY", setup: func(e *env, home string) { e.mustRun("chmod", "0777", home) }},
		{name: "directory", setup: func(e *env, home string) { e.mustRun("mkdir", "-p", home+"/.ssh/authorized_keys") }},
		{name: "elsewhere", setup: func(e *env, _ string) { e.write("/etc/ssh/keys/elsewhere", k.public, 0o644) }, in: true},
		{name: "linked", setup: func(e *env, home string) {
			e.write("/etc/ssh/linked", k.public, 0o644)
			e.mustRun("ln", "-s", "/etc/ssh/linked", home+"/.ssh/authorized_keys")
		}, in: true},
		{name: "leads", setup: func(e *env, home string) {
			e.mustRun("rm", "-r", home+"/.ssh")
			e.mustRun("ln", "-s", "/etc", home+"/.ssh")
		}},
		{name: "noshell", shell: "/usr/sbin/nologin", groups: "docker", file: "KEY", in: true},
		{name: "neither", shell: "/usr/sbin/nologin", groups: "docker", file: "restrict KEY"},
		{name: "false", shell: "/bin/false", file: "KEY", in: true},
		{name: "away", shell: "/no/such/shell", file: "KEY"},
		{name: "expired", file: "KEY", setup: func(e *env, _ string) { e.mustRun("chage", "-E", "1", "expired") }},
		{name: "denied", file: "KEY"},
		{name: "locked0", file: "KEY", setup: func(e *env, _ string) { e.mustRun("chage", "-d", "0", "locked0") }},
	}
	for _, d := range doors {
		e.open(d, k, ca)
	}
	e.write(dropInsSshd+"00-lab.conf", "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u\nDenyUsers denied\n", 0o644)
	e.mustRun("systemctl", "restart", "ssh")
	people := map[string]render.Person{}
	for _, p := range e.accessJSON().People {
		people[p.Name] = p
	}
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) { e.on(t).tried(d, k, people[d.name]) })
	}
	if p := people["noshell"]; len(p.Ways) != 1 || !p.Ways[0].Root {
		t.Errorf("docker's socket is not said to be root: %+v", p)
	}
	e.says(0, e.opsafe("access", "--backend", "lab"),
		"noshell no session by ssh key SHA256:", "no shell, but forwarding (docker's socket: root)",
		"odd login cannot be told", "leads login cannot be told")
	e.provesElsewhere(k, ca)
}

// certify makes a certificate of a key, for guest, beside it, as ssh looks for it.
func (e *env) certify(k, ca sshKey) {
	e.t.Helper()
	if err := os.WriteFile(k.file+".pub", []byte(k.public), 0o600); err != nil {
		e.t.Fatal(err)
	}
	if out, err := exec.CommandContext(e.t.Context(), "ssh-keygen", "-q", "-s", ca.file, "-I", "lab", "-n", "guest,later", k.file+".pub").CombinedOutput(); err != nil {
		e.t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	if err := os.Rename(strings.TrimSuffix(k.file, ".pub")+"-cert.pub", filepath.Join(filepath.Dir(k.file), "cert.pub")); err != nil {
		e.t.Fatal(err)
	}
}

// open makes the account.
func (e *env) open(d door, k, ca sshKey) {
	e.t.Helper()
	shell, home := d.shell, "/home/"+d.name
	if shell == "" {
		shell = "/bin/bash"
	}
	e.mustRun("useradd", "-m", "-s", shell, "-G", d.groups, d.name)
	e.mustRun("install", "-d", "-m", "0700", "-o", d.name, "-g", d.name, home+"/.ssh")
	if d.file != "" {
		key := strings.TrimSpace(k.public)
		e.write(home+"/.ssh/authorized_keys", strings.NewReplacer("KEY", key, "BLOB", strings.Fields(key)[1], "CA", strings.TrimSpace(ca.public)).Replace(d.file)+"\n", 0o600)
		e.mustRun("chown", d.name+":", home+"/.ssh/authorized_keys")
	}
	if d.setup != nil {
		d.setup(e, home)
	}
}

// tried tries a way in, and compares.
func (e *env) tried(d door, k sshKey, p render.Person) {
	var more []string
	if d.cert {
		more = []string{"-o", "CertificateFile=" + filepath.Join(filepath.Dir(k.file), "cert.pub")}
	}
	session := e.sshWith(d.name, k, more, "echo", "in")
	forward := e.sshWith(d.name, k, append(more, "-W", "127.0.0.1:22"))
	in := session.code == 0 || strings.Contains(forward.stdout, "SSH-2.0")
	if in != d.in {
		e.t.Errorf("sshd lets them in: %v, %s", in, session)
	}
	i := slices.IndexFunc(p.Ways, func(w render.WayDoc) bool { return w.By != "password" && w.Doubt == "" })
	doubt := slices.ContainsFunc(p.Ways, func(w render.WayDoc) bool { return w.By != "password" && w.Doubt != "" })
	switch {
	case in && i < 0 && !doubt, !in && i >= 0:
		e.t.Errorf("sshd lets them in: %v, opsafe says %+v, %q", in, p.Ways, p.Why)
	}
	if i < 0 {
		return
	}
	w := p.Ways[i]
	terminal := e.sshWith(d.name, k, append(more, "-tt"), "tty")
	if has := strings.Contains(terminal.stdout, "/dev/pts"); has != w.Shell {
		e.t.Errorf("a terminal: %v, opsafe says %+v: %s", has, w, terminal)
	}
	if any := session.code == 0 && session.stdout == "in\n"; any != (w.Shell || strings.HasPrefix(w.Good, "commands only")) {
		e.t.Errorf("any command: %v, opsafe says %+v: %s", any, w, session)
	}
	if has := strings.Contains(forward.stdout, "SSH-2.0"); !w.Shell && !strings.HasPrefix(w.Good, "commands only") && has != strings.Contains(w.Good, "forwarding") {
		e.t.Errorf("forwarding: %v, opsafe says %+v: %s", has, w, forward)
	}
}

// sshWith is ssh with options of its own.
func (e *env) sshWith(user string, k sshKey, options []string, argv ...string) result {
	e.t.Helper()
	cmd := e.SSH(e.t.Context(), user, k.file, argv...)
	at := slices.Index(cmd.Args, "-i")
	cmd.Args = slices.Insert(cmd.Args, at, options...)
	return e.finish(cmd)
}

// provesElsewhere are ways in that no file of keys shows.
func (e *env) provesElsewhere(k, ca sshKey) {
	e.t.Helper()
	e.open(door{name: "guest"}, k, ca)
	e.open(door{name: "other"}, k, ca)
	e.write("/etc/ssh/ca.pub", ca.public, 0o644)
	e.write(dropInsSshd+"10-lab.conf", "TrustedUserCAKeys /etc/ssh/ca.pub\nMatch User other\n  TrustedUserCAKeys none\n", 0o644)
	e.mustRun("systemctl", "restart", "ssh")
	cert := []string{"-o", "CertificateFile=" + filepath.Join(filepath.Dir(k.file), "cert.pub")}
	for name, in := range map[string]bool{"guest": true, "other": false} {
		if r := e.sshWith(name, k, cert, "true"); (r.code == 0) != in {
			e.t.Errorf("%s: with a certificate: %s", name, r)
		}
		r := e.opsafe("access", "--backend", "lab", "--user", name)
		if said := strings.Contains(r.stdout, "certificates of the authority SHA256:"); said != in {
			e.t.Errorf("%s: %s", name, r)
		}
	}
	e.setPassword("other")
	e.says(0, e.opsafe("access", "--backend", "lab", "--user", "other"), "password at the console, by su")
	if r := e.feed(e.As(e.t.Context(), "nobody", "su", "other", "-c", "id -un"), goodPassword+"\n"); r.stdout != "other\n" {
		e.t.Errorf("su: %s", r)
	}
	e.says(0, e.opsafe("access", "--backend", "lab", "--path", "/no/such/path"), "there is no such path")
}

// TestDoorsUnknown has one account, link or file that cannot be judged be unknown by
// itself: runs go on, and of all others it is told what may be told.
func TestDoorsUnknown(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	spec := "sudoers:\n  lab: {content: \"sudoer ALL=(ALL) NOPASSWD: ALL\\n\"}\n"
	e.labSpec(spec)
	k := newSSHKey(t, "k")
	e.open(door{name: "sudoer", file: "KEY"}, k, k)
	e.mustRun("sh", "-c", "echo 'appl:x:1900:100:::/bin/sh' >>/etc/passwd; echo 'appl:!:19000::::::' >>/etc/shadow")
	e.mustRun("sh", "-c", "echo 'relative:x:1901:100::rel/home:/bin/sh' >>/etc/passwd; echo 'relative:!:19000::::::' >>/etc/shadow")
	e.open(door{name: "linker", setup: func(e *env, home string) {
		e.mustRun("rm", "-r", home+"/.ssh")
		e.runAs("linker", "ln", "-s", "/etc", home+"/.ssh")
	}}, k, k)
	e.says(0, e.opsafe("manage", "--backend", "lab"), "sudoer gains sudo without a password")
	e.says(0, e.opsafe("access", "--backend", "lab"), "appl no login by ssh: there is no key of theirs", "relative no login by ssh", "linker login cannot be told", "sudoer login (1 key)")
	e.says(0, e.opsafe("facts", "--backend", "lab", "--out", "/tmp/facts.json"))
	e.says(0, e.opsafe("adopt", "--only", "user"), "appl is left out", "sudoer:")

	e.write("/opt/evil", "linker ALL=(ALL) NOPASSWD: ALL\n", 0o440)
	e.mustRun("ln", "-s", "/opt/evil", "/etc/sudoers.d/05-evil")
	e.says(0, e.opsafe("access", "--backend", "lab", "--user", "linker"), "sudo everything as root, without a password")
	r := e.opsafe("status", "--backend", "lab")
	e.says(3, r, "key/linker", "keys of linker, who is on no list, cannot be told: ", "sudoers/05-evil", "a symbolic link to /opt/evil")
	if n := strings.Count(r.stdout+r.stderr, "keys of linker"); n != 1 {
		t.Errorf("that the keys of linker cannot be told is said %d times: %s", n, r)
	}
	e.says(0, e.opsafe("adopt", "--only", "sudoers"), "sudoers/05-evil is left out: /etc/sudoers.d/05-evil: it is a symbolic link to /opt/evil")
	e.says(0, e.opsafe("prune", "--backend", "lab", "sudoers/05-evil"), "linker loses sudo without a password")
	if e.exists("/etc/sudoers.d/05-evil") || !e.exists("/opt/evil") {
		t.Error("the link is there, or what it leads to is gone")
	}
	e.says(0, e.opsafe("undo", "2"))
	if got := e.mustRun("readlink", "/etc/sudoers.d/05-evil"); got != "/opt/evil" {
		t.Errorf("undo has made the link lead to %s", got)
	}
}

// TestDoorsKeyOptions changes what a key is good for, on the host and by facts.
func TestDoorsKeyOptions(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	k := newSSHKey(t, "deploy")
	spec := func(options, mode string) {
		e.labSpec(fmt.Sprintf(`groups: {readers: {gid: 4500}, docker: {}}
users: {deploy: {uid: 4400, groups: [docker], shell: /usr/sbin/nologin}, resa: {uid: 4401, groups: [readers], shell: /bin/bash}}
authorized_keys: {deploy: {keys: [%q]%s}}
directories: {/srv/tree: {owner: deploy, group: readers, mode: "0750", recurse: {group: readers, files: %q, from: [root]}}}
`, strings.TrimSpace(k.public), options, mode))
	}
	spec("", "0640")
	e.mustRun("sh", "-c", "mkdir -p /srv/tree/w && echo x >/srv/tree/w/f && echo y >/srv/tree/w/g")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "deploy gains", "no shell, but forwarding (docker's socket: root)")
	e.says(0, e.opsafe("facts", "--backend", "lab", "--out", "/tmp/facts.json"))
	spec(", options: restrict", "0666")
	host := e.opsafe("plan", "--backend", "lab", "--format", "json")
	record := e.opsafe("plan", "--backend", "lab", "--facts", "/tmp/facts.json", "--format", "json")
	var a, b render.Document
	for doc, r := range map[*render.Document]result{&a: host, &b: record} {
		if err := json.Unmarshal([]byte(r.stdout), doc); err != nil || doc.Access == nil {
			t.Fatalf("%v: %s", err, r)
		}
	}
	said := fmt.Sprint(a.Access.Turns)
	for _, w := range []string{"deploy", "no shell, but forwarding (docker's socket: root)", "resa", "write on /srv/tree/w/f and 1 more in its tree"} {
		if !strings.Contains(said, w) {
			t.Errorf("the plan does not say %q: %s", w, said)
		}
	}
	// The tree is declared, so that facts know the way to the files in it.
	if d := cmp.Diff(a.Access, b.Access); d != "" {
		t.Errorf("access on the host (-) and by facts (+): %s", d)
	}
	deploy := slices.IndexFunc(b.Access.Turns, func(turn render.TurnDoc) bool { return slices.Contains(turn.Names, "deploy") })
	if deploy < 0 || !slices.Contains(b.Access.Turns[deploy].Loses, "a key: no shell, but forwarding (docker's socket: root)") {
		t.Errorf("by facts: %v", b.Access.Turns)
	}
	e.says(0, e.opsafe("manage", "--backend", "lab"))
	if r := e.runAs("resa", "sh", "-c", "echo hacked >/srv/tree/w/f"); r.code != 0 {
		t.Errorf("resa cannot write: %s", r)
	}
	if r := e.sshWith("deploy", k, []string{"-W", "127.0.0.1:22"}); strings.Contains(r.stdout, "SSH-2.0") {
		t.Errorf("restrict does not keep from forwarding: %s", r)
	}
}

// TestDoorsOtherUnit has sshd run under another name: changes of its configuration
// are judged as ever.
func TestDoorsOtherUnit(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.labSpec("sudoers: {lab: {content: \"sudoer ALL=(ALL) NOPASSWD: ALL\\n\"}}\nusers: {sudoer: {uid: 4400, shell: /bin/bash}}\nfiles: {/etc/lab: {content: \"1\\n\"}}\n")
	k := newSSHKey(t, "k")
	e.mustRun("groupadd", "-g", "4400", "sudoer")
	e.mustRun("useradd", "-m", "-u", "4400", "-g", "4400", "-s", "/bin/bash", "sudoer")
	e.mustRun("install", "-d", "-m", "0700", "-o", "sudoer", "-g", "sudoer", "/home/sudoer/.ssh")
	e.write("/home/sudoer/.ssh/authorized_keys", k.public, 0o600)
	e.mustRun("chown", "sudoer:", "/home/sudoer/.ssh/authorized_keys")
	e.mustRun("sh", "-c", "sed '/^Alias=/d' /lib/systemd/system/ssh.service >/etc/systemd/system/mysshd.service; systemctl disable --now ssh; systemctl daemon-reload; systemctl enable --now mysshd")
	if r := e.ssh("sudoer", k, "true"); r.code != 0 {
		t.Fatalf("sshd does not answer: %s", r)
	}
	e.says(0, e.opsafe("access", "--backend", "lab", "--user", "sudoer"), "login with 1 key")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "sudoer gains sudo without a password")
	e.mustRun("systemctl", "stop", "mysshd")
	e.says(0, e.opsafe("access", "--backend", "lab", "--user", "sudoer"), "login no sshd does not run")
	e.mustRun("mkdir", "-p", "/run/sshd")
	e.mustRun("/usr/sbin/sshd")
	if r := e.ssh("sudoer", k, "true"); r.code != 0 {
		t.Fatalf("sshd does not answer: %s", r)
	}
	e.says(0, e.opsafe("access", "--backend", "lab", "--user", "sudoer"), "login with 1 key")
}
