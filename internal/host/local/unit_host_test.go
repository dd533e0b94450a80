package local

import (
	"os"
	"testing"

	"opsafe/internal/host"
)

const wants = "/etc/systemd/system/multi-user.target.wants/"

// writeUnit writes x.service.
func writeUnit(t *testing.T, h *Host, content string) {
	t.Helper()
	if err := os.WriteFile("/etc/systemd/system/x.service", []byte(content), 0o644); err != nil { //nolint:gosec // units are public
		t.Fatal(err)
	}
	h.units.forget()
}

func insideUnits(t *testing.T, h *Host) {
	const name, path = "x.service", "/etc/systemd/system/x.service"
	is := func(want host.Unit) {
		t.Helper()
		want.Name, want.Load, want.Fragment = name, "loaded", path
		same(t, "unit", &want)(h.Unit(t.Context(), name))
	}
	h.Prefetch(t.Context(), host.Hints{Units: []string{name, "ssh.service", "not a name", "getty@.service"}})
	same[*host.Unit](t, "absent unit", nil)(h.Unit(t.Context(), name))

	writeUnit(t, h, "[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\nAlias=y.service\n")
	is(host.Unit{Active: "inactive", Sub: "dead", File: "disabled"})
	doSteps(t, h, host.EnableUnit{Name: name})
	is(host.Unit{Active: "inactive", Sub: "dead", File: "enabled", Links: []string{wants + name, "/etc/systemd/system/y.service"}})
	refuse(t, h, host.StartUnit{Name: name}, "cannot start x.service: job failed", "exit-code, status 1", "journalctl -u x.service")

	writeUnit(t, h, "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=default.target\n")
	is(host.Unit{Active: "failed", Sub: "failed", File: "enabled", NeedReload: true, Links: []string{wants + name, "/etc/systemd/system/y.service"}})
	doSteps(t, h, host.ReloadManager{}, host.ActOnUnit{Name: name, Verb: host.Restart}, host.EnableUnit{Name: name})
	moved := []string{"/etc/systemd/system/default.target.wants/" + name}
	is(host.Unit{Active: "failed", Sub: "failed", File: "enabled", Links: moved})
	// Links that are right already stay, expected or not; and what cannot be
	// enabled keeps those it has.
	doSteps(t, h, host.EnableUnit{Name: name}, host.EnableUnit{Name: name, Links: moved})
	is(host.Unit{Active: "failed", Sub: "failed", File: "enabled", Links: moved})
	writeUnit(t, h, "[Service]\nExecStart=/bin/sleep 1000\n")
	refuse(t, h, host.EnableUnit{Name: name, Links: moved}, "cannot enable x.service", "[Install]")
	if _, err := os.Lstat(moved[0]); err != nil {
		t.Errorf("a failed step has turned the unit off: %v", err)
	}
	writeUnit(t, h, "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=default.target\n")
	doSteps(t, h, host.ReloadManager{})
	doSteps(t, h, host.StartUnit{Name: name}, host.ActOnUnit{Name: name, Verb: host.Restart}, host.ActOnUnit{Name: name, Verb: host.Reload})
	is(host.Unit{Active: "active", Sub: "running", File: "enabled", Links: moved})
	for range 6 { // once more than systemd allows in ten seconds
		doSteps(t, h, host.StopUnit{Name: name}, host.StartUnit{Name: name}, host.ActOnUnit{Name: name, Verb: host.Restart})
	}
	doSteps(t, h, host.StopUnit{Name: name}, host.DisableUnit{Name: name})
	is(host.Unit{Active: "inactive", Sub: "dead", File: "disabled"})

	if err := os.WriteFile("/etc/systemd/system/x.path", []byte("[Path]\nPathExists=/nowhere\n"), 0o644); err != nil { //nolint:gosec // units are public
		t.Fatal(err)
	}
	doSteps(t, h, host.ReloadManager{}, host.StartUnit{Name: "x.path"})
	is(host.Unit{Active: "inactive", Sub: "dead", File: "disabled", Starters: []string{"x.path"}})
	doSteps(t, h, host.StopUnit{Name: "x.path"}, host.RemovePath{Path: "/etc/systemd/system/x.path"}, host.ReloadManager{})

	// A link made by hand is seen without a reload.
	if err := os.Symlink(path, wants+name); err != nil {
		t.Fatal(err)
	}
	h.units.forget()
	is(host.Unit{Active: "inactive", Sub: "dead", File: "enabled", Links: []string{wants + name}})

	doSteps(t, h, host.MaskUnit{Name: "ssh.service"})
	u, err := h.Unit(t.Context(), "ssh.service")
	if err != nil || u == nil || u.Load != "masked" || u.File != "masked" {
		t.Errorf("masked: got %+v, %v", u, err)
	}
	doSteps(t, h, host.UnmaskUnit{Name: "ssh.service"})
	u, err = h.Unit(t.Context(), "ssh.service")
	if err != nil || u == nil || u.Load != "loaded" || u.File != "enabled" {
		t.Errorf("unmasked: got %+v, %v", u, err)
	}
	refuse(t, h, host.StartUnit{Name: "missing.service"}, "cannot start missing.service", "not found")
	refuse(t, h, host.EnableUnit{Name: "getty.target"}, "cannot enable getty.target", "[Install]")
}
