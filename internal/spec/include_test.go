package spec_test

import (
	"testing"

	"opsafe/internal/kind"
	"opsafe/internal/kind/docker"
	"opsafe/internal/kind/source"
	"opsafe/internal/spec"

	"github.com/google/go-cmp/cmp"
)

func TestInclude(t *testing.T) {
	b := spec.LoadCase(t, spec.Merged).Backends["one"]
	packages := spec.Of[map[string]*kind.Package](b, "packages")
	if _, ok := packages["vim"]; ok {
		t.Error("vim is still managed")
	}
	if p := packages["tree"]; p.State != "installed" || !spec.Is(p.Hold) {
		t.Errorf("tree: %+v", p)
	}
	if p := packages["curl"]; p.State != "installed" {
		t.Errorf("curl is %s: what includes overrides what is included", p.State)
	}
	f := b.Files["/etc/motd"]
	if f.Source != "" || f.Content == nil || string(f.Data) != "bye\n" || f.Mode != "0644" {
		t.Errorf("motd: %+v", f)
	}
	if got := string(b.Files["/etc/issue"].Data); got != "hello\n" {
		t.Errorf("issue holds %q", got)
	}
	if got := b.Files["/etc/issue"].At("source").File; got != "backends/common/base.yaml" {
		t.Errorf("issue is from %s", got)
	}
	if d := cmp.Diff([]string{"adm"}, b.Users["app"].Groups); d != "" || b.Users["app"].Shell != "/bin/sh" {
		t.Errorf("app: %s", d)
	}
	if d := cmp.Diff(map[string]string{"ONE": "one", "TWO": "zwei"}, b.Values); d != "" {
		t.Error(d)
	}
	docker := spec.Of[*docker.Engine](b, "docker")
	if d := cmp.Diff(map[string]any{"mtu": int64(1), "features": true}, docker.Daemon); d != "" {
		t.Error(d)
	}
	if n := docker.Networks["db"]; n.Interface != "db0" || n.Subnet != "172.30.0.0/24" {
		t.Errorf("db: %+v", n)
	}
}

func TestPositions(t *testing.T) {
	r := spec.LoadCase(t, "-- backends/one/backend.yaml --\nusers:\n  app:\n    groups: [sudo, docker]\n    shell: /bin/sh\npackages:\n  docker.io: installed\napt:\n  mirrors:\n    http://a/: https://b/\n")
	u := r.Backends["one"].Users["app"]
	for _, tc := range []struct{ got, want string }{
		{u.Pos.String(), "backends/one/backend.yaml:2:3"},
		{u.At("groups", 1).String(), "backends/one/backend.yaml:3:20"},
		{u.At("shell").String(), "backends/one/backend.yaml:4:12"},
		{u.At("home").String(), u.Pos.String()},
		{spec.Of[*source.Apt](r.Backends["one"], "apt").AtKey("mirrors", "http://a/").String(), "backends/one/backend.yaml:9:16"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %s, want %s", tc.got, tc.want)
		}
	}
	if !u.Has("shell") || u.Has("home") {
		t.Error("Has does not tell written fields from others")
	}
}
