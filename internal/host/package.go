package host

import (
	"context"
	"strings"
)

// Packages is dpkg's database and apt's index. A package is named by its key; see
// PackageKey.
type Packages interface {
	// Package is what dpkg's status says. Nil: dpkg has never heard of it, or
	// it has been purged.
	Package(name string) (*Package, error)
	// Foreign are the packages of a name that dpkg knows for architectures other
	// than the host's own, sorted by key.
	Foreign(name string) ([]Package, error)
	// Unfinished are the packages that are neither installed nor removed: a
	// package manager was stopped, or their own scripts failed. Sorted by key.
	Unfinished() ([]Package, error)
	// Packages are all that dpkg's status knows, sorted by name.
	Packages() ([]Package, error)
	// Manual are the installed packages that somebody is likely to have asked
	// for, sorted: apt did not install them because others need them, and they
	// are neither libraries nor of those that every host has, essential or of
	// priority required or important. Those that a host was installed with have
	// no mark of apt's.
	Manual() ([]string, error)
	// Candidate reports whether apt could install the package, from the index
	// as it was last fetched. An *UnknownError: there is no index yet.
	Candidate(name string) (bool, error)
}

// Upgrades are the packages of which apt has a later version, by key.
type Upgrades struct {
	Pending  []string `json:"pending,omitempty"`
	Security []string `json:"security,omitempty"` // those that fix what is unsafe
	Held     []string `json:"held,omitempty"`     // those that nobody upgrades
}

// PackageState is the third word of dpkg's Status field, which tells what is on
// disk.
type PackageState string

// The states of dpkg(1).
const (
	Installed       PackageState = "installed"
	ConfigFiles     PackageState = "config-files"
	HalfInstalled   PackageState = "half-installed"
	Unpacked        PackageState = "unpacked"
	HalfConfigured  PackageState = "half-configured"
	TriggersAwaited PackageState = "triggers-awaited"
	TriggersPending PackageState = "triggers-pending"
)

// PackageKey is how a package is called here, as dpkg and apt call it: by its name
// alone if it is for the host's own architecture or for all, else by NAME:ARCH.
func PackageKey(name, arch, native string) string {
	if arch == "" || arch == "all" || arch == native {
		return name
	}
	return name + ":" + arch
}

// NativeKey is the key of a package that is called by name, with or without an
// architecture.
func NativeKey(name, native string) string {
	base, arch, _ := strings.Cut(name, ":")
	return PackageKey(base, arch, native)
}

// Unfinished reports whether a package is neither installed nor removed. Triggers
// are other packages' business: it works without them.
func (p *Package) Unfinished() bool {
	if p == nil {
		return false
	}
	switch p.State {
	case Unpacked, HalfConfigured, HalfInstalled:
		return true
	}
	return false
}

// Package is one stanza of dpkg's status file.
type Package struct {
	Name    string // its key
	Version string
	State   PackageState
	Hold    bool // the selection is "hold"
	// Auto is set for what apt has installed only since other packages need it: it goes
	// with the last of them (apt-mark(8)).
	Auto bool
}

// Words says in which state the package is; nil: empty.
func (p *Package) Words() string {
	switch {
	case p == nil:
		return ""
	case p.State == Installed:
		return "installed"
	case p.State == ConfigFiles:
		return "removed, configuration left"
	default:
		return strings.ReplaceAll(string(p.State), "-", " ")
	}
}

// Provides is what is known beforehand of a package: what it brings and what
// goes when it comes. It is how a plan can speak about a host on which the
// package is not installed yet.
type Provides struct {
	Users  []User  // system users; UID and GID UnknownID
	Groups []Group // system groups; GID UnknownID
	Units  []Unit  // in the state after installation
	Files  []ProvidedFile
	// Replaces lists packages that apt removes in its favour.
	Replaces []string
	// Programs lists the programs that Check may need.
	Programs []string
}

// ProvidedFile is a file or directory that a package brings. Its content is
// known after apply.
type ProvidedFile struct {
	Path string
	Node Node
}

// PackageStep is a step on packages.
//
//sumtype:decl
type PackageStep interface {
	Step
	pkg()
}

// Packages.
type (
	// InstallPackages installs in one call of apt-get, without recommended
	// packages and without upgrading anything. Refresh fetches the index first.
	InstallPackages struct {
		Packages []PackageInstall
		Refresh  bool
	}
	// RemovePackages purges (with configuration) or removes, then removes what
	// only they needed.
	RemovePackages struct {
		Names []string
		Purge bool
		// Broken says that the packages are neither installed nor removed: they go
		// before anything else is done to packages.
		Broken bool
	}
	// UpgradePackages brings installed packages to these versions in one call of
	// apt-get, with what they newly need. Nothing else is upgraded, and nothing goes.
	UpgradePackages struct{ Packages []PackageUpgrade }
	// HoldPackages sets or clears dpkg's hold.
	HoldPackages struct {
		Names []string
		Hold  bool
	}
	// MarkPackages has apt take installed packages for asked for or, with Auto, for
	// needed by others only.
	MarkPackages struct {
		Names []string
		Auto  bool
	}
)

// PackageInstall is one package to install and what is known of it beforehand.
type PackageInstall struct {
	Name     string
	Provides Provides
	// Going are packages that steps of their own remove: apt may do that in this one
	// already, where the package takes their place.
	Going []string
}

// PackageUpgrade is one package, by key, and the versions between which it is upgraded.
type PackageUpgrade struct{ Name, From, To string }

// RunsDpkg reports whether a step has dpkg do more than mark packages.
func RunsDpkg(s Step) bool {
	switch s.(type) {
	case InstallPackages, RemovePackages, UpgradePackages:
		return true
	default:
		return false
	}
}

func (InstallPackages) pkg() {}
func (RemovePackages) pkg()  {}
func (UpgradePackages) pkg() {}
func (HoldPackages) pkg()    {}
func (MarkPackages) pkg()    {}

func (s InstallPackages) touches(_ context.Context, r Reader) []Touch {
	var names, gone []string
	for _, p := range s.Packages {
		names = append(names, p.Name)
		gone = append(gone, p.Provides.Replaces...)
	}
	return append(touch(SubjectPackage, names...), goingPackages(r, gone)...)
}

func (s RemovePackages) touches(_ context.Context, r Reader) []Touch {
	return goingPackages(r, s.Names)
}

func (s UpgradePackages) touches(context.Context, Reader) []Touch {
	return touch(SubjectPackage, s.names()...)
}

func (s UpgradePackages) names() []string {
	var names []string
	for _, p := range s.Packages {
		names = append(names, p.Name)
	}
	return names
}

func (s HoldPackages) touches(context.Context, Reader) []Touch {
	return touch(SubjectPackage, s.Names...)
}

func (s MarkPackages) touches(context.Context, Reader) []Touch {
	return touch(SubjectPackage, s.Names...)
}
