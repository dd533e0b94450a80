package access

import (
	"encoding/json"
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

// TestUsableKeys tells keys that give a session from those that do not.
func TestUsableKeys(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHM7C7xN1de08erlqPGUQSvuJKr6X0YxvOx/1ugjK15+ alice\n"
	ed25519 := []string{"ssh-ed25519", "rsa-sha2-512"}
	for _, tt := range []struct {
		file     string
		accepted []string
		want     bool
	}{
		{key, ed25519, true},
		{"# a comment\n\n" + key, ed25519, true},
		{"nonsense\n" + key, ed25519, true},
		{key, []string{"rsa-sha2-512"}, false},
		{"command=\"/bin/ls\" " + key, ed25519, false},
		{"restrict " + key, ed25519, false},
		{"restrict,pty " + key, ed25519, true},
		{"no-pty " + key, ed25519, false},
		{"from=\"10.0.0.0/8\" " + key, ed25519, true},
		{"no-agent-forwarding " + key, ed25519, true},
		{"<html>502 Bad Gateway</html>\n", ed25519, false},
		{"", ed25519, false},
	} {
		if got := len(usableKeys(tt.file, tt.accepted)) > 0; got != tt.want {
			t.Errorf("%q: got %v", tt.file, got)
		}
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
		j := &judge{user: host.User{Name: "alice"}, groups: []string{"alice", "admins"}}
		j.lists(tt.config)
		if got := len(j.way.Login) == 0; got != tt.in {
			t.Errorf("%v: got %v (%q)", tt.config, got, j.way.Login)
		}
	}
}

// TestMethods reads AuthenticationMethods.
func TestMethods(t *testing.T) {
	for _, tt := range []struct {
		lists []string
		state host.PasswordState
		in    bool
	}{
		{nil, host.PasswordLocked, true},
		{[]string{"any"}, host.PasswordLocked, true},
		{[]string{"publickey"}, host.PasswordLocked, true},
		{[]string{"publickey,password"}, host.PasswordLocked, false},
		{[]string{"publickey,password"}, host.PasswordSet, true},
		{[]string{"publickey,keyboard-interactive:pam"}, host.PasswordSet, true},
		{[]string{"publickey,hostbased"}, host.PasswordSet, false},
		{[]string{"publickey,hostbased", "publickey"}, host.PasswordSet, true},
	} {
		j := &judge{password: host.Password{State: tt.state}}
		j.methods(tt.lists)
		if got := len(j.way.Login) == 0; got != tt.in {
			t.Errorf("%v: got %v", tt.lists, got)
		}
	}
}
