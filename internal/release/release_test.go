//go:build release

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

var dist = flag.String("dist", "../../dist", "where make release has put everything")

// The backend that hosts of these tests are.
const spec = `files:
  /etc/motd:
    content: "kept by opsafe\n"
`

// debs are the package, and the same one with a lesser version, to upgrade from.
func debs(t *testing.T) (older, newer string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(*dist, "*_amd64.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("want one package in %s, found %v: run make release first", *dist, found)
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	local(t, "dpkg-deb", "-R", found[0], tree)
	control := filepath.Join(tree, "DEBIAN/control")
	data, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	was := strings.TrimSpace(local(t, "dpkg-deb", "-f", found[0], "Version"))
	data = bytes.Replace(data, []byte("Version: "+was), []byte("Version: 0.0.0~0-1"), 1)
	if err := os.WriteFile(control, data, 0o644); err != nil {
		t.Fatal(err)
	}
	older = filepath.Join(dir, "older.deb")
	local(t, "dpkg-deb", "--root-owner-group", "-b", tree, older)
	return older, found[0]
}

func local(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// host is a throwaway host; run fails the test unless a program ends with the code.
type host struct {
	*testhost.Host
	t *testing.T
}

func (h host) run(code int, argv ...string) string {
	h.t.Helper()
	r, err := h.Run(h.t.Context(), argv...)
	if err != nil {
		h.t.Fatal(err)
	}
	if r.Code != code {
		h.t.Fatalf("%s: exit code %d, not %d\n%s%s", strings.Join(argv, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	return string(r.Stdout) + string(r.Stderr)
}

func (h host) says(word string, code int, argv ...string) {
	h.t.Helper()
	if said := h.run(code, argv...); !strings.Contains(said, word) {
		h.t.Errorf("%s does not say %q:\n%s", strings.Join(argv, " "), word, said)
	}
}

// TestPackage takes a host through the life of the package: installed, in use,
// upgraded with a run that waits to be confirmed, removed, put back and purged.
func TestPackage(t *testing.T) {
	older, newer := debs(t)
	for _, suite := range testhost.Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			h := host{testhost.Start(t, testhost.Options{Image: testhost.Bare, Suite: suite}), t}
			for to, from := range map[string]string{"/root/older.deb": older, "/root/newer.deb": newer} {
				if err := h.Install(t.Context(), from, to); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range map[string]string{"/srv/opsafe/backends/lab/backend.yaml": spec, "/srv/opsafe/developers.yaml": "{}\n"} {
				if err := h.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			h.lives()
		})
	}
}

func (h host) lives() {
	h.t.Helper()
	h.run(0, "dpkg", "-i", "/root/older.deb")
	h.says("disabled", 1, "systemctl", "is-enabled", "opsafe-manage.timer", "opsafe-status.timer")
	h.says("opsafe v", 0, "opsafe", "version")
	h.says("/etc/logrotate.d/opsafe", 0, "dpkg-query", "--show", "--showformat", "${Conffiles}", "opsafe")
	h.says("This host is lab", 0, "opsafe", "bootstrap", "lab")
	h.says("/usr/bin/opsafe", 0, "readlink", "/usr/local/bin/opsafe")
	h.run(0, "systemctl", "start", "opsafe-manage.service")
	h.says("kept by opsafe", 0, "cat", "/etc/motd")
	h.run(0, "systemctl", "start", "opsafe-status.service")

	if err := h.WriteFile("/etc/motd", []byte("somebody's\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.run(0, "opsafe", "manage", "--confirm", "10m")
	h.says("waits to be confirmed", 1, "dpkg", "-r", "opsafe")
	h.run(0, "systemctl", "enable", "--now", "opsafe-status.timer")
	h.run(0, "dpkg", "-i", "/root/newer.deb")
	h.run(0, "systemctl", "is-active", "opsafe-status.timer")
	h.run(0, "opsafe", "confirm")
	h.says("Nothing to do", 0, "opsafe", "manage")

	const list = "/var/lib/opsafe/firewall/db.json"
	if err := h.WriteFile(list, []byte("{}\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.says("docker does not start without opsafe", 1, "dpkg", "-r", "opsafe")
	h.run(0, "rm", list)
	const socket = "/etc/systemd/system/opsafe-receive.socket"
	if err := h.WriteFile(socket, []byte("[Socket]\nListenStream=/run/x\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.says("take the receiver and deployments out of the spec", 1, "dpkg", "-r", "opsafe")
	h.run(0, "rm", socket)
	h.run(0, "dpkg", "-r", "opsafe")
	h.run(1, "test", "-e", "/usr/bin/opsafe")
	h.says("inactive", 0, "systemctl", "show", "-P", "ActiveState", "opsafe-status.timer")
	h.run(1, "test", "-L", "/etc/systemd/system/timers.target.wants/opsafe-status.timer")
	h.run(0, "dpkg", "-i", "/root/newer.deb")
	h.run(0, "opsafe", "undo", "3")
	h.says("somebody's", 0, "cat", "/etc/motd")
	h.run(0, "dpkg", "-P", "opsafe")
	h.run(1, "test", "-e", "/var/lib/opsafe")
	h.run(1, "test", "-L", "/usr/local/bin/opsafe")
}

// TestSums checks what is given to hosts against its checksums, and that the commit
// gives the same bytes once more, in another directory.
func TestSums(t *testing.T) {
	cmd := exec.Command("sha256sum", "-c", "--strict", sumsFile)
	cmd.Dir = *dist
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(*dist, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "elsewhere")
	local(t, "git", "clone", "-q", "--tags", "../..", clone)
	local(t, "make", "-C", clone, "release")
	got, err := os.ReadFile(filepath.Join(clone, "dist", sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the same commit gave\n%s\nand then\n%s", want, got)
	}
}

// TestVersion asks the program for its version, as a program reads it.
func TestVersion(t *testing.T) {
	var v struct {
		FormatVersion             int `json:"format_version"`
		Version, Revision, Go, OS string
		Architecture              string
	}
	if err := json.Unmarshal([]byte(local(t, binary(*dist, "amd64"), "version", "--format", "json")), &v); err != nil {
		t.Fatal(err)
	}
	head := strings.TrimSpace(local(t, "git", "rev-parse", "HEAD"))
	if v.FormatVersion != 1 || !strings.HasPrefix(v.Version, "v") || v.Revision != head || v.Architecture != "amd64" {
		t.Errorf("%+v is not of commit %s", v, head)
	}
}

// TestArm has an emulator run the program for arm64: off a host, it says byte by byte what
// the one for amd64 says of the committed backends.
func TestArm(t *testing.T) {
	const repository = "../.."
	facts, err := filepath.Glob(filepath.Join(repository, "backends/facts/*.json"))
	if err != nil || len(facts) == 0 {
		t.Fatalf("found no facts of backends: %v", err)
	}
	commands := [][]string{{"version", "--format", "json"}, {"validate", "--dir", repository}}
	for _, of := range facts {
		backend := strings.TrimSuffix(filepath.Base(of), ".json")
		commands = append(commands, []string{"plan", "--dir", repository, "--backend", backend, "--facts", of})
	}
	for _, args := range commands {
		want := local(t, append([]string{binary(*dist, "amd64")}, args...)...)
		got := local(t, append([]string{"qemu-aarch64-static", binary(*dist, "arm64")}, args...)...)
		if args[0] == "version" {
			want = strings.Replace(want, `"architecture": "amd64"`, `"architecture": "arm64"`, 1)
		}
		if got != want {
			t.Errorf("opsafe %s: for arm64 it says\n%s\nand not\n%s", strings.Join(args, " "), got, want)
		}
	}
}
