package local

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// maxVerdicts bounds what a worker remembers: how many different combinations
// of owner, group, mode and ACL. Real trees have a handful.
const maxVerdicts = 4096

// ScanTree counts what differs from a rule; see host.Files. Nil: the root is
// not there.
func (h *Host) ScanTree(ctx context.Context, rule host.TreeRule) (*host.TreeScan, error) {
	return h.ScanTreeWith(ctx, rule, nil)
}

// ScanTreeWith is ScanTree on the tree as it would be: each node is compared as it is
// predicted.
func (h *Host) ScanTreeWith(ctx context.Context, rule host.TreeRule, predicted *host.Prediction) (*host.TreeScan, error) {
	root, err := h.openDir(rule.Root)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, unseen("the tree "+rule.Root, err)
	}
	t := &treeWalk{ctx: ctx, host: h, rule: h.sameNames(rule), predicted: predicted, differs: noteDifference}
	finds, err := t.run(root)
	if err == nil {
		err = finds.errors.joined()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look through %s: %w", rule.Root, err)
	}
	scan := &host.TreeScan{Total: finds.total, Differ: finds.differ, Refused: finds.refusals(rule.Root), Unknown: finds.unknown}
	for _, d := range finds.first.first() {
		scan.First = append(scan.First, d.item)
	}
	for _, d := range finds.sorts {
		scan.Sorts = append(scan.Sorts, *d)
	}
	scan.Sorts = host.OfEachSort(scan.Sorts)
	return scan, nil
}

// sameNames writes the ids in a rule as nodes have them: by name where there is
// one.
func (h *Host) sameNames(r host.TreeRule) host.TreeRule {
	if id, err := h.uid(r.Owner); err == nil && r.Owner != "" {
		r.Owner = h.userName(id)
	}
	if id, err := h.gid(r.Group); err == nil && r.Group != "" {
		r.Group = h.groupName(id)
	}
	r.From = slices.Clone(r.From)
	for i, name := range r.From {
		if id, err := h.uid(name); err == nil {
			r.From[i] = h.userName(id)
		}
	}
	if r.ACL != nil {
		acl := *r.ACL
		acl.Access, acl.Default = h.sameEntries(acl.Access), h.sameEntries(acl.Default)
		r.ACL = &acl
	}
	return r
}

func (h *Host) sameEntries(es []host.Entry) []host.Entry {
	out := slices.Clone(es)
	for i, e := range out {
		if e.Tag == host.TagGroup {
			if id, err := h.gid(e.Name); err == nil {
				out[i].Name = h.groupName(id)
			}
		} else if id, err := h.uid(e.Name); err == nil {
			out[i].Name = h.userName(id)
		}
	}
	return out
}

// speaksOf reports whether the rule says anything about nodes of this type.
func (t *treeWalk) speaksOf(mode uint32) bool {
	if t.rule.Owner != "" || t.rule.Group != "" {
		return true
	}
	access, _ := t.needs(mode)
	return access
}

// needs tells which ACLs have a part in what the rule makes of a node.
func (t *treeWalk) needs(mode uint32) (access, def bool) {
	acl := t.rule.ACL
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return acl != nil || t.rule.FileMode != nil, false
	case unix.S_IFDIR:
		return acl != nil || t.rule.DirMode != nil, acl != nil && (acl.Exact || len(acl.Default) > 0)
	}
	return false, false
}

// direntMode turns a type of getdents64(2) into one of stat(2).
func direntMode(kind uint8) uint32 { return uint32(kind) << 12 }

// verdict reports whether the rule would change a node. The rule itself decides,
// once for each combination of attributes.
func (w *treeWorker) verdict(e *treeEntry) (bool, error) {
	if w.walk.predicted != nil {
		var err error
		e.then, err = w.then(e)
		return err == nil && e.then.differs, err
	}
	k := w.key(e)
	if differs, known := w.verdicts[string(k)]; known {
		return differs, nil
	}
	n, err := w.walk.host.node(e.attributes)
	if err != nil {
		return false, err
	}
	differs := !sameNode(n, w.walk.rule.Apply(n))
	if len(w.verdicts) < maxVerdicts {
		w.verdicts[string(k)] = differs
	}
	return differs, nil
}

// fullNode describes an entry with everything, as predicted.
func (w *treeWorker) fullNode(e *treeEntry) (host.Node, error) {
	if err := w.load(e, true, true); err != nil {
		return host.Node{}, err
	}
	n, err := w.walk.host.node(e.attributes)
	if err != nil {
		return n, err
	}
	n.Size, n.Links, n.Held = int64(e.st.Size), int(e.st.Nlink), heldAttributes(e.st.Attributes) //nolint:gosec // sizes are below 2^63
	if n.Type == host.TypeSymlink {
		buf := make([]byte, unix.PathMax)
		size, err := unix.Readlinkat(e.dir, string(e.dirent.name), buf)
		if err != nil {
			return n, err
		}
		n.Target = string(buf[:size])
	}
	if w.walk.predicted != nil {
		n = w.walk.predicted.Node(e.path(), n)
	}
	return n, nil
}

// sameNode compares what rules speak about.
func sameNode(a, b host.Node) bool {
	return a.Owner == b.Owner && a.Group == b.Group && a.Access.Equal(b.Access)
}

// noteDifference keeps a differing node if it is among the first, or the first of
// its sort.
func noteDifference(w *treeWorker, e *treeEntry) error {
	w.tmp = append(append(append(w.tmp[:0], e.parent...), '/'), e.dirent.name...)
	if err := w.load(e, true, true); err != nil {
		return err
	}
	var key string
	if e.then != nil {
		key = e.then.sort
	} else {
		key = string(w.key(e))
	}
	was := w.finds.sorts[key]
	wanted := w.finds.first.wants(w.tmp)
	if !wanted && was != nil && was.Path <= string(w.tmp) {
		was.Count++
		return nil
	}
	n, err := w.fullNode(e)
	if err != nil {
		return err
	}
	d := host.TreeDiff{Path: e.path(), Before: n, After: w.walk.rule.Apply(n)}
	w.finds.sort(key, d, 1)
	if wanted {
		w.finds.first.add(d.Path, d)
	}
	return nil
}

// key are the attributes of an entry by which a rule tells it from others.
func (w *treeWorker) key(e *treeEntry) []byte {
	k := binary.NativeEndian.AppendUint32(w.verdictKey[:0], e.mode)
	k = binary.NativeEndian.AppendUint32(k, e.uid)
	k = binary.NativeEndian.AppendUint32(k, e.gid)
	k = binary.NativeEndian.AppendUint32(k, uint32(len(e.access))) //nolint:gosec // at most 64 KiB
	w.verdictKey = append(append(k, e.access...), e.def...)
	return w.verdictKey
}

// treeFinds is what one worker, or all of them, found.
type treeFinds struct {
	total, differ, unknown int
	first                  firstFew[host.TreeDiff]
	sorts                  map[string]*host.TreeDiff // the first of each
	refused                firstFew[host.Refusal]
	errors                 failures
}

func newTreeFinds(names int) *treeFinds {
	return &treeFinds{
		first:   firstFew[host.TreeDiff]{max: names},
		sorts:   map[string]*host.TreeDiff{},
		refused: firstFew[host.Refusal]{max: maxRefusals},
		errors:  failures{firstFew[error]{max: host.MaxTreeDiffs}},
	}
}

func (f *treeFinds) refuse(path, why string) {
	f.refused.add(path, host.Refusal{Path: path, Why: why})
}

func (f *treeFinds) fail(path string, err error) { f.errors.add(path, err) }

// sort counts some more nodes of a sort, of which one is the first.
func (f *treeFinds) sort(key string, d host.TreeDiff, count int) {
	if was := f.sorts[key]; was != nil {
		count += was.Count
		if was.Path <= d.Path {
			d = *was
		}
	}
	d.Count = count
	f.sorts[key] = &d
}

func (f *treeFinds) merge(g *treeFinds) {
	f.total += g.total
	f.differ += g.differ
	f.unknown += g.unknown
	f.first.merge(g.first)
	for key, d := range g.sorts {
		f.sort(key, *d, d.Count)
	}
	f.refused.merge(g.refused)
	f.errors.merge(g.errors.firstFew)
}

// refusals lists what was refused, with a last word on those that are too many
// to name.
func (f *treeFinds) refusals(root string) []host.Refusal {
	var list []host.Refusal
	for _, r := range f.refused.first() {
		list = append(list, r.item)
	}
	if more := f.refused.count - len(list); more > 0 {
		list = append(list, host.Refusal{Path: root, Why: fmt.Sprintf("%d more below it are refused", more)})
	}
	return list
}

// firstFew keeps the items whose paths come first, and counts all.
type firstFew[T any] struct {
	max, count int
	list       []pathItem[T] // in no order, up to twice as many as are kept
	last       string        // what comes after it is not kept; empty: not known yet
}

type pathItem[T any] struct {
	path string
	item T
}

// wants reports whether an item with this path would be kept.
func (f *firstFew[T]) wants(path []byte) bool { return f.last == "" || string(path) < f.last }

func (f *firstFew[T]) add(path string, item T) {
	f.count++
	f.list = append(f.list, pathItem[T]{path, item})
	if len(f.list) >= 2*f.max {
		f.first()
	}
}

// first are the items that are kept, in order.
func (f *firstFew[T]) first() []pathItem[T] {
	slices.SortFunc(f.list, func(a, b pathItem[T]) int { return cmp.Compare(a.path, b.path) })
	if len(f.list) >= f.max {
		f.list = f.list[:f.max]
		f.last = f.list[f.max-1].path
	}
	return f.list
}

func (f *firstFew[T]) merge(g firstFew[T]) {
	g.first()
	for _, i := range g.list {
		f.add(i.path, i.item)
	}
	f.count += g.count - len(g.list)
}

// failures are errors of many paths, of which the first few are told.
type failures struct{ firstFew[error] }

func (f *failures) joined() error {
	var errs []error
	for _, i := range f.first() {
		errs = append(errs, i.item)
	}
	if more := f.count - len(errs); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}
