package local

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// tree writes files below a new directory and returns it: a stand-in for /.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const passwdFile = `root:x:0:0:root:/root:/bin/bash

# a comment
alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash
twice:x:1001:1001::/home/twice:/bin/sh
twice:x:1002:1002::/home/other:/bin/sh
old:abcdefghijklm:1003:1003::/home/old:/bin/sh
open::1004:1004::/home/open:/bin/sh
toor:x:0:0::/root:/bin/sh
lost:x:1005:1005::/home/lost:/bin/sh
bad:x:one:1::/:/bin/sh
short:x:1
+nisuser::::::
+
-someone::::::`

const groupFile = `root:x:0:
docker:x:998:zoe,alice,,alice
alice:x:1000:
+:::
`

func TestAccountsRead(t *testing.T) {
	h := &Host{}
	h.accounts.root = tree(t, map[string]string{"etc/passwd": passwdFile, "etc/group": groupFile})

	users, err := h.Users()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range users {
		names = append(names, u.Name)
	}
	if diff := cmp.Diff([]string{"root", "alice", "twice", "old", "open", "toor", "lost"}, names); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	u, err := h.User("twice")
	if err != nil || u == nil || u.UID != 1001 {
		t.Errorf("the first line of a name has to count: got %+v, %v", u, err)
	}
	g, err := h.Group("docker")
	if diff := cmp.Diff(&host.Group{Name: "docker", GID: 998, Members: []string{"alice", "zoe"}}, g); err != nil || diff != "" {
		t.Errorf("group docker (-want +got), %v:\n%s", err, diff)
	}
	if u, err := h.User("nobody-here"); u != nil || err != nil {
		t.Errorf("absent user: got %v, %v", u, err)
	}
	if got := h.userName(0) + h.userName(77) + h.groupName(998) + h.groupName(5); got != "root#77docker#5" {
		t.Errorf("names of ids: %s", got)
	}
}

func TestAccountIDs(t *testing.T) {
	h := &Host{}
	h.accounts.root = tree(t, map[string]string{"etc/passwd": passwdFile, "etc/group": groupFile})
	for name, want := range map[string]int{"alice": 1000, "#0": 0, "#60123": 60123} {
		if got, err := h.uid(name); err != nil || got != want {
			t.Errorf("uid(%q) = %d, %v; want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"ghost", "#", "#-1", "#4294967295", "#x"} {
		if got, err := h.uid(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("uid(%q) = %d, %v; want an error that names it", name, got, err)
		}
		if got, err := h.gid(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("gid(%q) = %d, %v; want an error that names it", name, got, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	const hash = "$y$j9T$abc$def"
	for _, c := range []struct {
		name, line string
		want       host.Password
	}{
		{"set", "alice:" + hash + ":19000:0:99999:7:::", host.Password{Changed: 19000, State: host.PasswordSet, HasHash: true, Expires: -1}},
		{"locked hash", "alice:!" + hash + ":19000:0:99999:7:::", host.Password{Changed: 19000, State: host.PasswordLocked, HasHash: true, Expires: -1}},
		{"locked twice", "alice:!!" + hash + ":19000:0:99999:7:::", host.Password{Changed: 19000, State: host.PasswordLocked, HasHash: true, Expires: -1}},
		{"never had one", "alice:!:19000:0:99999:7:::", host.Password{Changed: 19000, State: host.PasswordLocked, Expires: -1}},
		{"system", "alice:*:19000:0:99999:7:::", host.Password{Changed: 19000, State: host.PasswordLocked, Expires: -1}},
		{"locked system", "alice:!*:19000:0:99999:7::1:", host.Password{Changed: 19000, State: host.PasswordLocked, Expires: 1}},
		{"empty, has to change", "alice::0:0:99999:7:::", host.Password{State: host.PasswordEmpty, MustChange: true, Expires: -1}},
		{"expired at day 0", "alice:" + hash + ":19000:0:99999:7::0:", host.Password{Changed: 19000, State: host.PasswordSet, HasHash: true}},
		{"runs out", "alice:!:19000:0:90:7:30::", host.Password{State: host.PasswordLocked, Changed: 19000, Ageing: host.Ageing{On: true, Max: 90, Inactive: 30}, Expires: -1}},
		{"without days", "alice:*:::::::", host.Password{State: host.PasswordLocked, Changed: -1, Expires: -1}},
		{"commented out", "#alice:" + hash + ":19000:0:99999:7:::", host.Password{State: host.PasswordLocked, Missing: true, Changed: -1, Expires: -1}},
		{"no line in shadow", "bob:" + hash + ":19000:0:99999:7:::", host.Password{Missing: true, Changed: -1, State: host.PasswordLocked, Expires: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &Host{}
			h.accounts.root = tree(t, map[string]string{
				"etc/passwd": passwdFile, "etc/group": groupFile, "etc/shadow": "root:*:1::::::\n" + c.line + "\n",
			})
			got, err := h.Password("alice")
			if diff := cmp.Diff(&c.want, got); err != nil || diff != "" {
				t.Errorf("password (-want +got), %v:\n%s", err, diff)
			}
		})
	}
}

func TestPasswordInPasswd(t *testing.T) {
	h := &Host{}
	h.accounts.root = tree(t, map[string]string{"etc/passwd": passwdFile, "etc/group": groupFile})
	for name, want := range map[string]host.PasswordState{"old": host.PasswordSet, "open": host.PasswordEmpty} {
		p, err := h.Password(name)
		if err != nil || p == nil || p.State != want {
			t.Errorf("password of %s: got %+v, %v; want %s", name, p, err, want)
		}
	}
	if _, err := h.Password("alice"); !host.IsUnknown(err) {
		t.Errorf("without a shadow file: got %v, want unknown", err)
	}
	if p, err := h.Password("ghost"); p != nil || err != nil {
		t.Errorf("absent user: got %v, %v", p, err)
	}
}

func TestIDRanges(t *testing.T) {
	got := parseRanges("# UID_MIN 5\nUID_MIN\t\t 2000\nUID_MAX 0xEA60\nGID_MIN 3000\n#SYS_UID_MIN 100\nUMASK 022\nBAD\n")
	want := host.IDRanges{
		UIDMin: 2000, UIDMax: 60000, SysUIDMin: 101, SysUIDMax: 1999,
		GIDMin: 3000, GIDMax: 60000, SysGIDMin: 101, SysGIDMax: 2999,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}

func anyFile(string) bool { return true }

func TestStaleLocks(t *testing.T) {
	proc := tree(t, map[string]string{"1/comm": "systemd\n", "77/comm": "useradd\n"})
	for content, lives := range map[string]bool{
		"1\x00": false, "77\x00": true, "77": true, "99\x00": false, "": false, "abc": false, "-1": false, "0": false,
	} {
		if got := lockHolderLives(proc, []byte(content)); got != lives {
			t.Errorf("lock held by %q lives: %v, want %v", content, got, lives)
		}
	}
	stale := map[string]string{"passwd.lock": "1\x00", "group.lock": "", "shadow.4": "4", "subuid.99": "", "gshadow+": "root:*::\n"}
	etc := tree(t, stale)
	kept := tree(t, map[string]string{"etc/passwd.lock": "1\x00", "etc/passwd": "", "etc/passwd-": "", "etc/passwd.edit": "1", "etc/passwd.4x": ""}) + "/etc"
	if removed, err := clearStaleLocks(etc, anyFile); err != nil || len(removed) != len(stale) {
		t.Errorf("removed %q, %v", removed, err)
	}
	for name := range stale {
		if _, err := os.Lstat(filepath.Join(etc, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if removed, err := clearStaleLocks(kept, anyFile); err != nil || len(removed) != 1 || !strings.HasPrefix(removed[0], "removed "+kept+"/passwd.lock,") {
		t.Errorf("removed %q, %v", removed, err)
	}
}

// TestAccountsInUse knows a lock that somebody holds from one that nobody does.
func TestAccountsInUse(t *testing.T) {
	etc := tree(t, map[string]string{".pwd.lock": "", "passwd.lock": "1"})
	if accountsInUse(etc) {
		t.Error("in use, though nobody holds anything")
	}
	f, err := os.OpenFile(etc+"/.pwd.lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if !accountsInUse(etc) {
		t.Error("not in use, though somebody holds .pwd.lock")
	}
}

// TestTidyChecks leaves what another run is judging.
func TestTidyChecks(t *testing.T) {
	dir := t.TempDir()
	h := New(Options{RunDir: dir})
	h.accounts.root = tree(t, map[string]string{"etc/passwd": ""})
	dead := tree(t, map[string]string{"check-1/etc/sudoers": "", "other/file": ""})
	if err := os.Rename(dead+"/check-1", dir+"/check-1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dead+"/other", dir+"/other"); err != nil {
		t.Fatal(err)
	}
	err := h.apart(func(used string) error {
		done, err := h.Tidy(t.Context(), Dead{Accounts: true})
		if len(done) != 1 || !strings.Contains(done[0], "removed "+dir+"/check-1,") {
			t.Errorf("said %q", done)
		}
		if _, statErr := os.Lstat(used); statErr != nil {
			t.Errorf("a directory in use is gone: %v", statErr)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if left, err := h.ReadDir(dir); err != nil || len(left) != 1 || left[0] != "other" {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestGroupShadow tells what opens a group besides its members, and takes lines that
// begin with #, + or - for nobody's.
func TestGroupShadow(t *testing.T) {
	h := New(Options{})
	h.accounts.root = tree(t, map[string]string{
		"etc/passwd":  "root:x:0:0::/root:/bin/sh\n#bob:x:1000:1000::/home/bob:/bin/sh\n+nis:x:::::\n-no:x:1:1:::\nshort:x:5:5\nDOM\\user:x:1004:1004::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\n",
		"etc/group":   "sudo:x:27:alice\nopen:x:5:\nempty:x:6:\nold:$6$x$y:7:\nlost:x:8:\n#lab:x:9:eve\n",
		"etc/shadow":  "root:*:1::::::\n#bob:$6$x$y:1::::::\nldap:!:1::::::\n",
		"etc/gshadow": "sudo:*:eve,carol:alice,bob\nopen:$6$x$y::\nempty:::\n#lab:!:eve:eve\nlab:!:eve:eve\nsudo:!::\n",
	})
	for name, want := range map[string]*host.GroupShadow{
		"sudo":  {Password: host.PasswordLocked, Admins: []string{"carol", "eve"}, Torn: []string{"bob"}},
		"open":  {Password: host.PasswordSet},
		"empty": {Password: host.PasswordEmpty},
		"old":   {Password: host.PasswordSet, Missing: true},
		"lost":  {Password: host.PasswordLocked, Missing: true},
		"lab":   nil,
		"#lab":  nil,
	} {
		got, err := h.GroupShadow(name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
		}
	}
	users, err := h.Users()
	if err != nil || len(users) != 2 || users[1].Name != `DOM\user` {
		t.Errorf("users: %+v, %v", users, err)
	}
	strays, err := h.Strays()
	want := host.Strays{Shadow: []string{"ldap"}, GShadow: []string{"lab"}, Twice: []host.StrayLine{{File: "/etc/passwd", Name: "root"}, {File: "/etc/gshadow", Name: "sudo"}}, Nobodys: []host.NobodysLine{
		{File: "/etc/passwd", Line: 2, Name: "#bob", GID: "1000"},
		{File: "/etc/passwd", Line: 3, Name: "+nis"},
		{File: "/etc/passwd", Line: 4, Name: "-no", GID: "1"},
		{File: "/etc/group", Line: 6, Name: "#lab", Users: []string{"eve"}},
		{File: "/etc/gshadow", Line: 4, Name: "#lab", Users: []string{"eve"}},
	}}
	if diff := cmp.Diff(want, strays); diff != "" || err != nil {
		t.Errorf("strays (-want +got): %v\n%s", err, diff)
	}
}

// TestTidyOthers leaves what a dead run of opsafe cannot have left: what is older, and
// what it was not about.
func TestTidyOthers(t *testing.T) {
	h := New(Options{RunDir: t.TempDir()})
	h.accounts.root = tree(t, map[string]string{"etc/passwd": "", "etc/group": "", "etc/passwd.lock": "1", "etc/shadow+": "", "etc/group.lock": "1", "etc/.opsafe-0123456789abcdef": ""})
	etc := h.accounts.root + "/etc/"
	began := time.Now()
	if err := os.Chtimes(etc+"group.lock", began.Add(-time.Hour), began.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if done, err := h.Tidy(t.Context(), Dead{Started: began}); err != nil || len(done) > 0 {
		t.Errorf("a run that was not about accounts: %q, %v", done, err)
	}
	staged := func() bool { _, err := os.Lstat(etc + ".opsafe-0123456789abcdef"); return err == nil }
	if !staged() {
		t.Error("a database that a run without accounts cannot have staged is gone")
	}
	done, err := h.Tidy(t.Context(), Dead{Started: began, Accounts: true})
	if err != nil || len(done) != 2 {
		t.Errorf("a run that was about accounts: %q, %v", done, err)
	}
	if staged() {
		t.Error("a database that it had staged is left")
	}
	if _, err := os.Lstat(etc + "group.lock"); err != nil {
		t.Errorf("what is older is gone: %v", err)
	}
	strays, err := h.Strays()
	if err != nil || !slices.Equal(strays.Locks, []string{etc + "group.lock"}) {
		t.Errorf("strays: %+v, %v", strays, err)
	}
}

// TestShadowMembers finds who is in a group by /etc/gshadow alone.
func TestShadowMembers(t *testing.T) {
	h := New(Options{})
	h.accounts.root = tree(t, map[string]string{
		"etc/passwd": "", "etc/group": "adm:x:4:alice\nold:x:5:\n",
		"etc/gshadow": "adm:*::bob,alice\nold:!::\nnone:!::carol\nbroken\n",
	})
	groups, err := h.Groups()
	want := []host.Group{{Name: "adm", GID: 4, Members: []string{"alice", "bob"}}, {Name: "old", GID: 5}}
	if diff := cmp.Diff(want, groups); diff != "" || err != nil {
		t.Errorf("groups (-want +got): %v\n%s", err, diff)
	}
}

func TestTraces(t *testing.T) {
	me := os.Getuid()
	root := tree(t, map[string]string{
		"proc/10/status":             "Name:\tsh\nState:\tS (sleeping)\nUid:\t4242\t4242\t4242\t4242\n",
		"proc/11/status":             "Name:\tsudo\nState:\tS (sleeping)\nUid:\t4242\t0\t0\t0\n",
		"proc/12/status":             "Name:\told\nState:\tZ (zombie)\nUid:\t4242\t4242\t4242\t4242\n",
		"proc/13/status":             "Name:\tx\nState:\tS (sleeping)\nUid:\t42\t42\t42\t42\n",
		"proc/14/status":             "Name:\tsystemd\nState:\tS (sleeping)\nUid:\t4343\t4343\t4343\t4343\n",
		"proc/14/cgroup":             "0::/user.slice/user-4343.slice/user@4343.service/init.scope\n",
		"proc/15/status":             "Name:\tsleep\nState:\tS (sleeping)\nUid:\t4343\t4343\t4343\t4343\n",
		"proc/15/cgroup":             "0::/user.slice/user-4343.slice/session-7.scope\n",
		"proc/version":               "Linux",
		"run/systemd/sessions/4":     "# do not parse\nUID=4242\nUSER=alice\n",
		"run/systemd/sessions/5":     "UID=42420\n",
		"var/lib/systemd/linger/bob": "",

		"var/spool/cron/crontabs/bob": "* * * * * true\n",
	})
	got := tracesOf(root, host.User{Name: "alice", UID: 4242, Home: "/home/alice"})
	if diff := cmp.Diff(host.Traces{Processes: 2, Sessions: []string{"4"}}, got); diff != "" {
		t.Errorf("traces of alice (-want +got):\n%s", diff)
	}
	got = tracesOf(root, host.User{Name: "carol", UID: 4343, Home: "/home/carol"})
	if diff := cmp.Diff(host.Traces{Processes: 2, Managers: 1}, got); diff != "" {
		t.Errorf("traces of carol (-want +got):\n%s", diff)
	}
	bob := host.User{Name: "bob", UID: me + 1, Home: "/home/bob"}
	want := host.Traces{Linger: true, Cron: []string{root + "/var/spool/cron/crontabs/bob"}}
	if diff := cmp.Diff(want, tracesOf(root, bob)); diff != "" {
		t.Errorf("traces of bob (-want +got):\n%s", diff)
	}
	// A part that cannot be read does not hide the others.
	put(t, root+"/var/spool/cron/atjobs", "not a directory")
	got = tracesOf(root, bob)
	if why := got.Unread[host.TraceCron]; len(got.Unread) != 1 || !strings.Contains(why, "atjobs") {
		t.Errorf("unread: %q", got.Unread)
	}
	got.Unread = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("traces of bob without at jobs (-want +got):\n%s", diff)
	}
}

func TestTracesUserUnits(t *testing.T) {
	const units = "/home/bob/.config/systemd/user"
	root := tree(t, map[string]string{
		units[1:] + "/a.timer":                             "",
		units[1:] + "/a.service.d/x.conf":                  "",
		units[1:] + "/x.wants/b.service":                   "",
		units[1:] + "/notes.txt":                           "",
		"home/alice/.config/systemd/system/not-mine.timer": "",
		"srv/real/systemd/user/c.timer":                    "",
	})
	want := func(home string, list ...string) {
		t.Helper()
		got, err := userUnits(root, home)
		if diff := cmp.Diff(list, got); err != nil || diff != "" {
			t.Errorf("units in %s (-want +got), %v:\n%s", home, err, diff)
		}
	}
	want("/home/bob", units+"/a.timer", units+"/x.wants/b.service")
	want("/home/alice")
	want("/home/nobody")
	// A link on the way, be it out of the home, is what is to be removed.
	for _, dir := range []string{"", "/.config", "/.config/systemd"} {
		home := "/home/link" + strings.ReplaceAll(dir, "/", "-")
		if err := os.MkdirAll(root+home+dir, 0o755); err != nil {
			t.Fatal(err)
		}
		link := home + dir + map[string]string{"": "/.config", "/.config": "/systemd", "/.config/systemd": "/user"}[dir]
		if err := os.Symlink(root+"/srv/real", root+link); err != nil {
			t.Fatal(err)
		}
		want(home, link)
	}
	// What was found before there were too many is still given.
	for i := range maxUserUnits {
		put(t, fmt.Sprintf("%s%s/zz%d", root, units, i), "")
	}
	got, err := userUnits(root, "/home/bob")
	if err == nil || !strings.Contains(err.Error(), "by hand") || len(got) != 2 {
		t.Errorf("too many: %q, %v", got, err)
	}
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBadNameAllowed(t *testing.T) {
	refusal := &runError{Program: "useradd", Code: 3, Output: "useradd: invalid user name 'LFISHER7': use --badname to ignore"}
	for _, c := range []struct {
		argv []string
		want []string
	}{
		{[]string{"useradd", "-M", "--", "LFISHER7"}, []string{"useradd -M -- LFISHER7", "useradd --badname -M -- LFISHER7"}},
		{[]string{"useradd", "-M", "--", "a/b"}, []string{"useradd -M -- a/b"}},
		{[]string{"useradd", "-M", "--", "1234"}, []string{"useradd -M -- 1234"}},
		{[]string{"usermod", "-L", "--", "LFISHER7"}, []string{"usermod -L -- LFISHER7"}},
	} {
		var got []string
		err := badNameAllowed(c.argv, func(argv []string) error {
			got = append(got, strings.Join(argv, " "))
			if len(got) > 1 {
				return nil
			}
			return refusal
		})
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (len(c.want) == 2) {
			t.Errorf("%v (-want +got), %v:\n%s", c.argv, err, diff)
		}
	}
}
