package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/testhost"
)

// undoSpec has each kind make, change and remove something.
const undoSpec = `description: undo
people: [developers]
roles:
  developers: {groups: [admins, sudo], shell: /bin/bash, home_mode: "0750", password: set-at-first-login, keys: [repository]}
packages:
  tree: purged
  jq: {state: installed, hold: true}
groups:
  admins: {gid: 3100, members: exact}
  crew: {members: exact}
  oldgroup: {state: absent}
users:
  app: {uid: 10000, home: /home/app, home_mode: "0750", shell: /bin/bash, password: locked}
  olduser: {uid: 1500, home: /home/olduser, shell: /usr/sbin/nologin, comment: Changed, password: locked, groups: [crew]}
  goneuser: {state: absent}
authorized_keys:
  app: {people: [madwort]}
directories:
  /srv/new: {owner: app, group: admins, mode: "2750"}
  /srv/data: {owner: app, group: app, mode: "0750", recurse: {owner: app, files: "0640", directories: "0750", from: [olduser]}}
acls:
  /srv/data: {access: ["group:admins:rwX"], default: ["group:admins:rwX"], recursive: true}
files:
  /srv/new/app.env: {content: "TOKEN=new-canary\n", mode: "0600", owner: app, secret: true, notify: {restart: [lab-old.service]}}
  /etc/app.conf: {content: "workers = 4\n", group: app, mode: "0640"}
  /etc/gone.conf: {state: absent}
  /etc/linked: {link: /etc/app.conf}
  /etc/bash.bashrc: {lines: ["umask 027"]}
sudoers:
  lab: {content: "%admins ALL=(ALL:ALL) ALL\n"}
  lab-old: {state: absent}
sshd:
  00-lab: {content: "MaxAuthTries 4\n"}
  lab-old: {content: "PrintMotd yes\n"}
docker:
  daemon: {log-driver: local}
  networks:
    jobs: {interface: jobs, subnet: 172.30.0.0/24}
chrony:
  config: [makestep 1 3]
units:
  lab-old.service:
    content: "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
    enabled: false
    drop_ins: {slow: {content: "[Service]\nNice=5\n"}}
  lab-new.service:
    content: "[Unit]\nWants=lab-along.service\n[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
    enabled: true
    running: true
  lab-gone.service: {state: absent}
  lab-masked.service: {masked: true}
`

// undoBefore is what is on the host before: something for each of them to find.
const undoBefore = `
set -e
groupadd -g 3000 crew; groupadd -g 3001 oldgroup
useradd -u 1500 -m -s /bin/bash -c Old olduser; useradd -u 1501 -m -s /bin/sh -G oldgroup,crew goneuser
echo olduser:Correct-Horse-7-Staple | chpasswd -c SHA512
usermod -aG oldgroup olduser
echo 'workers = 1' >/etc/app.conf; setfacl -m u:olduser:rw /etc/app.conf
echo gone >/etc/gone.conf; chmod 600 /etc/gone.conf; chown olduser /etc/gone.conf
ln -s /etc/hostname /etc/linked
mkdir -p /srv/data/sub; echo a >/srv/data/a; echo b >/srv/data/sub/b; chmod 755 /srv/data/sub/b; chown -R olduser:crew /srv/data
setfacl -m u:goneuser:rx,d:u:goneuser:rx /srv/data
echo 'olduser ALL=(root) /usr/bin/id' >/etc/sudoers.d/lab-old; chmod 440 /etc/sudoers.d/lab-old
echo 'PrintMotd no' >/etc/ssh/sshd_config.d/lab-old.conf
for u in old gone; do printf '[Service]\nExecStart=/usr/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/lab-$u.service; done
printf '[Service]\nExecStart=/usr/bin/sleep 1000\n' >/etc/systemd/system/lab-along.service
systemctl daemon-reload; systemctl reload ssh; systemctl -q enable --now lab-old.service lab-gone.service
apt-get -qq update >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get -qq install tree >/dev/null 2>&1
`

// dumpHost writes all of a host that opsafe's kinds speak of. Left out is what only
// stands for the order of changes: copies of the account files, and the order of
// lines and members in them; caches; subordinate ids; and what docker and
// containerd have made themselves, which no package takes along.
const dumpHost = `
export LC_ALL=C
for db in passwd group gshadow; do sed "s/^/$db /" /etc/$db; done | awk -F: -v OFS=: '/^g/ {n = split($4, m, ","); for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (m[j] < m[i]) {t = m[i]; m[i] = m[j]; m[j] = t}; $4 = m[1]; for (i = 2; i <= n; i++) $4 = $4 "," m[i]} {print}' | sort
cut -d: -f1,2,8 /etc/shadow | sed 's/^/shadow /' | sort
dpkg-query -W -f 'package ${Package} ${Version} ${db:Status-Abbrev}\n' | sed 's/ *$//' | sort
systemctl list-unit-files --no-legend --no-pager | awk '{print "unit file", $1, $2}' | sort
systemctl list-units --no-legend --no-pager --plain --state=active --type=service,timer,socket | awk '{print "active", $1}' | grep -v -e session- -e user@ -e user-runtime-dir@ | sort
ls /var/lib/systemd/linger 2>/dev/null | sed 's/^/linger /'
find /etc /srv /home /opt /usr/local /root /var/spool/cron -xdev \( -path /srv/opsafe -o -path /etc/docker -o -path /etc/cni -o -name '*.wants' -o -name '*-' -path '/etc/*' \) -prune -o \
  ! -regex '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\|ld.so.cache\|.pwd.lock\|apparmor.d.*\|mtab\)' ! -path /etc ! -path /etc/systemd/system \
  -printf '%p %y %m %u:%g %l\n' | sort
find /etc /srv/data /srv/new /home -xdev -type f ! -path '/etc/docker/key.json' ! -name '*-' ! -regex '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\|ld.so.cache\|.pwd.lock\)' -print0 2>/dev/null | sort -z | xargs -0 sha256sum
getfacl -R -p -s /srv/data /srv/new /etc/app.conf 2>/dev/null
sshd -T | grep -E 'maxauthtries|printmotd'
`

func (e *env) dump() []string {
	e.t.Helper()
	return strings.Split(e.mustRun("bash", "-c", dumpHost), "\n")
}

// recorded is opsafe's own record of the host, of all that dump leaves in.
func (e *env) recorded() map[string]any {
	e.t.Helper()
	if r := e.opsafe("facts", "--backend", "undo", "--out", guestFacts); r.code != 0 {
		e.t.Fatalf("facts: %s", r)
	}
	var doc struct{ Host map[string]any }
	if err := json.Unmarshal([]byte(e.read(guestFacts)), &doc); err != nil {
		e.t.Fatal(err)
	}
	e.mustRun("rm", guestFacts)
	files, ok := doc.Host["files"].(map[string]any)
	if !ok || len(files) < 20 {
		e.t.Fatalf("hardly a file is recorded: %v", doc.Host["files"])
	}
	own := regexp.MustCompile(`^/etc/(docker|cni)(/|$)|^/var/lib/opsafe(/|$)|^/etc/(passwd|group|shadow|gshadow)-?$`)
	maps.DeleteFunc(files, func(path string, _ any) bool { return own.MatchString(path) })
	// Directories of docker and of opsafe, and what runs, are among what is there.
	for _, dir := range []string{"/etc", "/run", "/var/lib"} {
		if node, ok := files[dir].(map[string]any); ok {
			delete(node, "names")
		}
	}
	for _, list := range []string{"users", "groups"} { // in the order of lines
		if all, ok := doc.Host[list].([]any); ok {
			slices.SortFunc(all, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return doc.Host
}

// unlike is the lines of which one of two dumps has more than the other.
func unlike(want, got []string) string {
	only := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(line string) bool { return slices.Contains(b, line) })
	}
	return cmp.Diff(only(want, got), only(got, want))
}

// TestUndo proves on a real host that what a run changes of every kind comes back,
// that the undoing can be undone, and that both are guarded.
func TestUndo(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/undo")
	e.write(guestRepository+"/backends/undo/backend.yaml", undoSpec, 0o644)
	e.write(guestPeople, "madwort: {roles: [developers]}\n", 0o644)
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "!", "-name", "madwort", "-delete")
	e.mustRun("bash", "-c", undoBefore)
	before, facts := e.dump(), e.recorded()
	e.manageAs("undo", 0)
	after := e.dump()
	if len(before) < 100 || unlike(before, after) == "" {
		t.Fatalf("nothing has been changed:\n%s", strings.Join(before, "\n"))
	}

	if r := e.opsafe("undo", "1", "--plan"); r.code != 1 || !strings.Contains(r.stdout, "undo would refuse this: afterwards, nobody could log in with a key and become root") {
		t.Errorf("the last admin would be locked out, and it is not said: %s", r)
	}
	if r := e.opsafe("undo", "1"); r.code != 1 || !strings.Contains(r.stderr, "nothing has been changed") {
		t.Errorf("it locks the last admin out: %s", r)
	}
	if d := unlike(after, e.dump()); d != "" {
		t.Errorf("what was refused has changed something:\n%s", d)
	}
	const open = "--allow-locking-out-every-admin"
	plan := e.opsafe("undo", "1", "--plan", open)
	r := e.opsafe("undo", "1", open)
	if r.code != 0 {
		t.Fatalf("undo: %s\nits plan: %s", r, plan)
	}
	if strings.Contains(plan.stdout+r.stdout+r.stderr, "canary") || strings.Contains(plan.stdout, "after apply") {
		t.Errorf("it gives a secret away, or cannot foresee: %s\n%s", plan, r)
	}
	if plan.code != 0 || strings.Contains(r.stderr, "without having been planned") {
		t.Errorf("it did more than was planned: %s\n%s", plan, r)
	}
	if d := unlike(before, e.dump()); d != "" {
		t.Errorf("before, and after it has been undone:\n%s\n%s", d, r)
	}
	if d := cmp.Diff(facts, e.recorded()); d != "" {
		t.Errorf("the facts before, and after it has been undone:\n%s", d)
	}

	r = e.opsafe("undo", "2")
	if r.code != 0 {
		t.Fatalf("undo of undo: %s", r)
	}
	if d := unlike(after, e.dump()); d != "" {
		t.Errorf("after, and after the undoing has been undone:\n%s\n%s", d, r)
	}
	if doc := e.planJSON("undo"); len(doc.Changes) > 0 {
		t.Errorf("left to do: %q", changed(doc))
	}
}
