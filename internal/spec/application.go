package spec

// LastOrdinaryID is the last number that Debian's tools give to an account by
// themselves: UID_MAX of login.defs(5). Those of applications are above it, so that no
// account that was made by hand has one.
const LastOrdinaryID = 60000

// lastID is the highest number that an account can have: those above it mean nobody.
const lastID = 4294967293

// fillApplications gives declared accounts and groups of an application's name its
// number where they say none. The own group of such an account is declared with it:
// left to useradd, it had another number wherever somebody has taken this one.
func (b *Backend) fillApplications() {
	for name, a := range b.Applications {
		if a.ID <= LastOrdinaryID {
			continue // which is a problem of its own
		}
		u, g := b.Users[name], b.Groups[name]
		if u != nil && !gone(u.State) {
			if u.UID == nil {
				u.UID = &a.ID
			}
			if g == nil && (u.Group == "" || u.Group == name) {
				g = &Group{Item: Item{Meta: Meta{Pos: u.Pos}, When: u.When}}
				if b.Groups == nil {
					b.Groups = map[string]*Group{}
				}
				b.Groups[name] = g
			}
		}
		if g != nil && !gone(g.State) && g.GID == nil {
			g.GID = &a.ID
		}
	}
}

// applications checks the registry by itself.
func (c *Checker) applications() {
	ids, ports := map[int]string{}, map[int]string{}
	for name, a := range Sorted(c.b.Applications) {
		label := "application " + name
		c.Fail(a.Pos, label, accountName(name))
		switch {
		case !a.Has("id"):
			c.Addf(a.Pos, "%s: has no id: give it a number above %d, for uid and gid alike", label, LastOrdinaryID)
		case a.ID <= LastOrdinaryID:
			c.Addf(a.At("id"), "%s: id %d: want one above %d: those below are for accounts that are made by hand", label, a.ID, LastOrdinaryID)
		default:
			c.id(a.Meta, label, "id", &a.ID, ids)
		}
		c.applicationPort(a, label, ports)
	}
}

func (c *Checker) applicationPort(a *Application, label string, ports map[int]string) {
	at := a.At("port")
	switch {
	case !a.Has("port"):
		c.Addf(a.Pos, "%s: has no port: give it one that ends in the last three digits of its id", label)
		return
	case a.Port < 1 || a.Port > 65535:
		c.Addf(at, "%s: port %d: want 1 to 65535", label, a.Port)
		return
	case a.Has("id") && a.Port%1000 != a.ID%1000:
		c.Addf(at, "%s: port %d: does not end in %03d, as its id %d does", label, a.Port, a.ID%1000, a.ID)
	}
	if other := ports[a.Port]; other != "" {
		c.Addf(at, "%s: port %d is %s's, too", label, a.Port, other)
		return
	}
	ports[a.Port] = label
}

// registered is an application and the backend that says so.
type registered struct {
	*Application
	name, backend string
}

// registry compares what all loaded backends say of applications with each other, and
// with the accounts that they declare. What is loaded alone, on a host, is held to its
// own registry: no mistake of another backend keeps it from being managed.
func (l *loader) registry(r *Repository) {
	byName, byID, byPort := map[string]registered{}, map[int]registered{}, map[int]registered{}
	for backend, b := range Sorted(r.Backends) {
		for name, a := range Sorted(b.Applications) {
			this := registered{a, name, backend}
			if was, ok := byName[name]; ok {
				l.sameApplication(this, was)
			} else {
				byName[name] = this
			}
			l.alone(this, "id", a.ID, byID)
			l.alone(this, "port", a.Port, byPort)
		}
	}
	for backend, b := range Sorted(r.Backends) {
		for name, u := range Sorted(b.Users) {
			if gone(u.State) {
				continue
			}
			label := "user " + name + " of backend " + backend
			l.numberOf(u.Meta, label, "uid", name, u.UID, byName, byID)
			if a, ok := byName[name]; ok && u.Group != "" && u.Group != name {
				l.problems.Addf(u.At("group"), "%s: group %s: application %s at %s has one number for uid and gid: leave group out", label, u.Group, name, a.Pos)
			}
		}
		for name, g := range Sorted(b.Groups) {
			if !gone(g.State) {
				l.numberOf(g.Meta, "group "+name+" of backend "+backend, "gid", name, g.GID, byName, byID)
			}
		}
	}
}

// sameApplication compares what two backends say of one application.
func (l *loader) sameApplication(a, was registered) {
	for _, f := range []struct {
		field     string
		have, had int
	}{{"id", a.ID, was.ID}, {"port", a.Port, was.Port}} {
		if f.have != f.had && a.Has(f.field) && was.Has(f.field) {
			l.problems.Addf(a.At(f.field), "application %s: %s %d on backend %s, and %d on %s at %s: it is the same on every host: say it in one file that all include",
				a.name, f.field, f.have, a.backend, f.had, was.backend, was.At(f.field))
		}
	}
}

// alone finds a number that another application has on another backend.
func (l *loader) alone(a registered, field string, number int, taken map[int]registered) {
	if !a.Has(field) {
		return
	}
	was, ok := taken[number]
	switch {
	case !ok:
		taken[number] = a
	case was.name != a.name && was.backend != a.backend:
		l.problems.Addf(a.At(field), "application %s: %s %d is application %s's, too, on backend %s at %s", a.name, field, number, was.name, was.backend, was.At(field))
	}
}

// numberOf checks the number of a declared account or group.
func (l *loader) numberOf(m Meta, label, field, name string, id *int, byName map[string]registered, byID map[int]registered) {
	a, isApplication := byName[name]
	switch {
	case isApplication && id == nil && a.ID > LastOrdinaryID:
		l.problems.Addf(m.Pos, "%s: has no %s: application %s at %s has %d: include the file that says so", label, field, name, a.Pos, a.ID)
	case isApplication && id != nil && *id != a.ID && a.ID > LastOrdinaryID:
		l.problems.Addf(m.At(field), "%s: %s %d: application %s at %s has %d: leave %s out, or say the same", label, field, *id, name, a.Pos, a.ID, field)
	case isApplication || id == nil:
	case byID[*id].Application != nil:
		l.problems.Addf(m.At(field), "%s: %s %d is application %s's, too, at %s", label, field, *id, byID[*id].name, byID[*id].Pos)
	}
}
