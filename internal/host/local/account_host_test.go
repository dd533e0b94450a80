package local

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/testhost"
)

// insideEnv names the scenario that a copy of this test program plays inside a
// throwaway host.
const insideEnv = "OPSAFE_TEST_INSIDE"

// playInside boots a host, copies this very program into it and plays the
// scenario there, as root.
func playInside(t *testing.T, scenario string, o testhost.Options) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	h := testhost.Start(t, o)
	if err := h.Install(ctx, self, "/root/inside"); err != nil {
		t.Fatal(err)
	}
	res, err := h.Run(ctx, "env", insideEnv+"="+scenario, "/root/inside", "-test.v", "-test.run", "^TestInside$")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(res.Stdout + res.Stderr)
	if res.Code != 0 || !strings.Contains(res.Stdout, "--- PASS: TestInside/"+scenario) {
		t.Fatalf("scenario %s failed inside the host, exit code %d", scenario, res.Code)
	}
}

func TestAccountsOnHost(t *testing.T) {
	t.Parallel()
	playInside(t, "accounts", testhost.Options{})
}

func TestSessionsOnHost(t *testing.T) {
	t.Parallel()
	playInside(t, "sessions", testhost.Options{})
}

func TestUnitsOnHost(t *testing.T) {
	t.Parallel()
	playInside(t, "units", testhost.Options{})
}

func TestPackagesOnHost(t *testing.T) {
	t.Parallel()
	playInside(t, "packages", testhost.Options{})
}

func TestDockerOnHost(t *testing.T) {
	t.Parallel()
	playInside(t, "docker", testhost.Options{Image: testhost.Full})
}

// TestInside is what runs inside a throwaway host. Elsewhere there is nothing
// for it to do.
func TestInside(t *testing.T) {
	scenarios := map[string]func(*testing.T, *Host){
		"accounts": insideAccounts, "sessions": insideSessions, "units": insideUnits,
		"packages": insidePackages, "docker": insideDocker,
	}
	if play, ok := scenarios[os.Getenv(insideEnv)]; ok {
		t.Run(os.Getenv(insideEnv), func(t *testing.T) { play(t, New(Options{})) })
	}
}

// doSteps carries out steps, each of which has to succeed.
func doSteps(t *testing.T, h *Host, steps ...host.Step) {
	t.Helper()
	for _, s := range steps {
		if err := h.Do(t.Context(), s); err != nil {
			t.Fatalf("%T: %v", s, err)
		}
	}
}

// refuse carries out a step that has to fail with an error that says so.
func refuse(t *testing.T, h *Host, s host.Step, says ...string) {
	t.Helper()
	err := h.Do(t.Context(), s)
	for _, words := range says {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%T: got %v, want an error that says %q", s, err, words)
		}
	}
}

// same compares what a look returned.
func same[T any](t *testing.T, what string, want T) func(got T, err error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s (-want +got), %v:\n%s", what, err, diff)
		}
	}
}

func insideAccounts(t *testing.T, h *Host) {
	doSteps(t, h,
		host.AddGroup{Name: "reviewers", GID: 10010},
		host.AddGroup{Name: "sys-one", GID: 990, System: true},
		host.AddGroup{Name: "taken", GID: 5002},
		host.AddUser{Name: "LFISHER7", UID: 5001, Groups: []string{"reviewers", "sys-one"}, Home: "/home/LFISHER7", Shell: "/bin/bash", Comment: "L. Fisher"},
		host.AddUser{Name: "second", UID: 5002, Home: "/home/second", Shell: "/bin/sh"},
		host.AddUser{Name: "svc", UID: 980, Group: "sys-one", Home: "/var/lib/svc", Shell: "/usr/sbin/nologin", System: true},
	)
	same(t, "user", &host.User{Name: "LFISHER7", UID: 5001, GID: 5001, Comment: "L. Fisher", Home: "/home/LFISHER7", Shell: "/bin/bash"})(h.User("LFISHER7"))
	same(t, "group", &host.Group{Name: "reviewers", GID: 10010, Members: []string{"LFISHER7"}})(h.Group("reviewers"))
	same(t, "group whose id was taken", &host.Group{Name: "second", GID: 10011})(h.Group("second"))
	same(t, "system user", &host.User{Name: "svc", UID: 980, GID: 990, Home: "/var/lib/svc", Shell: "/usr/sbin/nologin"})(h.User("svc"))
	if _, err := os.Lstat("/home/LFISHER7"); !os.IsNotExist(err) {
		t.Errorf("useradd made a home: %v", err)
	}
	refuse(t, h, host.AddUser{Name: "third", UID: 5001, Home: "/x", Shell: "/bin/sh"}, "not unique")
	same[*host.Group](t, "group of a user that could not be made", nil)(h.Group("third"))

	insideTogether(t, h)
	insidePasswords(t, h)
	insideShadow(t, h)
	insideSetUser(t, h)

	doSteps(t, h, host.SetMembers{Group: "reviewers", Members: []string{"LFISHER7", "second"}})
	same(t, "members", &host.Group{Name: "reviewers", GID: 10010, Members: []string{"LFISHER7", "second"}})(h.Group("reviewers"))
	doSteps(t, h, host.SetMembers{Group: "reviewers"}, host.SetGID{Name: "reviewers", GID: 10012})
	same(t, "no members", &host.Group{Name: "reviewers", GID: 10012})(h.Group("reviewers"))

	if err := os.WriteFile("/etc/passwd.lock", []byte("1\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	doSteps(t, h, host.DeleteUser{Name: "second"}, host.DeleteUser{Name: "LFISHER7"}, host.DeleteGroup{Name: "reviewers"})
	same[*host.User](t, "deleted user", nil)(h.User("LFISHER7"))
	same[*host.Group](t, "deleted group", nil)(h.Group("reviewers"))
	if _, err := os.Lstat("/home/LFISHER7/file"); err != nil {
		t.Errorf("the user's files have to stay: %v", err)
	}
}

// insideTogether makes accounts together, and then all but the first two anew by useradd
// alone: each database has to come out the same, to the byte.
func insideTogether(t *testing.T, h *Host) {
	before, err := os.ReadFile("/etc/subuid")
	if err != nil {
		t.Fatal(err)
	}
	// Ranges with holes between them, of one and a half and of two and a half.
	put(t, "/etc/subuid", string(before)+"far:1000000:65536\nfarther:1163840:65536\nfarthest:1393216:65536\n")
	put(t, "/etc/subgid", string(before)+"far:1000000:600\n")
	for _, file := range []string{"/etc/login.defs", "/etc/default/useradd"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		put(t, file, string(data)+map[string]string{
			"/etc/login.defs":      "PASS_MAX_DAYS 90\nPASS_MIN_DAYS 2\nSUB_UID_MIN 1000000\nSUB_GID_MIN 1000000\n",
			"/etc/default/useradd": "INACTIVE=30\nEXPIRE=2040-01-01\n",
		}[file])
		defer put(t, file, string(data))
	}
	all := host.AddUsers{}
	for i, name := range []string{"pa", "pb", "pc", "pd", "pe", "pf", "pg", "ph"} {
		all.Users = append(all.Users, host.AddUser{
			Name: name, UID: 7001 + i, Groups: [][]string{{"reviewers", "sys-one"}, {"reviewers"}, nil}[i%3],
			Home: "/home/" + name, Shell: "/bin/bash", Comment: "Person " + name,
		})
	}
	doSteps(t, h, all)
	together := accountsNow(t, h)
	if passwd, err := os.ReadFile("/etc/passwd-"); err != nil || strings.Contains(string(passwd), "\npb:") {
		t.Errorf("useradd has made more than two, or none: %v\n%s", err, passwd)
	}
	if out, err := exec.CommandContext(t.Context(), "journalctl", "--sync").CombinedOutput(); err != nil {
		t.Fatalf("journalctl: %v: %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "journalctl", "-t", "opsafe", "-o", "cat", "SYSLOG_FACILITY=10").Output()
	if err != nil || !strings.Contains(string(out), "new user: name=pc, UID=7003, group=pc, home=/home/pc, shell=/bin/bash\n") || strings.Count(string(out), "new user") != len(all.Users)-2 {
		t.Errorf("the log says of the accounts: %v\n%s", err, out)
	}
	remake := func() {
		t.Helper()
		for _, u := range all.Users[2:] {
			doSteps(t, h, host.DeleteUser{Name: u.Name})
		}
		for _, u := range all.Users[2:] {
			doSteps(t, h, u)
		}
	}
	remake()
	for file, want := range accountsNow(t, h) {
		if diff := cmp.Diff(want, together[file]); diff != "" {
			t.Errorf("%s, useradd by useradd (-) and together (+):\n%s", file, diff)
		}
	}
	// Where hooks are to hear of each account, each is made by useradd.
	if err := os.MkdirAll("/etc/shadow-maint/useradd-post.d", 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll("/etc/shadow-maint") //nolint:errcheck // the host is thrown away
	for _, u := range all.Users {
		doSteps(t, h, host.DeleteUser{Name: u.Name})
	}
	doSteps(t, h, all)
	if passwd, err := os.ReadFile("/etc/passwd-"); err != nil || !strings.Contains(string(passwd), "\npg:") {
		t.Errorf("useradd has not made each of them: %v\n%s", err, passwd)
	}
	for _, u := range all.Users {
		doSteps(t, h, host.DeleteUser{Name: u.Name})
	}
}

// accountsNow are the account databases, as text.
func accountsNow(t *testing.T, h *Host) map[string]string {
	t.Helper()
	text, err := h.readAccounts()
	if err != nil {
		t.Fatal(err)
	}
	return text.files
}

func insidePasswords(t *testing.T, h *Host) {
	const name = "LFISHER7"
	same(t, "new account", &host.Password{State: host.PasswordLocked, Changed: today(), Expires: -1})(h.Password(name))
	doSteps(t, h, host.SetPassword{User: name, To: host.PasswordAtFirstLogin})
	same(t, "first login", &host.Password{State: host.PasswordEmpty, MustChange: true, Expires: -1})(h.Password(name))
	cmd := exec.CommandContext(t.Context(), "chpasswd")
	cmd.Stdin = strings.NewReader(name + ":Correct-horse-9-battery\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("chpasswd: %v: %s", err, out)
	}
	h.accounts.forget()
	same(t, "set", &host.Password{State: host.PasswordSet, HasHash: true, Changed: today(), Expires: -1})(h.Password(name))
	doSteps(t, h, host.SetPassword{User: name, To: host.LockPassword}, host.SetExpiry{User: name, Day: 1})
	same(t, "locked, expired", &host.Password{State: host.PasswordLocked, HasHash: true, Changed: today(), Expires: 1})(h.Password(name))
	doSteps(t, h, host.SetPassword{User: name, To: host.RemovePassword}, host.SetExpiry{User: name, Day: -1})
	same(t, "removed", &host.Password{State: host.PasswordLocked, Changed: today(), Expires: -1})(h.Password(name))
}

// insideShadow adds lines that are missing, one at a time, and leaves all else as it
// was: pwconv and grpconv would remove what has no account today.
func insideShadow(t *testing.T, h *Host) {
	edit := func(file string, change func(string) string) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(change(string(data))), 0o640); err != nil {
			t.Fatal(err)
		}
		h.accounts.forget()
	}
	without := func(name string) func(string) string {
		return func(text string) string {
			var kept strings.Builder
			for line := range strings.Lines(text) {
				if !strings.HasPrefix(line, name+":") {
					kept.WriteString(line)
				}
			}
			return kept.String()
		}
	}
	doSteps(t, h, host.AddGroup{Name: "lines", GID: 4300}, host.AddUser{Name: "lacks", UID: 4301, Groups: []string{"lines"}, Home: "/nonexistent", Shell: "/bin/sh"})
	const others = "ldap:$6$x$y:19000:0:99999:7:::\n#bob:$6$x$y:19000:0:99999:7:::\n"
	edit("/etc/shadow", func(text string) string { return without("lacks")(text) + others })
	edit("/etc/gshadow", func(text string) string { return without("lines")(text) + "lab:!:eve:eve\n#lab:!:eve:eve\n" })
	same(t, "no line", &host.Password{State: host.PasswordLocked, Missing: true, Changed: -1, Expires: -1})(h.Password("lacks"))
	same(t, "no line", &host.GroupShadow{Password: host.PasswordLocked, Missing: true})(h.GroupShadow("lines"))
	was := map[string]string{}
	for _, file := range []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		was[file] = string(data)
	}
	doSteps(t, h, host.AddShadowLine{User: "lacks"}, host.LockGroup{Group: "lines"})
	same(t, "added line", &host.Password{State: host.PasswordLocked, Changed: today(), Expires: -1})(h.Password("lacks"))
	same(t, "added line", &host.GroupShadow{Password: host.PasswordLocked})(h.GroupShadow("lines"))
	for file, text := range was {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := without("lacks")(without("lines")(string(data))); got != without("lacks")(without("lines")(text)) {
			t.Errorf("%s has other lines now:\n%s\nwas:\n%s", file, got, text)
		}
	}
	doSteps(t, h, host.SetGroupAdmins{Group: "lines", Admins: []string{"lacks"}})
	run := exec.CommandContext(t.Context(), "groupmod", "-p", "$6$x$yyyyyyyyyyyy", "lines")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("groupmod: %v: %s", err, out)
	}
	h.accounts.forget()
	same(t, "opened", &host.GroupShadow{Password: host.PasswordSet, Admins: []string{"lacks"}})(h.GroupShadow("lines"))
	doSteps(t, h, host.LockGroup{Group: "lines"}, host.SetGroupAdmins{Group: "lines"})
	same(t, "sealed", &host.GroupShadow{Password: host.PasswordLocked})(h.GroupShadow("lines"))
	doSteps(t, h, host.DeleteUser{Name: "lacks"}, host.DeleteGroup{Name: "lines"})
}

// insideSetUser changes ids under files, none of which may be re-owned.
func insideSetUser(t *testing.T, h *Host) {
	for _, path := range []string{"/home/LFISHER7", "/home/LFISHER7/file", "/var/mail/LFISHER7"} {
		if path == "/home/LFISHER7" {
			if err := os.Mkdir(path, 0o750); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 5001, 5001); err != nil {
			t.Fatal(err)
		}
	}
	uid, group, home, shell := 6001, "reviewers", "/home/elsewhere", "/bin/sh"
	doSteps(t, h, host.SetUser{Name: "LFISHER7", UID: &uid})
	doSteps(t, h, host.SetUser{Name: "LFISHER7", Group: &group})
	doSteps(t, h, host.SetUser{Name: "LFISHER7", Home: &home, Shell: &shell})
	same(t, "changed user", &host.User{Name: "LFISHER7", UID: 6001, GID: 10010, Comment: "L. Fisher", Home: home, Shell: shell})(h.User("LFISHER7"))
	for _, path := range []string{"/home/LFISHER7", "/home/LFISHER7/file", "/var/mail/LFISHER7"} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 5001 || st.Gid != 5001 {
			t.Errorf("%s was re-owned: %+v", path, info.Sys())
		}
	}
}

func insideSessions(t *testing.T, h *Host) {
	doSteps(t, h, host.AddUser{Name: "alice", UID: 5001, Home: "/home/alice", Shell: "/bin/sh"})
	if err := os.Mkdir("/home/alice", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown("/home/alice", 5001, 5001); err != nil {
		t.Fatal(err)
	}
	same(t, "traces before", host.Traces{})(h.Traces("alice"))
	doSteps(t, h, host.SetLinger{User: "alice", On: true})
	cmd := exec.CommandContext(t.Context(), "env", "--ignore-signal=TERM", "sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 5001, Gid: 5001}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	got, err := h.Traces("alice")
	if err != nil || !got.Linger || got.Processes == 0 {
		t.Errorf("traces: got %+v, %v; want linger and processes", got, err)
	}
	doSteps(t, h, host.SetLinger{User: "alice"}, host.EndSessions{User: "alice"})
	if err := <-ended; err == nil {
		t.Error("the process that ignores SIGTERM was not killed")
	}
	same(t, "traces after", host.Traces{})(h.Traces("alice"))
	refuse(t, h, host.EndSessions{User: "root"}, "uid 0")
	refuse(t, h, host.EndSessions{User: "ghost"}, "ghost")
}
