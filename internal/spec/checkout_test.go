package spec

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // it is how git names what it keeps
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gitIndex is an index of version 2 with these files, none of which git's shortcut of
// time and size applies to.
func gitIndex(files map[string]string) []byte {
	out := append([]byte("DIRC"), 0, 0, 0, 2)
	out = binary.BigEndian.AppendUint32(out, uint32(len(files)))
	for name, content := range files {
		entry := make([]byte, 36)
		entry = binary.BigEndian.AppendUint32(entry, uint32(len(content)))
		sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)) //nolint:gosec // see above
		entry = append(entry, sum[:]...)
		entry = binary.BigEndian.AppendUint16(entry, uint16(len(name)))
		entry = append(append(entry, name...), 0)
		for len(entry)%8 != 0 {
			entry = append(entry, 0)
		}
		out = append(out, entry...)
	}
	return append(out, treeOf("0 0", strings.Repeat("\xef", 20))...)
}

// treeOf is the extension of an index that names the tree that it is a copy of.
func treeOf(counts, name string) []byte {
	entry := "\x00" + counts + "\n" + name
	return append(binary.BigEndian.AppendUint32([]byte("TREE"), uint32(len(entry))), entry...)
}

// TestUnsure: something staged makes git note in its index that it is a copy of no
// tree; a copy of another tree than the commit's has something staged, too.
func TestUnsure(t *testing.T) {
	const head = "abababababababababababababababababababab"
	same, other := strings.Repeat("\xef", 20), strings.Repeat("\xee", 20)
	loose := "commit 200\x00tree " + strings.Repeat("ef", 20) + "\nauthor " + strings.Repeat("x", 200)
	for name, tt := range map[string]struct {
		ext    []byte
		commit string // as an object of its own; empty: in a pack
		want   bool
	}{
		"the commit's":              {treeOf("0 0", same), loose, false},
		"the commit is in a pack":   {treeOf("0 0", same), "", false},
		"staged":                    {treeOf("-1 0", ""), loose, true},
		"staged, and in a pack":     {treeOf("-1 1", "keys\x001 0\n"+same), "", true},
		"another tree":              {treeOf("0 0", other), loose, true},
		"git has not noted it":      {nil, loose, true},
		"something that is no tree": {[]byte("TREE"), loose, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			index, object := filepath.Join(dir, "index"), filepath.Join(dir, "objects", head[:2], head[2:])
			if err := os.MkdirAll(filepath.Dir(object), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(index, append([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x00"), tt.ext...), 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.commit != "" {
				var b bytes.Buffer
				z := zlib.NewWriter(&b)
				if _, err := z.Write([]byte(tt.commit)); err != nil {
					t.Fatal(err)
				}
				if err := z.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(object, b.Bytes(), 0o444); err != nil {
					t.Fatal(err)
				}
			}
			if got := unsure(index, []string{dir}, head); got != tt.want {
				t.Errorf("%t", got)
			}
		})
	}
}

// TestCheckout: what git's files say of a checkout, and how many files of the spec have
// been changed, made or removed since.
func TestCheckout(t *testing.T) {
	head, other := strings.Repeat("ab", 20), strings.Repeat("cd", 20)
	committed := map[string]string{"backends/n/backend.yaml": "one\n", "keys/alice": "key\n", "developers.yaml": "{}\n", "README.md": "text\n"}
	for name, tt := range map[string]struct {
		change map[string]string // by name, with their content; empty: removed
		want   Checkout
	}{
		"as committed":   {want: Checkout{Commit: head, Branch: "main", Upstream: "origin/main", Remote: other}},
		"changed":        {change: map[string]string{"keys/alice": "yek\n"}, want: Checkout{Commit: head, Branch: "main", Upstream: "origin/main", Remote: other, Changed: 1}},
		"made, and gone": {change: map[string]string{"keys/alice": "", "keys/bob": "x"}, want: Checkout{Commit: head, Branch: "main", Upstream: "origin/main", Remote: other, Changed: 2}},
		"not the spec's": {change: map[string]string{"README.md": "", "notes": "x", "keys/.swap": "x"}, want: Checkout{Commit: head, Branch: "main", Upstream: "origin/main", Remote: other}},
		"another branch": {change: map[string]string{".git/HEAD": "ref: refs/heads/try\n", ".git/refs/heads/try": head, ".git/refs/remotes/origin/HEAD": "ref: refs/remotes/origin/main\n"}, want: Checkout{Commit: head, Branch: "try", Upstream: "origin/HEAD", Remote: other}},
		"no remote":      {change: map[string]string{".git/refs/remotes/origin/main": ""}, want: Checkout{Commit: head, Branch: "main"}},
		"no branch":      {change: map[string]string{".git/HEAD": head}, want: Checkout{Commit: head}},
		"a broken index": {change: map[string]string{".git/index": "DIRC\x00\x00\x00\x02\x00\x00\x00\x09", "keys/alice": "yek\n"}, want: Checkout{Commit: head, Branch: "main", Upstream: "origin/main", Remote: other, Unsure: true}},
		"no git":         {change: map[string]string{".git/HEAD": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put := func(name, content string) {
				at := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for name, content := range committed {
				put(name, content)
			}
			put(".git/HEAD", "ref: refs/heads/main\n")
			put(".git/packed-refs", head+" refs/heads/main\n")
			put(".git/refs/remotes/origin/main", other+"\n")
			put(".git/index", string(gitIndex(committed)))
			for name, content := range tt.change {
				if content != "" {
					put(name, content)
				} else if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			tt.want.Dir = dir
			if got := LookAtCheckout(dir); got != tt.want {
				t.Errorf("%+v, not %+v", got, tt.want)
			}
		})
	}
}
