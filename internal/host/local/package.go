package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	p := packageOf(stanza)
	if p != nil {
		p.Name = name
	}
	return p, nil
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
	auto, err := readAutoInstalled(h.packages.root + "/var/lib/apt/extended_states")
	if err != nil {
		return nil, unknown("which packages were installed by hand", err)
	}
	var out []string
	for p := range s.all {
		if p.State == host.Installed && !auto[p.Name] && !s.base(p.Name) {
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
func (h *Host) doPackage(ctx context.Context, s host.Step) error {
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
	case host.HoldPackages:
		verb := "unhold"
		if s.Hold {
			verb = "hold"
		}
		return packageTool(ctx, append([]string{"apt-mark", "-q", verb, "--"}, s.Names...)...)
	}
	return fmt.Errorf("cannot do step %T: it is no step on packages", s)
}

// keepConf makes dpkg keep configuration files that were edited, and never ask.
func keepConf() []string { return []string{"--force-confdef", "--force-confold"} }

// aptGet is an argument vector for apt-get that never asks. It waits for the
// locks of other package managers.
func aptGet(args ...string) []string {
	argv := []string{"apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=60", "-o", "Dpkg::Use-Pty=0"}
	for _, o := range keepConf() {
		argv = append(argv, "-o", "Dpkg::Options::="+o)
	}
	return append(argv, args...)
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
// replace goes.
func (h *Host) installPackages(ctx context.Context, s host.InstallPackages) error {
	if len(s.Packages) == 0 {
		return nil
	}
	var names, replaced []string
	for _, p := range s.Packages {
		names = append(names, p.Name)
		replaced = append(replaced, p.Provides.Replaces...)
	}
	if err := h.finishPackages(ctx); err != nil {
		return err
	}
	var refreshErr error
	if s.Refresh {
		// One source of several may be down: what can be installed from the
		// others is, and the failure is only told if it cannot.
		refreshErr = packageTool(ctx, aptGet("update")...)
	}
	err := h.installChecked(ctx, names, replaced)
	if err != nil && refreshErr != nil {
		err = errors.Join(err, fmt.Errorf("before that, the package index could not be fetched: %w", refreshErr))
	}
	return err
}

func (h *Host) installChecked(ctx context.Context, names, replaced []string) error {
	sim, err := simulate(ctx, installArgs(names))
	if err != nil {
		return fmt.Errorf("cannot install %s: %w", strings.Join(names, ", "), err)
	}
	if err := sim.refuseInstall(names, replaced); err != nil {
		return err
	}
	return packageTool(ctx, aptGet(installArgs(names)...)...)
}

// removePackages removes with what only the packages needed. It refuses when
// that would take a package that somebody asked for by name.
func (h *Host) removePackages(ctx context.Context, s host.RemovePackages) error {
	if len(s.Names) == 0 {
		return nil
	}
	if err := h.finishPackages(ctx); err != nil {
		return err
	}
	if err := h.removeChecked(ctx, s); err != nil || !s.Purge {
		return err
	}
	// Of a package that an earlier run was stopped amid removing, apt removes the
	// rest, but not the configuration.
	h.packages.forget()
	var left []string
	for _, name := range s.Names {
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
	args := append([]string{"--auto-remove", verb, "--"}, s.Names...)
	sim, err := simulate(ctx, args)
	if err != nil {
		return fmt.Errorf("cannot %s %s: %w", verb, strings.Join(s.Names, ", "), err)
	}
	auto, err := readAutoInstalled(h.packages.root + "/var/lib/apt/extended_states")
	if err != nil {
		return err
	}
	if err := sim.refuseRemoval(s.Names, auto); err != nil {
		return err
	}
	return packageTool(ctx, aptGet(args...)...)
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
