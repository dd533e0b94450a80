package local

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

const (
	// direntBuffer is how many bytes of names are read at once.
	direntBuffer = 32 << 10
	// maxDepth is how deep below its root a tree is followed: each level holds
	// a descriptor and a buffer, and users make the levels.
	maxDepth = 500
	// maxRefusals is how many refused paths are named.
	maxRefusals = 20
	// aclBuffer holds an ACL of some thirty entries; larger ones cost a second
	// call.
	aclBuffer = 256
)

// A treeWalk goes once through all below a root, with several workers, by
// descriptors, within one file system. Its memory depends on the depth of the
// tree, not on the number of files.
type treeWalk struct {
	ctx       context.Context //nolint:containedctx // one walk, one context
	host      *Host
	rule      host.TreeRule
	predicted *host.Prediction // nil: nodes are as they are
	// differs is told of every node that differs from the rule.
	differs func(w *treeWorker, e *treeEntry) error

	viaProc       bool                       // as where a thread may have no working directory of its own
	device        [2]uint32                  // of the root
	noACLs        bool                       // the file system keeps none
	except, prune map[string]map[string]bool // names, by their directory's path
	seen          atomic.Int64               // paths
	jobs          chan treeJob
	open          sync.WaitGroup // directories that are not done
}

// A treeJob is a directory to go through, with all below it.
type treeJob struct {
	fd    int // the worker's to close
	path  string
	depth int
}

// treeEntry is one node of a tree while it is looked at.
type treeEntry struct {
	dir    int    // descriptor of its directory
	parent string // path of its directory
	dirent dirent
	st     unix.Statx_t
	attributes
	then *treeThen // as it is going to be, where that is predicted
}

func (e *treeEntry) path() string { return e.parent + "/" + string(e.dirent.name) }

// run walks the tree below root, which it closes, and returns what the workers
// found together.
func (t *treeWalk) run(root int) (*treeFinds, error) {
	var st unix.Statx_t
	if err := unix.Statx(root, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
		unix.Close(root)
		return nil, pathErr("stat", t.rule.Root, err)
	}
	t.device = [2]uint32{st.Dev_major, st.Dev_minor}
	t.noACLs = keepsNoACLs(root)
	t.except, t.prune = byDirectory(t.rule.Except), byDirectory(t.rule.Prune)
	t.jobs = make(chan treeJob)
	t.host.progress(pathsSeen(&t.seen))
	workers := make([]*treeWorker, 1)
	if t.predicted == nil || t.predicted.Alike != nil {
		workers = make([]*treeWorker, runtime.GOMAXPROCS(0))
	}
	var wg sync.WaitGroup
	for i := range workers {
		w := &treeWorker{walk: t, verdicts: map[string]bool{}, thens: map[string]*treeThen{}, finds: newTreeFinds(t.rule.Names()), xattrs: xattrReader{unsupported: t.noACLs}}
		workers[i] = w
		wg.Go(func() {
			withOwnDirectory(func(own bool) {
				w.xattrs.own = own && !t.viaProc
				for job := range t.jobs {
					w.directory(job, 0)
					t.open.Done()
				}
			})
		})
	}
	t.open.Add(1)
	t.jobs <- treeJob{fd: root, path: dirKey(t.rule.Root)}
	t.open.Wait()
	close(t.jobs)
	wg.Wait()
	all := newTreeFinds(t.rule.Names())
	for _, w := range workers {
		all.merge(w.finds)
	}
	return all, t.ctx.Err()
}

// dirKey is the path of a directory as it stands before "/NAME".
func dirKey(path string) string { return strings.TrimSuffix(filepath.Clean(path), "/") }

// byDirectory sorts paths into the directories that hold them.
func byDirectory(paths []string) map[string]map[string]bool {
	m := map[string]map[string]bool{}
	for _, p := range paths {
		dir, name := filepath.Split(filepath.Clean(p))
		dir = dirKey(dir)
		if m[dir] == nil {
			m[dir] = map[string]bool{}
		}
		m[dir][name] = true
	}
	return m
}

// A treeWorker goes through directories, one at a time.
type treeWorker struct {
	walk            *treeWalk
	finds           *treeFinds
	buffers         [][]byte // for names, one for each level of recursion
	entry           treeEntry
	xattrs          xattrReader
	access, deflt   [aclBuffer]byte
	verdicts        map[string]bool // by attributes: does the rule change them?
	verdictKey, tmp []byte
	alike           host.Alike // of the directory that it is in
	thens           map[string]*treeThen
}

// directory goes through one directory and all below it, but for what idle
// workers take over. It closes the job's descriptor.
func (w *treeWorker) directory(job treeJob, level int) {
	defer unix.Close(job.fd)
	if len(w.buffers) <= level {
		w.buffers = append(w.buffers, make([]byte, direntBuffer))
	}
	except, prune := w.walk.except[job.path], w.walk.prune[job.path]
	alike := w.walk.alike(job.path)
	w.xattrs.enter(job.fd)
	w.alike = alike
	for w.walk.ctx.Err() == nil {
		n, err := unix.Getdents(job.fd, w.buffers[level])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			w.finds.fail(job.path, pathErr("list", job.path, err))
		}
		if n <= 0 {
			return
		}
		for rest := w.buffers[level][:n]; len(rest) > 0; {
			var d dirent
			d, rest = nextDirent(rest)
			if d.dots() || prune[string(d.name)] {
				continue
			}
			w.walk.seen.Add(1)
			if w.visit(job, d, except[string(d.name)]) {
				w.descend(job, d, level)
				w.xattrs.enter(job.fd)
				w.alike = alike
			}
		}
	}
}

// visit judges one node and reports whether it is a directory to go into.
func (w *treeWorker) visit(job treeJob, d dirent, excepted bool) bool {
	if d.kind != unix.DT_UNKNOWN && (excepted || !w.walk.speaksOf(direntMode(d.kind))) {
		return d.kind == unix.DT_DIR
	}
	e := &w.entry
	e.dir, e.parent, e.dirent = job.fd, job.path, d
	if err := statEntry(job.fd, d, &e.st); err != nil {
		w.cannotLook(e, err)
		return false
	}
	dir := e.st.Mode&unix.S_IFMT == unix.S_IFDIR
	if e.st.Dev_major != w.walk.device[0] || e.st.Dev_minor != w.walk.device[1] || e.st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		w.finds.refuse(e.path(), "another file system is mounted there")
		return false
	}
	if excepted || !w.walk.speaksOf(uint32(e.st.Mode)) {
		return dir
	}
	w.finds.total++
	if err := w.judge(e); err != nil {
		w.cannotLook(e, err)
	}
	return dir
}

// cannotLook counts what may not be seen and keeps what failed. What has gone
// since its name was read is neither.
func (w *treeWorker) cannotLook(e *treeEntry, err error) {
	switch {
	case errors.Is(err, unix.ENOENT):
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		w.finds.unknown++
	default:
		w.finds.fail(e.path(), pathErr("look at", e.path(), err))
	}
}

// judge finds out whether the rule would change a node, and passes it on if so.
func (w *treeWorker) judge(e *treeEntry) error {
	e.attributes, e.then = attributes{mode: uint32(e.st.Mode), uid: e.st.Uid, gid: e.st.Gid}, nil
	wantAccess, wantDefault := w.walk.needs(e.mode)
	if w.walk.predicted != nil {
		wantAccess, wantDefault = true, true
	}
	if err := w.load(e, wantAccess, wantDefault); err != nil {
		return err
	}
	differs, err := w.verdict(e)
	if err != nil || !differs {
		return err
	}
	if e.mode&unix.S_IFMT != unix.S_IFDIR && e.st.Nlink > 1 {
		w.finds.refuse(e.path(), severalLinks)
		return nil
	}
	why, err := w.foreign(e)
	if err != nil {
		return err
	}
	if held := heldAttributes(e.st.Attributes); why == "" {
		why = (held & host.InTree).Why()
	}
	if why != "" {
		w.finds.refuse(e.path(), why)
		return nil
	}
	w.finds.differ++
	return w.walk.differs(w, e)
}

// foreign says whose a node is that the rule leaves alone.
func (w *treeWorker) foreign(e *treeEntry) (string, error) {
	rule := w.walk.rule
	if e.then != nil {
		return e.then.foreign, nil
	}
	if rule.From == nil || slices.Contains(rule.From, w.walk.host.userName(int(e.uid))) {
		return "", nil
	}
	n, err := w.fullNode(e)
	if err != nil {
		return "", err
	}
	return rule.Foreign(n), nil
}

const severalLinks = "it has several hard links, so it may be another's file"

// load reads the ACLs of an entry, as far as they are wanted and there are any.
func (w *treeWorker) load(e *treeEntry, access, deflt bool) error {
	var err error
	kind := e.mode & unix.S_IFMT
	if access && kind != unix.S_IFLNK && e.access == nil {
		if e.access, err = w.xattrs.read(e.dirent, accessXattrZ, w.access[:]); err != nil {
			return err
		}
	}
	if deflt && kind == unix.S_IFDIR && e.def == nil {
		e.def, err = w.xattrs.read(e.dirent, defaultXattrZ, w.deflt[:])
	}
	return err
}

// descend goes into a directory, unless an idle worker takes it over.
func (w *treeWorker) descend(job treeJob, d dirent, level int) {
	name := string(d.name)
	next := treeJob{path: job.path + "/" + name, depth: job.depth + 1}
	if next.depth > maxDepth {
		w.finds.refuse(next.path, "it lies too deep, below more than 500 directories")
		return
	}
	fd, err := openat2(job.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	switch {
	case absent(err), errors.Is(err, unix.ELOOP):
		return // gone or exchanged meanwhile
	case errors.Is(err, unix.EXDEV):
		w.finds.refuse(next.path, "another file system is mounted there")
		return
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		w.finds.unknown++
		return
	case err != nil:
		w.finds.fail(next.path, pathErr("open", next.path, err))
		return
	}
	next.fd = fd
	w.walk.open.Add(1)
	select {
	case w.walk.jobs <- next:
	default:
		w.directory(next, level+1)
		w.walk.open.Done()
	}
}
