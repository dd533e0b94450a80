package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Package is what dpkg's status file says, with what dpkg has not merged into
// it yet.
func (h *Host) Package(name string) (*host.Package, error) {
	s, err := h.packages.dpkg()
	if err != nil {
		return nil, err
	}
	stanza, ok := s.find(name)
	if !ok {
		return nil, nil
	}
	return s.packageOf(host.NativeKey(name, s.native), stanza), nil
}

// Foreign are those of other architectures.
func (h *Host) Foreign(name string) ([]host.Package, error) {
	s, err := h.packages.dpkg()
	if err != nil {
		return nil, err
	}
	return s.foreign(name), nil
}

// Unfinished are those that dpkg or their own scripts have left half done.
func (h *Host) Unfinished() ([]host.Package, error) {
	s, err := h.packages.dpkg()
	if err != nil {
		return nil, err
	}
	var out []host.Package
	for p := range s.all {
		if p.Unfinished() {
			out = append(out, *p)
		}
	}
	slices.SortFunc(out, func(a, b host.Package) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Packages are all that dpkg knows.
func (h *Host) Packages() ([]host.Package, error) {
	s, err := h.packages.dpkg()
	if err != nil {
		return nil, err
	}
	var out []host.Package
	for p := range s.all {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b host.Package) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Manual are the installed packages that are neither of the base system, nor
// libraries, nor marked by apt as installed for others.
func (h *Host) Manual() ([]string, error) {
	s, err := h.packages.dpkg()
	if err != nil {
		return nil, err
	}
	var out []string
	for p := range s.all {
		if p.State == host.Installed && !p.Auto && !s.base(p.Name) {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Candidate looks for the package in the indexes that apt fetched last, for
// this architecture. A package that others merely provide has no candidate.
func (h *Host) Candidate(name string) (bool, error) { return h.packages.candidate(name) }

const (
	// dpkgPatience is how long another package manager is waited for, in the
	// tools that cannot wait by themselves.
	dpkgPatience = 60 * time.Second
	dpkgPause    = time.Second
)

// doPackage carries out the steps on packages. A package can bring accounts,
// units and docker, so everything is looked at anew afterwards.
func (h *Host) doPackage(ctx context.Context, s host.PackageStep) error {
	defer func() {
		h.packages.forget()
		h.accounts.forget()
		h.units.forget()
		h.docker.forget()
	}()
	h.packages.forget()
	switch s := s.(type) {
	case host.InstallPackages:
		return h.installPackages(ctx, s)
	case host.RemovePackages:
		return h.removePackages(ctx, s)
	case host.UpgradePackages:
		return h.upgradePackages(ctx, s)
	case host.HoldPackages:
		verb := "unhold"
		if s.Hold {
			verb = "hold"
		}
		return h.packageTool(ctx, append([]string{"apt-mark", "-q", verb, "--"}, s.Names...)...)
	case host.MarkPackages:
		verb := "manual"
		if s.Auto {
			verb = "auto"
		}
		return h.packageTool(ctx, append([]string{"apt-mark", "-q", verb, "--"}, s.Names...)...)
	}
	return errNoStep
}

// keepConf makes dpkg keep configuration files that were edited, and never ask.
func keepConf() []string { return []string{"--force-confdef", "--force-confold"} }

// aptGet is an argument vector for apt-get that never asks. It waits for the
// locks of other package managers.
func aptGet(args ...string) []string {
	argv := []string{
		"apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=60", "-o", "Dpkg::Use-Pty=0",
		// One package whose scripts fail is no reason to leave the others.
		"-o", "DPkg::StopOnError=false",
	}
	for _, o := range keepConf() {
		argv = append(argv, "-o", "Dpkg::Options::="+o)
	}
	return append(argv, args...)
}

// aptSimulate asks apt what it would do. That writes nothing, also no cache of apt's.
func aptSimulate(args ...string) []string {
	return aptGet(append([]string{"-s", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="}, args...)...)
}

// installArgs asks for packages that are not installed, without what they only
// recommend. One that is held may still be missing: that no version changes is
// seen to by a simulation.
func installArgs(names []string) []string {
	return append([]string{"--no-install-recommends", "--no-upgrade", changeHeld, "install", "--"}, names...)
}

// changeHeld lets apt-get install packages that are held. What is held and there
// is not removed: somebody wants it as it is.
const changeHeld = "--allow-change-held-packages"

// installPackages fetches the index if asked to, and installs if a simulation
// shows that nothing is upgraded and nothing but what the packages are known to
// replace goes. Apt-get fails if anything does, be it another package that somebody
// left half done: what counts is whether those that were asked for are there.
func (h *Host) installPackages(ctx context.Context, s host.InstallPackages) error {
	names, err := h.askedFor(ctx, s)
	if err != nil || len(names) == 0 {
		return err
	}
	var replaced []string
	for _, p := range s.Packages {
		replaced = slices.Concat(replaced, p.Provides.Replaces, p.Going)
	}
	finishErr := h.finishPackages(ctx)
	var refreshErr error
	if s.Refresh {
		// One source of several may be down: what can be installed from the
		// others is, and the failure is only told if it cannot.
		refreshErr = h.refreshIndex(ctx)
	}
	err = h.installChecked(ctx, names, replaced)
	if err == nil || h.reached(names, host.Installed) {
		return nil
	}
	if refreshErr != nil {
		refreshErr = fmt.Errorf("before that, the package index could not be fetched: %w", refreshErr)
	}
	if !errors.As(err, new(*simulationError)) {
		finishErr = nil // apt-get has tried it again, and said so
	}
	return errors.Join(err, refreshErr, finishErr)
}

// askedFor lists what is not installed yet. What has come as another's dependency
// meanwhile is asked for by name from now on, so that it does not go with that.
func (h *Host) askedFor(ctx context.Context, s host.InstallPackages) ([]string, error) {
	var missing, marked []string
	for _, p := range s.Packages {
		if have, err := h.Package(p.Name); err != nil || have == nil || have.State != host.Installed {
			missing = append(missing, p.Name)
		} else if have.Auto {
			marked = append(marked, p.Name)
		}
	}
	if len(marked) == 0 {
		return missing, nil
	}
	return missing, h.packageTool(ctx, append([]string{"apt-mark", "-q", "manual", "--"}, marked...)...)
}

// reached reports whether all packages are in a state now; empty: gone.
func (h *Host) reached(names []string, want host.PackageState) bool {
	h.packages.forget()
	return !slices.ContainsFunc(names, func(name string) bool {
		p, err := h.Package(name)
		if err != nil || p == nil {
			return err != nil || want != ""
		}
		return p.State != want
	})
}

func (h *Host) installChecked(ctx context.Context, names, replaced []string) error {
	if err := h.installable(ctx, host.InstallCheck{Names: names, Replaced: replaced}); err != nil {
		return err
	}
	return h.packageTool(ctx, aptGet(installArgs(names)...)...)
}

// removePackages removes with what only the packages needed. It refuses when
// that would take a package that somebody asked for by name. One that is broken
// goes before the others are finished: it may be what keeps them from that.
func (h *Host) removePackages(ctx context.Context, s host.RemovePackages) error {
	if len(s.Names) == 0 {
		return nil
	}
	for _, name := range s.Names {
		if p, err := h.Package(name); err == nil && p != nil && p.Hold && p.State == host.Installed {
			return fmt.Errorf("%s is held: take the hold off first, with hold: false", name)
		}
	}
	var finishErr error
	if !s.Broken {
		finishErr = h.finishPackages(ctx)
	}
	err := h.removeChecked(ctx, s)
	if err != nil && s.Broken && (errors.As(err, new(*simulationError)) || h.anyTorn(s.Names)) {
		err = h.removeByDpkg(ctx, s)
	}
	if s.Broken {
		h.packages.forget()
		// What is left unfinished is no fault of the packages that went.
		_ = h.finishPackages(ctx)
	}
	if err == nil && s.Purge {
		err = h.purgeRest(ctx, s.Names)
	}
	switch {
	case err == nil, s.Purge && h.reached(s.Names, ""), !s.Purge && h.reached(s.Names, host.ConfigFiles):
		return nil
	}
	return errors.Join(err, finishErr)
}

// anyTorn reports whether a package is half unpacked: apt does not dare to remove it.
func (h *Host) anyTorn(names []string) bool {
	h.packages.forget()
	status, err := h.packages.dpkg()
	if err != nil {
		return false
	}
	torn := status.torn()
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(torn, name) })
}

// removeByDpkg removes packages without apt, which refuses all work while some are
// broken. Dpkg refuses what others need.
func (h *Host) removeByDpkg(ctx context.Context, s host.RemovePackages) error {
	verb := "--remove"
	if s.Purge {
		verb = "--purge"
	}
	return h.packageTool(ctx, append([]string{"dpkg", "--force-remove-reinstreq", verb, "--"}, s.Names...)...)
}

// purgeRest purges what an earlier run was stopped amid removing: of it, apt removes
// the rest, but not the configuration.
func (h *Host) purgeRest(ctx context.Context, names []string) error {
	h.packages.forget()
	var left []string
	for _, name := range names {
		if p, err := h.Package(name); err == nil && p != nil && p.State == host.ConfigFiles {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return h.removeChecked(ctx, host.RemovePackages{Names: left, Purge: true})
}

// removeChecked removes if a simulation shows that nothing goes with it that
// somebody asked for.
func (h *Host) removeChecked(ctx context.Context, s host.RemovePackages) error {
	verb := "remove"
	if s.Purge {
		verb = "purge"
	}
	if err := h.removable(ctx, host.RemoveCheck{Names: s.Names}, verb); err != nil {
		return err
	}
	return h.packageTool(ctx, aptGet(removeArgs(verb, s.Names)...)...)
}

// refreshIndex fetches the index, at most once as long as the sources are the same:
// packages that cannot be installed together are tried one by one.
func (h *Host) refreshIndex(ctx context.Context) error {
	now := sourcesStamp(h.packages.root)
	if h.packages.refreshed == now {
		return nil
	}
	err := h.packageTool(ctx, aptGet("update")...)
	if err == nil {
		h.packages.refreshed = now
	}
	return err
}

// sourcesStamp is something that changes when apt's sources do.
func sourcesStamp(root string) string {
	paths := []string{root + debian.AptSources, root + debian.AptSourcesDir}
	more, _ := filepath.Glob(root + "/etc/apt/sources.list.d/*")
	var b strings.Builder
	for _, p := range append(paths, more...) {
		if info, err := os.Stat(p); err == nil {
			fmt.Fprintln(&b, p, info.ModTime().UnixNano(), info.Size())
		}
	}
	return b.String()
}

// packageEnv keeps maintainer scripts from asking, and needrestart from
// restarting what nobody planned to restart.
func packageEnv() []string {
	return []string{
		"DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none",
		"NEEDRESTART_MODE=l", "NEEDRESTART_SUSPEND=1", "HOME=/root",
	}
}

// dpkgLocked recognises that another package manager is at work, in the words
// of dpkg and of apt-mark, which cannot wait by themselves. Apt-get can.
func dpkgLocked(err error) bool {
	var re *runError
	if !errors.As(err, &re) || re.Program == "apt-get" {
		return false
	}
	return slices.ContainsFunc([]string{
		"is locked by another process", "lock was locked by", "Could not get lock",
	}, func(words string) bool { return strings.Contains(re.Output, words) })
}
