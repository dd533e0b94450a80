package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

// simulation is what apt-get says that it would do.
type simulation struct {
	installs []simulated
	removes  []simulated
}

// simulated is one line of a simulation.
type simulated struct {
	name     string // its key
	old, new string // versions; empty for none
}

// simulationError is what apt-get says of what it will not do.
type simulationError struct{ Output string }

func (e *simulationError) Error() string { return "apt-get refuses it: " + e.Output }

// simulate asks apt-get what it would do, without a lock and without root. What it
// refuses is a *simulationError.
func simulate(ctx context.Context, args []string) (*simulation, error) {
	out, err := run(ctx, aptSimulate(args...), runOptions{env: packageEnv()})
	var failed *runError
	if errors.As(err, &failed) && failed.Code >= 0 {
		return nil, &simulationError{Output: refusal(out, failed.Output)}
	}
	if err != nil {
		return nil, err
	}
	return parseSimulation(out), nil
}

// aptNoise begins the lines that apt-get says whatever comes of it.
var aptNoise = words.Pattern(`^(?:Reading |Building |NOTE: |\s+apt-get needs|\s+Keep also|\s+so don't|Some packages could not|requested an impossible|distribution that some|or been moved|The following information|The following packages have unmet|This may mean|is only available from|E: Unable to correct problems|E: The list of sources could not be read|W: )`)

// refusal is why apt-get refuses something: its errors, and what it explains them
// with on standard output, in one line.
func refusal(out, errs string) string {
	var lines []string
	for line := range strings.Lines(out + "\n" + errs) {
		text := strings.TrimSpace(line)
		if text == "" || aptNoise().MatchString(line) || slices.Contains(lines, text) {
			continue
		}
		lines = append(lines, text)
	}
	if len(lines) == 0 {
		return strings.TrimSpace(errs)
	}
	return strings.ReplaceAll(strings.Join(lines, "; "), "provided by:; ", "provided by ")
}

// installable is an error if apt-get would not install packages, once others are
// gone and beside some that are there by then, or would do more than that.
func (h *Host) installable(ctx context.Context, c host.InstallCheck) error {
	err := h.simulated(ctx, c)
	if err == nil || len(c.With) == 0 {
		return err
	}
	c.With = nil
	return cmp.Or(h.simulated(ctx, c), err) // alone first: it may have nothing to do with the others
}

func (h *Host) simulated(ctx context.Context, c host.InstallCheck) error {
	args := installArgs(slices.Concat(c.Names, c.With))
	for _, name := range c.Gone {
		args = append(args, name+"-")
	}
	sim, err := simulate(ctx, args)
	if err != nil {
		return fmt.Errorf("cannot install %s: %w", strings.Join(c.Names, ", "), err)
	}
	status, err := h.packages.dpkg()
	if err != nil {
		return err
	}
	if err := sim.refuseVirtual(status, c.Names); err != nil {
		return err
	}
	allowed := slices.Concat(c.Replaced, c.Gone, slices.Collect(maps.Keys(status.leaving())))
	return sim.refuseInstall(c.Names, allowed)
}

// checkInstall has apt say whether packages could be installed.
func (h *Host) checkInstall(ctx context.Context, c host.InstallCheck) error {
	return aptVerdict(h.installable(ctx, c))
}

// checkRemove has apt say whether packages could be removed, once their holds are off.
func (h *Host) checkRemove(ctx context.Context, c host.RemoveCheck) error {
	return aptVerdict(h.removable(ctx, c, "remove", changeHeld))
}

// removable is an error if apt-get would not remove packages, or if with them and
// with others that are gone by then something goes that somebody has asked for.
func (h *Host) removable(ctx context.Context, c host.RemoveCheck, verb string, options ...string) error {
	args := append(options, removeArgs(verb, slices.Concat(c.Names, c.Gone))...)
	for _, name := range c.With {
		args = append(args, name+"+")
	}
	sim, err := simulate(ctx, args)
	if err != nil {
		return fmt.Errorf("cannot %s %s: %w", verb, strings.Join(c.Names, ", "), err)
	}
	status, err := h.packages.dpkg()
	if err != nil {
		return err
	}
	auto := maps.Clone(status.auto)
	for name := range status.leaving() {
		auto[name] = true
	}
	return sim.refuseRemoval(c.Names, c.Gone, auto)
}

// removeArgs are what apt-get is told, with what only the packages needed.
func removeArgs(verb string, names []string) []string {
	return append([]string{"--auto-remove", verb, "--"}, names...)
}

// aptVerdict makes a verdict of what apt refuses, and of what opsafe would refuse.
func aptVerdict(err error) error {
	var refused *simulationError
	var more *moreError
	switch {
	case errors.As(err, &refused):
		return &host.CheckError{Program: "apt-get", Output: refused.Output}
	case errors.As(err, &more):
		return &host.CheckError{Program: "opsafe", Output: more.Error()}
	}
	return err
}

// moreError is that apt would do more than it is asked to.
type moreError struct{ errs []error }

func (e *moreError) Error() string { return errors.Join(e.errs...).Error() }

func refuseMore(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return &moreError{errs}
}

// parseSimulation reads lines such as
//
//	Inst chrony [4.0-8] (4.3-2 Debian:12.1/stable [amd64]) []
//	Remv systemd-timesyncd [252.1] [chrony:amd64 ]
//	Purg bolt [0.9]
//
// in which the first brackets hold the version that is installed.
func parseSimulation(out string) *simulation {
	var s simulation
	for line := range strings.Lines(out) {
		verb, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		switch verb {
		case "Inst":
			s.installs = append(s.installs, parseSimulated(rest))
		case "Remv", "Purg":
			s.removes = append(s.removes, parseSimulated(rest))
		}
	}
	return &s
}

// refuseVirtual refuses names that apt takes other packages for: it does so where just
// one provides a virtual package, and says so in no way that a program could read.
func (s *simulation) refuseVirtual(status *dpkgStatus, names []string) error {
	var errs []error
	for _, name := range names {
		stanza, known := status.find(name)
		if p := status.packageOf(name, stanza); known && p != nil && p.State != host.ConfigFiles {
			continue // it only has to be configured
		}
		if slices.ContainsFunc(s.installs, func(p simulated) bool { return p.name == host.NativeKey(name, status.native) }) {
			continue
		}
		errs = append(errs, s.insteadOf(status, name, names))
	}
	return refuseMore(errs)
}

// insteadOf says what apt takes a name for. It is nothing new if that is installed.
func (s *simulation) insteadOf(status *dpkgStatus, name string, names []string) error {
	var others []string
	for _, p := range s.installs {
		if strings.HasPrefix(p.name, name+":") {
			return otherArchitecture(name, p.name)
		}
		if !slices.Contains(names, p.name) {
			others = append(others, p.name)
		}
	}
	for _, p := range status.foreign(name) {
		if p.State != host.ConfigFiles {
			return otherArchitecture(name, p.Name)
		}
	}
	if len(others) == 0 {
		return fmt.Errorf("%s is a virtual package provided by one that is installed: declare that one", name)
	}
	return fmt.Errorf("%s is a virtual package provided by %s: declare that one", name, strings.Join(others, ", "))
}

func otherArchitecture(name, key string) error {
	return fmt.Errorf("apt has no %s of the host's own architecture, and takes it for %s: declare that one", name, key)
}

func parseSimulated(rest string) simulated {
	var p simulated
	p.name, rest, _ = strings.Cut(rest, " ")
	if old, ok := strings.CutPrefix(rest, "["); ok {
		p.old, rest, _ = strings.Cut(old, "]")
		rest = strings.TrimSpace(rest)
	}
	if made, ok := strings.CutPrefix(rest, "("); ok {
		p.new, _, _ = strings.Cut(made, " ")
		p.new = strings.TrimSuffix(p.new, ")")
	}
	return p
}

// refuseInstall is the guarantee that nothing is upgraded as a side effect: an
// error that names each installed package whose version would change, and each
// that would go without being known to.
func (s *simulation) refuseInstall(names, replaced []string) error {
	what := "installing " + strings.Join(names, ", ")
	errs := s.upgrades(what)
	for _, p := range s.removes {
		if !slices.Contains(replaced, p.name) {
			errs = append(errs, fmt.Errorf("%s would remove %s %s: remove it first, or name what conflicts", what, p.name, p.old))
		}
	}
	return refuseMore(errs)
}

// refuseRemoval is an error that names what would go although it was neither
// asked for nor only installed as a dependency, and what would be upgraded.
func (s *simulation) refuseRemoval(names, gone []string, auto map[string]bool) error {
	what := "removing " + strings.Join(names, ", ")
	errs := s.upgrades(what)
	for _, p := range s.removes {
		if !slices.Contains(names, p.name) && !slices.Contains(gone, p.name) && !auto[p.name] {
			errs = append(errs, fmt.Errorf("%s would also remove %s, which needs it: list %s too, or remove it by hand", what, p.name, p.name))
		}
	}
	return refuseMore(errs)
}

func (s *simulation) upgrades(what string) []error {
	var errs []error
	for _, p := range s.installs {
		if p.old != "" && p.old != p.new {
			errs = append(errs, fmt.Errorf("%s would upgrade %s from %s to %s: upgrade it first, on purpose", what, p.name, p.old, p.new))
		}
	}
	return errs
}

// autoInstalled reads which packages apt installed only because others need them,
// by key, from its stanzas of Package, Architecture and Auto-Installed. Without
// the file, none was.
func autoInstalled(file, native string) (map[string]bool, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]bool{}, nil
	}
	if err != nil {
		return nil, err
	}
	auto, name, arch := map[string]bool{}, "", ""
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Package":
			name, arch = value, ""
		case "Architecture":
			arch = value
		case "Auto-Installed":
			auto[host.PackageKey(name, arch, native)] = value == "1"
		}
	}
	return auto, nil
}
