package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/host"
)

func install(names ...string) host.InstallPackages {
	s := host.InstallPackages{Refresh: true}
	for _, n := range names {
		s.Packages = append(s.Packages, host.PackageInstall{Name: n})
	}
	return s
}

func state(t *testing.T, h *Host, name string) host.PackageState {
	t.Helper()
	p, err := h.Package(name)
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return ""
	}
	return p.State
}

func insidePackages(t *testing.T, h *Host) {
	offer(t, "Package: needs-new\nVersion: 1\nArchitecture: all\nDepends: adduser (>= 999)\nFilename: ./n.deb\nSize: 1\nMD5sum: 0\nDescription: x\n\n"+
		"Package: adduser\nVersion: 999\nArchitecture: all\nFilename: ./a.deb\nSize: 1\nMD5sum: 0\nDescription: x\n")
	refuse(t, h, install("needs-new"), "installing needs-new would upgrade adduser from 3", "to 999")
	refuse(t, h, install("chrony"), "installing chrony would remove systemd-timesyncd")
	refuse(t, h, install("no-such-package"), "no-such-package")

	// What somebody's dpkg left behind is finished first.
	debs, err := filepath.Glob("/srv/archive/tree_*.deb")
	if err != nil || len(debs) != 1 {
		t.Fatalf("package tree: %v, %v", debs, err)
	}
	if out, err := exec.CommandContext(t.Context(), "dpkg", "--unpack", debs[0]).CombinedOutput(); err != nil {
		t.Fatalf("dpkg: %v: %s", err, out)
	}
	if got := state(t, h, "tree"); got != host.Unpacked {
		t.Errorf("tree is %q, want unpacked", got)
	}
	s := install("chrony")
	s.Packages[0].Provides.Replaces = []string{"systemd-timesyncd"}
	doSteps(t, h, s, host.HoldPackages{Names: []string{"chrony"}, Hold: true})
	for name, want := range map[string]host.PackageState{"chrony": host.Installed, "tree": host.Installed, "systemd-timesyncd": host.ConfigFiles} {
		if got := state(t, h, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	p, err := h.Package("chrony")
	if err != nil || p == nil || !p.Hold {
		t.Errorf("chrony is not held: %+v, %v", p, err)
	}
	if u, err := h.User("_chrony"); u == nil || err != nil {
		t.Errorf("the package's user: %v, %v", u, err)
	}
	refuse(t, h, host.RemovePackages{Names: []string{"chrony"}, Purge: true}, "chrony is held")
	doSteps(t, h, host.HoldPackages{Names: []string{"chrony"}}, host.RemovePackages{Names: []string{"chrony", "systemd-timesyncd"}, Purge: true}, host.RemovePackages{Names: []string{"tree"}})
	for _, name := range []string{"chrony", "systemd-timesyncd", "tree"} {
		if got := state(t, h, name); got != "" {
			t.Errorf("%s is %q, want gone", name, got)
		}
	}
	refuse(t, h, host.RemovePackages{Names: []string{"openssh-client"}}, "would also remove openssh-server")
	insideInterrupted(t, h)
}

// insideInterrupted finishes what dpkg leaves when it is stopped.
func insideInterrupted(t *testing.T, h *Host) {
	t.Helper()
	// A hold outlives the package that it was for.
	doSteps(t, h, install("tree"), host.HoldPackages{Names: []string{"tree"}, Hold: true})
	runDpkg(t, "--purge", "--force-hold", "tree")
	doSteps(t, h, install("tree"))
	// It was stopped amid unpacking one, and had written no more than a note of it.
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "Package: tree\n")
	stanza, _, _ := strings.Cut(rest, "\n\n")
	note := "Package: tree\n" + strings.Replace(stanza, " ok installed", " reinstreq half-installed", 1) + "\n"
	if err := os.WriteFile("/var/lib/dpkg/updates/0000", []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove("/usr/bin/tree"); err != nil {
		t.Fatal(err)
	}
	// It is somebody's, unless opsafe's own run was at it.
	if done, err := h.Tidy(t.Context(), Dead{Accounts: true}); err != nil || len(done) > 0 {
		t.Errorf("tidied what is another's: %q, %v", done, err)
	}
	done, err := h.Tidy(t.Context(), Dead{Packages: true})
	if err != nil || len(done) != 1 || !strings.Contains(done[0], "had dpkg merge its database") {
		t.Errorf("tidied: %q, %v", done, err)
	}
	if left, err := dpkgUpdates("/var/lib/dpkg"); err != nil || len(left) > 0 {
		t.Errorf("it has not been merged: %q, %v", left, err)
	}
	if got := state(t, h, "tree"); got != host.HalfInstalled {
		t.Errorf("tree is %q, want half-installed", got)
	}
	doSteps(t, h, install("tree"))
	if got := state(t, h, "tree"); got != host.Installed {
		t.Errorf("tree is %q, want installed", got)
	}
	if _, err := os.Stat("/usr/bin/tree"); err != nil {
		t.Errorf("it has not been unpacked anew: %v", err)
	}
	if done, err := h.Tidy(t.Context(), Dead{Packages: true}); err != nil || len(done) > 0 {
		t.Errorf("tidied again: %q, %v", done, err)
	}
}

func runDpkg(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "dpkg", args...).CombinedOutput(); err != nil {
		t.Fatalf("dpkg %v: %v: %s", args, err, out)
	}
}

// offer puts another archive beside the host's own: an index suffices.
func offer(t *testing.T, packages string) {
	t.Helper()
	for path, content := range map[string]string{
		"/srv/extra/Packages":                packages,
		"/etc/apt/sources.list.d/extra.list": "deb [trusted=yes] file:/srv/extra ./\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // apt's own user reads it
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil { //nolint:gosec // apt's own user reads it
			t.Fatal(err)
		}
	}
}
