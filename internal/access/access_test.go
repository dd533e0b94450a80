package access

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// TestEverything reads rules as cvtsudoers prints them.
func TestEverything(t *testing.T) {
	rule := func(who, what string) string {
		return `{"User_List": [` + who + `], "Host_List": [{"hostname": "ALL"}], "Cmnd_Specs": [` + what + `]}`
	}
	const (
		everything = `{"runasusers": [{"username": "ALL"}], "Commands": [{"command": "ALL"}]}`
		free       = `{"Options": [{"authenticate": false}], "Commands": [{"command": "ALL"}]}`
		asDaemon   = `{"runasusers": [{"username": "daemon"}], "Commands": [{"command": "ALL"}]}`
		one        = `{"Commands": [{"command": "/bin/ls"}]}`
		taken      = `{"Commands": [{"command": "/bin/su", "negated": true}]}`
		me         = `{"username": "alice"}`
	)
	for _, tt := range []struct {
		name, specs   string
		defaults      string
		allowed, asks bool
	}{
		{"none", ``, ``, false, false},
		{"by name", rule(me, everything), ``, true, true},
		{"by uid", rule(`{"userid": 1000}`, everything), ``, true, true},
		{"by group", rule(`{"usergroup": "admins"}`, everything), ``, true, true},
		{"by gid", rule(`{"usergid": 27}`, everything), ``, true, true},
		{"everybody", rule(`{"username": "ALL"}`, free), ``, true, false},
		{"another group", rule(`{"usergroup": "other"}`, everything), ``, false, false},
		{"all but me", rule(`{"username": "ALL"}, {"username": "alice", "negated": true}`, everything), ``, false, false},
		{"without a password", rule(me, free), ``, true, false},
		{"by default without", rule(me, everything), `{"Options": [{"authenticate": false}]}`, true, false},
		{"by default of another", rule(me, everything), `{"Binding": [{"username": "bob"}], "Options": [{"authenticate": false}]}`, true, true},
		{"not as root", rule(me, asDaemon), ``, false, false},
		{"one command", rule(me, one), ``, false, false},
		{"one command beside", rule(me, everything+","+one), ``, true, true},
		{"with a hole", rule(me, everything) + "," + rule(me, taken), ``, false, false},
		{"given back", rule(me, taken) + "," + rule(me, everything), ``, true, true},
		{"on another host", `{"User_List": [` + me + `], "Host_List": [{"hostname": "db"}], "Cmnd_Specs": [` + everything + `]}`, ``, false, false},
		{"on this host", `{"User_List": [` + me + `], "Host_List": [{"hostname": "web"}], "Cmnd_Specs": [` + everything + `]}`, ``, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var rules sudoRules
			if err := json.Unmarshal([]byte(`{"Defaults": [`+tt.defaults+`], "User_Specs": [`+tt.specs+`]}`), &rules); err != nil {
				t.Fatal(err)
			}
			j := &judge{user: host.User{Name: "alice", UID: 1000, GID: 1000}, groups: []string{"alice", "admins"}, gids: []int{1000, 27}}
			if allowed, asks := j.runsAll(rules, "web"); allowed != tt.allowed || asks != tt.asks {
				t.Errorf("allowed %v, asks %v", allowed, asks)
			}
		})
	}
}

// TestRootInEffect knows rules of sudo for one command by which somebody is root all the same,
// and calls none so that is not certainly one.
func TestRootInEffect(t *testing.T) {
	for command, want := range map[string]bool{
		"/bin/bash": true, "/usr/bin/bash *": true, "/bin/sh /srv/*": true, "/usr/bin/python3": true, "/usr/bin/su": true, "/usr/bin/env": true,
		"/bin/bash /srv/x.sh": false, "/bin/bash /srv/x.sh *": false, "/usr/bin/python3 /srv/x.py": false, "/usr/bin/su - app": false, "/usr/bin/env A=1 /srv/x /data/*": false,
		"/usr/bin/vi": true, "/usr/bin/vim /etc/motd": true, "sudoedit": true, "sudoedit /etc/motd": false, "/usr/bin/less /var/log/*": true, "/usr/sbin/visudo -c": false,
		"/usr/bin/tee": true, "/usr/bin/tee /srv/x": false, "/usr/bin/tee /srv/*": true, "/usr/bin/tee -a /srv/*": true, "/usr/bin/cp /a /srv/x": false, "/usr/bin/cp": true, "/usr/bin/chown app /srv/*": true,
		"/usr/bin/find /srv *": true, "/usr/bin/tail -n *": false, "/usr/bin/cat": false,
		"/usr/bin/systemctl": true, "/usr/bin/systemctl *": true, "/usr/bin/systemctl edit app": true, "/usr/bin/systemctl restart *": false, "/usr/bin/systemctl restart app": false, "/bin/journalctl *": false,
		"/usr/bin/docker": true, "/usr/bin/docker run *": true, "/usr/bin/docker ps": false, "/usr/bin/docker restart *": false, "/usr/bin/apt-get update": false, "/usr/bin/apt-get": true,
		"/usr/bin/*": true, "/usr/bin/v*": true, "/usr/sbin/": true, "/srv/": false, "/srv/*": false, "/srv/bash": false, "/usr/local/bin/deploy": false, "^/usr/bin/.*$": false,
	} {
		if got := (sudoMember{Command: command}).rootInEffect(false); got != want {
			t.Errorf("%s: got %v", command, got)
		}
	}
	for command, want := range map[string]bool{"/usr/bin/less": false, "/usr/bin/env": false, "/usr/bin/systemctl edit x": false, "/usr/bin/vi": true, "/usr/bin/tee": true, "/bin/bash": true} {
		if got := (sudoMember{Command: command}).rootInEffect(true); got != want {
			t.Errorf("%s without starting others: got %v", command, got)
		}
	}
}

// TestRulesInWords names those of a person's rules that are root in effect, as the last rule
// for each and the Defaults have it.
func TestRulesInWords(t *testing.T) {
	const rules = `{"Defaults": [{"Binding": [{"command": "/usr/bin/more"}], "Options": [{"noexec": true}]}], "User_Specs": [
		{"User_List": [{"username": "alice"}], "Host_List": [{"hostname": "ALL"}], "Cmnd_Specs": [
			{"Commands": [{"command": "/usr/bin/vi"}, {"command": "/usr/bin/nano"}, {"command": "/usr/bin/id"}, {"command": "/usr/bin/more"}, {"command": "/usr/bin/nano", "negated": true}]},
			{"runasusers": [{"username": "app"}], "Commands": [{"command": "/bin/sh"}]},
			{"Options": [{"authenticate": false}, {"noexec": true}], "Commands": [{"command": "/usr/bin/less"}]},
			{"runasusers": [{"username": "ALL"}], "Options": [{"authenticate": false}], "Commands": [{"command": "/bin/sh"}, {"command": "/usr/bin/vi"}]}]}]}`
	var read sudoRules
	if err := json.Unmarshal([]byte(rules), &read); err != nil {
		t.Fatal(err)
	}
	j := &judge{user: host.User{Name: "alice", UID: 1000}}
	j.runsAll(read, "web")
	want := []string{
		"/usr/bin/vi (root in effect)", "/usr/bin/nano", "/usr/bin/id", "/usr/bin/more", "not /usr/bin/nano", "/bin/sh as app", "/usr/bin/less without a password",
		"/bin/sh as anybody without a password (root in effect)", "/usr/bin/vi as anybody without a password (root in effect)",
	}
	if !slices.Equal(j.may, want) {
		t.Errorf("got %q", j.may)
	}
}

// TestLists applies the four lists of sshd.
func TestLists(t *testing.T) {
	for _, tt := range []struct {
		config sshdConfig
		in     bool
	}{
		{sshdConfig{}, true},
		{sshdConfig{"allowusers": {"al*"}}, true},
		{sshdConfig{"allowusers": {"bob", "alice@10.0.0.0/8"}}, true},
		{sshdConfig{"allowusers": {"bob"}}, false},
		{sshdConfig{"allowusers": {"*", "!alice"}}, false},
		{sshdConfig{"denyusers": {"a?ice"}}, false},
		{sshdConfig{"denyusers": {"alice@10.0.0.1"}}, true},
		{sshdConfig{"denyusers": {"[a]lice"}}, true},
		{sshdConfig{"denygroups": {"admins"}}, false},
		{sshdConfig{"allowgroups": {"other", "adm*"}}, true},
		{sshdConfig{"allowgroups": {"other"}}, false},
		{sshdConfig{"allowusers": {"alice"}, "denygroups": {"admins"}}, false},
	} {
		p := &passage{judge: &judge{user: host.User{Name: "alice"}, groups: []string{"alice", "admins"}}, config: tt.config}
		p.lists()
		if got := len(p.gates) == 0; got != tt.in {
			t.Errorf("%v: got %v (%q)", tt.config, got, whys(p.gates))
		}
	}
}

// TestMethods reads AuthenticationMethods, for both questions: whether a key and a
// password certainly do, and whether anything could.
func TestMethods(t *testing.T) {
	for _, tt := range []struct {
		lists             []string
		state             host.PasswordState
		certain, possible bool
		off               string // a setting that is off
	}{
		{nil, host.PasswordLocked, true, true, ""},
		{[]string{"any"}, host.PasswordLocked, true, true, ""},
		{[]string{"publickey"}, host.PasswordLocked, true, true, ""},
		{[]string{"publickey,password"}, host.PasswordLocked, false, false, ""},
		{[]string{"publickey,password"}, host.PasswordSet, true, true, ""},
		{[]string{"publickey,keyboard-interactive:pam"}, host.PasswordSet, true, true, ""},
		{[]string{"publickey,keyboard-interactive:pam"}, host.PasswordLocked, false, true, ""},
		{[]string{"publickey,password"}, host.PasswordSet, false, false, "passwordauthentication"},
		{[]string{"publickey,keyboard-interactive"}, host.PasswordSet, false, false, "kbdinteractiveauthentication"},
		{[]string{"publickey,keyboard-interactive"}, host.PasswordSet, false, false, "usepam"},
		{[]string{"publickey,password", "publickey"}, host.PasswordSet, true, true, "passwordauthentication"},
		{[]string{"publickey,hostbased"}, host.PasswordSet, false, true, ""},
		{[]string{"publickey,hostbased", "publickey"}, host.PasswordSet, true, true, ""},
	} {
		config := sshdConfig{"authenticationmethods": tt.lists, "passwordauthentication": {yes}, "kbdinteractiveauthentication": {yes}, "usepam": {yes}}
		if tt.off != "" {
			config[tt.off] = []string{no}
		}
		p := &passage{judge: &judge{password: host.Password{State: tt.state}}, config: config}
		p.methods()
		if certain, possible := len(p.keys) == 0, !shut(p.keys); certain != tt.certain || possible != tt.possible {
			t.Errorf("%v: certain %v, possible %v", tt.lists, certain, possible)
		}
	}
}

// TestElsewhere finds the connections for which a Match block may say something else:
// some that it holds for, and some that it does not; and says where it finds none.
func TestElsewhere(t *testing.T) {
	var many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&many, "Match Address 10.0.%d.0/24\n", 2*i)
	}
	for _, tt := range []struct {
		text, want string
		doubt      string
	}{
		{"Match User bob\nMatch all\n", "", ""},
		{"Match Address 10.1.0.0/16,!10.1.2.3\n", "addr=192.0.2.1 addr=10.1.0.0", ""},
		{"Match Address !10.0.0.0/8,*\n", "addr=192.0.2.1 addr=10.0.0.0", ""},
		{"Match Address !192.0.2.1,*\n", "addr=192.0.2.1 addr=198.51.100.1", ""},
		{"Match Address *\n", "addr=192.0.2.1", ""},
		{"Match Address !10.0.0.1\n", "addr=192.0.2.1", ""},
		{"Match Address 0.0.0.0/0\n", "addr=192.0.2.1 addr=2001:db8::1", ""},
		{"Match Address 10.*\n", "addr=192.0.2.1 addr=10.1.1.1", ""},
		{"Match Address 2001:db8:*\n", "addr=192.0.2.1 addr=2001:db8::1", ""},
		{"Match Address 10.0.0.0/24\nMatch Address 10.0.0.0/16\n", "addr=192.0.2.1 addr=10.0.0.0 addr=10.0.1.0", ""},
		{"Match Address 10.*.x\n", "addr=192.0.2.1", "not known from where"},
		{"Match Address 1*,2*\n", "addr=192.0.2.1", "not known from where"},
		{"Match Address 10.0.0.0/8,!10.0.0.0/8\n", "addr=192.0.2.1", "not known from where"},
		{"Match Group x Host *.example.org\n", "host=elsewhere.invalid host=1.example.org", ""},
		{"Match Host !elsewhere.invalid,*\n", "host=elsewhere.invalid host=1", ""},
		{"match localport=2222\n", "lport=22 lport=2222", ""},
		{"Match LocalAddress 192.168.0.? User bob\n", "laddr=192.0.2.2 laddr=192.168.0.1", ""},
		{"Match LocalAddress 192.0.2.2 Address 10.0.0.1\n", "addr=192.0.2.1,laddr=192.0.2.2 addr=10.0.0.1,laddr=192.0.2.2 addr=192.0.2.1,laddr=198.51.100.2 addr=10.0.0.1,laddr=198.51.100.2", ""},
		{"Match RDomain x\n", "", "does not know: Match RDomain x"},
		{many.String(), "", "tell 21 sorts of connections apart, of which opsafe asks about 16"},
	} {
		connections, doubts := elsewhere(tt.text)
		var got []string
		for _, c := range connections {
			// What no block asks for is left out of the comparison.
			got = append(got, strings.Join(slices.DeleteFunc(strings.Split(c, ","), func(part string) bool {
				key, _, _ := strings.Cut(part, "=")
				return !strings.Contains(" "+strings.ReplaceAll(tt.want, ",", " "), " "+key+"=")
			}), ","))
		}
		if tt.want != "" && strings.Join(got, " ") != tt.want || tt.want == "" && len(got) > 0 && tt.doubt == "" {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
		if said := strings.Join(doubts, "; "); (said != "") != (tt.doubt != "") || !strings.Contains(said, tt.doubt) {
			t.Errorf("%q: doubts %q, want %q", tt.text, said, tt.doubt)
		}
	}
}

// TestListens holds which change of sshd's addresses may keep somebody out.
func TestListens(t *testing.T) {
	for _, tt := range []struct {
		inet6   bool
		was, is string
		lost    int
	}{
		{true, "0.0.0.0:22 [::]:22", "[::]:22 0.0.0.0:22", 0},
		{true, "0.0.0.0:22 [::]:22", "0.0.0.0:22", 1},
		{false, "0.0.0.0:22 [::]:22", "0.0.0.0:22", 0},
		{false, "0.0.0.0:22 [::]:22", "[::]:22", 1},
		{true, "0.0.0.0:22", "0.0.0.0:22 0.0.0.0:2222", 0},
		{true, "0.0.0.0:22", "0.0.0.0:2222", 1},
		{true, "10.0.0.1:22", "0.0.0.0:22", 0},
		{true, "0.0.0.0:22", "10.0.0.1:22", 1},
		{true, "[2001:db8::1]:22", "0.0.0.0:22 [::]:2222", 1},
		{true, "0.0.0.0:22", "", 0}, // nobody can say where it listens
	} {
		listens := func(at string) []string {
			w := newWorld()
			w.Facts.IPv6 = tt.inet6
			j := &judge{Reader: w.reader(), listens: strings.Fields(at)}
			if err := j.answers(); err != nil {
				t.Fatal(err)
			}
			return j.way.Listens
		}
		if got := unanswered(listens(tt.was), listens(tt.is)); len(got) != tt.lost {
			t.Errorf("%s → %s: lost %q, want %d", tt.was, tt.is, got, tt.lost)
		}
	}
}
