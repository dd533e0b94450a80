package access

import (
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestDoors holds each sort of line of a key file against what sshd makes of it: what
// anybody gets in by, and whether the guard counts on it.
func TestDoors(t *testing.T) {
	t.Parallel()
	key := strings.TrimSpace(aliceKey)
	bare := strings.Fields(key)[1]
	const forwarding = "no shell, but forwarding"
	for _, tt := range []struct {
		name, line string
		host       func(w *world)
		good       string // of the one door; empty: there is none
		doubt      string
		sure       bool // for the guard
	}{
		{name: "plain", line: key, good: "a shell", sure: true},
		{name: "a tab in front", line: "\t" + key, good: "a shell", sure: true},
		{name: "CR LF", line: key + "\r", good: "a shell", sure: true},
		{name: "several blanks", line: "ssh-ed25519 \t " + bare + "\tx", good: "a shell"},
		{name: "another name", line: "ED25519 " + bare, doubt: "no key that opsafe understands"},
		{name: "behind NUL", line: key + "\x00 nonsense", good: "a shell", sure: true},
		{name: "no-pty", line: "no-pty " + key, good: "commands only, no terminal"},
		{name: "restrict", line: "restrict " + key, good: "commands only, no terminal"},
		{name: "restrict, pty", line: "restrict,pty " + key, good: "a shell", sure: true},
		{name: "pty, restrict", line: "pty,restrict " + key, good: "commands only, no terminal"},
		{name: "in capitals", line: "No-PTY " + key, good: "commands only, no terminal"},
		{name: "one command", line: `command="/bin/echo \"a, b\"" ` + key, good: `only the command "/bin/echo \"a, b\"" and forwarding`},
		{name: "one command alone", line: `restrict,command="ls" ` + key, good: `only the command "ls"`},
		{name: "from somewhere", line: `from="10.0.0.0/8,!10.0.0.1" ` + key, good: "a shell, from 10.0.0.0/8,!10.0.0.1", sure: true},
		{name: "ends", line: `expiry-time="20300101" ` + key, good: "a shell, until 20300101"},
		{name: "has ended", line: `expiry-time="19700101" ` + key},
		{name: "ends at an odd time", line: `expiry-time="soon" ` + key, doubt: "no time"},
		{name: "an option that is not known", line: "no-such-option " + key, doubt: "does not know"},
		{name: "a value without quotes", line: "command=ls " + key, doubt: "not in quotes"},
		{name: "no key", line: "<html>502 Bad Gateway</html>", doubt: "no key that opsafe understands"},
		{name: "a type that is not known", line: "ssh-new AAAAB3NzaC1uZXc=", doubt: "no key"},
		{name: "a comment", line: "  # " + key},
		{name: "a type that sshd does not take", line: key, host: func(w *world) { w.config("pubkeyacceptedalgorithms", "ssh-rsa") }},
		{name: "an authority", line: `cert-authority,principals="x,y" ` + key, good: "a shell, for x,y"},
		{name: "no terminal by sshd", line: key, host: func(w *world) { w.sshd += "permittty no\n" }, good: "commands only, no terminal"},
		{name: "one command by sshd", line: key, host: func(w *world) { w.sshd += "forcecommand /bin/x -y\n" }, good: `only the command "/bin/x -y" and forwarding`},
		{name: "no forwarding by sshd", line: `command="x" ` + key, host: func(w *world) { w.sshd += "disableforwarding yes\n" }, good: `only the command "x"`},
		{name: "sftp alone", line: key, host: func(w *world) { w.sshd += "forcecommand internal-sftp -R\ndisableforwarding yes\n" }, good: "only files, by sftp"},
		{name: "no session", line: key, host: func(w *world) { w.sshd += "maxsessions 0\n" }, good: forwarding},
		{name: "nologin", line: key, host: noShell(), good: forwarding},
		{name: "nologin, and in docker", line: key, host: noShell("docker"), good: forwarding + " (docker's socket: root)"},
		{name: "nologin, in docker, to one port", line: `permitopen="a:1" ` + key, host: noShell("docker"), good: forwarding},
		{name: "nologin, in docker, no sockets", line: key, host: func(w *world) {
			noShell("docker")(w)
			w.sshd += "allowstreamlocalforwarding no\n"
		}, good: forwarding},
		{name: "nologin, restrict", line: "restrict " + key, host: noShell("docker")},
		{name: "nologin, and sftp within sshd", line: "restrict " + key, host: func(w *world) {
			noShell()(w)
			w.sshd += "subsystem sftp internal-sftp\n"
		}, good: "only files, by sftp"},
		{
			name: "one command, in docker", line: `command="x" ` + key, host: func(w *world) { w.join("alice", "docker") },
			good: `only the command "x" and forwarding (docker's socket: root)`,
		},
		{name: "denied", line: key, host: func(w *world) { w.sshd += "denyusers alice\n" }},
		{name: "revoked", line: key, host: func(w *world) { w.sshd += "revokedkeys /etc/ssh/revoked\n"; w.file("/etc/ssh/revoked", key+"\n") }},
		{name: "their own group may write", line: key, host: wide("alice"), good: "a shell", sure: true},
		{name: "a group may write that nobody is in", line: key, host: wide("docker")},
		{name: "a group may write that another joins", line: key, host: func(w *world) { wide("alice")(w); w.join("bob", "alice") }},
		{name: "a group may write that is another's, too", line: key, host: func(w *world) {
			wide("alice")(w)
			w.person("bob", 1001, "")
			w.Users[len(w.Users)-1].GID = 1000
		}},
		{name: "revoked, but there is no list", line: key, host: func(w *world) { w.sshd += "revokedkeys /etc/ssh/revoked\n" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.person("alice", 1000, "# alice's\n"+tt.line+"\n")
			if tt.host != nil {
				tt.host(w)
			}
			r, err := Of(t.Context(), w.reader(), "alice", nil, time.Unix(1e9, 0))
			if err != nil {
				t.Fatal(err)
			}
			way, err := Judge(t.Context(), w.reader(), "alice", time.Unix(1e9, 0))
			if err != nil {
				t.Fatal(err)
			}
			if sure := len(way.Login)+len(way.Unknown) == 0; sure != tt.sure {
				t.Errorf("for the guard: %v, want %v: %+v", sure, tt.sure, way)
			}
			can, unsure := r.Login()
			switch {
			case tt.good == "" && tt.doubt == "":
				if len(r.Doors) > 0 || can || unsure || len(r.Why) == 0 {
					t.Errorf("there is a way in: %q, or nothing says why not: %q", r.Usable(), r.Why)
				}
			case len(r.Doors) != 1:
				t.Errorf("there are %d ways in, want one: %q", len(r.Doors), r.Usable())
			case tt.doubt != "":
				if d := r.Doors[0]; !strings.Contains(d.Doubt, tt.doubt) || !strings.HasSuffix(d.At, "authorized_keys:2") || can || !unsure {
					t.Errorf("got %+v, login %v, unsure %v", d, can, unsure)
				}
			case r.Doors[0].Good() != tt.good || r.Doors[0].Doubt != "":
				t.Errorf("got %s, %s", r.Doors[0].Good(), r.Doors[0].Doubt)
			}
		})
	}
}

// wide is a host on which a group may write alice's keys and home.
func wide(group string) func(*world) {
	return func(w *world) {
		for at, mode := range map[string]host.Mode{"/home/alice": 0o2775, "/home/alice/.ssh": 0o775, "/home/alice/.ssh/authorized_keys": 0o664} {
			f := w.Files[at]
			f.Node.Group, f.Node.Access = group, host.AccessOf(mode)
			w.Files[at] = f
		}
	}
}

// noShell is a host on which alice has no shell, and is in some groups.
func noShell(groups ...string) func(*world) {
	return func(w *world) {
		w.Users[len(w.Users)-1].Shell = "/usr/sbin/nologin"
		for _, g := range groups {
			w.join("alice", g)
		}
	}
}

// config sets what sshd has for a keyword.
func (w *world) config(key, value string) {
	var b strings.Builder
	for line := range strings.Lines(w.sshd) {
		if !strings.HasPrefix(line, key+" ") {
			b.WriteString(line)
		}
	}
	w.sshd = b.String() + key + " " + value + "\n"
}

func (w *world) join(name, group string) {
	for i := range w.Groups {
		if w.Groups[i].Name == group {
			w.Groups[i].Members = append(w.Groups[i].Members, name)
		}
	}
}

func (w *world) file(at, content string) {
	w.Files[at] = snapshot.File{Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644)}, Content: []byte(content)}
}

// TestDoorsElsewhere are ways in that are not in the usual file.
func TestDoorsElsewhere(t *testing.T) {
	t.Parallel()
	ca := strings.TrimSpace(bobKey)
	for _, tt := range []struct {
		name  string
		host  func(w *world)
		doors string // all of them
	}{
		{"none", func(*world) {}, ""},
		{"another file", func(w *world) {
			w.config("authorizedkeysfile", ".ssh/authorized_keys /etc/ssh/keys/%u-%U")
			w.file("/etc/ssh/keys/alice-1000", aliceKey)
		}, "a shell"},
		{"a program that names keys", func(w *world) { w.sshd += "authorizedkeyscommand /opt/keys\n" }, "the keys that /opt/keys names: cannot be told"},
		{"an authority for all", func(w *world) { w.sshd += "trustedusercakeys /etc/ssh/ca.pub\n"; w.file("/etc/ssh/ca.pub", ca) }, "certificates of the authority SHA256:"},
		{"an authority for those who are named", func(w *world) {
			w.sshd += "trustedusercakeys /etc/ssh/ca.pub\nauthorizedprincipalsfile /etc/ssh/who/%u\n"
			w.file("/etc/ssh/ca.pub", ca)
			w.file("/etc/ssh/who/alice", "ops\n")
		}, "for whom /etc/ssh/who/alice names"},
		{"an authority, but nobody is named", func(w *world) {
			w.sshd += "trustedusercakeys /etc/ssh/ca.pub\nauthorizedprincipalsfile /etc/ssh/who/%u\n"
			w.file("/etc/ssh/ca.pub", ca)
		}, ""},
		{"an authority that is not there", func(w *world) { w.sshd += "trustedusercakeys /etc/ssh/ca.pub\n" }, ""},
		{"hosts that vouch", func(w *world) { w.sshd += "hostbasedauthentication yes\n" }, "the word of another host"},
		{"a ticket", func(w *world) { w.sshd += "gssapiauthentication yes\n" }, "a Kerberos ticket"},
		{"a password", func(w *world) { w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1} }, "password at the console, by su"},
		{"a password by ssh", func(w *world) {
			w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1}
			w.config("passwordauthentication", "yes")
		}, "login with a password; password at the console, by su"},
		{"a password by RDP", func(w *world) {
			w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1}
			w.Units["xrdp.service"] = host.Unit{Name: "xrdp.service", Active: "active"}
		}, "password at the console, by su, by RDP"},
		{"no password", func(w *world) { w.Passwords["alice"] = host.Password{State: host.PasswordEmpty, Expires: -1} }, "empty password at the console, by su"},
		{"to be set at first login", func(w *world) {
			w.Passwords["alice"] = host.Password{State: host.PasswordEmpty, MustChange: true, Expires: -1}
		}, "empty password, to be set at the first login, at the console, by su"},
		{"a password, and no shell", func(w *world) {
			w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1}
			noShell()(w)
		}, ""},
		{"a password, but expired", func(w *world) { w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: 1} }, ""},
		{"no home", func(w *world) { w.Users[len(w.Users)-1].Home = "" }, ""},
		{"no home, and keys below /", func(w *world) {
			w.Users[len(w.Users)-1].Home = ""
			w.file("/.ssh/authorized_keys", aliceKey)
		}, "a shell"},
		{"a home that is relative", func(w *world) {
			w.Users[len(w.Users)-1].Home = "rel/home"
			w.file("/rel/home/.ssh/authorized_keys", aliceKey)
		}, "a shell"},
		{"a directory for a file", func(w *world) { w.Files["/home/alice/.ssh/authorized_keys"] = w.Files["/home/alice/.ssh"] }, ""},
		{"a link for a file", func(w *world) {
			w.Files["/home/alice/.ssh/authorized_keys"] = snapshot.File{Node: host.Node{Type: host.TypeSymlink, Owner: "alice", Group: "alice", Target: "/tmp/x"}}
		}, "what /home/alice/.ssh/authorized_keys holds: cannot be told"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.person("alice", 1000, "")
			tt.host(w)
			r, err := Of(t.Context(), w.reader(), "alice", nil, time.Unix(1e9, 0))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(r.Usable(), "; "); !strings.Contains(got, tt.doors) || (got == "") != (tt.doors == "") {
				t.Errorf("got %q, want %q", got, tt.doors)
			}
		})
	}
}

// TestRunning finds sshd under whatever name it runs.
func TestRunning(t *testing.T) {
	t.Parallel()
	unit := func(w *world, name, exec string) {
		w.Units[name] = host.Unit{Name: name, Active: "active", Fragment: "/etc/systemd/system/" + name}
		w.file("/etc/systemd/system/"+name, "[Service]\n"+exec+"\n")
	}
	for _, tt := range []struct {
		name string
		host func(w *world)
		runs bool
		err  bool
	}{
		{"not at all", func(*world) {}, false, false},
		{"as sshd.service", func(w *world) { unit(w, "sshd.service", "ExecStart=/usr/sbin/sshd -D") }, true, false},
		{"as another unit", func(w *world) { unit(w, "mysshd.service", "ExecStart=/usr/sbin/sshd -D $SSHD_OPTS") }, true, false},
		{"as another unit with options of its own", func(w *world) { unit(w, "mysshd.service", "ExecStart=-/usr/sbin/sshd -D -f /etc/other") }, false, true},
		{"by another socket", func(w *world) {
			unit(w, "my.socket", "")
			unit(w, "my@.service", "ExecStart=-/usr/sbin/sshd -i")
		}, true, false},
		{"by another name of the unit that is being stopped", func(w *world) {
			w.Units["sshd.service"] = host.Unit{Name: "sshd.service", Active: "active", Fragment: "/lib/systemd/system/ssh.service"}
			w.file("/lib/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D\n")
		}, false, false},
		{"something else", func(w *world) { unit(w, "x.service", "ExecStart=/usr/bin/grep sshd") }, false, false},
		{"by hand", func(w *world) {
			w.file("/run/sshd.pid", "77\n")
			w.file("/proc/77/comm", "sshd\n")
			w.file("/proc/77/cgroup", "0::/user.slice/user-0.slice/session-1.scope\n")
		}, true, false},
		{"a number of one that has ended", func(w *world) { w.file("/run/sshd.pid", "77\n") }, false, false},
		{"of a unit that is being stopped", func(w *world) {
			w.file("/run/sshd.pid", "77\n")
			w.file("/proc/77/comm", "sshd\n")
			w.file("/proc/77/cgroup", "0::/system.slice/ssh.service\n")
		}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			delete(w.Units, "ssh.service")
			tt.host(w)
			if u := findSSHD(t.Context(), w.reader()); (u.name != "") != tt.runs || (u.err != nil) != tt.err {
				t.Errorf("got %+v", u)
			}
		})
	}
}
