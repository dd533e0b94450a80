package snapshot

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// maxContent is the largest content, in bytes, that is recorded.
const maxContent = 1 << 20

// filer writes down files.
type filer struct {
	recorder *Recorder
	state    *State
	declared map[string]string // the paths that secrets are declared for, by where they really are
	layers   map[string]bool   // where the files of environments really are
	followed map[string]bool   // links on the way to what is recorded
}

func (f *filer) all(ctx context.Context) error {
	secrets, wishes := f.recorder.secrets, f.recorder.files
	f.declared, f.followed = map[string]string{}, map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(secrets.Paths)) {
		if at, n := f.place(path.Clean(p), maxLinks); n != nil {
			f.declared[at] = p
		}
	}
	for _, p := range slices.Sorted(maps.Keys(secrets.Variables)) {
		if at, n := f.place(path.Clean(p), maxLinks); n != nil {
			f.declared[at] = p
		}
	}
	f.layers = map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(secrets.Layers)) {
		if !wishes[p].content {
			continue // no plan goes by it
		}
		if at, n := f.place(path.Clean(p), maxLinks); n != nil {
			f.layers[at] = true
		}
	}
	for _, p := range slices.Sorted(maps.Keys(wishes)) {
		if !path.IsAbs(p) {
			continue
		}
		if at, n := f.place(path.Clean(p), maxLinks); n != nil {
			f.fill(p, at, wishes[p])
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := f.sumUp(ctx); err != nil {
		return err
	}
	f.hideTargets()
	return nil
}

// hideTargets hides where links lead that not everybody may see, but for those that
// somebody has followed: a plan needs what is behind them.
func (f *filer) hideTargets() {
	for at, file := range f.state.Files {
		if file.Node.Type == host.TypeSymlink && !f.followed[at] && !f.readBehind(at, file.Node) && f.private(at, at, file.Node) {
			file.Node = file.Node.HideTarget(at)
			f.state.Files[at] = file
		}
	}
}

// readBehind reports whether what a link leads to has been read.
func (f *filer) readBehind(at string, n host.Node) bool {
	to := n.Target
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(at), to)
	}
	return f.recorder.files[path.Clean(to)].content
}

// place records what is on the way to a path, and at it, and returns where it
// really is; nil where nothing is, or it cannot be seen.
func (f *filer) place(p string, links int) (string, *host.Node) {
	at := "/"
	n := f.node(at)
	rest := strings.Split(strings.Trim(p, "/"), "/")
	for i, name := range rest {
		if name == "" {
			break
		}
		if n == nil || n.Type != host.TypeDir {
			return at, nil
		}
		next := path.Join(at, name)
		n = f.node(next)
		if n != nil && n.Type == host.TypeSymlink && i+1 < len(rest) {
			if links == 0 || host.CheckLink(next, *n, f.stat) != nil {
				return next, nil
			}
			f.followed[next] = true
			real, err := host.FollowLink(at, n.Target, func(p string) (string, error) { return f.real(p, links-1), nil })
			if err != nil {
				return next, nil // nothing can be seen there
			}
			return f.place(path.Join(append([]string{real}, rest[i+1:]...)...), links-1)
		}
		at = next
	}
	return at, n
}

// real is where a directory on the way really is, as far as that can be seen.
func (f *filer) real(p string, links int) string {
	at, n := f.place(p, links)
	if n == nil || n.Type != host.TypeSymlink || links == 0 || host.CheckLink(at, *n, f.stat) != nil {
		return at
	}
	f.followed[at] = true
	real, err := host.FollowLink(path.Dir(at), n.Target, func(p string) (string, error) { return f.real(p, links-1), nil })
	if err != nil {
		return at
	}
	return real
}

func (f *filer) stat(at string) (*host.Node, error) { return f.node(at), nil }

// node records what is at a path to which no link leads.
func (f *filer) node(at string) *host.Node {
	if have, ok := f.state.Files[at]; ok {
		if have.Node.Type == "" {
			return nil
		}
		return &have.Node
	}
	n, err := f.recorder.base.Stat(at)
	if err != nil {
		return nil
	}
	if n == nil {
		f.state.Files[at] = File{}
		return nil
	}
	kept := *n
	if kept.Type != host.TypeFile {
		kept.Size = 0
	}
	if kept.Type == host.TypeDir {
		kept.Links = 1
	}
	f.state.Files[at] = File{Node: kept, Unread: unread(kept.Type)}
	return &kept
}

func unread(t host.NodeType) string {
	if t == host.TypeFile || t == host.TypeDir {
		return notRecorded
	}
	return ""
}

// fill adds content or names to what is recorded of a path.
func (f *filer) fill(p, at string, w fileWish) {
	have := f.state.Files[at]
	if a := f.recorder.asked[askNames(p)]; w.names && a.err == nil && have.Node.Type == host.TypeDir {
		if names, ok := a.value.([]string); ok && names != nil {
			have.Names, have.Unread = names, ""
		}
	}
	if a := f.recorder.asked[askContent(p)]; w.content && a.err == nil && have.Node.Type == host.TypeFile {
		if data, ok := a.value.([]byte); ok && data != nil {
			f.content(p, at, &have, data)
		}
	}
	f.state.Files[at] = have
}

// content records the content of a file that was asked for by a path and is really
// at another, without what is secret in it.
func (f *filer) content(asked, at string, file *File, data []byte) {
	secrets, p := f.recorder.secrets, f.declared[at]
	file.Unread = ""
	if p == "" {
		p = asked
	}
	switch names := secrets.Variables[p]; {
	case secrets.Paths[p] || f.private(asked, at, file.Node) || secrets.Closed != nil && secrets.Closed(p, data):
		file.Secret = &Secret{Path: p, Digest: host.SecretDigest(p, data)}
		if host.IsEnvFile(p) {
			file.Secret.Variables, file.Secret.Unset = host.EnvNames(data), host.EnvUnset(data)
		}
		if secrets.Part != nil {
			file.Secret.Part = secrets.Part(p, data)
		}
	case len(data) > maxContent:
		file.Unread = "it is too large to be recorded"
	case len(names) > 0:
		text := host.HideEnv(p, string(data), names)
		if file.Content = []byte(text); text != string(data) {
			file.Secret = &Secret{Path: p, InPart: true}
		}
	default:
		file.Content = data
	}
	if file.Secret != nil && f.layers[at] {
		file.Secret.Assigned = host.Assigned(data)
	}
}

// private reports whether not everybody may read a file, and nothing says that it
// may be recorded all the same.
func (f *filer) private(asked, at string, n host.Node) bool {
	open := f.recorder.secrets.Open
	if open == nil || open(asked, n) || open(at, n) {
		return false
	}
	return !host.Everybody(f.recorder.base, at, n)
}

// sumUp goes through the trees, each once, and sorts what is not recorded by
// itself into the nearest part above it.
func (f *filer) sumUp(ctx context.Context) error {
	scanner, ok := f.recorder.base.(host.TreeScanner)
	if !ok && len(f.recorder.trees) > 0 {
		return errNoScanner
	}
	roots := map[string]*summary{}
	for _, p := range slices.Sorted(maps.Keys(f.recorder.trees)) {
		if at, n := f.place(path.Clean(p), maxLinks); n != nil && n.Type == host.TypeDir {
			roots[at] = &summary{sorts: map[string]*Sort{}}
		}
	}
	order := slices.Sorted(maps.Keys(roots))
	for _, root := range order {
		if slices.ContainsFunc(order, func(o string) bool { return isBelow(root, o) }) {
			continue // it is looked through with the one above it
		}
		rule := host.TreeRule{Root: root, Owner: nobodys}
		scan, err := scanner.ScanTreeWith(ctx, rule, &host.Prediction{Node: func(p string, n host.Node) host.Node {
			if _, own := f.state.Files[p]; !own {
				roots[nearest(p, roots)].add(p, n)
			}
			return rule.Apply(n) // as the rule has it: it is asked for once
		}})
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			continue // it is among the troubles
		}
		if scan != nil {
			for _, ref := range scan.Refused {
				part := roots[nearest(ref.Path, roots)]
				part.refused = append(part.refused, ref)
			}
			roots[root].unknown = scan.Unknown
		}
		for at, part := range roots {
			if at == root || isBelow(at, root) {
				f.state.Trees[at] = part.tree()
			}
		}
	}
	return nil
}

// nobodys is an owner that no file has: a rule with it speaks about everything.
const nobodys = "#4294967294"

// nearest is the nearest part above a path.
func nearest(p string, roots map[string]*summary) string {
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		if _, ok := roots[dir]; ok || dir == "/" {
			return dir
		}
	}
}

// summary is a Tree under way.
type summary struct {
	sorts   map[string]*Sort
	refused []host.Refusal
	unknown int
}

func (s *summary) add(p string, n host.Node) {
	n = alike(n)
	key, err := plain(n)
	if err != nil {
		return
	}
	of := s.sorts[key]
	if of == nil {
		of = &Sort{Node: n}
		s.sorts[key] = of
	}
	of.Count++
	at, _ := slices.BinarySearch(of.First, p)
	if at < maxRefused {
		of.First = slices.Insert(of.First, at, p)
		of.First = of.First[:min(len(of.First), maxRefused)]
	}
}

func (s *summary) tree() Tree {
	t := Tree{Refused: s.refused, Unknown: s.unknown, Sorts: []Sort{}}
	for _, key := range slices.Sorted(maps.Keys(s.sorts)) {
		t.Sorts = append(t.Sorts, *s.sorts[key])
	}
	slices.SortFunc(t.Refused, func(a, b host.Refusal) int { return strings.Compare(a.Path, b.Path) })
	return t
}
