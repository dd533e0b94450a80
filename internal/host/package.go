package host

import "context"

// Packages is dpkg's database and apt's index.
type Packages interface {
	// Package is what dpkg's status says. Nil: dpkg has never heard of it, or
	// it has been purged.
	Package(name string) (*Package, error)
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

// Package is one stanza of dpkg's status file.
type Package struct {
	Name    string
	Version string
	State   PackageState
	Hold    bool // the selection is "hold"
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

// Units is systemd.
type Units interface {
	// Unit describes a unit, by its full name. Nil: systemd knows no such unit
	// and none is installed.
	Unit(ctx context.Context, name string) (*Unit, error)
}

// Unit is the state of a systemd unit, in the words of org.freedesktop.systemd1(5).
type Unit struct {
	Name       string
	Load       string // loaded, not-found, masked, bad-setting, error
	Active     string // active, inactive, failed, activating, deactivating, reloading
	Sub        string // running, dead, waiting, …
	File       string // enabled, disabled, static, masked, linked, indirect, generated, …
	Fragment   string // path of the unit file; empty for none
	NeedReload bool   // changed on disk since systemd read it
	// Links are the symlinks by which the unit is enabled, as they are on
	// disk below /etc/systemd/system, sorted.
	Links []string
}

// Running reports whether the unit is active or on its way there.
func (u *Unit) Running() bool {
	return u != nil && (u.Active == "active" || u.Active == "activating" || u.Active == "reloading")
}

// Docker is the docker engine, through its socket.
type Docker interface {
	// Engine describes the running engine. Nil: docker is not installed. An
	// *UnknownError: it is, but does not answer.
	Engine(ctx context.Context) (*Engine, error)
	// Network finds a network by its exact name. Nil: there is none.
	Network(ctx context.Context, name string) (*Network, error)
	// Networks are all of them, docker's own too, sorted by name. Nil: docker is
	// not installed.
	Networks(ctx context.Context) ([]Network, error)
}

// Engine is the docker engine.
type Engine struct {
	Version    string // 20.10.24+dfsg1
	APIVersion string // 1.41
}

// Network is a docker network.
type Network struct {
	Name      string
	Driver    string
	Interface string // com.docker.network.bridge.name; empty: docker's choice
	Subnet    string // CIDR; empty: docker's choice
	Gateway   string
	Internal  bool
	IPv6      bool
	Options   map[string]string // driver options but the interface's name
	// Containers are the names of containers attached to it: it cannot be
	// removed while there are any.
	Containers []string
}
