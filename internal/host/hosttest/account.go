package hosttest

import (
	"slices"

	"opsafe/internal/host"
)

func accountCases() []testCase {
	return []testCase{
		{"AddGroup", addGroup},
		{"SetGID", setGID},
		{"DeleteGroup", deleteGroup},
		{"SetMembers", setMembers},
		{"AddUser", addUser},
		{"AddUser_groups", addUserGroups},
		{"AddUser_uid_taken_as_gid", addUserTakenGID},
		{"AddUser_refused", addUserRefused},
		{"AddUsers", addUsers},
		{"AddUsers_refused", addUsersRefused},
		{"SetUser", setUser},
		{"DeleteUser", deleteUser},
		{"DeleteUser_group_in_use", deleteUserGroupInUse},
		{"SetPassword", setPassword},
		{"SetPasswordChanged", setPasswordChanged},
		{"AddShadowLine", addShadowLine},
		{"LockGroup", lockGroup},
		{"SetGroupAdmins", setGroupAdmins},
		{"SetExpiry", setExpiry},
		{"ids_of_files", idsOfFiles},
	}
}

func addGroup(e *env) {
	if g := e.group("ctga"); g != nil {
		e.Errorf("group is there before: %+v", g)
	}
	e.do(host.AddGroup{Name: "ctga", GID: 42001}, host.AddGroup{Name: "ctgb", GID: 42002, System: true})
	e.same("group", e.group("ctga"), &host.Group{Name: "ctga", GID: 42001})
	byID, err := e.host.GroupByID(42001)
	e.ok(err)
	e.same("group by id", byID, &host.Group{Name: "ctga", GID: 42001})
	if byID, err = e.host.GroupByID(42009); byID != nil || err != nil {
		e.Errorf("GroupByID of a free id: %+v, %v", byID, err)
	}
	groups, err := e.host.Groups()
	e.ok(err)
	if !slices.ContainsFunc(groups, func(g host.Group) bool { return g.Name == "ctgb" && g.GID == 42002 }) {
		e.Errorf("Groups does not list ctgb: %+v", groups)
	}
	e.refuse(host.AddGroup{Name: "ctga", GID: 42003}, host.AddGroup{Name: "ctgc", GID: 42001})
}

func setGID(e *env) {
	e.do(host.AddGroup{Name: "ctgid", GID: 42011}, host.AddGroup{Name: "ctgid2", GID: 42012})
	e.do(host.AddUser{Name: "ctgidu", UID: 42011, Group: "ctgid", Home: "/nonexistent", Shell: "/bin/sh"})
	e.refuse(host.SetGID{Name: "ctgid", GID: 42012}, host.SetGID{Name: "ctnone", GID: 42013})
	e.do(host.SetGID{Name: "ctgid", GID: 42014})
	e.same("group", e.group("ctgid"), &host.Group{Name: "ctgid", GID: 42014})
	e.same("gid of its user", e.user("ctgidu").GID, 42014)
}

func deleteGroup(e *env) {
	e.do(host.AddGroup{Name: "ctdel", GID: 42021})
	e.addUser("ctdelu", 42022)
	e.refuse(host.DeleteGroup{Name: "ctdelu"}, host.DeleteGroup{Name: "ctnone"})
	e.do(host.DeleteGroup{Name: "ctdel"})
	if g := e.group("ctdel"); g != nil {
		e.Errorf("group is still there: %+v", g)
	}
}

func setMembers(e *env) {
	e.do(host.AddGroup{Name: "ctmem", GID: 42031})
	e.addUser("ctmemb", 42032)
	e.addUser("ctmema", 42033)
	e.do(host.SetMembers{Group: "ctmem", Members: []string{"ctmemb", "ctmema"}})
	e.same("members", e.members("ctmem"), []string{"ctmema", "ctmemb"})
	e.refuse(
		host.SetMembers{Group: "ctmem", Members: []string{"ctnobody"}},
		host.SetMembers{Group: "ctnone", Members: []string{"ctmema"}},
	)
	e.same("members", e.members("ctmem"), []string{"ctmema", "ctmemb"})
	e.do(host.SetMembers{Group: "ctmem", Members: []string{"ctmemb"}})
	e.same("members", e.members("ctmem"), []string{"ctmemb"})
	e.do(host.SetMembers{Group: "ctmem"})
	e.same("members", e.members("ctmem"), []string{})
}

func addUser(e *env) {
	e.do(host.AddUser{Name: "ctAlice-1", UID: 42041, Home: "/home/ctAlice-1", Shell: "/bin/bash", Comment: "Alice"})
	want := host.User{Name: "ctAlice-1", UID: 42041, GID: 42041, Comment: "Alice", Home: "/home/ctAlice-1", Shell: "/bin/bash"}
	e.same("user", e.user("ctAlice-1"), &want)
	e.same("own group", e.group("ctAlice-1"), &host.Group{Name: "ctAlice-1", GID: 42041})
	users, err := e.host.Users()
	e.ok(err)
	if !slices.Contains(users, want) {
		e.Errorf("Users does not list %+v", want)
	}
	p, err := e.host.Password("ctAlice-1")
	e.ok(err)
	p.Changed = 0 // today, or not known before
	e.same("password", p, &host.Password{State: host.PasswordLocked, Expires: -1})
	e.absent("/home/ctAlice-1")
	traces, err := e.host.Traces("ctAlice-1")
	e.ok(err)
	e.same("traces", traces, host.Traces{})
}

func addUserGroups(e *env) {
	e.do(host.AddGroup{Name: "ctprim", GID: 42051}, host.AddGroup{Name: "ctsupp", GID: 42052})
	e.addUser("ctzed", 42053)
	e.do(host.SetMembers{Group: "ctsupp", Members: []string{"ctzed"}})
	e.do(host.AddUser{Name: "ctsvc", UID: 42054, Group: "ctprim", Groups: []string{"ctsupp", "sudo"}, Home: "/nonexistent", Shell: "/usr/sbin/nologin", System: true})
	e.same("gid", e.user("ctsvc").GID, 42051)
	e.same("members", e.members("ctsupp"), []string{"ctsvc", "ctzed"})
	if !slices.Contains(e.members("sudo"), "ctsvc") {
		e.Error("ctsvc is not in group sudo")
	}
	if g := e.group("ctsvc"); g != nil {
		e.Errorf("a group of its own was made: %+v", g)
	}
}

func addUserTakenGID(e *env) {
	e.do(host.AddGroup{Name: "cttaken", GID: 42061})
	e.addUser("cttakenu", 42061)
	g := e.group("cttakenu")
	if g == nil || g.GID == 42061 || g.GID != e.user("cttakenu").GID {
		e.Errorf("own group is %+v of user %+v", g, e.user("cttakenu"))
	}
	// A group of the user's name that is there is the user's.
	e.do(host.AddGroup{Name: "ctown", GID: 42068})
	e.addUser("ctown", 42069)
	e.same("gid", e.user("ctown").GID, 42068)
}

func addUserRefused(e *env) {
	e.addUser("ctdup", 42071)
	e.refuse(
		host.AddUser{Name: "ctdup", UID: 42072, Home: "/x", Shell: "/bin/sh"},
		host.AddUser{Name: "ctdup2", UID: 42071, Home: "/x", Shell: "/bin/sh"},
		host.AddUser{Name: "ctdup3", UID: 42073, Group: "ctnone", Home: "/x", Shell: "/bin/sh"},
		host.AddUser{Name: "ctdup4", UID: 42074, Groups: []string{"ctnone"}, Home: "/x", Shell: "/bin/sh"},
	)
	for _, name := range []string{"ctdup2", "ctdup3", "ctdup4"} {
		if e.user(name) != nil || e.group(name) != nil {
			e.Errorf("the refused step left user or group %s", name)
		}
	}
}

// several are accounts with consecutive names and numbers.
func several(name string, uid int, groups ...string) host.AddUsers {
	var out host.AddUsers
	for i := range 6 {
		n := name + string(rune('a'+i))
		out.Users = append(out.Users, host.AddUser{Name: n, UID: uid + i, Groups: groups, Home: "/home/" + n, Shell: "/bin/bash"})
	}
	return out
}

func addUsers(e *env) {
	e.do(host.AddGroup{Name: "ctmany", GID: 42301}, host.AddGroup{Name: "ctmanyd", GID: 42318})
	e.addUser("ctmanyz", 42302)
	e.do(host.SetMembers{Group: "ctmany", Members: []string{"ctmanyz"}})
	s := several("ctmany", 42311, "ctmany", "sudo")
	s.Users[2].Groups, s.Users[2].Comment = nil, "Carol"
	s.Users[4].GID = 42319 // its own number is taken
	s.Users[5].Group = "ctmanyd"
	s.Users[3].Group = "ctmanyd" // a group of its name is there
	e.do(s)
	e.same("user", e.user("ctmanyc"), &host.User{Name: "ctmanyc", UID: 42313, GID: 42313, Comment: "Carol", Home: "/home/ctmanyc", Shell: "/bin/bash"})
	e.same("gid", e.user("ctmanye").GID, 42319)
	e.same("gid", e.user("ctmanyd").GID, 42318)
	e.same("gid", e.user("ctmanyf").GID, 42318)
	e.same("members", e.members("ctmany"), []string{"ctmanya", "ctmanyb", "ctmanyd", "ctmanye", "ctmanyf", "ctmanyz"})
	for _, u := range s.Users {
		p, err := e.host.Password(u.Name)
		e.ok(err)
		p.Changed = 0 // today, or not known before
		e.same("password of "+u.Name, p, &host.Password{State: host.PasswordLocked, Expires: -1})
		if u.Group != "" {
			continue
		}
		g, err := e.host.GroupShadow(u.Name)
		e.ok(err)
		e.same("shadow of group "+u.Name, g, &host.GroupShadow{Password: host.PasswordLocked})
		e.same("members of group "+u.Name, e.members(u.Name), []string{})
	}
	strays, err := e.host.Strays()
	e.ok(err)
	if len(strays.Twice) > 0 || slices.ContainsFunc(strays.Shadow, func(n string) bool { return n[:2] == "ct" }) {
		e.Errorf("strays: %+v", strays)
	}
}

// addUsersRefused leaves nothing by halves: those before the one that is refused are
// there, or not.
func addUsersRefused(e *env) {
	e.do(host.AddGroup{Name: "ctfew", GID: 42331})
	for _, spoil := range []func(*host.AddUser){
		func(u *host.AddUser) { u.UID = 42341 },
		func(u *host.AddUser) { u.Group = "ctnone" },
		func(u *host.AddUser) { u.Groups = []string{"ctnone"} },
		func(u *host.AddUser) { u.Name = "ctfewa" },
	} {
		s := several("ctfew", 42341, "ctfew")
		spoil(&s.Users[4])
		e.refuse(s)
		for _, u := range s.Users {
			if e.user(u.Name) != nil {
				e.same("group of "+u.Name, e.group(u.Name) != nil, true)
				e.same("membership of "+u.Name, slices.Contains(e.members("ctfew"), u.Name), true)
				e.do(host.DeleteUser{Name: u.Name})
			}
			if e.group(u.Name) != nil {
				e.Errorf("a group %s is left", u.Name)
			}
		}
	}
}

func setUser(e *env) {
	e.do(host.AddGroup{Name: "ctnewg", GID: 42081})
	e.addUser("ctset", 42082)
	e.addUser("ctset2", 42083)
	e.refuse(
		host.SetUser{Name: "ctset", UID: ptr(42083)},
		host.SetUser{Name: "ctset", Group: ptr("ctnone")},
		host.SetUser{Name: "ctnobody", Shell: ptr("/bin/sh")},
	)
	e.do(host.SetUser{Name: "ctset", Shell: ptr("/bin/sh"), Comment: ptr("New")})
	e.same("user", e.user("ctset"), &host.User{Name: "ctset", UID: 42082, GID: 42082, Comment: "New", Home: "/home/ctset", Shell: "/bin/sh"})
	e.do(host.SetUser{Name: "ctset", UID: ptr(42084), Group: ptr("ctnewg"), Home: ptr("/srv/ctset")})
	e.same("user", e.user("ctset"), &host.User{Name: "ctset", UID: 42084, GID: 42081, Comment: "New", Home: "/srv/ctset", Shell: "/bin/sh"})
	e.absent("/srv/ctset")
}

func deleteUser(e *env) {
	e.do(host.AddGroup{Name: "ctdg", GID: 42091})
	e.addUser("ctgone", 42092)
	e.do(host.SetMembers{Group: "ctdg", Members: []string{"ctgone"}})
	e.do(host.DeleteUser{Name: "ctgone"})
	if e.user("ctgone") != nil || e.group("ctgone") != nil {
		e.Errorf("user or own group is still there: %+v %+v", e.user("ctgone"), e.group("ctgone"))
	}
	e.same("members", e.members("ctdg"), []string{})
	p, err := e.host.Password("ctgone")
	if p != nil || err != nil {
		e.Errorf("Password = %+v, %v: want nothing", p, err)
	}
	e.refuse(host.DeleteUser{Name: "ctgone"})
	e.addUser("ctgone", 42092)
	e.same("uid", e.user("ctgone").UID, 42092)
}

func deleteUserGroupInUse(e *env) {
	e.addUser("ctowner", 42101)
	e.addUser("ctguest", 42102)
	e.do(host.SetMembers{Group: "ctowner", Members: []string{"ctguest"}}, host.DeleteUser{Name: "ctowner"})
	e.same("group that others are in", e.group("ctowner"), &host.Group{Name: "ctowner", GID: 42101, Members: []string{"ctguest"}})
}

func setPassword(e *env) {
	e.addUser("ctpw", 42111)
	for _, c := range []struct {
		to   host.PasswordChange
		want host.Password
	}{
		{host.LockPassword, host.Password{State: host.PasswordLocked, Expires: -1}},
		{host.PasswordAtFirstLogin, host.Password{State: host.PasswordEmpty, MustChange: true, Expires: -1}},
		{host.LockPassword, host.Password{State: host.PasswordLocked, Expires: -1}}, // else nobody could get in, with a key either
		{host.RemovePassword, host.Password{State: host.PasswordLocked, Expires: -1}},
		{host.PasswordAtFirstLogin, host.Password{State: host.PasswordEmpty, MustChange: true, Expires: -1}},
	} {
		e.do(host.SetPassword{User: "ctpw", To: c.to})
		p, err := e.host.Password("ctpw")
		e.ok(err)
		p.Changed = 0 // today, or not known before
		e.same("password after "+string(c.to), p, &c.want)
	}
	e.do(host.SetPassword{User: "ctpw", To: host.RemovePassword})
	e.refuse(host.SetPassword{User: "ctpw", To: host.UnlockPassword})
	e.refuse(host.SetPassword{User: "ctnobody", To: host.LockPassword}, host.SetPassword{User: "ctpw", To: "other"})
}

func setPasswordChanged(e *env) {
	e.addUser("ctday", 42113)
	for _, day := range []int{0, 20000, -1} {
		e.do(host.SetPasswordChanged{User: "ctday", Day: day})
		p, err := e.host.Password("ctday")
		e.ok(err)
		e.same("password", p, &host.Password{State: host.PasswordLocked, MustChange: day == 0, Changed: day, Expires: -1})
	}
	e.refuse(host.SetPasswordChanged{User: "ctnobody", Day: 1})
}

// addShadowLine leaves alone what has its line. That it adds one, and that alone, is
// shown where a line can be taken away.
func addShadowLine(e *env) {
	e.addUser("ctline", 42114)
	e.do(host.SetPassword{User: "ctline", To: host.PasswordAtFirstLogin}, host.AddShadowLine{User: "ctline"})
	p, err := e.host.Password("ctline")
	e.ok(err)
	e.same("password", p, &host.Password{State: host.PasswordEmpty, MustChange: true, Expires: -1})
	e.do(host.SetPassword{User: "ctline", To: host.LockPassword})
	e.refuse(host.AddShadowLine{User: "ctnobody"})
}

func lockGroup(e *env) {
	e.do(host.AddGroup{Name: "ctlock", GID: 42115})
	e.do(host.LockGroup{Group: "ctlock"})
	s, err := e.host.GroupShadow("ctlock")
	e.ok(err)
	e.same("shadow of the group", s, &host.GroupShadow{Password: host.PasswordLocked})
	none, err := e.host.GroupShadow("ctnone")
	if none != nil || err != nil {
		e.Errorf("GroupShadow of no group = %+v, %v", none, err)
	}
	e.refuse(host.LockGroup{Group: "ctnone"})
}

func setGroupAdmins(e *env) {
	e.do(host.AddGroup{Name: "ctadm", GID: 42116})
	e.addUser("ctadmb", 42117)
	e.addUser("ctadma", 42118)
	e.do(host.SetMembers{Group: "ctadm", Members: []string{"ctadma"}}, host.SetGroupAdmins{Group: "ctadm", Admins: []string{"ctadmb", "ctadma"}})
	s, err := e.host.GroupShadow("ctadm")
	e.ok(err)
	e.same("administrators", s, &host.GroupShadow{Password: host.PasswordLocked, Admins: []string{"ctadma", "ctadmb"}})
	e.same("members", e.members("ctadm"), []string{"ctadma"})
	e.refuse(host.SetGroupAdmins{Group: "ctadm", Admins: []string{"ctnobody"}}, host.SetGroupAdmins{Group: "ctnone"})
	e.do(host.DeleteUser{Name: "ctadmb"})
	s, err = e.host.GroupShadow("ctadm")
	e.ok(err)
	e.same("administrators", s.Admins, []string{"ctadma"})
	e.do(host.SetGroupAdmins{Group: "ctadm"})
	s, err = e.host.GroupShadow("ctadm")
	e.ok(err)
	e.same("shadow of the group", s, &host.GroupShadow{Password: host.PasswordLocked})
	strays, err := e.host.Strays()
	e.ok(err)
	e.same("strays", strays, host.Strays{})
}

func setExpiry(e *env) {
	e.addUser("ctexp", 42121)
	for _, day := range []int{1, 30000, -1} {
		e.do(host.SetExpiry{User: "ctexp", Day: day})
		p, err := e.host.Password("ctexp")
		e.ok(err)
		e.same("expiry", p.Expires, day)
	}
	e.refuse(host.SetExpiry{User: "ctnobody", Day: 1})
}

// idsOfFiles shows that files belong to ids: they show a name while an account
// has it.
func idsOfFiles(e *env) {
	room := e.room()
	f := room + "/f"
	w := file(f, "x")
	w.Owner, w.Group = "#42131", "#42131"
	e.do(w)
	e.same("owner", e.node(f).Owner, "#42131")
	e.addUser("ctids", 42131)
	e.same("owner", e.node(f).Owner, "ctids")
	e.same("group", e.node(f).Group, "ctids")
	e.do(host.SetUser{Name: "ctids", UID: ptr(42132)})
	e.same("owner after a new uid", e.node(f).Owner, "#42131")
	e.do(host.SetOwner{Path: f, Owner: "ctids"}, host.DeleteUser{Name: "ctids"})
	e.same("owner after the user is gone", e.node(f).Owner, "#42132")
	e.same("group after the user is gone", e.node(f).Group, "#42131")
}
