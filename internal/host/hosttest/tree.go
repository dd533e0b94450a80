package hosttest

import "opsafe/internal/host"

func treeCases() []testCase {
	return []testCase{
		{"FixTree", fixTree},
		{"FixTree_refused", fixTreeRefused},
		{"ScanTree", scanTree},
		{"tree_behind_a_link", treeBehindLink},
	}
}

// plant makes a small tree.
func (e *env) plant(room string) {
	e.Helper()
	e.do(dir(room+"/d"), file(room+"/d/f", "x"), dir(room+"/own"), file(room+"/own/f", "x"),
		dir(room+"/away"), file(room+"/away/f", "x"),
		host.MakeLink{Path: room + "/l", Target: "d/f", Owner: "root", Group: "root"})
	x := file(room+"/x", "#!/bin/sh\n")
	x.Access = host.AccessOf(0o755)
	e.do(x)
}

func ruleFor(room string) host.TreeRule {
	return host.TreeRule{
		Root: room, Owner: "daemon", FileMode: ptr(host.Mode(0o640)), DirMode: ptr(host.Mode(0o2750)),
		ACL: &host.ACLRule{
			Access:  []host.Entry{{Tag: host.TagGroup, Name: "sudo", Perm: host.Read | host.ExecuteIfDir}},
			Default: []host.Entry{{Tag: host.TagGroup, Name: "sudo", Perm: host.Read | host.ExecuteIfDir}},
		},
		Except: []string{room + "/own"}, Prune: []string{room + "/away"},
	}
}

// treeBehindLink shows that a tree behind a link of root's is named as it was asked
// for, before and after other changes, and that ".." in a link leads up from where
// one really is.
func treeBehindLink(e *env) {
	room := e.room()
	e.do(dir(room+"/disk"), dir(room+"/disk/in"), dir(room+"/disk/data"), file(room+"/disk/data/f", "x"), file(room+"/disk/data/own", "x"),
		host.MakeLink{Path: room + "/in", Target: "disk/in", Owner: "root", Group: "root"},
		host.MakeLink{Path: room + "/l", Target: "in/../data", Owner: "root", Group: "root"},
		host.MakeLink{Path: room + "/up", Target: room + "/l/..", Owner: "root", Group: "root"})
	for _, root := range []string{room + "/up/data", room + "/disk/data"} {
		rule := host.TreeRule{Root: root, FileMode: ptr(host.Mode(0o600)), Except: []string{root + "/own"}}
		e.do(file(room+"/disk/data/f", "y"))
		scan, err := e.host.ScanTree(e.ctx, rule)
		e.ok(err)
		e.same("found", []int{scan.Total, scan.Differ, len(scan.First), len(scan.Sorts), scan.Sorts[0].Count}, []int{1, 1, 1, 1, 1})
		e.same("names", []string{scan.First[0].Path, scan.Sorts[0].Path}, []string{rule.Root + "/f", rule.Root + "/f"})
		e.do(host.FixTree{Rule: rule})
		e.same("fixed", e.node(room+"/disk/data/f").Access, host.AccessOf(0o600))
		e.same("left alone", e.node(room+"/up/data/own").Access, host.AccessOf(0o644))
	}

	theirs := host.MakeDir{Path: room + "/theirs", Owner: "daemon", Group: "daemon", Access: host.AccessOf(0o755)}
	e.do(theirs, host.MakeLink{Path: room + "/theirs/l", Target: room + "/disk", Owner: "root", Group: "root"})
	rule := host.TreeRule{Root: room + "/theirs/l/data", Owner: "daemon"}
	e.refuse(host.FixTree{Rule: rule})
	if _, err := e.host.ScanTree(e.ctx, rule); err == nil || err.Error() != "cannot use "+room+"/theirs/l: it is a symbolic link, in a directory that daemon can write" {
		e.Errorf("a tree behind a link of somebody else's is refused with %v", err)
	}
}

func fixTree(e *env) {
	room := e.room()
	e.plant(room)
	rule := ruleFor(room)
	want := map[string]*host.Node{}
	for _, p := range []string{"/d", "/d/f", "/own/f", "/x", "/l"} {
		n := rule.Apply(*e.node(room + p))
		want[p] = &n
	}
	for _, p := range []string{"", "/own", "/away", "/away/f"} {
		want[p] = e.node(room + p)
	}
	e.do(host.FixTree{Rule: rule})
	for p, n := range want {
		e.same("node at "+p, e.node(room+p), n)
	}
	scan, err := e.host.ScanTree(e.ctx, rule)
	e.ok(err)
	e.same("scan", scan, &host.TreeScan{Total: 5})
	// What is written afterwards is as written.
	e.do(file(room+"/d/new", "x"))
	e.same("owner", e.node(room+"/d/new").Owner, "root")
	scan, err = e.host.ScanTree(e.ctx, rule)
	e.ok(err)
	e.same("differing", scan.Differ, 1)
	e.same("total", scan.Total, 6)
	e.same("first", scan.First[0].Path, room+"/d/new")
}

func fixTreeRefused(e *env) {
	room := e.room()
	e.plant(room)
	noACL := ruleFor(room)
	noACL.ACL.Access[0].Name = "ctnone"
	e.refuse(
		host.FixTree{Rule: host.TreeRule{Root: room, Owner: "ctnobody"}},
		host.FixTree{Rule: host.TreeRule{Root: room, Group: "ctnone"}},
		host.FixTree{Rule: noACL},
		host.FixTree{Rule: host.TreeRule{Root: room + "/none", Owner: "daemon"}},
		host.FixTree{Rule: host.TreeRule{Root: room + "/x", Owner: "daemon"}},
	)
	e.same("owner", e.node(room+"/x").Owner, "root")
}

func scanTree(e *env) {
	room := e.room()
	rule := ruleFor(room)
	scan, err := e.host.ScanTree(e.ctx, rule)
	e.ok(err)
	e.same("empty tree", scan, &host.TreeScan{})
	e.plant(room)
	scan, err = e.host.ScanTree(e.ctx, rule)
	e.ok(err)
	var paths []string
	for _, d := range scan.First {
		paths = append(paths, d.Path)
	}
	e.same("paths", paths, []string{room + "/d", room + "/d/f", room + "/l", room + "/own/f", room + "/x"})
	e.same("counts", []int{scan.Total, scan.Differ, scan.Unknown, len(scan.Refused)}, []int{5, 5, 0, 0})
	e.same("after", scan.First[1].After.Access, rule.Apply(scan.First[1].Before).Access)
	// A rule counts what it speaks about.
	scan, err = e.host.ScanTree(e.ctx, host.TreeRule{Root: room, DirMode: ptr(host.Mode(0o755))})
	e.ok(err)
	e.same("scan of directories", scan, &host.TreeScan{Total: 3})
	e.do(host.RemovePath{Path: room + "/x"})
	scan, err = e.host.ScanTree(e.ctx, host.TreeRule{Root: room, Owner: "root"})
	e.ok(err)
	e.same("scan of owners", scan, &host.TreeScan{Total: 7})
	scan, err = e.host.ScanTree(e.ctx, host.TreeRule{Root: room + "/none", Owner: "root"})
	e.ok(err)
	if scan != nil {
		e.Errorf("scan of nothing: %+v", scan)
	}
}
