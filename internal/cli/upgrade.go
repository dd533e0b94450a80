package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kind/docker"
	"opsafe/internal/kind/packages"
	"opsafe/internal/run"
	"opsafe/internal/words"
)

type upgradeOptions struct {
	options
	lockOut
	plan bool
	yes  bool
}

func newUpgrade(a *App) *cobra.Command {
	var o upgradeOptions
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Upgrade packages, and docker only after a yes",
		Long: `Upgrade the packages of this host, but for those that are held, to the versions that
apt knows: from the index as apt's daily timer, or apt-get update, has last fetched
it. Nothing goes, and configuration files that were edited stay as they are.

An upgrade of the package of the section docker restarts the engine and ends its
containers: these are named, and it is upgraded only if the answer is yes, or with
--yes, whether it is held or not. A no is a success.

It is planned, guarded and recorded like any other run. Undo does not go back to
earlier versions, and says so.`,
		Example: "  sudo opsafe upgrade --plan\n  sudo opsafe upgrade --yes",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.upgrade(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addFormat(c)
	o.addFull(c)
	o.addLockOut(c)
	c.Flags().BoolVar(&o.plan, "plan", false, "show what would be done, and change nothing")
	c.Flags().BoolVar(&o.yes, "yes", false, "upgrade docker, too, without being asked")
	return c
}

// upgradable is a host that knows what could be upgraded now.
type upgradable interface {
	Upgradable(ctx context.Context, named ...string) ([]host.PackageUpgrade, error)
	PackageLists() (installed int, fetched time.Time, err error)
}

func (a *App) upgrade(ctx context.Context, o upgradeOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	release, err := a.hold(ctx, "upgrade", mode(o.plan))
	if err != nil {
		return err
	}
	defer release()
	p, err := o.prepare(ctx, a)
	if err != nil {
		return err
	}
	apt, ok := a.Host.(upgradable)
	switch {
	case kind.OnlyVerifies(p.in.Backend):
		return fmt.Errorf("backend %s only verifies packages (apt.mode: verify): have them upgraded by whoever provides the host", p.backend)
	case !ok:
		return errors.New("what can be upgraded is known on the host itself alone")
	}
	found, err := apt.Upgradable(ctx)
	if err != nil {
		return err
	}
	docker, err := a.enginePackage(p.in)
	if err != nil {
		return err
	}
	// Also where it is not held, which is no yes.
	found = slices.DeleteFunc(found, func(p host.PackageUpgrade) bool { return p.Name == docker })
	engine, err := a.engineUpgrade(ctx, apt, docker, o)
	if err != nil {
		return err
	}
	if err := a.upgradeRestsOn(apt, len(found)+len(engine)); err != nil {
		return err
	}
	_, err = a.do(ctx, run.Job{
		Kinds: append(upgradeKinds(found), upgradeKinds(engine)...), WayIn: run.WayIn{Declared: p.declared, MayClose: o.allowed},
		Record: run.Record{Command: "upgrade", Backend: p.backend, Dir: p.in.Repo.Dir},
	}, a.newOutput("upgrade", o.options, p.backend, p.facts.Hostname, mode(o.plan)))
	return err
}

// upgradeRestsOn says of how many packages apt upgrades how many, and how old the lists are by
// which it does.
func (a *App) upgradeRestsOn(apt upgradable, upgraded int) error {
	installed, fetched, err := apt.PackageLists()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d of %s to upgrade, by lists of apt's that were fetched ", upgraded, words.Count(installed, "installed package"))
	switch age := a.Now().Sub(fetched); {
	case fetched.IsZero():
		text = strings.TrimSuffix(text, "were fetched ") + "were never fetched: sudo apt-get update does that"
	case age < 24*time.Hour:
		text += run.Age(age)
	default:
		text += run.Age(age) + ": sudo apt-get update fetches newer ones"
	}
	note(a.Err, "%s", text)
	return nil
}

func upgradeKinds(found []host.PackageUpgrade) []converge.Kind {
	if len(found) == 0 {
		return nil
	}
	k := converge.Kind{Kind: packages.UpgradeKind()}
	for _, p := range found {
		k.Resources = append(k.Resources, packages.Upgrade(p))
	}
	return []converge.Kind{k}
}

// enginePackage is the name of docker's package on this host, which somebody may also
// have installed who has not declared it; empty: there is none.
func (a *App) enginePackage(in *kind.Input) (string, error) {
	names := debian.EnginePackages()
	if declared := docker.Package(in.Backend); declared != "" {
		names = append([]string{declared}, names...)
	}
	for _, name := range names {
		p, err := a.Host.Package(name)
		if err != nil {
			return "", err
		}
		if p != nil && p.State == host.Installed {
			return name, nil
		}
	}
	return "", nil
}

// engineUpgrade is the upgrade of docker's package, if somebody has said yes to what it
// does to the containers.
func (a *App) engineUpgrade(ctx context.Context, apt upgradable, name string, o upgradeOptions) ([]host.PackageUpgrade, error) {
	if name == "" {
		return nil, nil
	}
	found, err := apt.Upgradable(ctx, name)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	ends, err := a.runningContainers(ctx)
	if err != nil {
		return nil, err
	}
	does := fmt.Sprintf("%s: %s → %s restarts docker, and %s", name, found[0].From, found[0].To, ends)
	switch {
	case o.yes:
		note(a.Err, "%s", does)
		return found, nil
	case o.plan || a.In == nil || o.format != formatText:
		note(a.Err, "%s: it stays as it is without --yes", does)
		return nil, nil
	}
	answer, err := a.ask(ctx, does+". Upgrade it, too? yes or no", "no")
	if err != nil || !slices.Contains([]string{"yes", "y"}, strings.ToLower(answer)) {
		return nil, err
	}
	return found, nil
}

// runningContainers says what comes of containers when docker is restarted.
func (a *App) runningContainers(ctx context.Context) (string, error) {
	all, err := a.Host.Containers(ctx)
	if host.IsUnknown(err) {
		return fmt.Sprintf("which containers that ends cannot be told (%v)", err), nil
	}
	var ends []string
	for _, c := range all {
		if c.Running() {
			ends = append(ends, c.Name)
		}
	}
	if len(ends) == 0 {
		return "no container runs", err
	}
	return "ends " + strings.Join(ends, ", "), err
}
