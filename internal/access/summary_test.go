package access

import (
	"context"
	"fmt"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

const (
	aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHM7C7xN1de08erlqPGUQSvuJKr6X0YxvOx/1ugjK15+ alice\n"
	bobKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC/9jkIbBb0EJnxBdaaCPEjAUpGs1/06j44yYRPPqENA bob\n"
)

// world is a host whose sshd and sudo say what the test has them say.
type world struct {
	snapshot.State
	sshd, sudo string
	asked      map[string]int
	question   string // the last one to sshd
}

func newWorld() *world {
	rwx := host.Read | host.Write | host.Execute
	dir := func(group string, mode host.Mode) snapshot.File {
		return snapshot.File{Node: host.Node{Type: host.TypeDir, Owner: "root", Group: group, Access: host.AccessOf(mode)}}
	}
	w := &world{
		sshd: "pubkeyauthentication yes\nusepam yes\npermitrootlogin no\npasswordauthentication no\nstrictmodes yes\n" +
			"authorizedkeysfile .ssh/authorized_keys\npubkeyacceptedalgorithms ssh-ed25519\n",
		asked: map[string]int{},
		State: snapshot.State{
			Facts:  host.MachineFacts{Hostname: "web"},
			Ranges: host.IDRanges{UIDMin: 1000, UIDMax: 60000, GIDMin: 1000, GIDMax: 60000},
			Users:  []host.User{{Name: "root", Home: "/root", Shell: "/bin/sh"}},
			Groups: []host.Group{
				{Name: "root"}, {Name: "sudo", GID: 27}, {Name: "docker", GID: 100}, {Name: "reviewers", GID: 10001},
			},
			Passwords: map[string]host.Password{"root": {State: host.PasswordLocked, Expires: -1}},
			Files: map[string]snapshot.File{
				"/": dir("root", 0o755), "/bin": dir("root", 0o755), "/srv": dir("root", 0o755),
				"/home": dir("root", 0o755), "/etc/ssh/sshd_config": {Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root"}},
				"/bin/sh":   {Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}},
				"/srv/data": dir("reviewers", 0o2750), "/srv/data/in": dir("root", 0o777),
				"/srv/acl": {Node: host.Node{Type: host.TypeDir, Owner: "root", Group: "root", Access: host.Access{
					User: rwx, Named: []host.Entry{{Tag: host.TagGroup, Name: "reviewers", Perm: rwx}}, Mask: new(host.Perm),
				}}},
			},
			Units: map[string]host.Unit{"ssh.service": {Name: "ssh.service", Active: "active", File: "enabled"}},
		},
	}
	for at, text := range map[string]string{
		"/etc/sudoers": "ALL ALL=ALL\n", "/etc/pam.d/sudo": "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n",
		"/etc/pam.d/sshd": "account required pam_unix.so\nsession required pam_unix.so\n", "/usr/bin/sudo": "",
	} {
		w.Files[at] = snapshot.File{Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o4755)}, Content: []byte(text)}
	}
	w.Files["/usr"], w.Files["/usr/bin"] = dir("root", 0o755), dir("root", 0o755)
	*w.Files["/srv/acl"].Node.Access.Mask = host.Read | host.Execute
	return w
}

// person adds somebody with a home and keys.
func (w *world) person(name string, uid int, keys string, groups ...string) {
	w.Users = append(w.Users, host.User{Name: name, UID: uid, GID: uid, Home: "/home/" + name, Shell: "/bin/sh"})
	w.Groups = append(w.Groups, host.Group{Name: name, GID: uid})
	w.Passwords[name] = host.Password{State: host.PasswordLocked, Expires: -1}
	node := func(t host.NodeType, mode host.Mode) host.Node {
		return host.Node{Type: t, Owner: name, Group: name, Access: host.AccessOf(mode)}
	}
	w.Files["/home/"+name] = snapshot.File{Node: node(host.TypeDir, 0o700)}
	w.Files["/home/"+name+"/.ssh"] = snapshot.File{Node: node(host.TypeDir, 0o700)}
	if keys != "" {
		w.Files["/home/"+name+"/.ssh/authorized_keys"] = snapshot.File{Node: node(host.TypeFile, 0o600), Content: []byte(keys)}
	}
	for _, g := range groups {
		for i := range w.Groups {
			if w.Groups[i].Name == g {
				w.Groups[i].Members = append(w.Groups[i].Members, name)
			}
		}
	}
}

// allow lets somebody run something with sudo.
func (w *world) allow(who, command, options string) {
	w.sudo += fmt.Sprintf(`{"User_List": [%s], "Host_List": [{"hostname": "ALL"}], "Cmnd_Specs": [{"Options": [%s], "Commands": [{"command": %q}]}]},`, who, options, command)
}

type reader struct {
	*snapshot.Reader
	w *world
}

func (w *world) reader() host.Reader {
	for at := range maps.Clone(w.Files) {
		for up := path.Dir(at); w.Files[up].Node.Type == ""; up = path.Dir(up) {
			w.Files[up] = snapshot.File{Node: host.Node{Type: host.TypeDir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}}
		}
	}
	return reader{snapshot.New(w.State), w}
}

func (r reader) Evaluate(_ context.Context, c host.Check) (string, error) {
	r.w.asked[c.Argv[0]]++
	if c.Argv[0] == "cvtsudoers" {
		return `{"User_Specs": [` + strings.TrimSuffix(r.w.sudo, ",") + `]}`, nil
	}
	r.w.question = strings.Join(c.Argv, " ")
	if r.w.sshd == "" {
		return "", &host.UnknownError{What: "sshd's configuration", Why: "known after apply: openssh-server brings it", AfterApply: true}
	}
	return r.w.sshd, nil
}

// TestSummarize says in words who gains and who loses what.
func TestSummarize(t *testing.T) {
	paths := []string{"/home/alice", "/srv/acl", "/srv/data", "/srv/data/in"}
	alice := func(w *world) { w.person("alice", 1000, aliceKey) }
	for _, tt := range []struct {
		name          string
		before, after func(*world)
		want          []string
		unknown       bool
	}{
		{name: "nothing", before: alice, after: alice},
		{name: "somebody comes", after: func(w *world) {
			w.person("alice", 1000, aliceKey+bobKey, "sudo", "docker", "reviewers")
			w.allow(`{"usergroup": "sudo"}`, "ALL", `{"authenticate": false}`)
		}, want: []string{
			"alice gains login (2 keys), sudo without a password, docker (root in effect), group reviewers, " +
				"read on /srv/acl, read on /srv/data, read and write on /srv/data/in",
		}},
		{name: "somebody goes", before: func(w *world) { w.person("alice", 1000, aliceKey, "docker") }, want: []string{
			"alice loses login (1 key), docker (root in effect)",
		}},
		{name: "an account that nobody can use", after: func(w *world) { w.person("app", 1001, "") }, want: []string{"app gains an account without login"}},
		{name: "it cannot be told whether they can log in", after: func(w *world) { alice(w); w.sshd = "" }, want: []string{"alice gains an account"}, unknown: true},
		{name: "a key for another", before: alice, after: func(w *world) { w.person("alice", 1000, bobKey) }, want: []string{"alice gains 1 key; loses 1 key"}},
		{name: "two alike", after: func(w *world) {
			w.person("alice", 1000, aliceKey)
			w.person("bob", 1001, bobKey)
		}, want: []string{"alice and bob gain login (1 key)"}},
		{name: "sshd keeps them out", before: alice, after: func(w *world) { alice(w); w.sshd += "denyusers alice\n" }, want: []string{"alice loses login (1 key)"}},
		{name: "sshd takes passwords", before: func(w *world) {
			alice(w)
			w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1}
		}, after: func(w *world) {
			alice(w)
			w.Passwords["alice"] = host.Password{State: host.PasswordSet, Expires: -1}
			w.sshd = strings.Replace(w.sshd, "passwordauthentication no", "passwordauthentication yes", 1)
		}, want: []string{"alice gains login with a password"}},
		{name: "some of sudo", before: alice, after: func(w *world) {
			alice(w)
			w.allow(`{"username": "alice"}`, "/usr/bin/systemctl restart app", "")
		}, want: []string{"alice gains sudo for /usr/bin/systemctl restart app"}},
		{name: "some of sudo that is all of it", before: alice, after: func(w *world) {
			alice(w)
			for _, c := range []string{"/usr/bin/id", "/usr/bin/systemctl restart app", "/usr/bin/vim /etc/app.conf", "/usr/bin/w"} {
				w.allow(`{"username": "alice"}`, c, "")
			}
		}, want: []string{"alice gains sudo for /usr/bin/vim /etc/app.conf (root in effect), sudo for 3 commands"}},
		{name: "sudo asks no more", before: func(w *world) {
			alice(w)
			w.allow(`{"username": "alice"}`, "ALL", "")
		}, after: func(w *world) {
			alice(w)
			w.allow(`{"username": "alice"}`, "ALL", `{"authenticate": false}`)
		}, want: []string{"alice gains sudo without a password"}},
		{name: "a group that gives what they have already", before: func(w *world) {
			alice(w)
			w.allow(`{"username": "alice"}`, "ALL", "")
		}, after: func(w *world) {
			w.person("alice", 1000, aliceKey, "sudo")
			w.allow(`{"username": "alice"}`, "ALL", "")
		}, want: []string{"alice gains group sudo"}},
		{name: "the mask lets more through", before: func(w *world) { w.person("alice", 1000, aliceKey, "reviewers") }, after: func(w *world) {
			w.person("alice", 1000, aliceKey, "reviewers")
			*w.Files["/srv/acl"].Node.Access.Mask = host.Read | host.Write | host.Execute
		}, want: []string{"alice gains write on /srv/acl"}},
		{name: "everybody", before: func(w *world) { w.person("alice", 1000, aliceKey) }, after: func(w *world) {
			w.person("alice", 1000, aliceKey)
			f := w.Files["/srv/data"]
			f.Node.Access = host.AccessOf(0o755)
			w.Files["/srv/data"] = f
		}, want: []string{"everybody gains read on /srv/data, read and write on /srv/data/in"}},
		{name: "everybody, and somebody more", before: func(w *world) { w.person("alice", 1000, aliceKey) }, after: func(w *world) {
			w.person("alice", 1000, aliceKey, "reviewers")
			f := w.Files["/srv/data"]
			f.Node.Access = host.AccessOf(0o775)
			w.Files["/srv/data"] = f
		}, want: []string{
			"alice gains group reviewers, read on /srv/acl, write on /srv/data",
			"everybody gains read on /srv/data, read and write on /srv/data/in",
		}},
		{name: "everybody loses what the owner keeps", before: func(w *world) {
			w.person("alice", 1000, aliceKey)
			w.Files["/srv/data"] = snapshot.File{Node: host.Node{Type: host.TypeDir, Owner: "alice", Group: "root", Access: host.AccessOf(0o705)}}
		}, after: func(w *world) {
			w.person("alice", 1000, aliceKey)
			w.Files["/srv/data"] = snapshot.File{Node: host.Node{Type: host.TypeDir, Owner: "alice", Group: "root", Access: host.AccessOf(0o700)}}
		}, want: []string{"everybody loses read on /srv/data, read and write on /srv/data/in"}},
		{name: "one below the other", before: func(w *world) { w.person("alice", 1000, aliceKey) }, after: func(w *world) {
			w.person("alice", 1000, aliceKey, "reviewers")
			delete(w.Files, "/srv/acl")
			f := w.Files["/srv/data/in"]
			f.Node.Access = host.AccessOf(0o755)
			w.Files["/srv/data/in"] = f
		}, want: []string{"alice gains group reviewers, read on /srv/data and 1 below"}},
		{name: "somebody's home is open", before: func(w *world) { alice(w); w.person("bob", 1001, "") }, after: func(w *world) {
			alice(w)
			w.person("bob", 1001, "")
			f := w.Files["/home/alice"]
			f.Node.Access = host.AccessOf(0o711)
			w.Files["/home/alice"] = f
		}, want: []string{"everybody gains enter on /home/alice"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := newWorld(), newWorld()
			if tt.before != nil {
				tt.before(before)
			}
			if tt.after != nil {
				tt.after(after)
			}
			s, err := Summarize(t.Context(), Question{Before: before.reader(), After: after.reader(), Now: time.Unix(0, 0)}, paths)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, turn := range s.Turns {
				got = append(got, turn.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (len(s.Unknown) > 0) != tt.unknown {
				t.Errorf("unknown: %q", s.Unknown)
			}
			if n := after.asked["sshd"]; n > 1 {
				t.Errorf("sshd was asked %d times of a configuration that is the same for all", n)
			}
		})
	}
}

// TestSSHDOfAnybody asks sshd the same question whoever it is about: facts that were
// recorded before somebody joined have the answer.
func TestSSHDOfAnybody(t *testing.T) {
	var asked []string
	for _, name := range []string{"alice", "bob"} {
		w := newWorld()
		w.person(name, 1000, aliceKey)
		if _, err := Of(t.Context(), Cache(w.reader()), name, nil, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		asked = append(asked, w.question)
	}
	if asked[0] != asked[1] || !strings.Contains(asked[0], "user=root,host=localhost,") {
		t.Errorf("%q", asked)
	}
}

// TestSSHDMatches asks sshd for each user where it makes a difference.
func TestSSHDMatches(t *testing.T) {
	for content, want := range map[string]int{
		"PermitRootLogin no\nInclude /etc/ssh/sshd_config.d/*.conf\n": 1,
		"match User bob\n  X11Forwarding no\n":                        2,
		"Include /etc/ssh/none\n":                                     1,
		"Include /etc/ssh/more\n":                                     2,
		"# Match all\n":                                               1,
		"Match LocalPort 2222\n  X11Forwarding no\n":                  3, // of three connections, whoever comes
		"Match Address 10.0.0.1 Group dev\n  X11Forwarding no\n":      6,
	} {
		w := newWorld()
		w.person("alice", 1000, aliceKey)
		w.person("bob", 1001, bobKey)
		f := w.Files["/etc/ssh/sshd_config"]
		f.Content = []byte(content)
		w.Files["/etc/ssh/sshd_config"] = f
		f.Content = []byte("Match User bob\n")
		w.Files["/etc/ssh/more"] = f
		r := Cache(w.reader())
		for _, name := range []string{"alice", "bob"} {
			if _, err := Of(t.Context(), r, name, nil, time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if w.asked["sshd"] != want {
			t.Errorf("%q: asked %d times, want %d", content, w.asked["sshd"], want)
		}
	}
}
