package undo_test

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind/kindtest"
	"opsafe/internal/kinds"
	"opsafe/internal/undo"
)

// TestEveryKind brings about what each case of each kind declares, undoes it, and
// compares the host with what it was; then it undoes the undoing.
func TestEveryKind(t *testing.T) {
	seen := map[string]int{}
	for _, c := range kindtest.Find(t, "../kind") {
		t.Run(c.Name, func(t *testing.T) {
			if undoCase(t, c.File) {
				seen[c.Kind()]++
			}
		})
	}
	for _, k := range kinds.Table() {
		if seen[k.Name] == 0 {
			t.Errorf("nothing of the kind %s has been undone", k.Name)
		}
	}
}

func undoCase(t *testing.T, file string) (changed bool) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, state := kindtest.Load(t, archive)
	h := overlay.New(snapshot.New(state))
	if u, err := h.User("root"); u == nil && err == nil {
		return false // no host that opsafe can work on
	}
	for _, dir := range []string{"/var", "/var/lib"} {
		if n, err := h.Stat(dir); n == nil && err == nil {
			if err := h.Do(context.Background(), host.MakeDir{Path: dir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := dump(t, h, state)
	rec := run(t, h, converge.Declare(in))
	if rec == nil {
		return false
	}
	after := dump(t, h, state)
	back := run(t, h, undo.Kinds(t.Context(), h, rec))
	compare(t, "before, and after it has been undone", before, dump(t, h, state), rec)
	if back == nil {
		return false
	}
	if slices.ContainsFunc(back.Kept, predicted) {
		return true
	}
	run(t, h, undo.Kinds(t.Context(), h, back))
	compare(t, "after, and after the undoing has been undone", after, dump(t, h, state), back)
	return true
}

// predicted reports whether something was only predicted: an account without a
// number, a file without content.
func predicted(k history.Kept) bool {
	return k.Lost() != "" || k.User != nil && k.User.User != nil && k.User.User.UID == host.UnknownID
}

// compare compares two hosts, but for what is said to be lost.
func compare(t *testing.T, what string, want, got map[string]string, rec *history.Record) {
	t.Helper()
	all := maps.Clone(want)
	for name, text := range all {
		// What is made then has a content that no prediction can compare.
		unknown := text == "unknown" || strings.HasSuffix(strings.TrimSpace(got[name]), "unknown")
		if lost(name, rec) || unknown || movable(name, all, got) {
			delete(want, name)
			delete(got, name)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s:\n%s", what, d)
	}
}

// movable reports whether somebody else than root decides which file is at a path:
// its owner and rights do not come back there.
func movable(name string, want, got map[string]string) bool {
	if !strings.HasPrefix(want[name], "file ") || !strings.HasPrefix(got[name], "file ") {
		return false
	}
	dir := want[path.Dir(name)]
	_, mode, _ := strings.Cut(dir, " ")
	_, mode, _ = strings.Cut(mode, " ")
	bits, err := strconv.ParseUint(mode[:min(4, len(mode))], 8, 32)
	return !strings.HasPrefix(dir, "directory root:") || err != nil || bits&0o022 != 0
}

// lost reports whether undo cannot bring something back: the password of an
// account that was removed, and what a package that is not there any more had.
func lost(name string, rec *history.Record) bool {
	for _, k := range rec.Kept {
		if k.Package != nil && k.Package.Name == "systemd-timesyncd" && strings.Contains(name, "timesync") {
			return true // what it brings, only a real host can tell
		}
		if k.User != nil && name == "password "+k.User.Name && k.Touched() {
			return true
		}
		if k.Password != nil && name == "password "+k.Password.User {
			return true
		}
	}
	return false
}

// run makes a run with a record, which it returns; nil: nothing was changed.
func run(t *testing.T, h host.Host, kinds []converge.Kind) *history.Record {
	t.Helper()
	ctx := context.Background()
	now := func() time.Time { return time.Unix(0, 0) }
	plan := converge.Run(ctx, converge.Options{Host: overlay.New(h), Kinds: kinds, Now: now})
	book, err := history.Open(ctx, history.Options{Host: h, Now: now}, plan.Results)
	if err != nil {
		t.Fatal(err)
	}
	rep := converge.Run(ctx, converge.Options{Host: h, Before: book.Before, Kinds: kinds, Sink: book.Sink(nil), Now: now})
	if err := book.Close(ctx, rep.Results, history.Succeeded); err != nil {
		t.Fatal(err)
	}
	rec, err := history.Load(h, book.Run())
	if err != nil {
		t.Fatal(err)
	}
	if kinds[0].Name == "undo" {
		for _, r := range rep.Results {
			if r.Err != nil && strings.Contains(r.Err.Error(), "opsafe does not give it away") {
				continue // somebody may have moved it there
			}
			if r.Status == change.Failed || r.Status == change.Blocked {
				t.Errorf("%s: %v%s", r.ID, r.Err, r.Reason)
			}
		}
	}
	return rec
}

// dump writes all that can be seen of a host, but for opsafe's own records.
func dump(t *testing.T, h host.Reader, state snapshot.State) map[string]string {
	t.Helper()
	ctx := context.Background()
	out := map[string]string{}
	put := func(name string, v any, err error) {
		switch {
		case err != nil && !host.IsUnknown(err):
			t.Fatalf("%s: %v", name, err)
		case err != nil:
			out[name] = "unknown"
		default:
			out[name] = fmt.Sprintf("%+v", v)
		}
	}
	users, err := h.Users()
	put("users", nil, err)
	for _, u := range users {
		put("user "+u.Name, u, nil)
		p, err := h.Password(u.Name)
		if err == nil && p != nil {
			put("password "+u.Name, *p, nil)
		}
		tr, err := h.Traces(u.Name)
		put("linger "+u.Name, tr.Linger, err)
	}
	groups, err := h.Groups()
	put("groups", nil, err)
	for _, g := range groups {
		// Members without an account cannot be made again, and have no access.
		g.Members = slices.DeleteFunc(g.Members, func(m string) bool { u, err := h.User(m); return u == nil && err == nil })
		put("group "+g.Name, g, nil)
	}
	packages, err := h.Packages()
	put("packages", nil, err)
	for _, p := range packages {
		// Nobody brings back that a package was only half there, or not all gone.
		if p.State != host.ConfigFiles {
			put("package "+p.Name, p.Hold, nil)
		}
	}
	networks, err := h.Networks(ctx)
	for i := range networks {
		networks[i].Containers = nil // what is attached changes by itself
	}
	put("networks", networks, err)
	for _, name := range slices.Sorted(maps.Keys(state.Units)) {
		u, err := h.Unit(ctx, name)
		if u != nil {
			// Of a unit that only its case describes, no file says that it is static.
			state := strings.Replace(u.File, "static", "disabled", 1)
			put("unit "+name, []any{state, path.Base(u.Fragment), u.Links, u.Running()}, err)
		}
	}
	dumpFiles(t, h, "/", out)
	// Which directories there are in the tree of an archive is not predicted.
	for _, trees := range state.Unpacked {
		for _, tree := range trees {
			maps.DeleteFunc(out, func(at, text string) bool {
				return strings.HasPrefix(at, tree.Path+"/") && strings.HasPrefix(text, string(host.TypeDir))
			})
		}
	}
	return out
}

func dumpFiles(t *testing.T, h host.Reader, dir string, out map[string]string) {
	t.Helper()
	names, err := h.ReadDir(dir)
	if host.IsUnknown(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		at := path.Join(dir, name)
		n, err := h.Stat(at)
		if err != nil || n == nil || at == "/var/lib/opsafe" {
			continue
		}
		// Some cases have files that belong to accounts which are not there yet.
		if u, err := h.User(n.Owner); u == nil && err == nil {
			n.Owner = "nobody's"
		}
		if g, err := h.Group(n.Group); g == nil && err == nil {
			n.Group = "nobody's"
		}
		text := fmt.Sprintf("%s %s:%s %s %s %q", n.Type, n.Owner, n.Group, n.Access.Mode(), n.Target, n.Access.Lines())
		switch n.Type {
		case host.TypeDir:
			dumpFiles(t, h, at, out)
			if path.Ext(at) == ".wants" {
				continue // systemd leaves empty ones
			}
		case host.TypeSymlink:
			if path.Ext(dir) == ".wants" {
				continue // they are among the unit's, also where a case has no file for them
			}
		case host.TypeFile:
			data, err := h.ReadFile(at)
			if err != nil {
				text += " unknown"
			}
			text += "\n" + string(data)
		}
		out[at] = text
	}
}
