package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// The points at which a run that unpacks can die.
const (
	begun   = iota // there is a directory beside the tree
	noted          // it is complete, and noted so
	renamed        // it has taken the tree's place
	owned          // it is its owner's
	cleared        // what it has replaced is gone
	points
)

// killed is unpackAt up to a point.
func (r archiveRoom) killed(a host.Archive, point int) {
	r.Helper()
	must := func(err error) {
		r.Helper()
		must(r.T, err)
	}
	dir, name, err := r.openParent(a.Path)
	must(err)
	defer unix.Close(dir)
	there, err := inodeOf(dir, name)
	must(err)
	note, _, err := r.resume(r.Context(), dir, a.Name, a.Path, there)
	must(err)
	if note == nil {
		note = &treeNote{Archive: a}
	}
	s, err := r.beginTree(dir, note, there)
	must(err)
	defer s.file.Close()
	if point == begun {
		must(os.WriteFile(filepath.Join(r.dir, s.name, "half"), []byte("half"), 0o600))
		return
	}
	from, err := os.Open(a.Source)
	must(err)
	defer from.Close()
	members, err := r.build(r.Context(), s.fd(), a, filling{archive: from})
	must(err)
	slices.SortFunc(members, func(a, b noteMember) int { return strings.Compare(a.Path, b.Path) })
	become := &treeNote{Archive: a, When: time.Now(), Members: members}
	note.Stage.Next = become
	switch point {
	case noted:
		must(r.writeTree(note))
		return
	case renamed:
		must(r.writeTree(note))
		flags := uint(unix.RENAME_NOREPLACE)
		if there != 0 {
			flags = unix.RENAME_EXCHANGE
		}
		must(unix.Renameat2(dir, s.name, dir, name, flags))
		return
	}
	must(r.takePlace(r.Context(), s, name, note, become))
	if point == cleared {
		must(r.clear(dir, *note.Stage))
	}
}

// TestUnpackKilled: what a run that died has left, at each point, also of one that went
// on after another, is completed by the next one, and cleared up.
func TestUnpackKilled(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(r archiveRoom, a host.Archive) host.Archive{
		"a first version": nil,
		"another mode": func(_ archiveRoom, a host.Archive) host.Archive {
			a.Mode = 0o700
			return a
		},
		"a member less": func(r archiveRoom, a host.Archive) host.Archive {
			old := r.put("old", "tar", tarred(r.T, good()[:3]...))
			old.Path, old.Strip = a.Path, a.Strip
			return old
		},
	} {
		for first := range points {
			for second := range points + 1 {
				label := fmt.Sprintf("%s, killed at %d and %d", name, first, second)
				r := newArchiveRoom(t)
				a := r.put("v", "tar", tarred(t, good()...))
				a.Strip = 1
				if before != nil {
					must(t, r.unpackAt(t.Context(), host.Unpack{Archive: before(r, a)}))
				}
				r.killed(a, first)
				if second < points {
					r.killed(a, second)
				}
				if u := r.tree(a.Path); u.Whole() || u.Added != nil {
					t.Errorf("%s: it is taken for whole, or for added to: %+v", label, u)
				}
				if err := New(r.options).Do(t.Context(), host.Unpack{Archive: a}); err != nil {
					t.Errorf("%s: %v", label, err)
					continue
				}
				if got := r.content(a.Path); got != goodTree || !r.tree(a.Path).Whole() {
					t.Errorf("%s: after it there is\n%s", label, got)
				}
				r.gone(a, label)
			}
		}
	}
}

// gone removes a tree, and finds nothing left of it.
func (r archiveRoom) gone(a host.Archive, label string) {
	r.Helper()
	if err := r.Do(r.Context(), host.RemoveUnpacked{Name: "tool", Path: a.Path}); err != nil {
		r.Errorf("%s: %v", label, err)
	}
	left, err := os.ReadDir(r.dir)
	left = slices.DeleteFunc(left, func(d os.DirEntry) bool { return d.Name() == "state" || strings.HasSuffix(d.Name(), ".tar") })
	if err != nil || len(left) != 0 {
		r.Errorf("%s: %v is left, %v", label, left, err)
	}
	if trees, err := r.Unpacked(r.Context(), "tool"); err != nil || len(trees) != 0 {
		r.Errorf("%s: %v is known, %v", label, trees, err)
	}
}

// TestUnpackRemovalKilled: a removal that was cut short is completed.
func TestUnpackRemovalKilled(t *testing.T) {
	t.Parallel()
	for _, moved := range []bool{false, true} {
		r := newArchiveRoom(t)
		a := r.put("v", "tar", tarred(t, good()...))
		must(t, r.unpackAt(t.Context(), host.Unpack{Archive: a}))
		dir, name, err := r.openParent(a.Path)
		must(t, err)
		there, err := inodeOf(dir, name)
		must(t, err)
		note, err := r.readTree(a.Name, noteName(a.Path))
		must(t, err)
		note.Stage = &treeStage{Name: stagePrefix + "0123456789abcdef", Old: there}
		must(t, r.writeTree(note))
		if moved {
			must(t, os.Rename(a.Path, filepath.Join(r.dir, note.Stage.Name)))
		}
		unix.Close(dir)
		if u := r.tree(a.Path); u.Whole() || u.Gone != moved {
			t.Errorf("moved %v: it is taken for %+v", moved, u)
		}
		r.gone(a, fmt.Sprintf("moved %v", moved))
	}
}

// TestUnpackAddedMeanwhile: what its owner adds to a new tree after a run has died
// stays.
func TestUnpackAddedMeanwhile(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.put("v", "tar", tarred(t, good()...))
	r.killed(a, owned)
	mine := filepath.Join(a.Path, "mine")
	must(t, os.WriteFile(mine, nil, 0o644))
	must(t, r.Do(t.Context(), host.Unpack{Archive: a}))
	if _, err := os.Stat(mine); err != nil || !slices.Equal(r.tree(a.Path).Added, []string{mine}) {
		t.Errorf("it is gone: %v", err)
	}
}

// TestUnpackLeft: what cannot be removed is an error, stays noted, and goes when it can.
func TestUnpackLeft(t *testing.T) {
	t.Parallel()
	other := func(a host.Archive) host.Step {
		a.Mode = 0o700
		return host.Unpack{Archive: a}
	}
	for name, step := range map[string]func(host.Archive) host.Step{
		"replaced": other,
		"removed":  func(a host.Archive) host.Step { return host.RemoveUnpacked{Name: a.Name, Path: a.Path} },
	} {
		r := newArchiveRoom(t)
		a := r.put("v", "tar", tarred(t, good()...))
		a.Strip = 1
		must(t, r.unpackAt(t.Context(), host.Unpack{Archive: a}))
		busy := filepath.Join(a.Path, "share/text") // what is mounted upon cannot be removed
		must(t, unix.Mount(busy, busy, "", unix.MS_BIND, ""))
		release := func() error {
			at, err := filepath.Glob(filepath.Join(r.dir, stagePrefix+"*", "share/text"))
			if len(at) != 1 {
				return errors.New("it is not aside")
			}
			return errors.Join(err, unix.Unmount(at[0], unix.MNT_DETACH))
		}
		for range 2 {
			if err := r.Do(t.Context(), step(a)); err == nil || !strings.Contains(err.Error(), "share: text: device or resource busy") {
				t.Errorf("%s: %v, not an error that says what is left", name, err)
			}
			if r.tree(a.Path).Whole() {
				t.Errorf("%s: it is taken for whole", name)
			}
		}
		must(t, release())
		must(t, r.Do(t.Context(), step(a)))
		if name == "replaced" {
			r.gone(a, name)
		}
		if left, _ := filepath.Glob(filepath.Join(r.dir, stagePrefix+"*")); left != nil {
			t.Errorf("%s: %q is left", name, left)
		}
	}
}
