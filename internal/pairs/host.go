package pairs

import (
	"fmt"
	"path"
	"strings"
)

// Host makes up a host in memory, as snapshot.Parse reads it.
func (m *Maker) Host(keys []string) map[string]any {
	h := item{"release": pick(m, "bullseye", "bookworm", "bookworm", "trixie")}
	var users, groups []any
	var members []string
	for i, name := range append(some(m, 50, userNames()...), some(m, 50, personNames()...)...) {
		u := item{"name": name, "uid": 4400 + 10*i + m.r.IntN(3), "home": "/home/" + name, "shell": pick(m, "/bin/bash", "/bin/sh")}
		m.put(u, 60, "password", m.mode("set", "locked", "locked hash", "empty must-change", "set expires=1", "locked must-change", "locked missing", "set changed=18000 max=90 inactive=30"))
		m.put(u, 15, "traces", func() any { return item{"processes": 1 + m.r.IntN(2), "linger": true} })
		users = append(users, u)
		members = append(members, name)
	}
	for i, name := range some(m, 50, groupNames()...) {
		groups = append(groups, m.hostGroup(name, 4000+10*i+m.r.IntN(4), some(m, 50, members...), members))
	}
	groups = append(groups, m.hostGroup("adm", 4, some(m, 30, members...), members))
	m.put(h, 30, "strays", func() any { return m.strays() })
	h["users"], h["groups"] = users, groups
	h["files"] = m.hostFiles(members, keys)
	h["units"] = m.hostUnits(h["files"].(item)) //nolint:forcetypeassert // set above
	m.hostPackages(h)
	if m.chance(60) {
		h["programs"] = item{"visudo": pick(m, "", "NOPASSWD"), "sshd": pick(m, "", "X11"), "systemd-analyze": "", "sudo": ""}
	}
	if m.chance(20) {
		h["pending"] = []any{item{"unit": "labone.service", "verb": pick(m, "restart", "reload"), "why": "an earlier run"}}
	}
	return h
}

// hostGroup is a group as group and gshadow have it.
func (m *Maker) hostGroup(name string, gid int, in, all []string) item {
	g := item{"name": name, "gid": gid, "members": in}
	m.put(g, 25, "password", m.mode("set", "empty", "missing"))
	m.put(g, 15, "admins", func() any { return some(m, 40, all...) })
	if len(in) > 0 && g["password"] != "missing" {
		m.put(g, 15, "torn", func() any { return in[:1] })
	}
	return g
}

// strays are lines that make no account, and locks of tools that have died.
func (m *Maker) strays() item {
	s := item{"shadow": some(m, 40, append(userNames(), "elsewhere")...)}
	m.put(s, 40, "locks", func() any { return []string{"/etc/passwd.lock"} })
	m.put(s, 25, "twice", func() any {
		return []any{item{"file": pick(m, "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"), "name": pick(m, "lab1", "labs", "lab4", "adm")}}
	})
	return s
}

func (m *Maker) hostFiles(members, keys []string) item {
	files := item{}
	owner := func() any { return pick(m, append([]string{"root", "daemon", "#4711", "#4401"}, members...)...) }
	group := func() any { return pick(m, "root", "adm", "#4712") }
	dress := func(f item, modes []string) item {
		m.put(f, 60, "owner", owner)
		m.put(f, 60, "group", group)
		m.put(f, 70, "mode", m.mode(modes...))
		m.put(f, 15, "acl", func() any {
			return []string{"user:daemon:rwx", "group:adm:r-x", "mask::" + pick(m, "r-x", "---", "rwx")}
		})
		return f
	}
	for _, p := range some(m, 50, directoryPaths()...) {
		files[p] = dress(item{"type": "directory"}, dirModes())
		for i := range m.r.IntN(8) {
			f := dress(item{"content": fmt.Sprint(i)}, modes())
			m.put(f, 5, "links", func() any { return 2 })
			files[path.Join(p, fmt.Sprintf("file%d", i))] = f
		}
	}
	for _, p := range some(m, 45, filePaths()...) {
		f := item{"content": m.text()}
		switch {
		case strings.HasSuffix(p, ".env"):
			f["content"] = pick(m, "A=1\nTOKEN=t0ken\n", "A=2\nTOKEN=0ther\n", "A=1\n", "TOKEN=\n")
		case m.chance(10):
			f = item{"target": "/etc/hosts"}
		case m.chance(10):
			f["content"] = "x\n# BEGIN managed by opsafe\nold\n# END managed by opsafe\ny\n"
		case m.chance(5):
			f["unread"] = "permission denied"
		}
		files[p] = dress(f, modes())
	}
	for _, name := range members {
		if m.chance(70) {
			files["/home/"+name] = item{"type": "directory", "owner": pick(m, name, name, "root"), "group": "root", "mode": pick(m, "0700", "0755")}
		}
		if m.chance(50) {
			files["/home/"+name+"/.ssh"] = item{"type": "directory", "owner": name, "group": "root", "mode": pick(m, "0700", "0755")}
			files["/home/"+name+"/.ssh/authorized_keys"] = item{"content": pick(m, keys...) + "\n" + pick(m, "", "no key\n"), "owner": name, "mode": "0600"}
		}
	}
	if m.chance(35) {
		files["/etc/sudoers.d/lab"] = item{"content": "# old\n", "mode": "0440"}
	}
	if m.chance(20) {
		files["/etc/ssh/sshd_config.d/10-lab.conf"] = item{"content": "MaxAuthTries 6\n"}
	}
	if m.chance(30) {
		files["/etc/docker/daemon.json"] = item{"content": "{\"log-driver\": \"syslog\"}\n"}
	}
	if m.chance(30) {
		files["/etc/chrony/conf.d/opsafe.conf"] = item{"content": "server old.example\n"}
		files["/etc/chrony/chrony.conf"] = item{"content": pick(m, "confdir /etc/chrony/conf.d\n", "pool old.example\n")}
	}
	if m.chance(30) {
		files["/etc/apt/sources.list"] = item{"content": "deb http://deb.debian.org/debian bookworm main\n"}
	}
	return files
}

func (m *Maker) hostUnits(files item) item {
	units := item{}
	for _, name := range some(m, 45, unitNames()...) {
		at := "/etc/systemd/system/" + name
		text, ok := m.unit(name)["content"].(string)
		if !ok {
			continue
		}
		files[at] = item{"content": text}
		u := item{"fragment": at, "file": "disabled"}
		if m.chance(50) && strings.HasSuffix(name, ".service") && !strings.Contains(name, "@") {
			link := "/etc/systemd/system/multi-user.target.wants/" + name
			files[link] = item{"target": at}
			u["file"], u["links"] = "enabled", []string{link}
		}
		m.put(u, 50, "active", m.mode("active", "failed"))
		m.put(u, 20, "need_reload", func() any { return true })
		units[name] = u
	}
	return units
}

func (m *Maker) hostPackages(h item) {
	packages := item{}
	for _, name := range some(m, 50, packageNames()[:3]...) {
		packages[name] = pick(m, "installed 1.2", "installed 1.2 hold", "config-files", "half-configured 1.2")
	}
	if m.chance(40) {
		packages["docker.io"] = pick(m, "installed 20.10", "installed 24.0 hold")
		h["docker"] = item{"version": "20.10", "api": "1.41"}
		h["networks"] = []any{item{"name": "labnet", "driver": "bridge", "interface": pick(m, "labnet", "br-1"), "subnet": "172.30.0.0/24"}}
		units, _ := h["units"].(item)
		units["docker.service"] = item{"active": "active", "file": "enabled", "links": []string{"/etc/systemd/system/multi-user.target.wants/docker.service"}}
	}
	if m.chance(40) {
		packages["chrony"] = "installed 4.3"
		units, _ := h["units"].(item)
		units["chrony.service"] = item{"active": pick(m, "active", "inactive"), "file": "enabled", "links": []string{"/etc/systemd/system/multi-user.target.wants/chrony.service"}}
	}
	h["packages"] = packages
	if m.chance(70) {
		candidates := item{"unheard-of": false, "docker.io": true, "chrony": true}
		for _, name := range packageNames()[:3] {
			candidates[name] = m.chance(80)
		}
		h["candidates"] = candidates
	}
}
