package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// simulation is what apt-get says that it would do.
type simulation struct {
	installs []simulated
	removes  []simulated
}

// simulated is one line of a simulation.
type simulated struct {
	name     string // without an architecture
	old, new string // versions; empty for none
}

// simulate asks apt-get what it would do, without a lock and without root.
func simulate(ctx context.Context, args []string) (*simulation, error) {
	out, err := run(ctx, aptGet(append([]string{"-s"}, args...)...), runOptions{env: packageEnv()})
	if err != nil {
		return nil, err
	}
	return parseSimulation(out), nil
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

func parseSimulated(rest string) simulated {
	var p simulated
	p.name, rest, _ = strings.Cut(rest, " ")
	p.name, _, _ = strings.Cut(p.name, ":")
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
	return errors.Join(errs...)
}

// refuseRemoval is an error that names what would go although it was neither
// asked for nor only installed as a dependency, and what would be upgraded.
func (s *simulation) refuseRemoval(names []string, auto map[string]bool) error {
	what := "removing " + strings.Join(names, ", ")
	errs := s.upgrades(what)
	for _, p := range s.removes {
		if !slices.Contains(names, p.name) && !auto[p.name] {
			errs = append(errs, fmt.Errorf("%s would also remove %s, which needs it: list %s too, or remove it by hand", what, p.name, p.name))
		}
	}
	return errors.Join(errs...)
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

// readAutoInstalled reads which packages apt installed only because others need
// them, from its stanzas of Package, Architecture and Auto-Installed. Without
// the file, none was.
func readAutoInstalled(path string) (map[string]bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]bool{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot see which packages were installed by hand: %w", err)
	}
	auto, name := map[string]bool{}, ""
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Package":
			name = value
		case "Auto-Installed":
			auto[name] = value == "1"
		}
	}
	return auto, nil
}
