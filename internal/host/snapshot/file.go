package snapshot

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// maxLinks bounds how many links are followed on the way to a path.
const maxLinks = 40

// find follows the recorded links on the way to a path.
func (r *Reader) find(p string, links int) (at string, f File, recorded bool, err error) {
	if !path.IsAbs(p) {
		return "", File{}, false, fmt.Errorf("cannot look at %q: it is not an absolute path", p)
	}
	p = path.Clean(p)
	if err := host.BehindHidden(p); err != nil {
		return "", File{}, false, err
	}
	f, recorded = r.state.Files[p]
	if recorded || p == "/" {
		return p, f, recorded, nil
	}
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		d, ok := r.state.Files[dir]
		switch {
		case !ok:
			continue
		case d.Node.Type == host.TypeSymlink:
			if at, err = r.follow(p, dir, d.Node, links); err != nil {
				return "", File{}, false, err
			}
			at, f, recorded, err = r.find(path.Join(at, p[len(dir):]), links-1)
			return at, f, recorded, host.OnTheWay(p, err)
		case d.Node.Type != host.TypeDir, d.Unread == "" && d.Names == nil && path.Dir(p) == dir:
			// Nothing can be there: no directory, or one whose names are known.
			return p, File{}, true, nil
		case d.Names != nil:
			name, _, _ := strings.Cut(strings.TrimPrefix(p[len(dir):], "/"), "/")
			return p, File{}, !slices.Contains(d.Names, name), nil
		}
		break
	}
	return p, File{}, false, nil
}

// follow gives where a link leads that lies on the way to a path.
func (r *Reader) follow(p, link string, n host.Node, links int) (string, error) {
	if links == 0 {
		return "", fmt.Errorf("cannot look at %s: too many links", p)
	}
	err := host.CheckLink(link, n, func(at string) (*host.Node, error) {
		if f := r.state.Files[at]; f.Node.Type != "" {
			return &f.Node, nil
		}
		return nil, nil
	})
	if err != nil {
		return "", err
	}
	return host.FollowLink(path.Dir(link), n.Target, func(at string) (string, error) {
		real, f, _, err := r.find(at, links-1)
		if err != nil || f.Node.Type != host.TypeSymlink {
			return real, err
		}
		return r.follow(p, real, f.Node, links-1)
	})
}

// Stat describes what was at the path.
func (r *Reader) Stat(p string) (*host.Node, error) {
	if err := r.trouble(askStat(p)); err != nil {
		return nil, err
	}
	at, f, recorded, err := r.find(p, maxLinks)
	if err != nil {
		return nil, err
	}
	if n, ok := r.sampled[at]; ok && !recorded && n.Type != host.TypeSymlink {
		return &n, nil // all but its size is known
	}
	if !recorded {
		return nil, r.missing(p)
	}
	if f.Node.Type == "" {
		return nil, nil
	}
	n := f.Node
	return &n, nil
}

// ReadFile gives the recorded content of a regular file.
func (r *Reader) ReadFile(p string) ([]byte, error) {
	if err := r.trouble(askContent(p)); err != nil {
		return nil, err
	}
	_, f, recorded, err := r.find(p, maxLinks)
	switch {
	case err != nil:
		return nil, err
	case !recorded:
		return nil, r.missing("content of " + p)
	case f.Node.Type == "":
		return nil, nil
	case f.Secret != nil:
		red := &host.RedactedError{Path: f.Secret.Path, Digest: f.Secret.Digest, Variables: slices.Clone(f.Secret.Variables), Unset: slices.Clone(f.Secret.Unset), Assigned: maps.Clone(f.Secret.Assigned), Part: f.Secret.Part}
		if f.Secret.InPart {
			red.Text = append([]byte{}, f.Content...)
		}
		return nil, red
	case f.Unread != "":
		return nil, &host.UnknownError{What: "content of " + p, Why: f.Unread}
	case f.Node.Type != host.TypeFile:
		return nil, fmt.Errorf("cannot read %s: it is a %s", p, f.Node.Type)
	}
	// Empty content is there all the same: nil would mean absent.
	return append([]byte{}, f.Content...), nil
}

// ReadDir lists the recorded names in a directory.
func (r *Reader) ReadDir(p string) ([]string, error) {
	if err := r.trouble(askNames(p)); err != nil {
		return nil, err
	}
	at, f, recorded, err := r.find(p, maxLinks)
	switch {
	case err != nil:
		return nil, err
	case !recorded:
		return nil, r.missing("names in " + p)
	case f.Node.Type == "":
		return nil, nil
	case f.Unread != "" && f.Names == nil:
		return nil, &host.UnknownError{What: "names in " + p, Why: f.Unread}
	case f.Node.Type != host.TypeDir:
		return nil, fmt.Errorf("cannot read directory %s: it is a %s", p, f.Node.Type)
	}
	return append([]string{}, r.children[at]...), nil
}

// ScanTree counts what differs from the rule.
func (r *Reader) ScanTree(ctx context.Context, rule host.TreeRule) (*host.TreeScan, error) {
	question, err := askTree(rule)
	if err == nil {
		err = r.trouble(question)
	}
	if err != nil {
		return nil, err
	}
	return r.ScanTreeWith(ctx, rule, nil)
}

// ScanTreeWith counts what would differ from the rule if each node were as
// predicted.
func (r *Reader) ScanTreeWith(ctx context.Context, rule host.TreeRule, predicted *host.Prediction) (*host.TreeScan, error) {
	predict := func(_ string, n host.Node) host.Node { return n }
	if predicted != nil {
		predict = predicted.Node
	}
	root, f, recorded, err := r.find(rule.Root, maxLinks)
	if err != nil {
		return nil, err
	}
	switch {
	case !recorded:
		return nil, r.missing("the tree " + rule.Root)
	case f.Node.Type == "":
		return nil, nil
	case f.Node.Type != host.TypeDir:
		return nil, fmt.Errorf("cannot scan %s: it is a %s, not a directory", rule.Root, f.Node.Type)
	}
	s := &summing{rule: rule, from: root, predict: predict}
	if r.state.Trees != nil {
		if err := r.sumTrees(s); err != nil {
			return nil, err
		}
	} else if f.Unread != "" {
		s.Unknown++
	}
	for _, p := range r.below(root) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := r.state.Files[p].Node
		s.one(p, n)
		if n.Type == host.TypeDir && r.state.Files[p].Unread != "" && r.state.Trees == nil {
			s.Unknown++
		}
	}
	return s.finish().Renamed(root, rule.Root), nil
}

// below lists what was recorded below a directory, sorted.
func (r *Reader) below(root string) []string {
	prefix := strings.TrimSuffix(root, "/") + "/"
	var out []string
	for p, f := range r.state.Files {
		if f.Node.Type != "" && p != root && strings.HasPrefix(p, prefix) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) })
	return out
}

// speaks reports whether a rule speaks about a path below its root.
func speaks(rule host.TreeRule, p string, t host.NodeType) bool {
	owns := rule.Owner != "" || rule.Group != "" || rule.ACL != nil && (t == host.TypeFile || t == host.TypeDir)
	modes := t == host.TypeFile && rule.FileMode != nil || t == host.TypeDir && rule.DirMode != nil
	if !owns && !modes || slices.Contains(rule.Except, p) {
		return false
	}
	return !slices.ContainsFunc(rule.Prune, func(q string) bool {
		return p == q || strings.HasPrefix(p, strings.TrimSuffix(q, "/")+"/")
	})
}
