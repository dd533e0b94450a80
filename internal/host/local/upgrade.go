package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// rememberedUpgrades is the note of what apt would upgrade: to ask it takes longer than
// all else that a run without changes does.
type rememberedUpgrades struct {
	Stamp    string        `json:"stamp"`
	Upgrades host.Upgrades `json:"upgrades"`
}

// Upgrades are what apt would upgrade, from the index as it was last fetched. They
// are asked for once for each state of the index and of dpkg's database.
func (h *Host) Upgrades(ctx context.Context) (host.Upgrades, error) {
	stamp := h.upgradesStamp()
	var known rememberedUpgrades
	data, err := os.ReadFile(h.note(notes.Upgrades))
	if err == nil && json.Unmarshal(data, &known) == nil && known.Stamp == stamp {
		return known.Upgrades, nil
	}
	out, err := run(ctx, aptSimulate("--ignore-hold", changeHeld, "dist-upgrade"), runOptions{env: packageEnv()})
	if err != nil {
		return host.Upgrades{}, fmt.Errorf("cannot ask apt what it would upgrade: %w", err)
	}
	var u host.Upgrades
	for line := range strings.Lines(out) {
		rest, ok := strings.CutPrefix(line, "Inst ")
		if !ok {
			continue
		}
		p := parseSimulated(rest)
		if p.old == "" {
			continue // a new package that another needs
		}
		u.Pending = append(u.Pending, p.name)
		// Debian-Security:12/stable-security, Ubuntu:22.04/jammy-security
		if strings.Contains(strings.ToLower(rest), "security") {
			u.Security = append(u.Security, p.name)
		}
		if have, err := h.Package(p.name); err == nil && have != nil && have.Hold {
			u.Held = append(u.Held, p.name)
		}
	}
	return u, nil
}

// Upgradable are the installed packages that apt would upgrade, from the index as it
// was last fetched, without any that is held or makes another go; or, if some are named,
// just these, held or not.
func (h *Host) Upgradable(ctx context.Context, named ...string) ([]host.PackageUpgrade, error) {
	args := []string{"--with-new-pkgs", "upgrade"}
	if len(named) > 0 {
		args = upgradeArgs(named)
	}
	sim, err := simulate(ctx, args)
	if err != nil {
		return nil, fmt.Errorf("cannot ask apt what it would upgrade: %w", err)
	}
	var out []host.PackageUpgrade
	for _, p := range sim.installs {
		if p.old != "" && p.old != p.new && (len(named) == 0 || slices.Contains(named, p.name)) {
			out = append(out, host.PackageUpgrade{Name: p.name, From: p.old, To: p.new})
		}
	}
	return out, nil
}

// PackageLists says how many packages are installed, and when apt last fetched the lists of
// those that there are, as far as its files show that; zero: never.
func (h *Host) PackageLists() (installed int, fetched time.Time, err error) {
	d, err := h.packages.dpkg()
	if err != nil {
		return 0, time.Time{}, err
	}
	d.all(func(p *host.Package) bool {
		if p.State == host.Installed {
			installed++
		}
		return true
	})
	for _, at := range []string{"/var/lib/apt/lists", "/var/lib/apt/lists/partial", "/var/lib/apt/periodic/update-success-stamp"} {
		if i, err := os.Stat(h.packages.root + at); err == nil && i.ModTime().After(fetched) {
			fetched = i.ModTime()
		}
	}
	return installed, fetched, nil
}

func upgradeArgs(packages []string) []string {
	return append([]string{"--no-install-recommends", "--only-upgrade", changeHeld, "install", "--"}, packages...)
}

// upgradePackages upgrades just these, if a simulation shows that nothing else is
// upgraded and nothing goes.
func (h *Host) upgradePackages(ctx context.Context, s host.UpgradePackages) error {
	var names, exact []string
	for _, p := range s.Packages {
		have, err := h.Package(p.Name)
		switch {
		case err != nil:
			return err
		case have == nil || have.State != host.Installed:
			return fmt.Errorf("cannot upgrade %s: it is not installed", p.Name)
		case have.Version != p.To:
			names, exact = append(names, p.Name), append(exact, p.Name+"="+p.To)
		}
	}
	if len(names) == 0 {
		return nil
	}
	finishErr := h.finishPackages(ctx)
	sim, err := simulate(ctx, upgradeArgs(exact))
	if err != nil {
		return errors.Join(fmt.Errorf("cannot upgrade %s: %w", strings.Join(names, ", "), err), finishErr)
	}
	sim.installs = slices.DeleteFunc(sim.installs, func(p simulated) bool { return slices.Contains(names, p.name) })
	what := "upgrading " + strings.Join(names, ", ")
	errs := sim.upgrades(what)
	for _, p := range sim.removes {
		errs = append(errs, fmt.Errorf("%s would remove %s %s: upgrade by hand, or name what conflicts", what, p.name, p.old))
	}
	if err := refuseMore(errs); err != nil {
		return err
	}
	return h.packageTool(ctx, aptGet(upgradeArgs(exact)...)...)
}

// RememberUpgrades keeps what Upgrades has found, if it is not known already.
func (h *Host) RememberUpgrades(u host.Upgrades) error {
	now := rememberedUpgrades{Stamp: h.upgradesStamp(), Upgrades: u}
	data, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("cannot remember what apt would upgrade: %w", err)
	}
	at := h.note(notes.Upgrades)
	if was, err := os.ReadFile(at); err == nil && string(was) == string(data) {
		return nil
	}
	// What is cut off by a crash is no JSON, and asked for anew.
	if err := errors.Join(os.MkdirAll(h.options.StateDir, 0o700), os.WriteFile(at, data, 0o600)); err != nil {
		return fmt.Errorf("cannot remember what apt would upgrade: %w", err)
	}
	return nil
}

// upgradesStamp changes with all that apt's answer depends on.
func (h *Host) upgradesStamp() string {
	var b strings.Builder
	root := h.packages.root
	for _, p := range []string{
		"/var/lib/dpkg/status", "/var/lib/apt/lists", "/var/lib/apt/extended_states",
		"/etc/apt/preferences", "/etc/apt/preferences.d", "/etc/apt/apt.conf.d",
	} {
		if info, err := os.Stat(root + p); err == nil {
			fmt.Fprintln(&b, p, info.ModTime().UnixNano(), info.Size())
		}
	}
	return b.String() + sourcesStamp(root)
}
