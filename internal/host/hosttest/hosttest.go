// Package hosttest is the conformance suite of hosts: every step is done, and
// what reads show then is compared, on the real host and on the predicted one
// alike. A plan is worth what the two have in common.
package hosttest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
)

// Run tests a host against the whole suite. Open gives the host for a case: a
// fresh one, or the same machine each time, since cases use names of their own
// and leave each other alone. The host is to be Debian, with systemd and sshd,
// and what Packages names has to be there for apt to install.
func Run(t *testing.T, open func(t *testing.T) host.Host) {
	t.Helper()
	for _, c := range slices.Concat(accountCases(), fileCases(), treeCases(), unitCases(), packageCases(), otherCases()) {
		t.Run(c.name, func(t *testing.T) {
			c.run(&env{T: t, ctx: t.Context(), host: open(t)})
		})
	}
}

// Packages are those that the suite installs.
func Packages() []string { return []string{"chrony", "docker-compose", "docker.io", "tree"} }

// A testCase shows one step, or a few that belong together.
type testCase struct {
	name string
	run  func(e *env)
}

// env is the host under test with what cases need to speak about it.
type env struct {
	*testing.T
	ctx  context.Context //nolint:containedctx // the test's own
	host host.Host
}

// do carries out steps that have to succeed.
func (e *env) do(steps ...host.Step) {
	e.Helper()
	for _, s := range steps {
		if err := e.host.Do(e.ctx, s); err != nil {
			e.Fatalf("step %T: %v", s, err)
		}
	}
}

// refuse carries out steps that have to fail.
func (e *env) refuse(steps ...host.Step) {
	e.Helper()
	for _, s := range steps {
		if err := e.host.Do(e.ctx, s); err == nil {
			e.Errorf("step %T %+v succeeded: it should have been refused", s, s)
		}
	}
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// same compares what was read with what is expected.
func (e *env) same(what string, got, want any) {
	e.Helper()
	if d := cmp.Diff(want, got); d != "" {
		e.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// node reads a path, without what depends on the file system.
func (e *env) node(path string) *host.Node {
	e.Helper()
	n, err := e.host.Stat(path)
	e.ok(err)
	if n != nil && n.Type != host.TypeFile {
		n.Size, n.Links = 0, 0
	}
	return n
}

func (e *env) absent(paths ...string) {
	e.Helper()
	for _, p := range paths {
		if n := e.node(p); n != nil {
			e.Errorf("%s is there: %+v", p, *n)
		}
		content, err := e.host.ReadFile(p)
		if err != nil || content != nil {
			e.Errorf("ReadFile(%s) = %q, %v: want nothing", p, content, err)
		}
		names, err := e.host.ReadDir(p)
		if err != nil || names != nil {
			e.Errorf("ReadDir(%s) = %q, %v: want nothing", p, names, err)
		}
	}
}

// content reads a file that has to be there.
func (e *env) content(path string) string {
	e.Helper()
	b, err := e.host.ReadFile(path)
	e.ok(err)
	if b == nil {
		e.Errorf("%s is not there", path)
	}
	return string(b)
}

// names lists a directory.
func (e *env) names(path string) []string {
	e.Helper()
	names, err := e.host.ReadDir(path)
	e.ok(err)
	return names
}

// room makes a directory of the case's own and gives its path.
func (e *env) room() string {
	e.Helper()
	name := e.Name()
	dir := "/srv/ct-" + strings.ReplaceAll(name[strings.LastIndex(name, "/")+1:], "_", "-")
	e.do(host.MakeDir{Path: dir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
	return dir
}

func (e *env) user(name string) *host.User {
	e.Helper()
	u, err := e.host.User(name)
	e.ok(err)
	return u
}

func (e *env) group(name string) *host.Group {
	e.Helper()
	g, err := e.host.Group(name)
	e.ok(err)
	return g
}

func (e *env) members(name string) []string {
	e.Helper()
	g := e.group(name)
	if g == nil {
		e.Fatalf("there is no group %s", name)
	}
	return append([]string{}, g.Members...)
}

// addUser makes a plain account, with a group of its own.
func (e *env) addUser(name string, uid int) {
	e.Helper()
	e.do(host.AddUser{Name: name, UID: uid, Home: "/home/" + name, Shell: "/bin/bash"})
}

func (e *env) unit(name string) *host.Unit {
	e.Helper()
	u, err := e.host.Unit(e.ctx, name)
	e.ok(err)
	return u
}

// unitIs compares a unit's state, as "load active sub file".
func (e *env) unitIs(name, want string) {
	e.Helper()
	u := e.unit(name)
	if u == nil {
		e.Errorf("there is no unit %s, want %s", name, want)
		return
	}
	if got := strings.TrimSpace(strings.Join([]string{u.Load, u.Active, u.Sub, u.File}, " ")); got != want {
		e.Errorf("unit %s is %q, want %q", name, got, want)
	}
}

// file is a step that writes a file of root's.
func file(path, content string) host.WriteFile {
	return host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
}

// dir is a step that makes a directory of root's.
func dir(path string) host.MakeDir {
	return host.MakeDir{Path: path, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}
}

func ptr[V any](v V) *V { return &v }
