package local

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// TestUnpackLostMeanwhile: what its owner adds or changes in a tree while the archive that
// is to replace it is fetched is not lost: the tree stays, as it was and where it was.
func TestUnpackLostMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mine string // what its owner writes meanwhile
		says string
	}{
		"added":   {"mine", "mine, which did not come out of the archive: move it away first"},
		"below":   {"share/mine", "share/mine, which did not come out of the archive: move it away first"},
		"changed": {"share/text", "share/text has been changed by hand since it was planned"},
	} {
		r := newArchiveRoom(t)
		data := tarred(t, good()...)
		a := r.put("v", "tar", data)
		a.Strip = 1
		must(t, r.Do(t.Context(), host.Unpack{Archive: a}))
		mine := filepath.Join(a.Path, c.mine)
		writes := func() error { return os.WriteFile(mine, []byte("mine"), 0o644) }
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := writes(); err != nil {
				t.Error(err)
			}
			_, _ = w.Write(data)
		}))
		defer server.Close()
		other := a
		other.Mode, other.Source = 0o750, server.URL+"/v.tar"
		if err := r.Do(t.Context(), host.Unpack{Archive: other}); err == nil || !strings.Contains(err.Error(), filepath.Join(a.Path, c.says)) {
			t.Errorf("%s: %v, not an error that says %s", name, err, c.says)
		}
		if got, err := os.ReadFile(mine); err != nil || string(got) != "mine" {
			t.Errorf("%s: %q is left of it, %v", name, got, err)
		}
		if st, err := os.Stat(a.Path); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("%s: the tree is not as it was: %v", name, err)
		}
		u := r.tree(a.Path)
		if left, _ := filepath.Glob(filepath.Join(r.dir, stagePrefix+"*")); left != nil || u.Unfinished {
			t.Errorf("%s: %q is left, %+v", name, left, u)
		}
		// What a plan has named may go.
		if u.Added == nil {
			writes = func() error { return nil }
			must(t, r.Do(t.Context(), host.Unpack{Archive: other, Changed: u.Changed}))
			if !r.tree(a.Path).Whole() {
				t.Errorf("%s: the tree that was planned is not there", name)
			}
		}
	}
}

// TestUnpackLostAside: what was added to a tree that a run which died had put aside is
// not lost when the next one clears up, nor when something else is written beside it.
func TestUnpackLostAside(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", tarred(t, good()...))
	a.Mode = 0o700
	must(t, r.Do(t.Context(), host.Unpack{Archive: a}))
	other := a
	other.Mode = 0o755
	r.killed(other, renamed)
	aside, err := filepath.Glob(filepath.Join(r.dir, treePrefix+"*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("%q is aside, %v", aside, err)
	}
	mine, moved := filepath.Join(aside[0], "mine"), filepath.Join(r.dir, "moved")
	must(t, os.WriteFile(mine, nil, 0o600))
	for _, s := range []host.Step{host.Unpack{Archive: other}, host.RemoveUnpacked{Name: a.Name, Path: a.Path}} {
		must(t, New(r.options).Do(t.Context(), host.WriteFile{Path: filepath.Join(r.dir, "beside"), Owner: "root", Group: "root", Access: host.AccessOf(0o600)}))
		if err := New(r.options).Do(t.Context(), s); err == nil || !strings.Contains(err.Error(), mine+", which did not come out of the archive: move it away first") {
			t.Errorf("%T: %v", s, err)
		}
	}
	must(t, os.Rename(mine, moved))
	must(t, New(r.options).Do(t.Context(), host.Unpack{Archive: other}))
	must(t, errors.Join(os.Remove(moved), os.Remove(filepath.Join(r.dir, "beside"))))
	r.gone(a, "moved away")
}

// TestUnpackTypes: what has another type than the member is replaced, but for a directory
// that holds something.
func TestUnpackTypes(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", tarred(t, good()...))
	a.Strip = 1
	must(t, r.Do(t.Context(), host.Unpack{Archive: a}))
	at := func(name string) string { return filepath.Join(a.Path, name) }
	must(t, errors.Join(
		os.RemoveAll(at("share")), os.Symlink("bin", at("share")), // a directory
		os.Remove(at("copy")), os.Mkdir(at("copy"), 0o700), // a file
		os.Remove(at("bin/alias")), os.Mkdir(at("bin/alias"), 0o700), // a link
		os.Remove(at("bin/tool")), unix.Mkfifo(at("bin/tool"), 0o600),
	))
	u := r.tree(a.Path)
	must(t, r.Do(t.Context(), host.Unpack{Archive: a, Changed: u.Changed}))
	if got := r.content(a.Path); got != goodTree || !r.tree(a.Path).Whole() {
		t.Errorf("after it there is\n%s", got)
	}
	must(t, errors.Join(os.Remove(at("copy")), os.MkdirAll(at("copy/mine"), 0o700)))
	u = r.tree(a.Path)
	if !slices.Equal(u.InTheWay, []string{at("copy")}) || !slices.Equal(u.Added, []string{at("copy/mine")}) {
		t.Errorf("%q is in the way, and %q added", u.InTheWay, u.Added)
	}
	if err := r.Do(t.Context(), host.Unpack{Archive: a, Changed: u.Changed}); err == nil || !strings.Contains(err.Error(), "copy in its place: a directory that holds something is there: move it away first") {
		t.Error(err)
	}
	if _, err := os.Stat(at("copy/mine")); err != nil {
		t.Error(err)
	}
}
