package local

import (
	"os"
	"os/exec"
	"path/filepath"
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
	refuse(t, h, host.RemovePackages{Names: []string{"chrony"}, Purge: true}, "eld packages")
	doSteps(t, h, host.HoldPackages{Names: []string{"chrony"}}, host.RemovePackages{Names: []string{"chrony", "systemd-timesyncd"}, Purge: true}, host.RemovePackages{Names: []string{"tree"}})
	for _, name := range []string{"chrony", "systemd-timesyncd", "tree"} {
		if got := state(t, h, name); got != "" {
			t.Errorf("%s is %q, want gone", name, got)
		}
	}
	refuse(t, h, host.RemovePackages{Names: []string{"openssh-client"}}, "would also remove openssh-server")
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
