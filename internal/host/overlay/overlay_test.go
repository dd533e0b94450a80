package overlay_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

const base = `
users:
- {name: alice, uid: 1000, home: /home/alice, shell: /bin/bash, password: set}
files:
  /srv/t: {type: directory}
  /srv/t/a: {content: a}
  /srv/t/b: {content: b, mode: "0600"}
  /srv/t/gone: {content: c}
  /srv/t/hard: {content: d, links: 2}
  /srv/t/d/e: {content: e, owner: "#1001"}
  /home/alice: {type: directory, owner: alice, group: alice}
  /home/alice/.ssh: {target: /etc, owner: alice, group: alice}
  /etc/cron.d/x: {content: "* * * * * alice true"}
units: {docker.service: {file: enabled}}
programs: {visudo: BAD}
`

func open(t *testing.T) *overlay.Host {
	t.Helper()
	s, err := snapshot.Parse([]byte(base))
	if err != nil {
		t.Fatal(err)
	}
	return overlay.New(snapshot.New(s))
}

func do(t *testing.T, h *overlay.Host, steps ...host.Step) {
	t.Helper()
	for _, s := range steps {
		if err := h.Do(t.Context(), s); err != nil {
			t.Fatalf("%T: %v", s, err)
		}
	}
}

func write(path, content string) host.WriteFile {
	return host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
}

// TestScanTreeComposes counts nodes of the base and of the overlay as one tree.
func TestScanTreeComposes(t *testing.T) {
	t.Parallel()
	h := open(t)
	mode := host.Mode(0o640)
	rule := host.TreeRule{Root: "/srv/t", Owner: "root", FileMode: &mode}
	scan := func(total, differ, refused int, first ...string) {
		t.Helper()
		s, err := h.ScanTree(t.Context(), rule)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, d := range s.First {
			paths = append(paths, strings.TrimPrefix(d.Path, "/srv/t/"))
		}
		if s.Total != total || s.Differ != differ || len(s.Refused) != refused || cmp.Diff(first, paths) != "" {
			t.Errorf("scan %+v %q: want %d %d %d %q", *s, paths, total, differ, refused, first)
		}
	}
	scan(6, 4, 1, "a", "b", "d/e", "gone")
	do(t, h, host.RemovePath{Path: "/srv/t/gone"}, host.SetAccess{Path: "/srv/t/a", Access: host.AccessOf(mode)},
		write("/srv/t/d/new", "x"), host.SetOwner{Path: "/srv/t/b", Owner: "alice"})
	scan(6, 3, 1, "b", "d/e", "d/new")
	do(t, h, host.FixTree{Rule: rule})
	scan(6, 0, 1)
	n, err := h.Stat("/srv/t/d/e")
	if err != nil || n.Owner != "root" || n.Access.Mode() != mode {
		t.Errorf("node of the base below a fixed tree: %+v %v", n, err)
	}
	// A file that replaces one with hard links is no longer refused.
	do(t, h, write("/srv/t/hard", "x"))
	scan(6, 1, 0, "hard")
}

func TestOwnersOfTheBaseFollowAccounts(t *testing.T) {
	t.Parallel()
	h := open(t)
	owner := func(path, want string) {
		t.Helper()
		if n, err := h.Stat(path); err != nil || n.Owner != want {
			t.Errorf("%s: %+v %v, want owner %s", path, n, err, want)
		}
	}
	do(t, h, host.AddUser{Name: "bob", UID: 1001, Home: "/home/bob", Shell: "/bin/bash"})
	owner("/srv/t/d/e", "bob")
	do(t, h, host.DeleteUser{Name: "alice"})
	owner("/home/alice", "#1000")
}

func TestLinksOfOthersAreNotFollowed(t *testing.T) {
	t.Parallel()
	h := open(t)
	do(t, h, write("/etc/touched", ""))
	if err := h.Do(t.Context(), write("/home/alice/.ssh/authorized_keys", "x")); err == nil {
		t.Error("a user's link was followed")
	}
	if n, err := h.Stat("/etc/authorized_keys"); n != nil || err != nil {
		t.Errorf("%+v %v", n, err)
	}
	// Root's links are: /lib leads to /usr/lib.
	do(t, h, write("/lib/systemd/system/x.service", "[Install]\n"))
	if b, err := h.ReadFile("/usr/lib/systemd/system/x.service"); string(b) != "[Install]\n" || err != nil {
		t.Errorf("%q %v", b, err)
	}
}

func TestChecksJudgeAtPlanTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := write("/etc/sudoers.d/x", "BAD")
	w.Check = &host.Check{Argv: []string{"visudo", "-cf", "%"}}
	var verdict *host.CheckError
	if err := h.Do(t.Context(), w); !errors.As(err, &verdict) {
		t.Errorf("error %v, want visudo's verdict", err)
	}
	w.Check.Argv[0] = "not-installed-yet"
	do(t, h, w)
}

// asked is a base that remembers what it was last asked to check.
type asked struct {
	host.Reader
	check host.Check
}

func (a *asked) Check(_ context.Context, c host.Check, _ host.Content) error {
	a.check = c
	return nil
}

func TestChecksOfTreesSeeEarlierSteps(t *testing.T) {
	t.Parallel()
	below := &asked{Reader: open(t)}
	h := overlay.New(below)
	do(t, h, write("/etc/sudoers.d/a", "A"))
	do(t, h, write("/etc/sudoers.d/b", "B"))
	do(t, h, host.RemovePath{Path: "/etc/sudoers.d/b"})
	do(t, h, write("/etc/sudoers", "main"))
	do(t, h, write("/etc/other", "other"))
	w := write("/etc/sudoers.d/c", "C")
	w.Check = &host.Check{Argv: []string{"visudo", "%"}, Tree: &host.CheckTree{Main: "/etc/sudoers", Dir: "/etc/sudoers.d/", Name: "c"}}
	do(t, h, w)
	got := below.check.Tree.Predicted
	if b, ok := got["/etc/sudoers.d/b"]; len(got) != 3 || !ok || b != nil ||
		string(got["/etc/sudoers.d/a"].Bytes()) != "A" || string(got["/etc/sudoers"].Bytes()) != "main" {
		t.Errorf("predicted: %v", got)
	}
	if w.Check.Tree.Predicted != nil {
		t.Error("the step itself was changed")
	}
}

func TestInstalledFilesAreKnownAfterApply(t *testing.T) {
	t.Parallel()
	h := open(t)
	do(t, h, host.InstallPackages{Packages: []host.PackageInstall{{Name: "p", Provides: host.Provides{
		Files: []host.ProvidedFile{{Path: "/etc/p/p.conf", Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root"}}},
		Units: []host.Unit{{Name: "p.service", Active: "active", File: "enabled", Links: []string{"/etc/systemd/system/multi-user.target.wants/p.service"}}},
	}}}})
	_, err := h.ReadFile("/etc/p/p.conf")
	if !host.AfterApply(err) || !strings.Contains(err.Error(), "p brings it") {
		t.Errorf("content: %v", err)
	}
	if names, err := h.ReadDir("/etc/p"); err != nil || cmp.Diff([]string{"p.conf"}, names) != "" {
		t.Errorf("names %q %v", names, err)
	}
	do(t, h, host.RemovePackages{Names: []string{"p"}, Purge: true})
	if u, err := h.Unit(t.Context(), "p.service"); u != nil || err != nil {
		t.Errorf("unit of a removed package: %+v %v", u, err)
	}
	for _, p := range []string{"/etc/p/p.conf", "/lib/systemd/system/p.service", "/etc/systemd/system/multi-user.target.wants/p.service"} {
		if n, err := h.Stat(p); n != nil || err != nil {
			t.Errorf("%s after a purge: %+v %v", p, n, err)
		}
	}
}

// TestStoppedDockerIsUnknown shows that starting an engine whose networks
// nobody could see does not make them absent.
func TestStoppedDockerIsUnknown(t *testing.T) {
	t.Parallel()
	h := open(t)
	do(t, h, host.StartUnit{Name: "docker.service"})
	if e, err := h.Engine(t.Context()); e == nil || err != nil {
		t.Errorf("engine %v %v", e, err)
	}
	if _, err := h.Network(t.Context(), "n"); !host.AfterApply(err) {
		t.Errorf("network: %v", err)
	}
	do(t, h, host.StopUnit{Name: "docker.service"})
	if _, err := h.Engine(t.Context()); !host.IsUnknown(err) {
		t.Errorf("stopped engine: %v", err)
	}
}

func TestRemovedFilesAreNoTraces(t *testing.T) {
	t.Parallel()
	s, err := snapshot.Parse([]byte(base))
	if err != nil {
		t.Fatal(err)
	}
	s.Traces["alice"] = host.Traces{Processes: 3, Sessions: []string{"1"}, Linger: true, Cron: []string{"/etc/cron.d/x"}}
	h := overlay.New(snapshot.New(s))
	do(t, h, host.EndSessions{User: "alice"}, host.SetLinger{User: "alice"}, host.RemovePath{Path: "/etc/cron.d/x"})
	tr, err := h.Traces("alice")
	if err != nil || cmp.Diff(host.Traces{}, tr) != "" {
		t.Errorf("traces %+v %v", tr, err)
	}
}
