package pairs

import "strings"

// Spec is what a backend declares, and people who might be on it.
type Spec struct {
	Backend item
	People  item
	Keys    map[string]string // by name
}

// Spec makes up a spec. Now and then it is not valid.
func (m *Maker) Spec(keys []string) Spec {
	s := Spec{Backend: item{"description": "made up"}, People: item{}, Keys: map[string]string{}}
	b := s.Backend
	m.accounts(&s, keys)
	b["directories"] = m.directories()
	b["acls"] = m.acls()
	b["files"] = m.files()
	b["sudoers"] = m.sudoers()
	b["sshd"] = m.sshd()
	b["units"] = m.units()
	if m.chance(50) {
		b["values"] = item{"proxy": pick(m, "one", "two")}
	}
	if m.Real {
		return s
	}
	b["packages"] = m.packages()
	if m.chance(40) {
		b["docker"] = m.docker()
	}
	if m.chance(30) {
		b["chrony"] = m.chrony()
	}
	if m.chance(30) {
		b["apt"] = item{"mirrors": item{"http://deb.debian.org/": "https://mirror.example/"}}
	}
	return s
}

func (m *Maker) accounts(s *Spec, keys []string) {
	groups, users := item{}, item{}
	for _, name := range some(m, 60, groupNames()...) {
		g := item{}
		if name != "lab4" && m.absent(20) {
			groups[name] = item{"state": "absent"}
			continue
		}
		m.put(g, 30, "gid", func() any { return 4000 + m.r.IntN(4) + 10*len(groups) })
		m.put(g, 50, "members", func() any { return "exact" })
		m.put(g, 20, "system", func() any { return true })
		groups[name] = g
		m.groups = append(m.groups, name)
	}
	for _, name := range some(m, 60, userNames()...) {
		// With an account goes the group of its name, whoever declares it.
		if groups[name] == nil && m.absent(15) {
			users[name] = item{"state": "absent"}
			continue
		}
		u := item{"home": pick(m, "/home/"+name, "/srv/home-"+name)}
		if strings.HasPrefix(u["home"].(string), "/srv") && m.chance(70) { //nolint:forcetypeassert // set above
			delete(u, "home")
		}
		m.put(u, 40, "uid", func() any { return 4400 + m.r.IntN(3) + 10*len(users) })
		m.put(u, 50, "home_mode", m.mode(dirModes()[:3]...))
		m.put(u, 60, "shell", m.mode("/bin/bash", "/bin/sh", "/usr/sbin/nologin"))
		m.put(u, 40, "comment", m.mode("Lab", "Another lab"))
		m.put(u, 50, "password", func() any { return "locked" })
		if own := some(m, 40, without(m.groups, name)...); own != nil {
			u["groups"] = own
		}
		users[name] = u
		m.users = append(m.users, name)
	}
	s.Backend["groups"], s.Backend["users"] = groups, users
	m.peopleIn(s, keys)
}

func (m *Maker) peopleIn(s *Spec, keys []string) {
	role := item{"shell": "/bin/bash", "keys": []string{"repository"}}
	if g := some(m, 60, m.groups...); g != nil {
		role["groups"] = g
	}
	m.put(role, 50, "home_mode", m.mode("0750", "0700"))
	m.put(role, 50, "password", func() any {
		if m.chance(30) {
			return "set-by-admin"
		}
		return "set-at-first-login"
	})
	s.Backend["roles"] = item{"staff": role}
	s.Backend["people"] = []string{"staff"}
	for i, name := range personNames() {
		if m.chance(60) {
			s.People[name] = item{"roles": []string{"staff"}}
			m.people = append(m.people, name)
			if m.chance(80) {
				s.Keys[name] = keys[i] + "\n"
			}
		}
	}
	if len(m.users) > 0 && m.chance(50) {
		a := item{"keys": []string{keys[len(keys)-1]}}
		m.put(a, 40, "options", m.mode("restrict", `restrict,command="/bin/true"`))
		s.Backend["authorized_keys"] = item{m.users[0]: a}
	}
	if len(m.users) > 1 && m.chance(30) {
		u := m.users[1]
		s.Backend["key_pairs"] = item{"/srv/lab/key": item{"owner": u}}
	}
}

func (m *Maker) directories() item {
	out := item{}
	for _, p := range some(m, 60, directoryPaths()...) {
		if m.absent(8) {
			out[p] = item{"state": "absent"}
			continue
		}
		d := item{}
		m.put(d, 60, "owner", m.owner)
		m.put(d, 60, "group", m.group)
		m.put(d, 70, "mode", m.mode(dirModes()...))
		if m.chance(30) {
			rec := item{}
			m.put(rec, 60, "owner", m.owner)
			m.put(rec, 60, "group", m.group)
			m.put(rec, 60, "files", m.mode("0640", "0660", "0600"))
			m.put(rec, 60, "directories", m.mode("0750", "2770", "0700"))
			if len(rec) > 0 {
				d["recurse"] = rec
			}
		}
		m.put(d, 10, "when", m.when)
		out[p] = d
	}
	return out
}

func (m *Maker) acls() item {
	out := item{}
	for _, p := range some(m, 25, directoryPaths()...) {
		a := item{"access": m.entries()}
		m.put(a, 50, "default", m.entries)
		m.put(a, 50, "exact", func() any { return true })
		m.put(a, 40, "recursive", func() any { return true })
		out[p] = a
	}
	return out
}

func (m *Maker) files() item {
	out := item{}
	for _, p := range some(m, 55, filePaths()...) {
		out[p] = m.file(strings.HasSuffix(p, ".env"))
	}
	return out
}

func (m *Maker) file(env bool) item {
	f := item{}
	switch {
	case m.absent(15):
		f["state"] = "absent"
		m.put(f, 10, "secret", func() any { return true })
		return f
	case env:
		f["content"] = pick(m, "A=1\nTOKEN=\n", "A=2\n", "TOKEN=t0ken\nB=\n")
		m.put(f, 15, "secret", func() any { return true })
		m.put(f, 30, "once", func() any { return true })
	case m.chance(15):
		f["lines"] = []string{pick(m, "a = 0", "b", "z")}
	case m.chance(15):
		f["block"] = m.text()
	case m.chance(15):
		f["settings"] = pick(m, item{"form": "words", "set": item{"a": "1"}}, item{"form": "equals", "set": item{"a": "0"}, "unset": []string{"b"}},
			item{"form": "ini", "exact": true, "sections": item{"s": item{"set": item{"a": "2"}}}})
	case m.chance(15):
		f["link"] = pick(m, "/etc/hosts", "lab-1.conf")
		return f
	default:
		f["content"] = m.text()
		m.put(f, 6, "secret", func() any { return true })
	}
	m.put(f, 40, "owner", m.owner)
	m.put(f, 40, "group", m.group)
	m.put(f, 50, "mode", m.mode(modes()...))
	m.put(f, 10, "when", m.when)
	m.put(f, 20, "notify", func() any { return item{"restart": []string{"labone.service"}} })
	return f
}

func (m *Maker) sudoers() item {
	out := item{}
	for _, name := range some(m, 50, "lab", "labmore") {
		d := item{"content": "%adm ALL=(root) " + pick(m, "", "NOPASSWD: ") + "/bin/true\n"}
		if m.absent(35) {
			d = item{"state": "absent"}
		}
		out[name] = d
	}
	return out
}

func (m *Maker) sshd() item {
	out := item{}
	for _, name := range some(m, 40, "10-lab", "20-lab") {
		d := item{"content": pick(m, "MaxAuthTries 4\n", "MaxAuthTries 5\n", "X11Forwarding no\n", "AcceptEnv LAB\n")}
		if m.absent(25) {
			d = item{"state": "absent"}
		}
		out[name] = d
	}
	return out
}

func (m *Maker) units() item {
	out := item{}
	for _, name := range some(m, 55, unitNames()...) {
		if m.absent(20) {
			out[name] = item{"state": "absent"}
			continue
		}
		out[name] = m.unit(name)
	}
	return out
}

func (m *Maker) unit(name string) item {
	u := item{}
	switch {
	case strings.HasSuffix(name, ".timer"):
		u["content"] = "[Timer]\nOnCalendar=" + pick(m, "daily", "weekly") + "\n[Install]\nWantedBy=timers.target\n"
	default:
		u["content"] = "[Service]\nExecStart=/bin/sleep " + pick(m, "1000", "2000") + "\n[Install]\nWantedBy=multi-user.target\n"
	}
	if strings.Contains(name, "@.") {
		return u
	}
	m.put(u, 40, "enabled", func() any { return m.chance(70) })
	m.put(u, 40, "running", func() any { return m.chance(70) })
	if m.chance(30) && strings.HasSuffix(name, ".service") {
		d := item{"content": "[Service]\nNice=" + pick(m, "1", "2") + "\n"}
		if m.absent(30) {
			d = item{"state": "absent"}
		}
		u["drop_ins"] = item{"lab": d}
	}
	return u
}

func (m *Maker) packages() item {
	out := item{}
	for _, name := range some(m, 50, packageNames()...) {
		p := item{"state": pick(m, "installed", "installed", "absent", "purged")}
		if p["state"] == "installed" {
			m.put(p, 30, "hold", func() any { return m.chance(60) })
		}
		m.put(p, 15, "when", func() any { return "package " + name + " available" })
		out[name] = p
	}
	return out
}

func (m *Maker) docker() item {
	d := item{}
	if m.chance(50) {
		d["daemon"] = item{"log-driver": pick(m, "local", "journald"), "live-restore": m.chance(50)}
	}
	networks := item{}
	for _, name := range some(m, 60, "labnet", "jobs") {
		n := item{"interface": name, "subnet": pick(m, "172.30.0.0/24", "172.31.0.0/24")}
		if m.absent(25) {
			n = item{"state": "absent"}
		}
		networks[name] = n
	}
	if len(networks) > 0 {
		d["networks"] = networks
	}
	return d
}

func (m *Maker) chrony() item {
	c := item{"servers": []string{pick(m, "one.example iburst", "two.example")}}
	m.put(c, 40, "stop_around", func() any { return []string{"labone.service"} })
	m.put(c, 40, "config", func() any { return []string{"makestep 1 3"} })
	return c
}
