package local

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// archiveRoom is a host whose notes are in a directory of the test's, and where it may
// unpack.
type archiveRoom struct {
	*testing.T
	*Host
	dir string
}

func newArchiveRoom(t *testing.T) archiveRoom {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return archiveRoom{T: t, Host: New(Options{StateDir: filepath.Join(dir, "state")}), dir: dir}
}

// put writes an archive and says how it is unpacked.
func (r archiveRoom) put(name, format string, data []byte) host.Archive {
	r.Helper()
	source := filepath.Join(r.dir, name+"."+format)
	if err := os.WriteFile(source, data, 0o600); err != nil {
		r.Fatal(err)
	}
	return host.Archive{
		Name: "tool", Path: filepath.Join(r.dir, name), Source: source, SHA256: host.NewContent(data).Digest(), Format: format,
		Owner: "root", Group: "root", Mode: 0o755,
	}
}

// content is all that is in a tree: type, mode, and content or target of each path.
func (r archiveRoom) content(at string) string {
	r.Helper()
	var b strings.Builder
	err := filepath.WalkDir(at, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(at, p)
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(rel + " " + st.Mode().String())
		switch {
		case d.Type()&os.ModeSymlink != 0:
			to, err := os.Readlink(p)
			b.WriteString(" " + to)
			if err != nil {
				return err
			}
		case d.Type().IsRegular():
			data, err := os.ReadFile(p)
			b.WriteString(" " + string(data))
			if err != nil {
				return err
			}
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return b.String()
}

func (r archiveRoom) tree(at string) host.UnpackedTree {
	r.Helper()
	u, err := host.UnpackedAt(r.Context(), r.Host, "tool", at)
	if err != nil || u == nil {
		r.Fatalf("nothing is known of %s: %v", at, err)
	}
	return *u
}

func tarred(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := h.Uname // stands for it here
		h.Uname = ""
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); h.Typeflag == tar.TypeReg && err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func regular(name, content string) tar.Header {
	return tar.Header{Name: name, Uname: content, Typeflag: tar.TypeReg}
}

func good() []tar.Header {
	program := regular("tool-1/bin/tool", "program")
	program.Mode = 0o700
	return []tar.Header{
		{Name: "tool-1/", Typeflag: tar.TypeDir, Mode: 0o700},
		program, regular("tool-1/share/text", "text"),
		{Name: "tool-1/bin/alias", Linkname: "../share/text", Typeflag: tar.TypeSymlink},
		{Name: "tool-1/copy", Linkname: "tool-1/bin/tool", Typeflag: tar.TypeLink, Mode: 0o755},
	}
}

const goodTree = `. drwxr-xr-x
bin drwxr-xr-x
bin/alias Lrwxrwxrwx ../share/text
bin/tool -rwxr-xr-x program
copy -rwxr-xr-x program
share drwxr-xr-x
share/text -rw-r--r-- text
`

// TestUnpackFormats: all formats give the same tree.
func TestUnpackFormats(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	plain := tarred(t, good()...)
	pack := func(w io.WriteCloser, err error) {
		t.Helper()
		if err == nil {
			_, err = w.Write(plain)
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	var gz, xzed, zst, zipped bytes.Buffer
	pack(gzip.NewWriter(&gz), nil)
	x, err := xz.NewWriter(&xzed)
	pack(x, err)
	z, err := zstd.NewWriter(&zst)
	pack(z, err)
	w := zip.NewWriter(&zipped)
	for _, f := range []struct {
		name, content string
		mode          os.FileMode
	}{
		{"tool-1/bin/tool", "program", 0o700}, {"tool-1/share/text", "text", 0o600}, {"tool-1/bin/alias", "../share/text", os.ModeSymlink | 0o777}, {"tool-1/copy", "program", 0o755},
	} {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		to, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(to, f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for format, data := range map[string][]byte{"tar": plain, "tar.gz": gz.Bytes(), "tgz": gz.Bytes(), "tar.xz": xzed.Bytes(), "tar.zst": zst.Bytes(), "zip": zipped.Bytes()} {
		a := r.put("v-"+strings.ReplaceAll(format, ".", "-"), format, data)
		a.Strip = 1
		if err := r.Do(t.Context(), host.Unpack{Archive: a}); err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		if got := r.content(a.Path); got != goodTree {
			t.Errorf("%s gives\n%s, not\n%s", format, got, goodTree)
		}
		if u := r.tree(a.Path); !u.Whole() || u.Added != nil {
			t.Errorf("%s: it is not whole: %+v", format, u)
		}
	}
}

// TestUnpackRefused: what would leave the tree, or is more than files, is refused by
// name, and leaves nothing behind.
func TestUnpackRefused(t *testing.T) {
	t.Parallel()
	setID := regular("su", "x")
	setID.Mode = 0o4755
	for name, c := range map[string]struct {
		members []tar.Header
		says    string
	}{
		"absolute":            {[]tar.Header{regular("/etc/passwd", "x")}, `"/etc/passwd" has an absolute name`},
		"up":                  {[]tar.Header{regular("a/../../x", "x")}, `"a/../../x" has ".." in its name`},
		"control":             {[]tar.Header{regular("a\nb", "x")}, "control characters"},
		"link out":            {[]tar.Header{{Name: "l", Linkname: "../x", Typeflag: tar.TypeSymlink}}, `"l" is a link to "../x", which leads out of it`},
		"absolute link":       {[]tar.Header{{Name: "l", Linkname: "/etc", Typeflag: tar.TypeSymlink}}, "leads out of it"},
		"up through a link":   {[]tar.Header{{Name: "d/s", Linkname: "../..", Typeflag: tar.TypeSymlink}}, "leads out of it"},
		"up after a name":     {[]tar.Header{{Name: "d/e/s", Linkname: "../../", Typeflag: tar.TypeSymlink}, {Name: "d/x", Linkname: "e/s/../y", Typeflag: tar.TypeSymlink}}, `"d/x" is a link to "e/s/../y"`},
		"through a link":      {[]tar.Header{{Name: "l", Linkname: "d", Typeflag: tar.TypeSymlink}, regular("l/x", "x")}, `"l/x" lies below l, which is no directory`},
		"link over directory": {[]tar.Header{regular("l/x", "x"), {Name: "l", Linkname: "d", Typeflag: tar.TypeSymlink}}, `"l" is in it twice`},
		"hard link out":       {[]tar.Header{{Name: "h", Linkname: "/etc/shadow", Typeflag: tar.TypeLink}}, `"h" is a hard link to "/etc/shadow"`},
		"hard link to a link": {[]tar.Header{{Name: "l", Linkname: "d", Typeflag: tar.TypeSymlink}, {Name: "h", Linkname: "l", Typeflag: tar.TypeLink}}, `"h" is a hard link to "l"`},
		"twice":               {[]tar.Header{regular("a", "x"), regular("a", "y")}, `"a" is in it twice`},
		"device":              {[]tar.Header{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, `"null" is a device`},
		"pipe":                {[]tar.Header{{Name: "p", Typeflag: tar.TypeFifo}}, `"p" is a device, a pipe`},
		"set-user-id":         {[]tar.Header{setID}, `"su" has a set-user-id or set-group-id bit`},
		"empty":               {nil, "it has no members"},
	} {
		r := newArchiveRoom(t)
		a := r.put("v", "tar", tarred(t, append([]tar.Header{regular("first", "x")}, c.members...)...))
		if c.members == nil {
			a = r.put("v", "tar", tarred(t))
		}
		err := r.Do(t.Context(), host.Unpack{Archive: a})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, not an error that says %s", name, err, c.says)
		}
		left, err := filepath.Glob(filepath.Join(r.dir, "*"))
		if hidden, _ := filepath.Glob(filepath.Join(r.dir, ".*")); err != nil || len(left) != 2 || len(hidden) != 0 {
			t.Errorf("%s: %q and %q are there: %v", name, left, hidden, err)
		}
		if trees, err := r.Unpacked(t.Context(), "tool"); err != nil || trees != nil {
			t.Errorf("%s: %v is known, %v", name, trees, err)
		}
	}
}

// TestUnpackDigest: another archive than the declared one is not unpacked, and one of
// which nothing is left by strip or only is not either.
func TestUnpackDigest(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", tarred(t, good()...))
	other, deep, only, torn := a, a, a, r.put("torn", "tar.gz", []byte("\x1f\x8b\x08\x00torn"))
	other.SHA256 = strings.Repeat("0", 64)
	deep.Strip = 9
	only.Only = []string{"tool-1/none"}
	for says, bad := range map[string]host.Archive{"another archive": other, "no members": deep, "no member tool-1/none": only, "as tar.gz": torn} {
		if err := r.Do(t.Context(), host.Unpack{Archive: bad}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, not an error that says %s", err, says)
		}
	}
	only.Only = []string{"tool-1/bin/tool"}
	if err := r.Do(t.Context(), host.Unpack{Archive: only}); err != nil {
		t.Fatal(err)
	}
	if got, want := r.content(a.Path), ". drwxr-xr-x\ntool-1 drwxr-xr-x\ntool-1/bin drwxr-xr-x\ntool-1/bin/tool -rwxr-xr-x program\n"; got != want {
		t.Errorf("there is\n%s, not\n%s", got, want)
	}
}

// sparse is an archive of a file that is one hole, as GNU tar writes it: the writer of Go
// has no word for it.
func sparse(t *testing.T, name string, size int) []byte {
	t.Helper()
	records := ""
	for _, r := range []string{
		"path=" + name, fmt.Sprintf("GNU.sparse.size=%d", size), "GNU.sparse.numblocks=1", fmt.Sprintf("GNU.sparse.map=%d,0", size),
	} {
		records += fmt.Sprintf("%d %s\n", len(r)+4, r) // of two digits, each
	}
	data := tarred(t, regular("records", records), regular(name, ""))
	const typeflag, checksum, block = 156, 148, 512
	data[typeflag] = tar.TypeXHeader
	copy(data[checksum:], "        ")
	sum := 0
	for _, b := range data[:block] {
		sum += int(b)
	}
	copy(data[checksum:], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

// TestUnpackBomb: what comes to more than the limit is not unpacked, whether it is in the
// archive, a hole, or another name of what is.
func TestUnpackBomb(t *testing.T) {
	t.Parallel()
	six := tarred(t, regular("six", "123456"))
	names := tarred(t, regular("three", "123"), tar.Header{Name: "again", Linkname: "three", Typeflag: tar.TypeLink})
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	to, err := z.Create("six")
	must(t, err)
	_, err = io.WriteString(to, "123456")
	must(t, errors.Join(err, z.Close()))
	for name, c := range map[string]struct {
		format string
		data   []byte
	}{"bytes": {"tar", six}, "hard links": {"tar", names}, "holes": {"tar", sparse(t, "hole", 6)}, "zip": {"zip", zipped.Bytes()}} {
		for _, room := range []int64{5, 6} {
			r := newArchiveRoom(t)
			a := r.put("v", c.format, c.data)
			must(t, os.Mkdir(a.Path, 0o700))
			root, err := r.openDir(a.Path)
			must(t, err)
			from, err := os.Open(a.Source)
			must(t, err)
			b := &builder{Host: r.Host, root: root, archive: a, left: room}
			err = b.all(t.Context(), from)
			if full := err != nil && strings.Contains(err.Error(), "GiB unpacked"); full != (room == 5) || !full && err != nil {
				t.Errorf("%s: six bytes in %d: %v", name, room, err)
			}
			must(t, errors.Join(from.Close(), unix.Close(root)))
		}
	}
}

// TestUnpackNames: directories that names imply count like members.
func TestUnpackNames(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", tarred(t, regular("a/b/c", "x")))
	must(t, os.Mkdir(a.Path, 0o700))
	root, err := r.openDir(a.Path)
	must(t, err)
	defer unix.Close(root)
	from, err := os.Open(a.Source)
	must(t, err)
	defer from.Close()
	b := &builder{Host: r.Host, root: root, archive: a, left: 1, made: make([]noteMember, maxMembers-2)}
	if err := b.all(t.Context(), from); err == nil || !strings.Contains(err.Error(), "members") {
		t.Errorf("three more than there is room for two: %v", err)
	}
}

// TestUnpackDrift: what is missing or changed is found, and only that is replaced; what
// was added stays, and keeps the tree from being replaced or removed.
func TestUnpackDrift(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", tarred(t, good()...))
	a.Strip = 1
	do := func(s host.Step) {
		t.Helper()
		if err := r.Do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	do(host.Unpack{Archive: a})
	text, tool := filepath.Join(a.Path, "share/text"), filepath.Join(a.Path, "bin/tool")
	st, err := os.Stat(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []error{
		os.WriteFile(text, []byte("TEXT"), 0o644), os.Chtimes(text, st.ModTime(), st.ModTime()), // as long and as old
		os.RemoveAll(filepath.Join(a.Path, "bin")), os.Chmod(filepath.Join(a.Path, "copy"), 0o777),
		os.Mkdir(filepath.Join(a.Path, "__pycache__"), 0o755),
	} {
		if e != nil {
			t.Fatal(e)
		}
	}
	u := r.tree(a.Path)
	want := []string{filepath.Dir(tool), filepath.Join(a.Path, "bin/alias"), tool, filepath.Join(a.Path, "copy"), text}
	if !slices.Equal(u.Changed, want) || u.Added != nil {
		t.Fatalf("%q is found, and %q, not %q", u.Changed, u.Added, want)
	}
	if err := r.Do(t.Context(), host.Unpack{Archive: a, Changed: u.Changed[1:4]}); err == nil || !strings.Contains(err.Error(), "share/text has been changed by hand since it was planned") {
		t.Errorf("what was not planned is replaced: %v", err)
	}
	do(host.Unpack{Archive: a, Changed: u.Changed})
	if got := strings.Replace(r.content(a.Path), "__pycache__ drwxr-xr-x\n", "", 1); got != goodTree {
		t.Errorf("after it there is\n%s", got)
	}
	if u := r.tree(a.Path); !u.Whole() {
		t.Errorf("it still differs: %+v", u)
	}
	// The same content under other times is the same.
	if err := os.Chtimes(text, st.ModTime(), st.ModTime().Add(1)); err != nil || !r.tree(a.Path).Whole() {
		t.Errorf("another time is taken for another file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(a.Path, "share/mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	other := a
	other.Mode = 0o700
	for _, s := range []host.Step{host.Unpack{Archive: other}, host.RemoveUnpacked{Name: "tool", Path: a.Path}} {
		if err := r.Do(t.Context(), s); err == nil || !strings.Contains(err.Error(), "share/mine, which did not come out of the archive") {
			t.Errorf("%T: %v", s, err)
		}
	}
}

// TestUnpackServer: an archive is fetched, and a server that has none is named.
func TestUnpackServer(t *testing.T) {
	t.Parallel()
	data := tarred(t, good()...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/tool.tar" {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(data)
	}))
	defer server.Close()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", data)
	a.Strip, a.Source = 1, server.URL+"/none.tar"
	if err := r.Do(t.Context(), host.Unpack{Archive: a}); err == nil || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("%v, not an error that says what the server says", err)
	}
	a.Source = server.URL + "/tool.tar"
	if err := r.Do(t.Context(), host.Unpack{Archive: a}); err != nil || r.content(a.Path) != goodTree {
		t.Errorf("it is not unpacked: %v", err)
	}
}
