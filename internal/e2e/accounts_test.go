package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// accountLines are all lines of the four databases.
const accountLines = `for db in passwd group shadow gshadow; do sed "s/^/$db /" /etc/$db; done`

const accountSpec = `description: accounts
people: [staff]
roles:
  staff: {groups: [sudo], shell: /bin/bash, home_mode: "0750", password: locked, keys: [repository]}
sudoers:
  staff: {content: "%sudo ALL=(ALL:ALL) NOPASSWD: ALL\n"}
`

// accountHost has an admin, quinn, who logs in with a key.
func accountHost(t *testing.T) (e *env, k sshKey, spec func(text string)) {
	t.Helper()
	e = newHost(t, testhost.Full, "")
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "-delete")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/accounts", guestRepository+"/keys")
	spec = func(text string) {
		t.Helper()
		e.write(guestRepository+"/backends/accounts/backend.yaml", text, 0o644)
	}
	e.write(guestPeople, "quinn: {roles: [staff]}\n", 0o644)
	k = e.giveKey("quinn")
	spec(accountSpec)
	e.manageAs("accounts", 0)
	if r := e.ssh("quinn", k, "sudo", "-n", "id", "-u"); r.code != 0 {
		t.Fatalf("the admin cannot log in: %s", r)
	}
	return e, k, spec
}

// lastRun is the number of the last recorded run.
func (e *env) lastRun() string {
	e.t.Helper()
	all := strings.Fields(e.mustRun("ls", "/var/lib/opsafe/history"))
	if len(all) == 0 {
		return ""
	}
	return strings.TrimLeft(strings.TrimSuffix(all[len(all)-1], ".json"), "0")
}

// TestNothingBesideThePlan: lines of the account databases that nobody declares stay
// what they are, byte for byte, and a run with nothing to do writes nothing.
func TestNothingBesideThePlan(t *testing.T) {
	t.Parallel()
	e, _, spec := accountHost(t)
	e.mustRun("bash", "-c", `set -e
useradd -m bob; echo bob:Secret-pass-1 | chpasswd -c SHA512; useradd -m eve; groupadd lab; gpasswd -A eve lab; gpasswd -M eve lab
sed -i 's/^bob:/#bob:/' /etc/passwd
sed -i 's/^lab:/#lab:/' /etc/group
echo 'ldap:$6$x$y:19000:0:99999:7:::' >>/etc/shadow; echo 'remote:!:eve:eve' >>/etc/gshadow
echo 'short:x:5:5' >>/etc/passwd; echo 'DOM\user:x:1900:1900::/home/dom:/bin/sh' >>/etc/passwd; echo '+nis::::::' >>/etc/passwd
sed -i '/^adm:/d' /etc/gshadow; sed -i '/^games:/d' /etc/shadow
useradd -r -d /nonexistent app; sed -i '/^app:/d' /etc/shadow; sed -i '/^app:/d' /etc/gshadow
printf '1\0' >/etc/passwd.lock; : >/etc/group+`)
	files := func() string {
		return e.mustRun("sh", "-c", accountLines+"; ls -ln --time-style=full-iso /etc/passwd* /etc/group* /etc/shadow* /etc/gshadow* /var/lib/opsafe/history")
	}
	was := files()
	for range 2 {
		if r := e.opsafe("plan", "--backend", "accounts", "--exit-code"); r.code != 0 {
			t.Errorf("plan: %s", r)
		}
		if r := e.opsafe("manage", "--backend", "accounts"); r.code != 0 || !strings.Contains(r.stdout, "Nothing to do") || r.stderr != "" {
			t.Errorf("manage: %s", r)
		}
		if now := files(); now != was {
			t.Fatalf("the account databases were written to:\n%s\nwere:\n%s", now, was)
		}
	}
	// What is declared is completed, and that alone.
	lines := e.mustRun("sh", "-c", accountLines)
	spec(accountSpec + "groups:\n  adm: {system: true}\nusers:\n  app: {system: true, home: /nonexistent}\n")
	planned := e.planJSON("accounts")
	made := e.manageJSON("accounts")
	wantChanges(t, planned, "change group/adm", "change user/app")
	wantChanges(t, made, "change group/adm", "change user/app")
	now := e.mustRun("sh", "-c", accountLines+` | grep -v -e '^gshadow adm:' -e '^shadow app:' -e '^gshadow app:'`)
	if now != lines {
		t.Errorf("other lines have changed:\n%s\nwere:\n%s", now, lines)
	}
	e.mustRun("sh", "-c", "grep '^adm:!::' /etc/gshadow && grep '^app:!:' /etc/shadow && grep '^app:!::' /etc/gshadow")
	if e.mustRun("sh", "-c", "ls /etc/passwd.lock 2>/dev/null; true") != "" {
		t.Error("the lock that the plan said it would remove is still there")
	}
	wantChanges(t, e.planJSON("accounts"))
	// The admin takes bob back in.
	e.mustRun("sed", "-i", "s/^#bob:/bob:/", "/etc/passwd")
	e.mustRun("sh", "-c", "getent shadow bob | grep '^bob:\\$6\\$'")
}

// TestPasswordDay: whoever has a key gets in as before when a password rule is undone,
// or becomes another, and nobody is taken for an admin whom the host lets not in.
func TestPasswordDay(t *testing.T) {
	t.Parallel()
	e, k, spec := accountHost(t)
	login := func(when string) {
		t.Helper()
		if r := e.ssh("quinn", k, "sudo", "-n", "id", "-u"); r.code != 0 {
			t.Errorf("%s, the admin cannot log in: %s", when, r)
		}
	}
	day := strings.Split(e.mustRun("getent", "shadow", "quinn"), ":")[2]
	e.mustRun("chage", "-d", "20000", "quinn")
	first := strings.Replace(accountSpec, "password: locked", "password: set-at-first-login", 1)
	spec(first)
	e.manageAs("accounts", 0)
	run := e.lastRun()
	if r := e.opsafe("undo", run); r.code != 0 {
		t.Fatalf("undo: %s", r)
	}
	if got := e.mustRun("getent", "shadow", "quinn"); !strings.HasPrefix(got, "quinn:!:20000:") {
		t.Errorf("after undo: %s", got)
	}
	login("after undo")
	e.manageAs("accounts", 0)
	spec(accountSpec)
	e.manageAs("accounts", 0)
	if got := e.mustRun("getent", "shadow", "quinn"); !strings.HasPrefix(got, "quinn:!:"+day+":") {
		t.Errorf("locked again: %s", got)
	}
	login("locked again")

	// By hand: the host refuses, and so do the judgement and the guard.
	spec(strings.Replace(accountSpec, "password: locked, ", "", 1) + "files:\n  /etc/lab: {content: \"1\\n\"}\n")
	for name, c := range map[string]struct {
		age []string
		say string
	}{
		"must change":    {[]string{"-d", "0"}, "has to set a new password"},
		"ran out":        {[]string{"-d", "2020-01-01", "-M", "90", "-I", "-1"}, "has to set a new password"},
		"ran out, shut":  {[]string{"-d", "2020-01-01", "-M", "90", "-I", "30"}, "ran out so long ago"},
		"as it is usual": {[]string{"-d", "20000", "-M", "99999", "-I", "-1"}, ""},
	} {
		e.mustRun(append(append([]string{"chage"}, c.age...), "quinn")...)
		in := e.ssh("quinn", k, "true").code == 0
		says := e.opsafe("access", "--user", "quinn")
		if in != (c.say == "") || c.say != "" && !strings.Contains(says.stdout, c.say) {
			t.Errorf("%s: the host lets in: %v, and access says: %s", name, in, says)
		}
	}
	e.mustRun("chage", "-d", "0", "quinn")
	spec(accountSpec)
	wantChanges(t, e.planJSON("accounts"), "change password/quinn")
	e.manageAs("accounts", 0)
	login("after the rule has put it right")
}

// TestGroupsAreSealed: nobody gets into a group that grants something but by being
// declared: not with a password, nor by an administrator.
func TestGroupsAreSealed(t *testing.T) {
	t.Parallel()
	e, _, spec := accountHost(t)
	spec(accountSpec + "groups:\n  reviewers: {gid: 10010, members: exact}\ndirectories:\n  /srv/review: {group: reviewers, mode: \"0750\"}\n")
	e.manageAs("accounts", 0)
	e.mustRun("bash", "-c", `set -e
useradd -m outsider; echo secret >/srv/review/r.csv; chgrp reviewers /srv/review/r.csv; chmod 640 /srv/review/r.csv
for g in reviewers sudo; do groupmod -p "$(openssl passwd -6 grpsecret)" $g; gpasswd -A outsider $g; done`)
	const read = `echo grpsecret | su - outsider -c "script -qec 'sg reviewers \"cat /srv/review/r.csv\"' /dev/null"`
	before := e.run("bash", "-c", read)
	if !strings.Contains(before.stdout, "secret\r") && !strings.Contains(before.stdout, "secret\n") {
		t.Fatalf("the way in that is to be shut is none: %s", before)
	}
	planned := e.opsafe("plan", "--backend", "accounts")
	for _, want := range []string{"password", "administrator", "outsider"} {
		if !strings.Contains(planned.stdout, want) {
			t.Errorf("the plan does not say %q: %s", want, planned)
		}
	}
	made := e.manageJSON("accounts")
	wantChanges(t, made, "change group/reviewers", "change group/sudo")
	e.mustRun("sh", "-c", "grep '^reviewers:!::' /etc/gshadow && grep '^sudo:!::quinn' /etc/gshadow")
	if r := e.run("bash", "-c", read); strings.Contains(r.stdout, "secret") && !strings.Contains(r.stdout, "grpsecret") || strings.Contains(r.stdout, "\nsecret") {
		t.Errorf("an outsider still reads: %s", r)
	}
	if r := e.runAs("outsider", "gpasswd", "-a", "outsider", "reviewers"); r.code == 0 {
		t.Error("an outsider makes himself a member")
	}
	wantChanges(t, e.planJSON("accounts"))
	r := e.opsafe("undo", e.lastRun())
	if r.code != 0 || !strings.Contains(r.stdout+r.stderr, "is gone and cannot come back") {
		t.Errorf("undo: %s", r)
	}
	e.mustRun("sh", "-c", "grep '^reviewers:!:outsider:' /etc/gshadow")
	// Where newgrp and everybody else go by different members, they are made the same.
	e.manageAs("accounts", 0)
	e.mustRun("sed", "-i", "s/^sudo:!::quinn/sudo:!::/", "/etc/gshadow")
	wantChanges(t, e.manageJSON("accounts"), "change group/sudo")
	e.mustRun("grep", "^sudo:!::quinn", "/etc/gshadow")
}

// TestReservedIDs: a number that the spec declares is nobody else's, although what it
// is declared for is not there: not selected, not applicable, or failed.
func TestReservedIDs(t *testing.T) {
	t.Parallel()
	e, _, spec := accountHost(t)
	next := e.mustRun("sh", "-c", "expr $(id -u quinn) + 1")
	uid := func(name, not string) {
		t.Helper()
		if got := e.mustRun("id", "-u", name); got == not {
			t.Errorf("%s has got %s, which is declared", name, got)
		}
	}
	e.write(guestPeople, "quinn: {roles: [staff]}\ndave: {roles: [staff]}\n", 0o644)
	spec(accountSpec + "users:\n  svc: {uid: " + next + ", home: /srv/nodir/svc, group: svc, when: path /etc/later exists}\ngroups:\n  svc: {gid: " + next + ", when: path /etc/later exists}\n")
	e.manageAs("accounts", 0, "--only", "user/dave")
	uid("dave", next)
	e.write("/etc/later", "", 0o644)
	e.write(guestPeople, "quinn: {roles: [staff]}\ndave: {roles: [staff]}\nerin: {roles: [staff]}\n", 0o644)
	e.manageAs("accounts", 1)
	uid("erin", next)
	e.mustRun("mkdir", "/srv/nodir")
	e.manageAs("accounts", 0)
	if got := e.mustRun("id", "-u", "svc"); got != next {
		t.Errorf("svc has got %s, not %s", got, next)
	}
}
