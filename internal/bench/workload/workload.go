// Package workload is the state that the benchmark has every program look at:
// what a small backend declares, with N people on it.
package workload

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// State is what is declared, without regard to who reads it.
type State struct {
	People []Person
	Groups []Group
	// PeopleGroups are the groups that all people are in.
	PeopleGroups []string
	Service      Service
	Dirs         []Dir
	ACLs         []ACL
	Files        []File
	Lines        []Lines
	Packages     []string
	// Units are unit files by name, all of them enabled.
	Units []Unit
	// Enabled and Running list units, those of packages among them.
	Enabled, Running []string
}

// Person is somebody with an account, a home and keys.
type Person struct {
	Name string
	Keys string // authorized_keys
}

// Group is a group; GID 0 leaves its number open.
type Group struct {
	Name string
	GID  int
}

// Service is an account that services run as.
type Service struct {
	Name, Home string
	UID        int
	Groups     []string
}

// Dir is a directory.
type Dir struct{ Path, Owner, Group, Mode string }

// ACL gives the reviewers rights on a path, and on what is made there.
type ACL struct{ Path, Perm string }

// File is a file as a whole. Restart is the unit that has to take it up.
type File struct{ Path, Owner, Group, Mode, Content, Restart string }

// Lines are lines of a file.
type Lines struct {
	Path    string
	Lines   []string
	Restart string
}

// Unit is a unit file.
type Unit struct{ Name, Content string }

// Reviewers is the group that the ACLs name.
const Reviewers = "reviewers"

// New is the state with n people, whose keys are made for it.
func New(n int) (*State, error) {
	s := &State{
		Groups:       []Group{{"developers", 0}, {"researchers", 0}, {Reviewers, 10010}},
		PeopleGroups: []string{"developers", "researchers", Reviewers, "docker", "sudo"},
		Service:      Service{Name: "opensafely", Home: "/home/opensafely", UID: 10000, Groups: []string{"docker"}},
		Dirs:         dirs(),
		ACLs: []ACL{
			{"/srv/medium_privacy/workspaces", "rwx"},
			{"/srv/medium_privacy/requests", "r-x"},
			{"/srv/medium_privacy/releases", "rwx"},
			{"/home/opensafely/collab", "rwx"},
		},
		Files: files(),
		Lines: []Lines{
			{Path: "/etc/hosts", Lines: []string{"10.0.0.10 release-hatch", "10.0.0.11 jobs-internal", "10.0.0.12 github-proxy"}},
			// The real line names /dev/ptp_hyperv. Without that device chronyd
			// would not start; shared memory that nobody writes does no harm.
			{Path: "/etc/chrony/chrony.conf", Lines: []string{"refclock SHM 0 poll 3 dpoll -2 offset 0 stratum 2"}, Restart: "chrony.service"},
		},
		Packages: []string{"acl", "chrony", "docker.io", "sudo", "openssh-server", "git", "curl", "jq"},
		Units: []Unit{
			service("jobs"), service("backup"), service("sync"),
			timer("backup", "*-*-* 03:17:00"), timer("sync", "*-*-* 04:23:00"),
		},
	}
	theirs := []string{"docker.service", "chrony.service", "ssh.service"}
	for _, u := range s.Units {
		s.Enabled = append(s.Enabled, u.Name)
		if strings.HasSuffix(u.Name, ".timer") {
			s.Running = append(s.Running, u.Name)
		}
	}
	s.Enabled, s.Running = append(s.Enabled, theirs...), append(s.Running, theirs...)
	for i := range n {
		p := Person{Name: fmt.Sprintf("dev%04d", i+1)}
		for k := range 2 {
			line, err := newKey(fmt.Sprintf("%s@key%d", p.Name, k+1))
			if err != nil {
				return nil, err
			}
			p.Keys += line
		}
		s.People = append(s.People, p)
	}
	return s, nil
}

// newKey makes a key and returns its public half; the private one is lost.
func newKey(comment string) (string, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("cannot make a key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("cannot make a key: %w", err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment + "\n", nil
}

func dirs() []Dir {
	const me = "opensafely"
	return []Dir{
		{"/srv/high_privacy", me, "developers", "0750"},
		{"/srv/high_privacy/workspaces", me, "developers", "2770"},
		{"/srv/high_privacy/logs", me, "developers", "0750"},
		{"/srv/high_privacy/tmp", me, "developers", "1770"},
		{"/srv/medium_privacy", me, Reviewers, "0750"},
		{"/srv/medium_privacy/workspaces", me, "developers", "2770"},
		{"/srv/medium_privacy/requests", me, "developers", "0750"},
		{"/srv/medium_privacy/releases", me, "developers", "0770"},
		{"/home/opensafely", me, me, "0755"},
		{"/home/opensafely/jobrunner", me, "developers", "2750"},
		{"/home/opensafely/config", me, "developers", "0750"},
		{"/home/opensafely/collab", me, "researchers", "0770"},
	}
}

// The two directories whose files are checked as a whole, by kinds of their own.
const (
	SudoersDir = "/etc/sudoers.d/"
	SshdDir    = "/etc/ssh/sshd_config.d/"
)

func files() []File {
	env := func(name string) string {
		var b strings.Builder
		for i := range 30 {
			fmt.Fprintf(&b, "%s_%02d=value-%d\n", name, i, i)
		}
		return b.String()
	}
	root := func(path, mode, content, restart string) File {
		return File{Path: path, Owner: "root", Group: "root", Mode: mode, Content: content, Restart: restart}
	}
	return []File{
		root(SudoersDir+"10-developers", "0440", "%developers ALL=(ALL) NOPASSWD: ALL\n", ""),
		root(SshdDir+"50-hardening.conf", "0644", "PasswordAuthentication no\nPermitRootLogin prohibit-password\nX11Forwarding no\n", "ssh.service"),
		root("/etc/chrony/conf.d/10-opensafe.conf", "0644", "# managed\nmaxslewrate 500\nlogchange 0.5\n", "chrony.service"),
		root("/etc/profile.d/opensafely.sh", "0644", "export OPENSAFELY_HOME=/home/opensafely\numask 0027\n", ""),
		root("/etc/default/opensafely", "0644", "BACKEND=test\nLOGLEVEL=info\n", ""),
		{"/home/opensafely/config/jobrunner.env", "opensafely", "developers", "0640", env("OPT"), ""},
		{"/home/opensafely/config/airlock.env", "opensafely", "developers", "0640", env("AIR"), ""},
		root("/etc/security/limits.d/90-opensafely.conf", "0644", "opensafely soft nofile 65536\nopensafely hard nofile 65536\n", ""),
		root("/etc/motd", "0644", "Managed host. Changes made by hand are undone.\n", ""),
	}
}

func service(name string) Unit {
	return Unit{"os-" + name + ".service", "[Unit]\nDescription=opensafe " + name + `

[Service]
Type=oneshot
ExecStart=/bin/true

[Install]
WantedBy=multi-user.target
`}
}

func timer(name, calendar string) Unit {
	return Unit{"os-" + name + ".timer", "[Unit]\nDescription=opensafe " + name + ` timer

[Timer]
OnCalendar=` + calendar + `
Persistent=false

[Install]
WantedBy=timers.target
`}
}
