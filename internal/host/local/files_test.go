package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// newTestHost is the machine, with opsafe's own records in a directory of the
// test's.
func newTestHost(t *testing.T) (*Host, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h := New(Options{StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run")})
	work := filepath.Join(dir, "work")
	must(t, os.Mkdir(work, 0o755))
	return h, work
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, h *Host, s host.Step) {
	t.Helper()
	must(t, h.Do(context.Background(), s))
}

func mustFail(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("want an error with %q, got none", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func stat(t *testing.T, h *Host, path string) host.Node {
	t.Helper()
	n, err := h.Stat(path)
	must(t, err)
	if n == nil {
		t.Fatalf("nothing at %s", path)
	}
	return *n
}

// mallory is an id that is nobody's.
const mallory = 54321

func TestStatAndRead(t *testing.T) {
	h, dir := newTestHost(t)
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o640))
	must(t, os.Chown(file, mallory, mallory))
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))

	n := stat(t, h, file)
	if n.Type != host.TypeFile || n.Owner != "#54321" || n.Group != "#54321" || n.Access.Mode() != 0o640 || n.Links != 1 {
		t.Errorf("file is %+v", n)
	}
	if n := stat(t, h, filepath.Join(dir, "link")); n.Type != host.TypeSymlink || n.Target != "file" || n.Owner != "root" {
		t.Errorf("link is %+v", n)
	}
	if n := stat(t, h, "/"); n.Type != host.TypeDir {
		t.Errorf("the root is %+v", n)
	}
	for _, p := range []string{dir + "/no", dir + "/no/no", file + "/no"} {
		if n, err := h.Stat(p); n != nil || err != nil {
			t.Errorf("Stat(%s) = %v, %v", p, n, err)
		}
		if b, err := h.ReadFile(p); b != nil || err != nil {
			t.Errorf("ReadFile(%s) = %v, %v", p, b, err)
		}
		if names, err := h.ReadDir(p); names != nil || err != nil {
			t.Errorf("ReadDir(%s) = %v, %v", p, names, err)
		}
	}
	if b, err := h.ReadFile(file); b == nil || len(b) != 0 || err != nil {
		t.Errorf("an empty file reads as %v, %v", b, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "long"), []byte("abcdef"), 0o600))
	for most, want := range map[int]string{1: "a", 5: "abcde", 6: "abcdef", 7: "abcdef"} {
		if b, err := h.ReadHead(filepath.Join(dir, "long"), most); string(b) != want || err != nil {
			t.Errorf("ReadHead(%d) = %q, %v", most, b, err)
		}
	}
	if b, err := h.ReadHead(filepath.Join(dir, "nothing"), 1); b != nil || err != nil {
		t.Errorf("ReadHead of nothing = %v, %v", b, err)
	}
	must(t, os.Remove(filepath.Join(dir, "long")))
	_, err := h.ReadFile(filepath.Join(dir, "link"))
	mustFail(t, err, "cannot open", "symbolic link")
	_, err = h.ReadFile(filepath.Join(dir, "fifo"))
	mustFail(t, err, "not a regular file")
	_, err = h.ReadFile("relative")
	mustFail(t, err, "absolute")
	_, err = h.ReadDir(file)
	mustFail(t, err, "not a directory")
	if b, err := h.ReadFile("/proc/self/status"); err != nil || !strings.Contains(string(b), "Name:") {
		t.Errorf("a file without a size reads as %q, %v", b, err)
	}
	must(t, os.Truncate(file, host.MaxFile+1))
	_, err = h.ReadFile(file)
	mustFail(t, err, "larger than 64 MiB")
	must(t, os.Truncate(file, host.MaxFile))
	if b, err := h.ReadFile(file); err != nil || len(b) != host.MaxFile {
		t.Errorf("the largest file: %d bytes, %v", len(b), err)
	}
	if names, err := h.ReadDir(dir); err != nil || strings.Join(names, " ") != "fifo file link" {
		t.Errorf("ReadDir = %v, %v", names, err)
	}
}

func TestLinks(t *testing.T) {
	h, dir := newTestHost(t)
	real, home := filepath.Join(dir, "real"), filepath.Join(dir, "home")
	must(t, os.MkdirAll(filepath.Join(real, "deep"), 0o755))
	must(t, os.WriteFile(filepath.Join(real, "deep", "f"), []byte("x"), 0o644))
	must(t, os.Symlink("real", filepath.Join(dir, "rel")))
	must(t, os.Symlink(real+"/deep/../deep", filepath.Join(dir, "abs")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	must(t, os.Mkdir(home, 0o755))
	must(t, os.Chown(home, mallory, mallory))
	must(t, os.Symlink(real, filepath.Join(home, "of-root")))
	must(t, os.Symlink(real, filepath.Join(home, "own")))
	must(t, os.Lchown(filepath.Join(home, "own"), mallory, mallory))
	must(t, os.Mkdir(filepath.Join(home, "roots"), 0o755))
	must(t, os.Symlink(real, filepath.Join(home, "roots", "link")))
	must(t, os.Mkdir(filepath.Join(dir, "open"), 0o777))
	must(t, os.Chmod(filepath.Join(dir, "open"), 0o777))
	must(t, os.Symlink(real, filepath.Join(dir, "open", "link")))
	must(t, os.Symlink(real, filepath.Join(dir, "strange")))
	must(t, os.Lchown(filepath.Join(dir, "strange"), mallory, mallory))

	for _, good := range []string{"rel/deep/f", "abs/f", "rel/./deep/f"} {
		if b, err := h.ReadFile(dir + "/" + good); string(b) != "x" || err != nil {
			t.Errorf("ReadFile(%s) = %q, %v", good, b, err)
		}
		if err := h.Do(context.Background(), host.SetAccess{Path: dir + "/" + good, Access: host.AccessOf(0o644)}); err != nil {
			t.Error(err)
		}
	}
	for bad, says := range map[string]string{
		"home/of-root/deep/f":    "/home/of-root: it is a symbolic link, in a directory that #54321 can write",
		"home/own/deep/f":        "in a directory that #54321 can write",
		"home/roots/link/deep/f": "/home/roots/link: it is a symbolic link, below a directory that others than root can write",
		"open/link/deep/f":       "in a directory that others than root can write",
		"strange/deep/f":         "symbolic link of #54321's",
		"loop/f":                 "too many levels",
	} {
		path := dir + "/" + bad
		_, err := h.Stat(path)
		mustFail(t, err, says)
		_, err = h.ReadFile(path)
		mustFail(t, err, says)
		_, err = h.ReadDir(filepath.Dir(path))
		if bad != "loop/f" && !strings.HasSuffix(filepath.Dir(path), "link") {
			mustFail(t, err, says)
		}
		for _, s := range []host.Step{
			host.WriteFile{Path: path, Owner: "root", Group: "root", Access: host.AccessOf(0o600)},
			host.MakeDir{Path: path + "new", Owner: "root", Group: "root", Access: host.AccessOf(0o700)},
			host.MakeLink{Path: path, Target: "/etc/shadow", Owner: "root", Group: "root"},
			host.SetOwner{Path: path, Owner: "#54321", Group: "#54321"},
			host.SetAccess{Path: path, Access: host.AccessOf(0o777)},
			host.RemovePath{Path: path},
			host.MakeKeyPair{Path: path + "key", Type: "ed25519"},
			host.FixTree{Rule: host.TreeRule{Root: filepath.Dir(path), Owner: "#54321"}},
		} {
			mustFail(t, h.Do(context.Background(), s), "cannot")
		}
	}
	if n := stat(t, h, real+"/deep/f"); n.Owner != "root" || n.Access.Mode() != 0o644 || n.Size != 1 {
		t.Errorf("it was changed through a link: %+v", n)
	}
	// The link itself can be owned, never its target; it has no mode.
	do(t, h, host.SetOwner{Path: dir + "/rel", Owner: "#54321"})
	if n := stat(t, h, real); n.Owner != "root" {
		t.Errorf("the target changed hands: %+v", n)
	}
	mustFail(t, h.Do(context.Background(), host.SetAccess{Path: dir + "/rel", Access: host.AccessOf(0o777)}), "symbolic link")
}

func TestUnprivileged(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.Mkdir(dir+"/closed", 0o700))
	must(t, os.WriteFile(dir+"/closed/f", []byte("x"), 0o600))
	must(t, os.WriteFile(dir+"/secret", []byte("x"), 0o600))
	must(t, os.WriteFile(dir+"/open", []byte("x"), 0o644))
	for p := dir; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
		must(t, os.Chmod(p, 0o755))
	}
	asNobody(t, func() {
		_, err := h.ReadFile(dir + "/secret")
		if !host.IsUnknown(err) {
			t.Errorf("a file that may not be read: %v", err)
		}
		if n, err := h.Stat(dir + "/secret"); err != nil || n.Access.Mode() != 0o600 {
			t.Errorf("a file that may be seen: %v, %v", n, err)
		}
		_, err = h.Stat(dir + "/closed/f")
		if !host.IsUnknown(err) {
			t.Errorf("a file that may not be seen: %v", err)
		}
		_, err = h.ReadDir(dir + "/closed")
		if !host.IsUnknown(err) {
			t.Errorf("a directory that may not be listed: %v", err)
		}
		_, err = h.ScanTree(context.Background(), host.TreeRule{Root: dir + "/closed", Owner: "root"})
		if !host.IsUnknown(err) {
			t.Errorf("a tree that may not be listed: %v", err)
		}
	})
	var unknown *host.UnknownError
	if errors.As(unseen("x", unix.EIO), &unknown) {
		t.Error("an I/O error passes for a lack of permission")
	}
}

func TestFacts(t *testing.T) {
	h, _ := newTestHost(t)
	f, err := h.Facts()
	must(t, err)
	if f.Distro == "" || f.Arch == "" || f.Kernel == "" || f.Hostname == "" {
		t.Errorf("facts are %+v", f)
	}
	got := parseOSRelease([]byte("# c\nID=debian\nA=\"x \\\"y\\\" \\$z\"\nB='q'\n\nnonsense\n"))
	if got["ID"] != "debian" || got["A"] != `x "y" $z` || got["B"] != "q" || len(got) != 3 {
		t.Errorf("os-release reads as %v", got)
	}
}
