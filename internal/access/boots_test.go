package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestNextStart holds what the next start of sshd, or of the host, makes of the way.
func TestNextStart(t *testing.T) {
	t.Parallel()
	const wants = "/etc/systemd/system/multi-user.target.wants/ssh.service"
	enabled := func(links ...string) func(w *world) {
		return func(w *world) {
			w.Units["ssh.service"] = host.Unit{Name: "ssh.service", Active: "active", File: "enabled", Fragment: "/usr/lib/systemd/system/ssh.service", Links: links}
			w.Units["sshd.service"] = host.Unit{Name: "sshd.service", Active: "active", File: "enabled", Fragment: "/usr/lib/systemd/system/ssh.service"}
		}
	}
	file := func(at, text string) func(w *world) { return func(w *world) { w.file(at, text) } }
	link := func(to string) func(w *world) {
		return func(w *world) {
			w.Files["/etc/systemd/system/default.target"] = snapshot.File{Node: host.Node{Type: host.TypeSymlink, Owner: "root", Target: to}}
		}
	}
	for _, tt := range []struct {
		name string
		make func(w *world)
		why  string // in what the judgement says that it did not before; empty: nothing
	}{
		{"nothing", func(*world) {}, ""},
		{"wanted alone", enabled(wants), ""},
		{"another name alone", enabled("/etc/systemd/system/sshd.service"), "does not start with the host"},
		{"masked target", func(w *world) {
			w.Units["multi-user.target"] = host.Unit{Name: "multi-user.target", Load: "masked", File: "masked"}
		}, "multi-user.target is masked"},
		{"into rescue", link("/lib/systemd/system/rescue.target"), "boots into something else"},
		{"without a desktop", link("/lib/systemd/system/multi-user.target"), ""},
		{"every service", file("/etc/systemd/system/service.d/x.conf", "x"), "ssh.service changes"},
		{"other name", file("/run/systemd/system/sshd.service.d/x.conf", "x"), "ssh.service changes"},
		{"packages", file("/usr/lib/systemd/system/ssh.service.d/x.conf", "x"), "ssh.service changes"},
		{"control", file("/etc/systemd/system.control/ssh.service.d/x.conf", "x"), "ssh.service changes"},
		{"slice", file("/etc/systemd/system/system.slice.d/x.conf", "x"), "system.slice changes"},
		{"no drop-in", file("/etc/systemd/system/ssh.service.d/x.conf.bak", "x"), ""},
		{"another unit's", file("/etc/systemd/system/ssh-.service.d/x.conf", "x"), ""},
		{"over the homes", file("/etc/fstab", "tmpfs /home tmpfs defaults 0 0\n"), "/etc/fstab changes"},
		{"beside", file("/etc/fstab", "# /home\ntmpfs /srv tmpfs defaults 0 0\nUUID=1 none swap sw 0 0\n"), ""},
		{"by a unit", file("/etc/systemd/system/home.mount", "x"), "home.mount changes"},
		{"by a unit beside", file("/etc/systemd/system/srv.mount", "x"), ""},
		{"tmpfiles", file("/etc/tmpfiles.d/x.conf", "f /run/nologin\n"), "x.conf changes"},
		{"tmpfiles by a pattern", file("/etc/tmpfiles.d/x.conf", "z /h* 0700\n"), "x.conf changes"},
		{"tmpfiles beside", file("/etc/tmpfiles.d/x.conf", "d /run/app 0755\n"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			judged := func(change func(w *world)) Way {
				w := newWorld()
				w.person("alice", 1000, aliceKey)
				w.Units["multi-user.target"] = host.Unit{Name: "multi-user.target", Load: "loaded", File: "static"}
				enabled(wants, "/etc/systemd/system/sshd.service")(w)
				change(w)
				way, err := Judge(t.Context(), w.reader(), "alice", time.Unix(1e9, 0))
				if err != nil {
					t.Fatal(err)
				}
				return way
			}
			before := judged(func(*world) {})
			after := judged(tt.make).since(before)
			var said []string
			for _, why := range slices.Concat(after.Login, after.Unknown) {
				if !slices.Contains(slices.Concat(before.Login, before.Unknown), why) {
					said = append(said, why)
				}
			}
			if got := strings.Join(said, "; "); (got != "") != (tt.why != "") || !strings.Contains(got, tt.why) {
				t.Errorf("got %q, want %q", got, tt.why)
			}
		})
	}
}

// TestDropInNames reads the names as systemd.unit(5) has them.
func TestDropInNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ssh.service":      "ssh.service sshd.service service",
		"ssh@1.service":    "ssh@.service ssh@1.service service",
		"my-own-d.service": "my-.service my-own-.service my-own-d.service service",
		"ssh.socket":       "ssh.socket socket",
	} {
		if got := strings.Join(dropInNames(&host.Unit{Name: name}), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	u := &host.Unit{Name: "ssh.socket", Links: []string{"/etc/systemd/system/other.socket", "/etc/systemd/system/sockets.target.wants/ssh.socket"}}
	if got := strings.Join(dropInNames(u), " "); got != "other.socket ssh.socket socket" {
		t.Error(got)
	}
}
