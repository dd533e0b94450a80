package kind

import (
	"slices"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// The links by which the packages' units are enabled, as deb-systemd-helper
// makes them.
const (
	unitDir   = debian.UnitDir + "/"
	multiUser = unitDir + "multi-user.target.wants/"
)

// known is what packages bring, for those that opsafe's own kinds and the usual
// server need: as observed on Debian 11 to 13. A package that is not in it can
// say so in the spec.
func known(name string, facts host.MachineFacts) host.Provides {
	switch name {
	case "docker.io", "docker-ce":
		return host.Provides{
			Groups: []host.Group{systemGroup("docker")},
			Units: []host.Unit{
				service("docker.service", multiUser),
				service("docker.socket", unitDir+"sockets.target.wants/"),
				service("containerd.service", multiUser),
			},
			Files:    []host.ProvidedFile{dir("/etc/docker"), dir("/etc/containerd")},
			Programs: []string{"dockerd", "docker"},
		}
	case "chrony":
		p := host.Provides{
			Users:    []host.User{{Name: "_chrony", UID: host.UnknownID, GID: host.UnknownID, Home: "/var/lib/chrony", Shell: debian.NoLogin}},
			Groups:   []host.Group{systemGroup("_chrony")},
			Units:    []host.Unit{service("chrony.service", multiUser, unitDir+"chronyd.service")},
			Files:    []host.ProvidedFile{dir("/etc/chrony"), file(debian.ChronyConfig)},
			Replaces: []string{"systemd-timesyncd", "ntp", "ntpsec", "openntpd"},
			Programs: []string{"chronyd", "chronyc"},
		}
		// Ubuntu 20.04 has chrony 3.5, which knows no confdir.
		if facts.Release != "focal" {
			p.Files = append(p.Files, dir(debian.ChronyDropIns), dir("/etc/chrony/sources.d"))
		}
		return p
	case "samba":
		return host.Provides{
			Groups:   []host.Group{systemGroup("sambashare")},
			Units:    []host.Unit{service("smbd.service", multiUser), service("nmbd.service", multiUser)},
			Files:    []host.ProvidedFile{dir("/etc/samba"), file("/etc/samba/smb.conf")},
			Programs: []string{"testparm", "smbd"},
		}
	case "openssh-server":
		return host.Provides{
			Units:    []host.Unit{service("ssh.service", multiUser, unitDir+"sshd.service")},
			Files:    []host.ProvidedFile{dir("/etc/ssh"), dir(debian.SSHDConfigDir), file(debian.SSHDConfig)},
			Programs: []string{"sshd"},
		}
	case "sudo":
		return host.Provides{
			Groups:   []host.Group{{Name: "sudo", GID: 27}},
			Files:    []host.ProvidedFile{dir(debian.SudoersDir), file(debian.Sudoers)},
			Programs: []string{"visudo", "sudo"},
		}
	case "rsync":
		u := service("rsync.service")
		u.File, u.Active, u.Sub = "disabled", "inactive", "dead"
		return host.Provides{Units: []host.Unit{u}}
	case "unattended-upgrades":
		return host.Provides{
			Units: []host.Unit{service("unattended-upgrades.service", multiUser)},
			Files: []host.ProvidedFile{file("/etc/apt/apt.conf.d/50unattended-upgrades")},
		}
	case "cron":
		return host.Provides{
			Groups: []host.Group{systemGroup("crontab")},
			Units:  []host.Unit{service("cron.service", multiUser)},
			Files:  []host.ProvidedFile{dir(debian.CronDir), file("/etc/crontab"), file("/etc/default/cron")},
		}
	case "libpam-pwquality":
		return host.Provides{Files: []host.ProvidedFile{file("/etc/security/pwquality.conf")}}
	case "tcpdump":
		return host.Provides{
			Users:  []host.User{{Name: "tcpdump", UID: host.UnknownID, GID: host.UnknownID, Home: "/nonexistent", Shell: debian.NoLogin}},
			Groups: []host.Group{systemGroup("tcpdump")},
		}
	}
	p, _ := knownServer(name, facts)
	return p
}

// Known is what opsafe knows of a package, in the words of a spec: for checking
// references without a host.
func Known(name string) spec.Provides {
	p := known(name, host.MachineFacts{})
	s := spec.Provides{Replaces: p.Replaces}
	for _, u := range p.Units {
		s.Units = append(s.Units, u.Name)
	}
	for _, u := range p.Users {
		s.Users = append(s.Users, u.Name)
	}
	for _, g := range p.Groups {
		s.Groups = append(s.Groups, g.Name)
	}
	for _, f := range p.Files {
		if f.Node.Type == host.TypeDir {
			s.Directories = append(s.Directories, f.Path)
		} else {
			s.Files = append(s.Files, f.Path)
		}
	}
	return s
}

// Provides joins what opsafe knows of a package with what the spec says; nil: nothing.
func Provides(name string, said *spec.Provides, facts host.MachineFacts) host.Provides {
	p := saidOrKnown(name, said, facts)
	for i := range p.Units {
		if facts.Unbooted && p.Units[i].Active == "active" {
			p.Units[i].Active, p.Units[i].Sub = "inactive", "dead"
		}
	}
	return p
}

func saidOrKnown(name string, said *spec.Provides, facts host.MachineFacts) host.Provides {
	p := known(name, facts)
	if said == nil {
		return p
	}
	for _, u := range said.Units {
		if !slices.ContainsFunc(p.Units, func(k host.Unit) bool { return k.Name == u }) {
			p.Units = append(p.Units, service(u, multiUser))
		}
	}
	for _, u := range said.Users {
		p.Users = append(p.Users, host.User{Name: u, UID: host.UnknownID, GID: host.UnknownID, Shell: debian.NoLogin})
	}
	for _, g := range said.Groups {
		p.Groups = append(p.Groups, systemGroup(g))
	}
	for _, d := range said.Directories {
		p.Files = append(p.Files, dir(d))
	}
	for _, f := range said.Files {
		p.Files = append(p.Files, file(f))
	}
	return p
}

func systemGroup(name string) host.Group { return host.Group{Name: name, GID: host.UnknownID} }

// service is a unit that the package enables and starts. A wants directory, with
// its slash, gets a link of the unit's own name; another path is an alias.
func service(name string, links ...string) host.Unit {
	u := host.Unit{
		Name: name, Load: "loaded", Active: "active", Sub: "running", File: "enabled",
		Fragment: debian.ShownUnitDir + "/" + name,
	}
	for _, l := range links {
		if l[len(l)-1] == '/' {
			l += name
		}
		u.Links = append(u.Links, l)
	}
	slices.Sort(u.Links)
	return u
}

func dir(path string) host.ProvidedFile {
	return host.ProvidedFile{Path: path, Node: host.Node{Type: host.TypeDir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}}
}

func file(path string) host.ProvidedFile {
	return host.ProvidedFile{Path: path, Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644), Links: 1}}
}
