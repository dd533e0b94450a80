package local

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

func mode(m host.Mode) *host.Mode { return &m }

// reviewRule is like what a privacy tree declares: owner, modes, capital X.
func reviewRule(root string) host.TreeRule {
	return host.TreeRule{
		Root: root, Owner: "daemon", Group: "users", FileMode: mode(0o640), DirMode: mode(0o2750),
		ACL: &host.ACLRule{
			Access:  []host.Entry{{Tag: host.TagGroup, Name: "#10010", Perm: host.Read | host.ExecuteIfDir}},
			Default: []host.Entry{{Tag: host.TagGroup, Name: "#10010", Perm: host.Read | host.ExecuteIfDir}},
			Exact:   true,
		},
	}
}

func makeTree(t testing.TB, root string, dirs, files int) {
	t.Helper()
	for d := range dirs {
		dir := filepath.Join(root, fmt.Sprintf("d%02d", d%10), fmt.Sprintf("d%04d", d))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for f := range files {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%04d", f)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func scan(t *testing.T, h *Host, r host.TreeRule) host.TreeScan {
	t.Helper()
	s, err := h.ScanTree(context.Background(), r)
	must(t, err)
	return *s
}

func TestTree(t *testing.T) {
	h, dir := newTestHost(t)
	makeTree(t, dir, 20, 20)
	must(t, os.Symlink("/etc", dir+"/d00/etc"))
	must(t, unix.Mkfifo(dir+"/d00/fifo", 0o600))
	must(t, os.WriteFile(dir+"/d00/tool", nil, 0o755))
	before, err := os.Stat("/etc")
	must(t, err)
	r := reviewRule(dir)
	const total = 20*21 + 10 + 3

	s := scan(t, h, r)
	if s.Total != total || s.Differ != total || len(s.First) != host.MaxTreeDiffs || len(s.Refused) != 0 {
		t.Errorf("at first: %+v", s)
	}
	for i, want := range []string{"d00", "d00/d0000", "d00/d0000/f0000", "d00/d0000/f0001", "d00/d0000/f0002"} {
		d := s.First[i]
		if d.Path != dir+"/"+want || d.Before.Owner != "root" || d.After.Owner != "daemon" {
			t.Errorf("difference %d is %+v, want %s", i, d, want)
		}
	}
	if again := scan(t, h, r); !slices.EqualFunc(again.First, s.First, func(a, b host.TreeDiff) bool { return a.Path == b.Path }) {
		t.Error("the first differences change from scan to scan")
	}
	more := r
	for _, more.Most = range []int{100, total, 2 * total} {
		s := scan(t, h, more)
		sorted := slices.IsSortedFunc(s.First, func(a, b host.TreeDiff) int { return strings.Compare(a.Path, b.Path) })
		if s.Differ != total || len(s.First) != min(more.Most, total) || !sorted {
			t.Errorf("of %d asked for, %d of %d are named, sorted: %v", more.Most, len(s.First), s.Differ, sorted)
		}
	}
	do(t, h, host.FixTree{Rule: r})
	if s := scan(t, h, r); s.Total != total || s.Differ != 0 || len(s.First) != 0 {
		t.Errorf("after fixing: %+v", s)
	}
	do(t, h, host.FixTree{Rule: r})
	n := stat(t, h, dir+"/d00/d0000")
	if n.Owner != "daemon" || n.Access.Special != 0o2000 || n.Access.Default == nil || n.Access.BaseMode() != 0o2750 {
		t.Errorf("directory is %+v", n)
	}
	if n := stat(t, h, dir+"/d00/etc"); n.Owner != "daemon" {
		t.Errorf("link is %+v", n)
	}
	if after, _ := os.Stat("/etc"); after.Mode() != before.Mode() || !os.SameFile(after, before) || !after.ModTime().Equal(before.ModTime()) {
		t.Error("/etc changed")
	}

	must(t, os.Chmod(dir+"/d05/d0005/f0007", 0o600))
	must(t, os.Lchown(dir+"/d00/etc", mallory, -1))
	s = scan(t, h, r)
	if s.Differ != 2 || len(s.First) != 2 || s.First[0].Path != dir+"/d00/etc" || s.First[0].Before.Target != "/etc" || s.First[1].Path != dir+"/d05/d0005/f0007" {
		t.Errorf("two are different: %+v", s)
	}
	root, err := h.openDir(dir)
	must(t, err)
	slow := &treeWalk{ctx: context.Background(), host: h, rule: h.sameNames(r), differs: noteDifference, viaProc: true}
	if f, err := slow.run(root); err != nil || f.total != s.Total || f.differ != 2 {
		t.Errorf("by way of /proc: %+v, %v", f, err)
	}
	owner := host.TreeRule{Root: dir, FileMode: mode(0o640)}
	if s := scan(t, h, owner); s.Total != 401 {
		t.Errorf("a rule about files speaks of %d", s.Total)
	}
	if s, err := h.ScanTree(context.Background(), host.TreeRule{Root: dir + "/no"}); s != nil || err != nil {
		t.Errorf("no tree: %v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = h.ScanTree(ctx, r)
	mustFail(t, err, "canceled")
}

func TestTreeById(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.WriteFile(dir+"/f", nil, 0o600))
	r := host.TreeRule{Root: dir, Owner: "#1", ACL: &host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "#2", Perm: 4}}}}
	do(t, h, host.FixTree{Rule: r})
	if s := scan(t, h, r); s.Differ != 0 {
		t.Errorf("ids that have names: %+v", s)
	}
	r.Owner = "no-such-user"
	mustFail(t, h.Do(context.Background(), host.FixTree{Rule: r}), "no-such-user")
}

func TestTreeExceptAndPrune(t *testing.T) {
	h, dir := newTestHost(t)
	makeTree(t, dir, 3, 2)
	r := host.TreeRule{Root: dir, Owner: "daemon", Except: []string{dir + "/d00", dir + "/d00/d0000/f0001"}, Prune: []string{dir + "/d01", dir + "/d02/d0002/f0000"}}
	do(t, h, host.FixTree{Rule: r})
	for path, owner := range map[string]string{
		"": "root", "/d00": "root", "/d00/d0000": "daemon", "/d00/d0000/f0000": "daemon", "/d00/d0000/f0001": "root",
		"/d01": "root", "/d01/d0001": "root", "/d01/d0001/f0000": "root", "/d02/d0002/f0000": "root", "/d02/d0002/f0001": "daemon",
	} {
		if n := stat(t, h, dir+path); n.Owner != owner {
			t.Errorf("%s belongs to %s, want %s", path, n.Owner, owner)
		}
	}
	if s := scan(t, h, r); s.Total != 5 || s.Differ != 0 {
		t.Errorf("scan: %+v", s)
	}
}

func TestTreeRefusals(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	must(t, os.Mkdir(dir+"/tree", 0o755))
	must(t, os.WriteFile(dir+"/victim", nil, 0o600))
	must(t, os.Link(dir+"/victim", dir+"/tree/hard"))
	must(t, unix.Mkfifo(dir+"/pipe", 0o600))
	must(t, os.Link(dir+"/pipe", dir+"/tree/pipe"))
	must(t, os.Mkdir(dir+"/elsewhere", 0o755))
	must(t, os.WriteFile(dir+"/elsewhere/f", nil, 0o600))
	for name, mount := range map[string]func(string) error{
		"tmpfs": func(p string) error { return unix.Mount("tmpfs", p, "tmpfs", 0, "size=64k") },
		"bind":  func(p string) error { return unix.Mount(dir+"/elsewhere", p, "", unix.MS_BIND, "") },
	} {
		p := dir + "/tree/" + name
		must(t, os.Mkdir(p, 0o755))
		must(t, mount(p))
		t.Cleanup(func() { must(t, unix.Unmount(p, 0)) })
	}
	must(t, os.WriteFile(dir+"/tree/mounted", nil, 0o600))
	must(t, unix.Mount(dir+"/elsewhere/f", dir+"/tree/mounted", "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(dir+"/tree/mounted", 0)) })
	must(t, os.WriteFile(dir+"/tree/file", nil, 0o600))
	r := host.TreeRule{
		Root: dir + "/tree", Owner: "daemon", FileMode: mode(0o666), DirMode: mode(0o777),
		ACL: &host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: 7}}},
	}
	s := scan(t, h, r)
	if s.Differ != 1 || len(s.Refused) != 5 || s.Refused[3].Path != dir+"/tree/pipe" || s.Refused[2].Path != dir+"/tree/mounted" || s.Refused[0].Path != dir+"/tree/bind" || s.Refused[1].Path != dir+"/tree/hard" || s.Refused[4].Path != dir+"/tree/tmpfs" {
		t.Errorf("scan: %+v", s)
	}
	mustFail(t, h.Do(ctx, host.FixTree{Rule: r}), "tree/hard: it has several hard links", "tree/pipe: it has several hard links", "tree/bind: another file system", "tree/mounted: another file system", "tree/tmpfs: another file system")
	for p, owner := range map[string]string{"/victim": "root", "/pipe": "root", "/elsewhere": "root", "/elsewhere/f": "root", "/tree/file": "daemon"} {
		if n := stat(t, h, dir+p); n.Owner != owner {
			t.Errorf("%s belongs to %s, want %s", p, n.Owner, owner)
		} else if owner == "root" && (len(n.Access.Named) > 0 || n.Access.Mode()&0o022 != 0) {
			t.Errorf("%s is %+v", p, n)
		}
	}
}

func TestTreeManyAndDeep(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.Mkdir(dir+"/links", 0o755))
	must(t, os.WriteFile(dir+"/victim", nil, 0o600))
	for i := range 3 * maxRefusals {
		must(t, os.Link(dir+"/victim", fmt.Sprintf("%s/links/%03d", dir, i)))
	}
	s := scan(t, h, host.TreeRule{Root: dir + "/links", Owner: "daemon"})
	if len(s.Refused) != maxRefusals+1 || !strings.Contains(s.Refused[maxRefusals].Why, "40 more") {
		t.Errorf("refused: %+v", s.Refused)
	}
	must(t, os.MkdirAll(dir+"/deep"+strings.Repeat("/d", maxDepth+10), 0o755))
	s = scan(t, h, host.TreeRule{Root: dir + "/deep", Owner: "daemon"})
	if len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Why, "too deep") {
		t.Errorf("refused: %+v", s.Refused)
	}
}

func TestScanTreeWith(t *testing.T) {
	h, dir := newTestHost(t)
	makeTree(t, dir, 2, 3)
	r := host.TreeRule{Root: dir, Owner: "alice"}
	s, err := h.ScanTreeWith(context.Background(), r, &host.Prediction{Node: func(path string, n host.Node) host.Node {
		if !strings.HasSuffix(path, "f0001") {
			n.Owner = "alice"
		}
		return n
	}})
	must(t, err)
	if s.Total != 10 || s.Differ != 2 || s.First[0].Path != dir+"/d00/d0000/f0001" {
		t.Errorf("scan: %+v", s)
	}
}

// TestVerdict crosses random nodes with random rules: the remembered verdict is
// always the rule's own.
func TestVerdict(t *testing.T) {
	h, _ := newTestHost(t)
	rng := rand.New(rand.NewPCG(1, 2))
	kinds := []uint32{unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK, unix.S_IFIFO}
	for range 300 {
		rule := h.sameNames(randomRule(rng))
		w := &treeWorker{walk: &treeWalk{host: h, rule: rule}, verdicts: map[string]bool{}, finds: newTreeFinds(host.MaxTreeDiffs)}
		for range 100 {
			e := &treeEntry{attributes: attributes{mode: kinds[rng.IntN(4)] | rng.Uint32N(0o10000), uid: rng.Uint32N(3), gid: rng.Uint32N(3)}}
			if rng.IntN(2) == 0 {
				e.mode = e.mode&unix.S_IFMT | uint32(*mode(0o750)) // of which some comply
			}
			access, def := w.walk.needs(e.mode)
			if access && rng.IntN(2) == 0 {
				e.access = randomACL(rng)
			}
			if def && rng.IntN(2) == 0 {
				e.def = randomACL(rng)
			}
			n, err := h.node(e.attributes)
			must(t, err)
			after := rule.Apply(n)
			want := n.Owner != after.Owner || n.Group != after.Group || !n.Access.Equal(after.Access)
			for range 2 { // computed, then remembered
				if got, err := w.verdict(e); err != nil || got != want {
					t.Fatalf("rule %+v, node %+v: differs %v, %v; want %v", rule, n, got, err, want)
				}
			}
		}
	}
}

func randomRule(rng *rand.Rand) host.TreeRule {
	var r host.TreeRule
	if rng.IntN(2) == 0 {
		r.Owner = fmt.Sprintf("#%d", rng.IntN(3))
	}
	if rng.IntN(3) == 0 {
		r.Group = fmt.Sprintf("#%d", rng.IntN(3))
	}
	if rng.IntN(2) == 0 {
		r.FileMode = mode([]host.Mode{0o640, 0o750}[rng.IntN(2)])
	}
	if rng.IntN(2) == 0 {
		r.DirMode = mode([]host.Mode{0o2750, 0o750}[rng.IntN(2)])
	}
	if rng.IntN(2) == 0 {
		r.ACL = &host.ACLRule{Exact: rng.IntN(2) == 0, Access: randomEntries(rng), Default: randomEntries(rng)}
	}
	return r
}

func randomEntries(rng *rand.Rand) []host.Entry {
	var es []host.Entry
	for id := range rng.IntN(3) {
		es = append(es, host.Entry{Tag: []host.Tag{host.TagUser, host.TagGroup}[rng.IntN(2)], Name: fmt.Sprintf("#%d", id), Perm: host.Perm(rng.IntN(16))})
	}
	return es
}

func randomACL(rng *rand.Rand) []byte {
	raw := binary.LittleEndian.AppendUint32(nil, aclVersion)
	add := func(tag uint16, id uint32) {
		raw = binary.LittleEndian.AppendUint16(raw, tag)
		raw = binary.LittleEndian.AppendUint16(raw, uint16(rng.UintN(8)))
		raw = binary.LittleEndian.AppendUint32(raw, id)
	}
	add(tagUserObj, aclNoID)
	users, groups := rng.IntN(2), rng.IntN(2)
	for i := range users {
		add(tagUser, uint32(i))
	}
	add(tagGroupObj, aclNoID)
	for i := range groups {
		add(tagGroup, uint32(i))
	}
	if users+groups > 0 || rng.IntN(2) == 0 {
		add(tagMask, aclNoID)
	}
	add(tagOther, aclNoID)
	return raw
}

func BenchmarkScanTree(b *testing.B) {
	h := New(Options{})
	dir := b.TempDir()
	makeTree(b, dir, 1000, 100)
	r := reviewRule(dir)
	if err := h.Do(context.Background(), host.FixTree{Rule: r}); err != nil {
		b.Fatal(err)
	}
	noACL := r
	noACL.ACL, noACL.FileMode, noACL.DirMode = nil, nil, nil
	for name, r := range map[string]host.TreeRule{"acl": r, "owner": noACL} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, err := h.ScanTree(context.Background(), r); err != nil || s.Differ != 0 {
					b.Fatal(s, err)
				}
			}
		})
	}
}

// TestTreeSetID hands a tree over in which somebody left a program of his own.
func TestTreeSetID(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.WriteFile(dir+"/tool", nil, 0o755))
	must(t, os.Chown(dir+"/tool", mallory, mallory))
	must(t, unix.Chmod(dir+"/tool", 0o6755))
	r := host.TreeRule{Root: dir, Owner: "root", ACL: &host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: host.Read}}}}
	do(t, h, host.FixTree{Rule: r})
	if n := stat(t, h, dir+"/tool"); n.Owner != "root" || n.Access.Special != 0 {
		t.Errorf("the program is %+v", n)
	}
	if s := scan(t, h, r); s.Differ != 0 {
		t.Errorf("afterwards: %+v", s)
	}
}

// TestXattrsAfterALink reads the ACL of a file after an entry that was a link by
// the time its own was read.
func TestXattrsAfterALink(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.Symlink("nowhere", dir+"/link"))
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	a := host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: 7}}}.Apply(host.AccessOf(0o600), false)
	do(t, h, host.SetAccess{Path: dir + "/file", Access: a})
	fd, err := h.openDir(dir)
	must(t, err)
	defer unix.Close(fd)
	var x xattrReader
	x.enter(fd)
	buf := make([]byte, aclBuffer)
	if acl, err := x.read(dirent{name: []byte("link")}, accessXattrZ, buf); acl != nil || err != nil {
		t.Errorf("the link has %v, %v", acl, err)
	}
	if acl, err := x.read(dirent{name: []byte("file")}, accessXattrZ, buf); acl == nil || err != nil {
		t.Errorf("the file has %v, %v", acl, err)
	}
}

// TestTreeWithoutACLs looks through a file system that keeps none.
func TestTreeWithoutACLs(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, unix.Mount("ramfs", dir, "ramfs", 0, ""))
	// A thread of the scan may still be in it, on its way out.
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	for path, want := range map[string]bool{dir: true, filepath.Dir(dir): false} {
		fd, err := h.openDir(path)
		must(t, err)
		if got := keepsNoACLs(fd); got != want {
			t.Errorf("%s keeps no ACLs: %v", path, got)
		}
		unix.Close(fd)
	}
	makeTree(t, dir, 2, 2)
	r := host.TreeRule{Root: dir, FileMode: mode(0o640), DirMode: mode(0o750)}
	do(t, h, host.FixTree{Rule: r})
	if s := scan(t, h, r); s.Total != 8 || s.Differ != 0 {
		t.Errorf("scan: %+v", s)
	}
}
