package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWriteOut: a regular file is replaced as a whole; whatever else is there under
// the name stays what it is, and is written into.
func TestWriteOut(t *testing.T) {
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, tt := range map[string]struct {
		prepare func(dir string) error
		out     string
		files   map[string]string // what is in them afterwards
		links   map[string]string // and where these lead
		same    string            // the file is not another one than before
		says    string
	}{
		"a new file":             {out: "f", files: map[string]string{"f": "new"}},
		"another file":           {out: "f", files: map[string]string{"f": "new"}, prepare: putText("f", "old, and longer")},
		"a link":                 {out: "l", files: map[string]string{"f": "new"}, links: map[string]string{"l": "f"}, prepare: inTurn(putText("f", "old"), putLink("f", "l"))},
		"a link to nothing yet":  {out: "l", files: map[string]string{"f": "new"}, links: map[string]string{"l": "f"}, prepare: putLink("f", "l")},
		"a link to a link":       {out: "m", files: map[string]string{"f": "new"}, links: map[string]string{"l": "f", "m": "l"}, prepare: inTurn(putLink("f", "l"), putLink("l", "m"))},
		"a link on the way":      {out: "l/../e/f", files: map[string]string{"d/e/f": "new"}, links: map[string]string{"l": "d/e"}, prepare: inTurn(putText("d/e/f", "old"), putLink("d/e", "l"))},
		"links in a ring":        {out: "l", says: "too many levels", prepare: inTurn(putLink("m", "l"), putLink("l", "m"))},
		"a file with two names":  {out: "f", same: "f", files: map[string]string{"f": "new", "g": "new"}, prepare: inTurn(putText("f", "old, and longer"), putHard("f", "g"))},
		"a directory":            {out: "d", says: "is a directory", prepare: putText("d/f", "old")},
		"a directory in between": {out: "d/e/f", says: "no such file", prepare: putText("d/f", "old")},
		"nothing":                {out: "/", says: "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.prepare != nil {
				if err := tt.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := os.Stat(filepath.Join(dir, tt.same))
			out := tt.out
			if !filepath.IsAbs(out) {
				out = dir + "/" + out
			}
			err := WriteOut(t.Context(), out, []byte("new"), 0o600)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("want an error that says %q: %v", tt.says, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for f, want := range tt.files {
				if got := read(filepath.Join(dir, f)); got != want {
					t.Errorf("%s holds %q", f, got)
				}
				if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Mode() != 0o600 {
					t.Errorf("%s: %v, %v", f, st.Mode(), err)
				}
			}
			for l, want := range tt.links {
				if got, err := os.Readlink(filepath.Join(dir, l)); got != want {
					t.Errorf("%s leads to %q, %v", l, got, err)
				}
			}
			if after, err := os.Stat(filepath.Join(dir, tt.same)); err != nil || tt.same != "" && !os.SameFile(before, after) {
				t.Errorf("%s is another file: %v", tt.same, err)
			}
		})
	}
}

func putText(name, content string) func(string) error {
	return func(dir string) error {
		at := filepath.Join(dir, name)
		return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), 0o644))
	}
}

func putLink(target, name string) func(string) error {
	return func(dir string) error { return os.Symlink(target, filepath.Join(dir, name)) }
}

func putHard(name, other string) func(string) error {
	return func(dir string) error { return os.Link(filepath.Join(dir, name), filepath.Join(dir, other)) }
}

func inTurn(a, b func(string) error) func(string) error {
	return func(dir string) error { return errors.Join(a(dir), b(dir)) }
}

// TestWriteOutDevices: devices and pipes get what is written, and stay.
func TestWriteOutDevices(t *testing.T) {
	for _, name := range []string{"/dev/null", "/dev/full"} {
		before, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		err = WriteOut(t.Context(), name, []byte("x"), 0o600)
		if full := name == "/dev/full"; full != errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.Lstat(name); err != nil || after.Mode() != before.Mode() || !os.SameFile(before, after) {
			t.Errorf("%s is %v, and was %v", name, after.Mode(), before.Mode())
		}
	}
	fifo := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Dir(fifo) + "/link"
	if err := os.Symlink("fifo", link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fifo, link} {
		got := make(chan string)
		go func() {
			data, _ := os.ReadFile(fifo)
			got <- string(data)
		}()
		if err := WriteOut(t.Context(), name, []byte("through it"), 0o600); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != "through it" {
			t.Errorf("%q came out of the pipe", s)
		}
	}
	// Nobody reads: it can be given up.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := WriteOut(ctx, fifo, []byte("x"), 0o600); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestWriteOutDescriptor: what is open already, a pipe of a shell's among it, is
// written to where it stands.
func TestWriteOutDescriptor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stands, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer stands.Close()
	if _, err := stands.WriteString("first, "); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{w, stands} {
		for _, dir := range []string{"/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"} {
			if err := WriteOut(t.Context(), fmt.Sprintf("%s/%d", dir, f.Fd()), []byte("x"), 0o600); err != nil {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(r); err != nil || string(data) != "xxx" {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := os.ReadFile(stands.Name()); err != nil || string(data) != "first, xxx" {
		t.Errorf("%q, %v", data, err)
	}
	if !IsStdout("/dev/stdout") || !IsStdout("/proc/self/fd/1") || IsStdout("/dev/stderr") || IsStdout("/dev/null") {
		t.Error("it cannot tell what the standard output is")
	}
}

// TestWriteOutForeign: what another user has put there decides nothing.
func TestWriteOutForeign(t *testing.T) {
	if os.Geteuid() != 0 {
		// Nobody but root can make up another user's link: nobody's own is of no interest.
		if err := WriteOut(t.Context(), "/proc/1/root/x", nil, 0o600); err == nil {
			t.Error("it was written")
		}
		return
	}
	dir := t.TempDir()
	if err := inTurn(inTurn(putText("f", "old"), putLink("f", "l")), putHard("f", "g"))(dir); err != nil {
		t.Fatal(err)
	}
	const other = 12345
	if err := errors.Join(os.Lchown(dir+"/l", other, other), os.Lchown(dir+"/f", other, other), os.Symlink(".", dir+"/d"), os.Lchown(dir+"/d", other, other)); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{"l": "is a link that another user has made", "d/f": "is a link that another user has made", "f": "belongs to another user"} {
		if err := WriteOut(t.Context(), dir+"/"+name, []byte("new"), 0o600); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if data, err := os.ReadFile(dir + "/f"); err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
}
