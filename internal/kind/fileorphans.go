package kind

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// fileOrphans are files that root's programs go by, or run, wherever they come from, and
// that are of no other kind: by their paths.
func fileOrphans() Orphans {
	return Orphans{Find: findRun, Absent: func(b spec.Backend, name string) spec.Backend {
		b.Files = WithAbsent(b.Files, name, &spec.File{State: Absent})
		return b
	}}
}

// runDirs are the directories of such files, with the end of the names that count there:
// cron passes over names with a dot.
func runDirs() map[string]string {
	out := map[string]string{
		debian.CronDir: "", "/etc/cron.hourly": "", "/etc/cron.daily": "", "/etc/cron.weekly": "", "/etc/cron.monthly": "",
		"/etc/tmpfiles.d": ".conf", "/etc/sysusers.d": ".conf", "/etc/polkit-1/rules.d": ".rules",
	}
	for _, typ := range debian.UnitTypes() {
		out[path.Join(debian.UnitDir, typ[1:]+".d")] = ".conf" // of all units of the type
	}
	return out
}

// userUnits are what the service manager of each user runs.
const userUnits = "/etc/systemd/user"

func findRun(_ context.Context, f Finder) error {
	note := func(at string, n *host.Node) {
		if !slices.Contains(f.Backend().Owned(), at) {
			f.Orphan(Orphan{Name: at, What: at + LeadsTo(n)})
		}
	}
	for dir, end := range runDirs() {
		if err := EachUndeclared(f, dir, func(name, at string, n *host.Node) error {
			if strings.HasSuffix(name, end) && (end != "" || !strings.Contains(name, ".")) {
				note(at, n)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return EachUndeclared(f, userUnits, func(name, at string, n *host.Node) error {
		if debian.IsFileUnit(name) && (n.Type != host.TypeSymlink || LeadsElsewhere(n.Target)) {
			note(at, n)
		}
		return nil
	})
}
