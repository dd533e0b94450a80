package before_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/before"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

const aHost = `
users:
  - {name: alice, uid: 1000, gid: 1000, home: /home/alice, shell: /bin/bash, password: set}
  - {name: shared, uid: 1001, gid: 2000, home: /home/shared, shell: /bin/sh}
groups:
  - {name: alice, gid: 1000}
  - {name: team, gid: 2000, members: [alice]}
files:
  /home/alice: {type: directory, mode: "0700", owner: alice, group: alice}
  /etc/plain: {content: "old\n"}
  /etc/secret: {content: "canary\n", mode: "0600"}
  /etc/link: {type: symlink, target: plain}
  /home/alice/link: {type: symlink, target: /srv/canary}
  /srv/data: {type: directory, mode: "0750", acl: ["user:alice:r-x", "default:user:alice:rwx"]}
  /srv/data/a: {owner: alice, mode: "0600"}
  /srv/data/b: {mode: "0644"}
  /etc/systemd/system/on.service: {content: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"}
units:
  on.service: {active: active, sub: running, file: enabled, fragment: /etc/systemd/system/on.service, links: [/etc/systemd/system/multi-user.target.wants/on.service]}
  docker.service: {active: active, sub: running, file: enabled, fragment: /lib/systemd/system/docker.service}
packages:
  curl: installed 1
  held: installed 1 hold
candidates: {curl: true, tree: true, held: true}
docker: {version: "20", api: "1.41"}
networks:
  - {name: old, driver: bridge, interface: br-old, subnet: 10.1.0.0/24}
`

func newHost(t *testing.T) *overlay.Host {
	t.Helper()
	state, err := snapshot.Parse([]byte(aHost))
	if err != nil {
		t.Fatal(err)
	}
	return overlay.New(snapshot.New(state))
}

func do(t *testing.T, h host.Host, steps ...host.Step) {
	t.Helper()
	for _, s := range steps {
		if err := h.Do(context.Background(), s); err != nil {
			t.Fatalf("%T: %v", s, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func file(path, content string, mode host.Mode) host.WriteFile {
	return host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(mode)}
}

// sequences are what runs do, by what is changed.
func sequences() map[string][]host.Step {
	mode := host.Mode(0o640)
	return map[string][]host.Step{
		"a new file":               {file("/etc/new", "x", 0o644)},
		"a file":                   {file("/etc/plain", "new\n", 0o600)},
		"rights, then the content": {host.SetAccess{Path: "/etc/plain", Access: host.AccessOf(0o600)}, file("/etc/plain", "new\n", 0o600)},
		"rights alone":             {host.SetOwner{Path: "/etc/plain", Owner: "alice"}, host.SetAccess{Path: "/etc/plain", Access: host.AccessOf(0o4755)}},
		"a file that goes":         {host.RemovePath{Path: "/etc/secret"}},
		"a file becomes a link":    {host.MakeLink{Path: "/etc/plain", Target: "/etc/hosts", Owner: "root", Group: "root"}},
		"a link":                   {host.MakeLink{Path: "/etc/link", Target: "/etc/hosts", Owner: "root", Group: "root"}},
		"a private link":           {host.MakeLink{Path: "/home/alice/link", Target: "/etc/hosts", Owner: "root", Group: "root"}},
		"a private link that goes": {host.RemovePath{Path: "/home/alice/link"}},
		"a link becomes a file":    {file("/etc/link", "x", 0o644)},
		"a directory":              {host.MakeDir{Path: "/srv/new", Owner: "root", Group: "root", Access: host.AccessOf(0o755)}, file("/srv/new/x", "x", 0o644)},
		"an ACL":                   {host.SetAccess{Path: "/srv/data", Access: host.AccessOf(0o700)}},
		"a tree":                   {host.FixTree{Rule: host.TreeRule{Root: "/srv/data", Owner: "root", FileMode: &mode}}},
		"a tree, twice":            {host.FixTree{Rule: host.TreeRule{Root: "/srv/data", Owner: "root"}}, host.FixTree{Rule: host.TreeRule{Root: "/srv/data", FileMode: &mode}}},
		"a key pair":               {host.MakeKeyPair{Path: "/srv/key", Type: "ed25519", Owner: "root", Group: "root"}},
		"a group":                  {host.AddGroup{Name: "g", GID: 3000}, host.SetMembers{Group: "g", Members: []string{"alice"}}},
		"a group that changes":     {host.SetGID{Name: "team", GID: 2222}, host.SetMembers{Group: "team", Members: []string{"shared"}}},
		"a group that goes":        {host.DeleteUser{Name: "shared"}, host.DeleteGroup{Name: "team"}},
		"an account":               {host.AddUser{Name: "bob", UID: 1002, Groups: []string{"team", "sudo"}, Home: "/home/bob", Shell: "/bin/sh"}, host.MakeDir{Path: "/home/bob", Owner: "bob", Group: "bob", Access: host.AccessOf(0o700), Skeleton: true}},
		"an account that changes":  {host.SetUser{Name: "alice", UID: ptr(1005), Group: ptr("team"), Home: ptr("/srv"), Shell: ptr("/bin/sh"), Comment: ptr("x")}},
		"an account that goes":     {host.SetMembers{Group: "sudo", Members: []string{"alice"}}, host.DeleteUser{Name: "alice"}},
		"a lock":                   {host.SetPassword{User: "alice", To: host.LockPassword}, host.SetExpiry{User: "alice", Day: 1}},
		"linger":                   {host.SetLinger{User: "alice", On: true}},
		"a unit that is stopped":   {host.StopUnit{Name: "on.service"}, host.DisableUnit{Name: "on.service"}},
		"a unit that goes":         {host.StopUnit{Name: "on.service"}, host.DisableUnit{Name: "on.service"}, host.RemovePath{Path: "/etc/systemd/system/on.service"}, host.ReloadManager{}},
		"a package":                {host.InstallPackages{Packages: []host.PackageInstall{{Name: "tree"}}}, host.HoldPackages{Names: []string{"tree"}, Hold: true}},
		"a package that goes":      {host.RemovePackages{Names: []string{"curl"}, Purge: true}},
		"a hold":                   {host.HoldPackages{Names: []string{"held"}}},
		"a network":                {host.AddNetwork{Network: host.Network{Name: "n", Subnet: "10.2.0.0/24"}}},
		"a network that goes":      {host.RemoveNetwork{Name: "old"}},
	}
}

// TestRestore: whatever is done, the images put it back, also after they have been
// stored and read; and there is nothing left to put back then.
func TestRestore(t *testing.T) {
	ctx := context.Background()
	for name, steps := range sequences() {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			c := before.NewCollector(h, nil)
			for _, s := range steps {
				if c.Step(ctx, s); c.Lacks(t.Context(), s) {
					t.Errorf("%T is said to lack an image", s)
				}
				do(t, h, s)
			}
			data, err := json.Marshal(c.Taken)
			if err != nil {
				t.Fatal(err)
			}
			var images []before.Image
			if err := json.Unmarshal(data, &images); err != nil {
				t.Fatal(err)
			}
			changed := false
			for _, i := range images {
				now, err := before.Again(ctx, h, i)
				if err != nil {
					t.Fatal(err)
				}
				changed = changed || !before.Same(i, now)
			}
			if !changed {
				t.Error("no image tells what was done")
			}
			restore(t, h, images)
			for _, i := range images {
				now, err := before.Again(ctx, h, i)
				lost := name == "an account that goes" && i.Password != nil
				if (err != nil || !before.Same(i, now)) && !lost {
					t.Errorf("%s is not as it was (%v):\n%s", i, err, dump(t, now))
				}
				if left, err := i.Restore(ctx, h); err != nil || !left.Empty() {
					t.Errorf("%s: left to put back: %+v, %v", i, left, err)
				}
			}
		})
	}
}

// restore puts images back, the last first, as often as one needs another: what
// came has to go before what went can come.
func restore(t *testing.T, h host.Host, images []before.Image) {
	t.Helper()
	for range 3 {
		for _, i := range slices.Backward(images) {
			c, err := i.Restore(context.Background(), h)
			for _, s := range c.Steps {
				if err == nil {
					err = h.Do(context.Background(), s)
				}
			}
			if err != nil {
				t.Log(err) // what is left over, the test says
			}
		}
	}
}

// TestPrivateLink: where a link leads that not everybody may see is not shown.
func TestPrivateLink(t *testing.T) {
	for name, step := range map[string]host.Step{
		"changed": host.MakeLink{Path: "/home/alice/link", Target: "/srv/canary2", Owner: "root", Group: "root"},
		"gone":    host.RemovePath{Path: "/home/alice/link"},
	} {
		h := newHost(t)
		c := before.NewCollector(h, nil)
		c.Step(t.Context(), step)
		do(t, h, step)
		for _, i := range c.Taken {
			back, err := i.Restore(t.Context(), h)
			if err != nil || len(back.Attrs) == 0 {
				t.Fatalf("%s: %+v, %v", name, back, err)
			}
			if text := dump(t, back.Attrs); strings.Contains(text, "canary") || !strings.Contains(text, `"target"`) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

func dump(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestSecret: what putting a file back shows of it has no secret in it.
func TestSecret(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	c := before.NewCollector(h, nil)
	for _, s := range []host.Step{
		file("/etc/secret", "other canary\n", 0o644),
		host.WriteFile{Path: "/etc/plain", Content: host.NewSecret([]byte("canary too\n")), Owner: "root", Group: "root", Access: host.AccessOf(0o644)},
	} {
		c.Step(ctx, s)
		do(t, h, s)
	}
	for _, i := range c.Taken {
		back, err := i.Restore(ctx, h)
		if err != nil || back.Empty() {
			t.Fatalf("%s: %+v, %v", i, back, err)
		}
		back.Steps = nil
		if text := dump(t, back); strings.Contains(text, "canary") || strings.Contains(text, "old") {
			t.Errorf("%s gives it away: %s", i, text)
		}
	}
}

// TestSecretVariables: putting an environment file back shows no value of a variable
// that is secret elsewhere, also after the image has been stored and read, and what
// puts it back keeps it from the next one.
func TestSecretVariables(t *testing.T) {
	ctx := context.Background()
	names := map[string]bool{"TOKEN": true}
	const path = "/etc/a.env"
	for name, step := range map[string]host.Step{
		"a file":           host.WriteFile{Path: path, Content: host.NewContent([]byte("NAME=x\nTOKEN=canary2\n")).Hiding(names), Owner: "root", Group: "root", Access: host.AccessOf(0o644)},
		"a file that goes": host.RemovePath{Path: path, Hidden: slices.Sorted(maps.Keys(names))},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			do(t, h, file(path, "NAME=shown\n# token: canary1\nTOKEN=canary1\n", 0o644))
			for range 2 {
				c := before.NewCollector(h, nil)
				c.Step(ctx, step)
				do(t, h, step)
				data, err := json.Marshal(c.Taken)
				if err != nil {
					t.Fatal(err)
				}
				var images []before.Image
				if err := json.Unmarshal(data, &images); err != nil || len(images) != 1 {
					t.Fatalf("%d images, %v", len(images), err)
				}
				back, err := images[0].Restore(ctx, h)
				if err != nil || back.Empty() {
					t.Fatalf("%+v, %v", back, err)
				}
				step, back.Steps = back.Steps[len(back.Steps)-1], nil
				if text := dump(t, back); strings.Contains(text, "canary") || !strings.Contains(text, "NAME=shown") {
					t.Errorf("shown: %s", text)
				}
			}
		})
	}
}

// TestSecretVariablesOfOldRecords: of a record that does not say which variables are
// secret, no value is shown.
func TestSecretVariablesOfOldRecords(t *testing.T) {
	var old before.Image
	const text = `{"path": {"path": "/etc/a.env", "node": {"Type": "file", "Owner": "root", "Group": "root", "Access": {"User": 6, "Group": 4, "Other": 4}}, "content": "VE9LRU49Y2FuYXJ5MQo="}}`
	if err := json.Unmarshal([]byte(text), &old); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	do(t, h, file("/etc/a.env", "TOKEN=canary2\n", 0o644))
	back, err := old.Restore(t.Context(), h)
	if err != nil || back.Empty() {
		t.Fatalf("%+v, %v", back, err)
	}
	steps := back.Steps
	back.Steps = nil
	if text := dump(t, back); strings.Contains(text, "canary") {
		t.Errorf("shown: %s", text)
	}
	do(t, h, steps...)
	if data, err := h.ReadFile("/etc/a.env"); err != nil || string(data) != "TOKEN=canary1\n" {
		t.Errorf("what is back is %q, %v", data, err)
	}
}

// TestNotKept: what is too large, or cannot be seen, is said to be lost, and is an
// error beforehand.
func TestNotKept(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	do(t, h, file("/srv/large", strings.Repeat("x", before.MaxContent+1), 0o644))
	c := before.NewCollector(h, nil)
	s := file("/srv/large", "small", 0o644)
	c.Step(ctx, s)
	if got := c.Taken[0].Lost(); !strings.Contains(got, "/srv/large: its content was not kept: it was larger than 1 MiB") {
		t.Errorf("it says %q", got)
	}
	if back, err := c.Taken[0].Restore(ctx, h); err != nil || !back.Empty() {
		t.Errorf("before it is changed: %+v, %v", back, err)
	}
	do(t, h, s)
	if _, err := c.Taken[0].Restore(ctx, h); err == nil || !strings.Contains(err.Error(), "cannot bring the content of /srv/large back") {
		t.Errorf("afterwards: %v", err)
	}
	blind := before.NewCollector(unseeing{h}, nil)
	blind.Step(ctx, file("/etc/plain", "", 0o644))
	if got := blind.Taken[0].Lost(); got != "path /etc/plain: nothing can be seen" {
		t.Errorf("it says %q", got)
	}
	if _, err := blind.Taken[0].Restore(ctx, h); err == nil {
		t.Error("what could not be seen can be brought back")
	}
}

// TestLargeTreeNotKept: of a tree of which more changes than is kept, nothing is looked at.
func TestLargeTreeNotKept(t *testing.T) {
	h := newHost(t)
	c := before.NewCollector(unwalked{h, t}, nil)
	c.Step(t.Context(), host.FixTree{Rule: host.TreeRule{Root: "/srv/data", Owner: "root"}, Differ: 10_001})
	if got := c.Taken[0].Lost(); got != "owners and rights below /srv/data: 10001 paths are changed there, and no more than 10000 are kept" {
		t.Errorf("it says %q", got)
	}
}

type unwalked struct {
	host.Reader
	t *testing.T
}

func (u unwalked) ScanTree(context.Context, host.TreeRule) (*host.TreeScan, error) {
	u.t.Error("the tree is walked through")
	return nil, errUnseen
}

type unseeing struct{ host.Reader }

func (unseeing) Stat(string) (*host.Node, error) { return nil, errUnseen }

var errUnseen = &blindness{}

type blindness struct{}

func (*blindness) Error() string { return "nothing can be seen" }

// TestHome: a home that somebody has put something into stays.
func TestHome(t *testing.T) {
	ctx := context.Background()
	for _, at := range []string{"/home/bob/mine", "/home/bob/.bashrc"} {
		h := newHost(t)
		c := before.NewCollector(h, nil)
		for _, s := range []host.Step{
			host.AddUser{Name: "bob", UID: 1002, Home: "/home/bob", Shell: "/bin/sh"},
			host.MakeDir{Path: "/home/bob", Owner: "bob", Group: "bob", Access: host.AccessOf(0o700), Skeleton: true},
		} {
			c.Step(ctx, s)
			do(t, h, s)
		}
		do(t, h, file(at, "mine", 0o600))
		home := c.Taken[len(c.Taken)-1]
		if _, err := home.Restore(ctx, h); err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", at, err)
		}
	}
}
