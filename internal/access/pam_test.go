package access

import (
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestPAM goes through stacks as pam.conf(5) says of controls.
func TestPAM(t *testing.T) {
	const debian = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so\n"
	for _, tt := range []struct{ name, stack, want string }{
		{"Debian's", debian, "open"},
		{"it denies", "account required pam_deny.so\n", "shut"},
		{"it denies after all", debian + "account required pam_deny.so\n", "shut"},
		{"enough is enough", "account sufficient pam_unix.so\naccount required pam_deny.so\n", "open"},
		{"it may deny", "account optional pam_deny.so\naccount required pam_unix.so\n", "open"},
		{"a jump too far", "account [success=2 default=ignore] pam_unix.so\naccount required pam_permit.so\naccount required pam_permit.so\n", "shut"},
		{"a module that is not known", debian + "account required pam_nosuch.so\n", "cannot be told"},
		{"of another type", debian + "auth required pam_nosuch.so\n", "open"},
		{"behind the end", "account [success=done default=bad] pam_unix.so\naccount required pam_nosuch.so\n", "open"},
		{"a module elsewhere", "account required /tmp/pam_unix.so\n", "cannot be told"},
		{"an include", "@include more\n", "open"},
		{"an include of a line", "account include more\naccount required pam_deny.so\n", "shut"},
		{"a stack of its own", "account substack more\n", "open"},
		{"a control that is not known", "account [success=what] pam_unix.so\n", "cannot be told"},
		{"nothing", "# nothing\n", "open"}, // other counts
		{"an include by its path", "@include /etc/pam.d/more\naccount required pam_deny.so\n", "shut"},
		{"an include of nothing", debian + "@include nosuch\n", "cannot be told"},
		{"an include of nothing, of another type", debian + "session include nosuch\n", "open"},
		{"a type that is none", debian + "acount required pam_unix.so\n", "cannot be told"},
		{"a line without a module", debian + "account required\n", "cannot be told"},
		{"another file for nobody may log in", debian + "account required pam_nologin.so file=/etc/motd\n", "cannot be told"},
		{"nobody may log in, alone", "account required pam_nologin.so\n", "shut"},
		{"harmless arguments", "account required pam_unix.so broken_shadow audit\n", "open"},
		{"an argument that is not known", "account required pam_unix.so nosuch\n", "cannot be told"},
		{"a module without that type", debian + "account required pam_env.so\n", "cannot be told"},
		{"a line that goes on", "account \\\n required pam_deny.so\n", "shut"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := func(text string) snapshot.File {
				return snapshot.File{Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644)}, Content: []byte(text)}
			}
			w := newWorld()
			w.Files["/etc/pam.d/lab"], w.Files["/etc/pam.d/more"], w.Files["/etc/pam.d/other"] = file(tt.stack), file(debian), file(debian)
			no, doubt, err := (&judge{Reader: w.reader(), way: Way{Trusted: map[string]Trust{}}}).pam("lab", "account")
			got := "open"
			switch {
			case err != nil:
				t.Fatal(err)
			case no != "":
				got = "shut"
			case doubt != "":
				got = "cannot be told"
			}
			if got != tt.want {
				t.Errorf("it is %s, not %s: %s%s", got, tt.want, no, doubt)
			}
		})
	}
}

// TestPAMModules holds that a module is known for the types that it has, and with
// arguments that make no difference.
func TestPAMModules(t *testing.T) {
	for line, want := range map[string]pamResult{
		"auth required pam_unix.so nullok":                                             pamPasses,
		"auth required pam_unix.so use_first_pass":                                     pamUnknown,
		"auth required pam_unix.so use_authtok":                                        pamUnknown,
		"auth required pam_permit.so use_first_pass":                                   pamPasses,
		"auth optional pam_cap.so":                                                     pamIgnored,
		"auth optional pam_faildelay.so delay=3000000":                                 pamIgnored,
		"session required pam_faildelay.so":                                            pamUnknown,
		"session required pam_nologin.so":                                              pamUnknown,
		"session required pam_issue.so":                                                pamUnknown,
		"account required pam_limits.so":                                               pamUnknown,
		"session required pam_limits.so":                                               pamPasses,
		"session required pam_limits.so conf=/etc/other":                               pamUnknown,
		"account required pam_lastlog.so inactive=1":                                   pamUnknown,
		"session required pam_lastlog.so inactive=1":                                   pamUnknown,
		"auth sufficient pam_rootok.so":                                                pamIgnored,
		"auth required pam_rootok.so":                                                  pamUnknown,
		"session required pam_env.so user_readenv=1 envfile=/etc/default/locale":       pamPasses,
		"session required pam_env.so conffile=/srv/env":                                pamUnknown,
		"session optional pam_motd.so motd=/run/motd.dynamic":                          pamIgnored,
		"session optional pam_mail.so standard noenv":                                  pamPasses,
		"session optional pam_umask.so umask=027 nousergroups":                         pamPasses,
		"session optional pam_keyinit.so force revoke":                                 pamIgnored,
		"session [success=ok module_unknown=ignore default=bad] pam_selinux.so close":  pamIgnored,
		"session [success=ok module_unknown=ignore default=bad] pam_selinux.so select": pamUnknown,
	} {
		f := pamFields(line)
		r := pamLine(f, f[0])
		r.typ = f[0]
		if got, _ := r.answers(); got != want {
			t.Errorf("%s: it answers %d, not %d", line, got, want)
		}
	}
}

// TestPAMConfigs holds that what a change makes of the files by which unknown modules go
// is not taken for nothing, and neither are limits of the session that sudo starts.
func TestPAMConfigs(t *testing.T) {
	const known = "account required pam_unix.so\n"
	for _, tt := range []struct {
		name, sshd, at, text string
		refused              bool
	}{
		{"who may come", known + "account required pam_access.so\n", "/etc/security/access.conf", "-:ALL:ALL\n", true},
		{"in a directory", known + "account required pam_access.so\n", "/etc/security/access.d/x.conf", "-:ALL:ALL\n", true},
		{"and nobody asks", known, "/etc/security/access.conf", "-:ALL:ALL\n", false},
		{"shells", known + "account required pam_shells.so\n", "/etc/shells", "/bin/none\n", true},
		{"in a stack of its own", "account substack more\n", "/etc/shells", "/bin/none\n", true},
		{"a file of its own", known + "account required pam_listfile.so item=user sense=allow file=/etc/people\n", "/etc/people", "nobody\n", true},
		{"a program", known + "account [default=bad success=ok] pam_exec.so quiet /usr/local/bin/may\n", "/usr/local/bin/may", "#!/bin/false\n", true},
		{"another file", known + "account required pam_access.so\n", "/etc/motd", "welcome\n", false},
		{"new passwords", known + "account required pam_access.so\n", "/etc/security/pwquality.conf", "minlen = 20\n", false},
		{"root's limits", known, "/etc/security/limits.d/x.conf", "root hard as 1000\n", true},
		{"limits of root's group", known, "/etc/security/limits.d/x.conf", "@root hard as 1000\n", true},
		{"another's limits", known, "/etc/security/limits.d/x.conf", "games hard as 1000\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			like := func(text string) *world {
				w := newWorld()
				w.person("alice", 1000, aliceKey, "sudo")
				w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1}
				w.allow(`{"usergroup": "sudo"}`, "ALL", `{"authenticate": true}`)
				for at, text := range map[string]string{
					"/etc/pam.d/sshd": tt.sshd + "session required pam_unix.so\n", "/etc/pam.d/more": "account required pam_shells.so\n", tt.at: text,
				} {
					w.Files[at] = snapshot.File{Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644)}, Content: []byte(text)}
				}
				return w
			}
			q := Question{Before: like("# nothing\n").reader(), After: like(tt.text).reader(), Declared: []string{"alice"}}
			got, err := FindLockOut(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if refused := got.LockOut != nil; refused != tt.refused {
				t.Errorf("refused: %t, not %t: %+v", refused, tt.refused, got)
			}
		})
	}
}
