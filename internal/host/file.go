package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// Files is the file system, seen without following links in places that
// others than root can write.
type Files interface {
	// Stat describes path itself (a link is not followed). Nil: nothing there.
	Stat(path string) (*Node, error)
	// ReadFile returns the content of a regular file of at most MaxFile bytes.
	// Nil: nothing there.
	ReadFile(path string) ([]byte, error)
	// ReadDir returns the names in a directory, sorted. Nil: nothing there.
	ReadDir(path string) ([]string, error)
	// ScanTree counts what in the tree below rule.Root differs from the rule,
	// in a stream: its memory does not grow with the tree.
	ScanTree(ctx context.Context, rule TreeRule) (*TreeScan, error)
}

// Heads is what a Reader can have besides: how files begin.
type Heads interface {
	// ReadHead returns at most so many bytes of the content that ReadFile would.
	ReadHead(path string, most int) ([]byte, error)
}

// ReadHead returns how a file begins, of any Reader. Nil: nothing there.
func ReadHead(r Files, path string, most int) ([]byte, error) {
	if h, ok := r.(Heads); ok {
		return h.ReadHead(path, most)
	}
	data, err := r.ReadFile(path)
	return data[:min(most, len(data))], err
}

// MaxFile is the largest file, in bytes, whose content opsafe compares.
const MaxFile = 64 << 20

// NodeType is the type of a file system node.
type NodeType string

// The types of nodes.
const (
	TypeFile    NodeType = "file"
	TypeDir     NodeType = "directory"
	TypeSymlink NodeType = "symlink"
	TypeOther   NodeType = "special file" // device, fifo, socket
)

// Node is what is at a path. Owners are names, or #ID where the id has no
// name: so they can be compared before an account exists.
type Node struct {
	Type   NodeType
	Owner  string
	Group  string
	Access Access
	Size   int64
	Links  int    // number of hard links
	Target string // of a symlink
	Held   Held   `json:",omitempty"`
}

// Content is the content of a file. If it is secret, nothing but Bytes gives
// it away: formatting and marshalling say that it is secret.
type Content struct {
	data   []byte
	secret bool
	known  *RedactedError // in the place of data
	// hidden are variables of an environment file whose values are secret.
	hidden map[string]bool
}

// NewContent wraps data, which the caller does not change afterwards.
func NewContent(data []byte) Content { return Content{data: data} }

// NewSecret wraps data that may never be printed.
func NewSecret(data []byte) Content { return Content{data: data, secret: true} }

// Hiding is the content of an environment file in which the values of some
// variables may not be shown.
func (c Content) Hiding(names map[string]bool) Content {
	c.hidden = names
	return c
}

// HiddenNames are the variables whose values may not be shown, sorted.
func (c Content) HiddenNames() []string { return slices.Sorted(maps.Keys(c.hidden)) }

// Bytes gives the plain content, to write it.
func (c Content) Bytes() []byte { return c.data }

// Secret reports whether the content may not be shown.
func (c Content) Secret() bool { return c.secret }

// Digest is the SHA-256 of the content, in hexadecimal.
func (c Content) Digest() string {
	sum := sha256.Sum256(c.data)
	return hex.EncodeToString(sum[:])
}

// String never shows secret content.
func (c Content) String() string {
	if c.secret {
		return "(secret)" // a quick digest of a short one can be guessed
	}
	return EachValue(string(c.data), c.hidden, func(_, _ string) string { return "(secret)" })
}

// Format is String for every verb: there is none that shows the bytes of secret
// content.
func (c Content) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// GoString never shows secret content.
func (c Content) GoString() string { return c.String() }

// MarshalJSON never shows secret content.
func (c Content) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// TreeRule says how everything below a directory (not the directory itself) is
// to be. Empty and nil fields are not managed.
type TreeRule struct {
	Root         string
	Owner, Group string
	FileMode     *Mode // of regular files
	DirMode      *Mode // of directories
	ACL          *ACLRule
	// Except lists paths that are declared on their own: they are left alone,
	// but what is below them is not.
	Except []string
	// Prune lists paths that have a rule of their own: they and all below them
	// are left alone.
	Prune []string
	// From are those whose nodes may be changed; nil: everybody's. What belongs to
	// others may have been moved into the tree: it is refused, unless it only
	// loses rights.
	From []string
	// Tighten takes rights away and gives none.
	Tighten bool
	// Most is how many differing nodes ScanTree names; 0: MaxTreeDiffs.
	Most int
}

// Name is short, and another for each rule.
func (r TreeRule) Name() string {
	const short = 8
	// There is nothing in it that JSON does not have.
	data, _ := json.Marshal(r)
	return NewContent(data).Digest()[:short]
}

// Apply returns the node as the rule wants it. Symlinks and special files only
// have an owner and group.
//
// A file that is made below a default ACL gets that ACL's entries, execute bits
// and all, and a mask that takes away what its maker did not ask for (acl(5),
// "object creation"). What counts is what the mask lets through: a file whose
// effective rights are the rule's is as it has to be.
//
// A file that changes hands loses its set-id bits, unless the rule gives its
// mode: they were its former owner's to give.
func (r TreeRule) Apply(n Node) Node {
	is := r.apply(n)
	if r.Tighten {
		is.Access = is.Access.Within(n.Access)
	}
	return is
}

// Foreign says why a node is not changed by the rule; empty if it may be.
func (r TreeRule) Foreign(n Node) string {
	if r.From == nil || slices.Contains(r.From, n.Owner) {
		return ""
	}
	is := r.Apply(n)
	if is.Owner == n.Owner && is.Group == n.Group && is.Access.Equal(is.Access.Within(n.Access)) {
		return ""
	}
	return ForeignTo + n.Owner
}

// ForeignTo begins the reason why what belongs to somebody else is refused.
const ForeignTo = "it belongs to "

func (r TreeRule) apply(n Node) Node {
	owner, group := n.Owner, n.Group
	if r.Owner != "" {
		n.Owner = r.Owner
	}
	if r.Group != "" {
		n.Group = r.Group
	}
	switch n.Type {
	case TypeFile:
		n.Access = r.fileAccess(n.Access)
		if r.FileMode == nil && (n.Owner != owner || n.Group != group) {
			n.Access.Special &^= SetID
		}
	case TypeDir:
		n.Access = r.access(n.Access, r.DirMode, true)
	}
	return n
}

func (r TreeRule) fileAccess(was Access) Access {
	if r.FileMode == nil && r.ACL == nil {
		return was
	}
	rights := was.effective()
	a := r.access(rights, r.FileMode, false)
	if a.Equal(rights) && equalPerm(rights.Mask, was.Mask) {
		return was
	}
	return a
}

func (r TreeRule) access(a Access, mode *Mode, dir bool) Access {
	if mode != nil {
		a = a.WithMode(*mode)
	}
	if r.ACL != nil {
		a = r.ACL.Apply(a, dir)
	}
	return a
}

// TreeScan is what ScanTree found.
type TreeScan struct {
	Total  int        // nodes below the root that the rule speaks about
	Differ int        // of these, how many differ from it
	First  []TreeDiff // the first few that differ, in order of path
	// Sorts are the first path of each sort that differs: nodes of one type,
	// owner, group and access. Size, links and targets are left out.
	Sorts []TreeDiff
	// Refused are paths that opsafe will not touch, with the reason: a file
	// with several hard links, another file system.
	Refused []Refusal
	// Unknown counts what could not be seen.
	Unknown int
}

// Renamed has the paths below one name of the root below another.
func (s *TreeScan) Renamed(from, to string) *TreeScan {
	rename := func(p string) string {
		if from == to || p != from && !strings.HasPrefix(p, strings.TrimSuffix(from, "/")+"/") {
			return p
		}
		return path.Join(to, strings.TrimPrefix(p, from))
	}
	for i := range s.First {
		s.First[i].Path = rename(s.First[i].Path)
	}
	for i := range s.Sorts {
		s.Sorts[i].Path = rename(s.Sorts[i].Path)
	}
	for i := range s.Refused {
		s.Refused[i].Path = rename(s.Refused[i].Path)
	}
	return s
}

// TreeDiff is one node that differs from its tree's rule.
type TreeDiff struct {
	Path          string
	Before, After Node
	// Count is of how many nodes of its sort this is the first; 0 where that is not asked.
	Count int
}

// maxTreeSorts is of how many sorts a TreeScan names a path.
const maxTreeSorts = 20

// Sort tells nodes apart by what a rule for a tree can see of them.
func (n Node) Sort() string {
	return fmt.Sprint(n.Type, " ", n.Owner, " ", n.Group, " ", n.Access.Mode(), n.Access.Group, n.Access.Lines())
}

// OfEachSort keeps the first path of each sort, in order, and how many there are.
func OfEachSort(all []TreeDiff) []TreeDiff {
	first := map[string]TreeDiff{}
	bare := func(n Node) Node { return Node{Type: n.Type, Owner: n.Owner, Group: n.Group, Access: n.Access} }
	for _, d := range all {
		key := d.Before.Sort()
		one, ok := first[key]
		if !ok || d.Path < one.Path {
			one = TreeDiff{Path: d.Path, Before: bare(d.Before), After: bare(d.After), Count: one.Count}
		}
		one.Count += d.Count
		first[key] = one
	}
	out := slices.SortedFunc(maps.Values(first), func(a, b TreeDiff) int { return strings.Compare(a.Path, b.Path) })
	return out[:min(len(out), maxTreeSorts)]
}

// Refusal is a path that opsafe will not touch, and why.
type Refusal struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// MaxTreeDiffs is how many differing nodes a TreeScan names, unless it is asked
// for more.
const MaxTreeDiffs = 5

// Names is how many differing nodes a scan by the rule names.
func (r TreeRule) Names() int {
	if r.Most > 0 {
		return r.Most
	}
	return MaxTreeDiffs
}
