package hosttest

import (
	"strings"

	"opsafe/internal/host"
)

func fileCases() []testCase {
	return []testCase{
		{"WriteFile", writeFile},
		{"WriteFile_refused", writeFileRefused},
		{"WriteFile_kernel", writeFileKernel},
		{"MakeDir", makeDir},
		{"MakeDir_skeleton", makeDirSkeleton},
		{"MakeDirs", makeDirs},
		{"WriteFiles", writeFiles},
		{"MakeLink", makeLink},
		{"links_on_the_way", linksOnTheWay},
		{"SetOwner", setOwner},
		{"SetAccess", setAccess},
		{"RemovePath", removePath},
		{"MakeKeyPair", makeKeyPair},
		{"MakeCertificate", makeCertificate},
		{"UpdateTrust", updateTrust},
		{"Unpack", unpack},
		{"Venv", venv},
	}
}

func writeFile(e *env) {
	room := e.room()
	f := room + "/f"
	e.absent(f)
	e.do(file(f, "one\n"))
	e.same("content", e.content(f), "one\n")
	e.same("node", e.node(f), &host.Node{
		Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644), Size: 4, Links: 1,
	})
	e.same("names", e.names(room), []string{"f"})
	a := host.ACLRule{Access: []host.Entry{{Tag: host.TagGroup, Name: "sudo", Perm: host.Read}}}.Apply(host.AccessOf(0o600), false)
	e.do(host.WriteFile{Path: f, Content: host.NewSecret([]byte("two")), Owner: "daemon", Group: "#0", Access: a})
	e.same("content", e.content(f), "two")
	e.same("node", e.node(f), &host.Node{Type: host.TypeFile, Owner: "daemon", Group: "root", Access: a, Size: 3, Links: 1})
	// What it replaces leaves nothing behind.
	e.do(file(f, ""))
	e.same("content", e.content(f), "")
	e.same("node", e.node(f), &host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644), Links: 1})
	e.do(host.MakeLink{Path: room + "/l", Target: f, Owner: "root", Group: "root"}, file(room+"/l", "no link"))
	e.same("content behind a replaced link", e.content(f), "")
	e.same("content", e.content(room+"/l"), "no link")
}

func writeFileRefused(e *env) {
	room := e.room()
	e.do(file(room+"/f", "x"), dir(room+"/d"))
	nobody := file(room+"/g", "x")
	nobody.Owner = "ctnobody"
	noGroup := file(room+"/g", "x")
	noGroup.Group = "ctnone"
	noEntry := file(room+"/g", "x")
	noEntry.Access = host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "ctnobody", Perm: host.Read}}}.Apply(noEntry.Access, false)
	checked := file(room+"/f", "y")
	checked.Check = &host.Check{Argv: []string{"/bin/false", "%"}}
	e.refuse(nobody, noGroup, noEntry,
		file(room+"/no/f", "x"), file(room+"/f/g", "x"), file(room+"/d", "x"), file("relative", "x"), checked)
	e.same("names", e.names(room), []string{"d", "f"})
	e.same("content", e.content(room+"/f"), "x")
	checked.Check.Argv[0] = "/bin/true"
	e.do(checked)
	e.same("content", e.content(room+"/f"), "y")
}

// writeFileKernel sets a value of the kernel's, whose file cannot be replaced.
func writeFileKernel(e *env) {
	const at = "/proc/sys/net/ipv4/ip_default_ttl"
	was := e.content(at)
	e.do(file(at, "63\n"))
	e.same("value", e.content(at), "63\n")
	e.do(file(at, was))
	e.same("value", e.content(at), was)
}

func makeDir(e *env) {
	room := e.room()
	a := host.ACLRule{
		Access:  []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: host.Read | host.Execute}},
		Default: []host.Entry{{Tag: host.TagGroup, Name: "sudo", Perm: host.Read}},
	}.Apply(host.AccessOf(0o2750), true)
	e.do(host.MakeDir{Path: room + "/d", Owner: "daemon", Group: "sudo", Access: a})
	e.same("node", e.node(room+"/d"), &host.Node{Type: host.TypeDir, Owner: "daemon", Group: "sudo", Access: a})
	e.same("names", e.names(room+"/d"), []string{})
	// Nothing is inherited: the step says it all.
	e.do(dir(room+"/d/sub"), file(room+"/d/f", "x"))
	e.same("access below a default ACL", e.node(room+"/d/sub").Access, host.AccessOf(0o755))
	e.same("access below a default ACL", e.node(room+"/d/f").Access, host.AccessOf(0o644))
	e.refuse(dir(room+"/d"), dir(room+"/no/d"), dir(room+"/d/f"), dir(room+"/d/f/d"),
		host.MakeDir{Path: room + "/e", Owner: "ctnobody", Group: "root", Access: host.AccessOf(0o755)})
	e.absent(room + "/e")
}

func makeDirs(e *env) {
	room := e.room()
	e.do(several("ctdirs", 43021))
	e.do(host.MakeDirs{Dirs: []host.MakeDir{
		dir(room + "/a"),
		{Path: "/home/ctdirsa", Owner: "ctdirsa", Group: "ctdirsa", Access: host.AccessOf(0o750), Skeleton: true},
		{Path: room + "/b", Owner: "daemon", Group: "sudo", Access: host.AccessOf(0o2770)},
	}})
	e.same("names", e.names(room), []string{"a", "b"})
	e.same("node", e.node(room+"/b"), &host.Node{Type: host.TypeDir, Owner: "daemon", Group: "sudo", Access: host.AccessOf(0o2770)})
	e.same("home", e.node("/home/ctdirsa"), &host.Node{Type: host.TypeDir, Owner: "ctdirsa", Group: "ctdirsa", Access: host.AccessOf(0o750)})
	e.same("names", e.names("/home/ctdirsa"), e.names("/etc/skel"))
	e.refuse(
		host.MakeDirs{Dirs: []host.MakeDir{dir(room + "/c"), dir(room + "/no/d")}},
		host.MakeDirs{Dirs: []host.MakeDir{dir(room + "/b"), dir(room + "/d")}},
	)
	e.absent(room + "/d")
}

func writeFiles(e *env) {
	room := e.room()
	secret := host.WriteFile{Path: room + "/b", Content: host.NewSecret([]byte("two")), Owner: "daemon", Group: "sudo", Access: host.AccessOf(0o640)}
	e.do(file(room+"/a", "old"), host.WriteFiles{Files: []host.WriteFile{file(room+"/a", "one"), secret}})
	e.same("names", e.names(room), []string{"a", "b"})
	e.same("content", e.content(room+"/a"), "one")
	e.same("content", e.content(room+"/b"), "two")
	e.same("node", e.node(room+"/b"), &host.Node{Type: host.TypeFile, Owner: "daemon", Group: "sudo", Access: host.AccessOf(0o640), Size: 3, Links: 1})
	e.refuse(host.WriteFiles{Files: []host.WriteFile{file(room+"/no/c", "x"), file(room+"/d", "x")}})
	e.absent(room + "/d")
}

func makeDirSkeleton(e *env) {
	e.addUser("ctskel", 43011)
	e.do(host.MakeDir{Path: "/home/ctskel", Owner: "ctskel", Group: "ctskel", Access: host.AccessOf(0o750), Skeleton: true})
	e.same("names", e.names("/home/ctskel"), e.names("/etc/skel"))
	skel, home := e.node("/etc/skel/.bashrc"), e.node("/home/ctskel/.bashrc")
	if home == nil {
		e.Fatal("there is no .bashrc in the new home")
	}
	skel.Owner, skel.Group = "ctskel", "ctskel"
	e.same(".bashrc", home, skel)
	e.same("content", e.content("/home/ctskel/.bashrc"), e.content("/etc/skel/.bashrc"))
	e.same("access", e.node("/home/ctskel").Access, host.AccessOf(0o750))
	e.refuse(host.MakeDir{Path: "/home/ctskel", Owner: "ctskel", Group: "ctskel", Access: host.AccessOf(0o750), Skeleton: true})
}

func makeLink(e *env) {
	room := e.room()
	l := room + "/l"
	e.do(host.MakeLink{Path: l, Target: "nowhere", Owner: "root", Group: "root"})
	want := &host.Node{Type: host.TypeSymlink, Owner: "root", Group: "root", Access: host.AccessOf(0o777), Target: "nowhere"}
	e.same("node", e.node(l), want)
	e.do(host.MakeLink{Path: l, Target: "/etc", Owner: "daemon", Group: "sudo"})
	want.Target, want.Owner, want.Group = "/etc", "daemon", "sudo"
	e.same("node", e.node(l), want)
	e.do(dir(room+"/d"), file(room+"/f", "x"), host.MakeLink{Path: room + "/f", Target: "d", Owner: "root", Group: "root"})
	e.same("type", e.node(room+"/f").Type, host.TypeSymlink)
	e.refuse(
		host.MakeLink{Path: room + "/d", Target: "x", Owner: "root", Group: "root"},
		host.MakeLink{Path: room + "/no/l", Target: "x", Owner: "root", Group: "root"},
		host.SetAccess{Path: l, Access: host.AccessOf(0o600)},
	)
	if _, err := e.host.ReadFile(l); err == nil {
		e.Error("ReadFile follows a link")
	}
}

// linksOnTheWay shows that links of root's are followed, of others not.
func linksOnTheWay(e *env) {
	room := e.room()
	e.do(dir(room+"/one"), dir(room+"/two"), host.MakeLink{Path: room + "/now", Target: "one", Owner: "root", Group: "root"})
	e.do(file(room+"/now/f", "x"))
	e.same("content", e.content(room+"/one/f"), "x")
	e.do(host.MakeLink{Path: room + "/now", Target: room + "/two", Owner: "root", Group: "root"})
	e.absent(room + "/now/f")
	e.do(file(room+"/now/g", "y"))
	e.same("names", e.names(room+"/two"), []string{"g"})

	theirs := host.MakeDir{Path: room + "/theirs", Owner: "daemon", Group: "daemon", Access: host.AccessOf(0o755)}
	e.do(theirs, host.MakeLink{Path: room + "/theirs/l", Target: room + "/one", Owner: "daemon", Group: "daemon"})
	e.refuse(file(room+"/theirs/l/f", "stolen"), host.SetOwner{Path: room + "/theirs/l/f", Owner: "daemon"})
	if n, err := e.host.Stat(room + "/theirs/l/f"); err == nil && n != nil {
		e.Error("Stat follows a link of somebody else's")
	}
	e.same("content", e.content(room+"/one/f"), "x")
	e.same("owner", e.node(room+"/one/f").Owner, "root")
}

func setOwner(e *env) {
	room := e.room()
	e.do(file(room+"/f", "x"), host.MakeLink{Path: room + "/l", Target: "f", Owner: "root", Group: "root"})
	e.do(host.SetOwner{Path: room + "/f", Owner: "daemon"})
	e.same("owner", e.node(room+"/f").Owner+":"+e.node(room+"/f").Group, "daemon:root")
	e.do(host.SetOwner{Path: room + "/f", Group: "sudo"}, host.SetOwner{Path: room + "/l", Owner: "bin", Group: "bin"})
	e.same("owner", e.node(room+"/f").Owner+":"+e.node(room+"/f").Group, "daemon:sudo")
	e.same("owner of the link", e.node(room+"/l").Owner+":"+e.node(room+"/l").Group, "bin:bin")
	e.same("content", e.content(room+"/f"), "x")
	e.refuse(
		host.SetOwner{Path: room + "/f", Owner: "ctnobody"},
		host.SetOwner{Path: room + "/f", Group: "ctnone"},
		host.SetOwner{Path: room + "/none", Owner: "root"},
		host.SetOwner{Path: room + "/f", Owner: "bin", From: "root"},
		host.SetOwner{Path: room + "/f", Group: "bin", From: "ctnobody"},
	)
	e.do(host.SetOwner{Path: room + "/f", Owner: "bin", From: "daemon"})
	e.same("owner of what was still somebody's", e.node(room+"/f").Owner, "bin")
}

func setAccess(e *env) {
	room := e.room()
	e.do(file(room+"/f", "x"), dir(room+"/d"))
	for _, c := range []struct {
		path string
		a    host.Access
	}{
		{"/f", host.AccessOf(0o4755)},
		{"/f", host.ACLRule{Access: []host.Entry{
			{Tag: host.TagUser, Name: "daemon", Perm: host.Read | host.Write},
			{Tag: host.TagGroup, Name: "sudo", Perm: host.Read},
			{Tag: host.TagUser, Name: "#43999", Perm: 0},
		}}.Apply(host.AccessOf(0o640), false)},
		{"/f", host.AccessOf(0o600)},
		{"/d", host.ACLRule{Default: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: 7}}}.Apply(host.AccessOf(0o1777), true)},
		{"/d", host.AccessOf(0o700)},
	} {
		e.do(host.SetAccess{Path: room + c.path, Access: c.a})
		e.same("access of "+c.path, e.node(room+c.path).Access, c.a)
	}
	bad := host.ACLRule{Access: []host.Entry{{Tag: host.TagGroup, Name: "ctnone", Perm: 4}}}.Apply(host.AccessOf(0o640), false)
	fileDefault := host.AccessOf(0o644)
	fileDefault.Default = &host.Default{User: 7}
	e.refuse(
		host.SetAccess{Path: room + "/f", Access: bad},
		host.SetAccess{Path: room + "/f", Access: fileDefault},
		host.SetAccess{Path: room + "/none", Access: host.AccessOf(0o600)},
		host.SetAccess{Path: room + "/f", Access: host.AccessOf(0o640), Owner: "daemon"},
		host.SetAccess{Path: room + "/f", Access: host.AccessOf(0o640), Owner: "ctnobody"},
	)
	e.do(host.SetOwner{Path: room + "/f", Owner: "daemon"}, host.SetAccess{Path: room + "/f", Access: host.AccessOf(0o640), Owner: "daemon"})
	e.same("access of the owner's", e.node(room+"/f").Access, host.AccessOf(0o640))
}

func removePath(e *env) {
	room := e.room()
	e.do(dir(room+"/d"), file(room+"/d/f", "x"), host.MakeLink{Path: room + "/l", Target: "d", Owner: "root", Group: "root"})
	e.refuse(host.RemovePath{Path: room + "/d"})
	e.do(host.RemovePath{Path: room + "/l"})
	e.absent(room + "/l")
	e.do(host.RemovePath{Path: room + "/d/f"})
	e.same("names", e.names(room+"/d"), []string{})
	e.do(host.RemovePath{Path: room + "/d"})
	e.absent(room+"/d", room+"/d/f")
	e.do(host.RemovePath{Path: room + "/d"}, host.RemovePath{Path: room + "/d/f"}) // gone is gone
	e.refuse(file(room+"/d/f", "x"))
	e.do(dir(room+"/d"), file(room+"/d/g", "y"))
	e.same("names", e.names(room+"/d"), []string{"g"})
}

func makeKeyPair(e *env) {
	room := e.room()
	key := room + "/id"
	step := host.MakeKeyPair{Path: key, Type: "ed25519", Comment: "ct@host", Owner: "daemon", Group: "sudo"}
	e.do(step)
	for p, m := range map[string]host.Mode{key: 0o600, key + ".pub": 0o644} {
		n := e.node(p)
		if n == nil {
			e.Fatalf("%s is not there", p)
		}
		n.Size = 0
		e.same("node", n, &host.Node{Type: host.TypeFile, Owner: "daemon", Group: "sudo", Access: host.AccessOf(m), Links: 1})
	}
	public, err := e.host.ReadFile(key + ".pub")
	if !host.AfterApply(err) {
		e.ok(err)
		if s := string(public); !strings.HasPrefix(s, "ssh-ed25519 ") || !strings.HasSuffix(s, " ct@host\n") {
			e.Errorf("public half is %q", s)
		}
	}
	step.Path = room + "/no/id"
	e.refuse(step)
	step.Path, step.Owner = room+"/id2", "ctnobody"
	e.refuse(step)
	e.same("names", e.names(room), []string{"id", "id.pub"})
}
