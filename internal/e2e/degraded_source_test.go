package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestDegradedSource has accounts that getent knows and /etc/passwd does not, as
// those of a directory service: they are seen, kept, and never made twice.
func TestDegradedSource(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("apt-get", "-qq", "install", "-y", "libnss-extrausers")
	e.mustRun("sed", "-i", "-E", "s/^(passwd|group): .*/\\1: files extrausers/", "/etc/nsswitch.conf")
	e.write("/var/lib/extrausers/passwd", "carla:x:1000:1000:Carla:/home/carla:/bin/sh\nlena:x:10500:10500:Lena:/home/lena:/bin/sh\n", 0o644)
	e.write("/var/lib/extrausers/group", "carla:x:1000:\nlena:x:10500:\nfaculty:x:10600:lena\n", 0o644)
	e.write("/var/lib/extrausers/shadow", "", 0o600)
	if got := e.mustRun("getent", "passwd", "lena"); !strings.HasPrefix(got, "lena:x:10500:") {
		t.Fatalf("the host does not know lena: %s", got)
	}
	e.mustRun("groupadd", "-r", "-g", "300", "team")
	e.mustRun("gpasswd", "-a", "lena", "team")
	const spec = `
packages:
  libnss-extrausers: {state: installed, provides: {users: [lena], groups: [lena]}}
groups:
  team: {members: additive}
  faculty: {}
  clash: {gid: 10600}
users:
  carla: {home: /home/carla}
  other: {home: /home/other, groups: [team]}
  taken: {uid: 10500, home: /home/taken}
files:
  /etc/lab: {content: "lab\n", owner: lena, group: lena}
`
	e.labSpec(spec)
	want := []string{
		"user carla", "the account carla (1000) is not the host's own, it comes from extrausers, by /etc/nsswitch.conf",
		"user taken", "uid 10500 is taken by lena, which comes from extrausers",
		"group faculty", "the group faculty (10600) is not the host's own",
		"group clash", "gid 10600 is taken by group faculty, which comes from extrausers",
	}
	for _, command := range []string{"plan", "manage", "manage"} {
		e.says(1, e.opsafe(command, "--backend", "lab"), want...)
	}
	if got := e.mustRun("id", "-u", "other"); got != "1001" {
		t.Errorf("other has uid %s, and 1000 is carla's", got)
	}
	if got := e.mustRun("getent", "group", "team"); got != "team:x:300:lena,other" && got != "team:x:300:other,lena" {
		t.Errorf("the group is now %s", got)
	}
	if got := e.mustRun("stat", "-c", "%U:%G", "/etc/lab"); got != "lena:lena" {
		t.Errorf("the file belongs to %s", got)
	}
	if passwd := e.read("/etc/passwd") + e.read("/etc/group"); strings.Contains(passwd, "carla:") || strings.Contains(passwd, "faculty") || strings.Contains(passwd, "taken:") {
		t.Errorf("an account was made twice:\n%s", passwd)
	}
	e.says(1, e.opsafe("disable-user", "lena"), "lena is not this host's own account, it comes from extrausers")

	e.mustRun("sh", "-c", ": >/var/lib/extrausers/passwd; : >/var/lib/extrausers/group")
	e.lab(0, strings.Replace(spec, `, owner: lena, group: lena`, ", owner: carla, group: faculty", 1))
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
}
