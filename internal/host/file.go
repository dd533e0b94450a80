package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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
}

// Content is the content of a file. If it is secret, nothing but Bytes gives
// it away: formatting and marshalling show a digest.
type Content struct {
	data   []byte
	secret bool
}

// NewContent wraps data, which the caller does not change afterwards.
func NewContent(data []byte) Content { return Content{data: data} }

// NewSecret wraps data that may never be printed.
func NewSecret(data []byte) Content { return Content{data: data, secret: true} }

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
		return "(secret, sha256 " + c.Digest()[:12] + ")"
	}
	return string(c.data)
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
	// Most is how many differing nodes ScanTree names; 0: MaxTreeDiffs.
	Most int
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
	// Refused are paths that opsafe will not touch, with the reason: a file
	// with several hard links, another file system.
	Refused []Refusal
	// Unknown counts what could not be seen.
	Unknown int
}

// TreeDiff is one node that differs from its tree's rule.
type TreeDiff struct {
	Path          string
	Before, After Node
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
