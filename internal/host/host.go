// Package host is the vocabulary for talking about one machine: what can be
// read of it (Reader), what can be done to it (Step), and the one place where
// the two meet (Host). It knows no spec, prints nothing and imports nothing of
// opsafe.
//
// Package local implements Host on the machine itself; package overlay
// implements it in memory above any Reader, which is what makes a plan the same
// run as the real one.
package host

import (
	"context"
	"errors"
	"fmt"
)

// Reader is read-only access to the state of a host. Kinds get a Reader and
// nothing else, so that looking cannot change anything.
//
// A thing that is absent is returned as nil with a nil error. What exists but
// may not or cannot be seen is an *UnknownError. Every other error means that
// the look itself failed.
type Reader interface {
	Accounts
	Files
	Archives
	Packages
	Units
	Docker
	Firewalls
	Facts
	// Pending returns the restarts and reloads that an earlier run owed when
	// it died, oldest first.
	Pending() ([]Pending, error)
	// Check validates content with the program that will read it (visudo,
	// sshd, …) without installing it. A *CheckError carries the program's own
	// words; an error that matches ErrNoProgram means that the program is not
	// on the host (yet).
	Check(ctx context.Context, c Check, content Content) error
	// Evaluate has the program of a check that has a Tree say what that
	// configuration comes to (sshd -T, cvtsudoers, …), and returns what it
	// prints. On an overlay the configuration is the predicted one. What the
	// program refuses is a *CheckError; a missing program or main file is
	// unknown.
	Evaluate(ctx context.Context, c Check) (string, error)
}

// Inventory is what a Reader can have besides: it lists what it knows of, sorted,
// so that it can be recorded whole.
type Inventory interface {
	// UnitNames are the services, timers, sockets and paths that systemd has
	// loaded or has files of. Instances of templates are not among them.
	UnitNames(ctx context.Context) ([]string, error)
	// ImageNames are the names, NAME:TAG, of the images that docker has.
	ImageNames(ctx context.Context) ([]string, error)
}

// TreeScanner is a Reader that can scan a tree as it would look if each node were
// as predicted. Nil: nodes are as they are.
type TreeScanner interface {
	ScanTreeWith(ctx context.Context, rule TreeRule, predicted *Prediction) (*TreeScan, error)
}

// Prediction says how the nodes of a tree are going to be.
type Prediction struct {
	// Node is a node as it is going to be.
	Node func(path string, n Node) Node
	// Alike says which nodes of a directory it is enough to predict one of. Nil: of none;
	// then Node is asked for all of them, one after the other. Else both are asked by
	// several goroutines at once.
	Alike func(dir string) Alike
}

// Alike is what the nodes in a directory have in common. Nodes of one type, owner, group
// and access, and held by the same, become the same in all directories of one sort, but for
// those that stand apart.
type Alike struct {
	Sort  string
	Apart map[string]bool // names
	None  bool            // all of them stand apart
}

// Host is a Reader whose steps take effect: on the machine (local) or in
// memory (overlay). Only the converge loop calls Do.
type Host interface {
	Reader
	// Do carries out one step. When it returns nil the step has taken effect
	// and reads see it.
	Do(ctx context.Context, s Step) error
}

// Planned is a Reader of what a plan leaves behind, which also tells how things are
// before it.
type Planned interface {
	Before() Reader
	// Replaced are the paths, sorted and without links on the way to them, at which
	// steps have written a file, made a link or a directory, or removed what was there.
	Replaced() []string
}

// UnknownError says that a value cannot be known: because this process may not
// see it, because a service that would say is down, or because it will only
// exist after an earlier change (a package's own files).
type UnknownError struct {
	What string // "content of /etc/shadow"
	Why  string // "permission denied", "known after apply: chrony brings it"
	// AfterApply is set when the value will be known once earlier changes of
	// the same plan have been made.
	AfterApply bool
	Err        error // the cause, if there is one
}

func (e *UnknownError) Error() string { return fmt.Sprintf("%s is unknown: %s", e.What, e.Why) }

func (e *UnknownError) Unwrap() error { return e.Err }

// IsUnknown reports whether err is or wraps an *UnknownError.
func IsUnknown(err error) bool {
	var u *UnknownError
	return errors.As(err, &u)
}

// AfterApply reports whether err is an *UnknownError whose value will be known
// once earlier changes of the same plan have been made.
func AfterApply(err error) bool {
	var u *UnknownError
	return errors.As(err, &u) && u.AfterApply
}

// ErrNoProgram is matched by the error of Check when the checking program is
// not installed.
var ErrNoProgram = errors.New("program is not installed")

// A Check names the program that judges staged content before it replaces what
// is there. Argv is an argument vector, never a shell line; the argument
// "%" is replaced by the path of the staged file.
type Check struct {
	Argv []string
	// Needs are paths without which the program cannot judge anything, such as
	// a directory that an earlier step makes.
	Needs []string
	// Root says that the program can judge as root only, since it reads what
	// nobody else may read. To others its verdict is unknown.
	Root bool
	// Companion is the path whose directory the staged file is judged for, so
	// that relative includes work; empty for none.
	Companion string
	// Tree is the configuration that the content is a part of, if the program
	// is to judge it as a whole: "%" is then a copy of its main file.
	Tree *CheckTree
	// Unit is the unit of systemd that the content is a part of. The path of its
	// staged file is added to Argv.
	Unit *UnitCheck
	// Install are packages that apt is asked about, instead of content.
	Install *InstallCheck
	// Remove are packages that apt is asked about in the same way.
	Remove *RemoveCheck
}

// InstallCheck asks whether apt would install packages, and do nothing else than
// that: all together, once others are gone, and beside those With that are there by then.
type InstallCheck struct {
	Names, Gone, Replaced []string
	With                  []string `json:",omitempty"`
}

// NewInstallCheck is the check of it.
func NewInstallCheck(c InstallCheck) Check {
	return Check{Argv: []string{"apt-get", "-s", "install"}, Install: &c}
}

// RemoveCheck asks whether apt would remove packages, and nothing else with them that
// somebody has asked for: all together, with others that are gone by then, and beside
// those With that are there by then.
type RemoveCheck struct {
	Names, Gone []string
	With        []string `json:",omitempty"`
}

// NewRemoveCheck is the check of it.
func NewRemoveCheck(c RemoveCheck) Check {
	return Check{Argv: []string{"apt-get", "-s", "remove"}, Remove: &c}
}

// UnitCheck is a unit as it is to become: the files that make it up, by name,
// NAME and NAME.d/DROP-IN.conf. Refused is what systemd would not load, and what it would
// ignore of the file that is written.
type UnitCheck struct {
	Name    string
	Files   map[string]Content
	Written string // which of the files
}

// A CheckTree is a configuration of one main file and a directory of drop-ins
// that it includes, in the way of sshd or sudo. The content to judge is for one
// of the drop-ins. Where the main file is missing, it is judged alone.
//
// What the program refuses to read even without the content may be repaired by
// what else is declared. It is therefore enough, in that case, that it accepts
// the configuration as all of it is declared.
type CheckTree struct {
	Main string // path of the main file
	Dir  string // path of the directory
	Name string // name in Dir of the file that the content is for
	// Declared are the other files of Dir that are declared, by path, as they
	// are to become; nil: gone. Those that are to go are not read.
	Declared map[string]*Content
	// Apart says that the main file does not include the others: all count side by
	// side, also without the main one. In Argv, "NAME=%" is the staged main file and
	// "NAME=%/" the staged directory.
	Apart bool
	// Predicted are files, by path, that earlier steps of a plan would have
	// written; nil: removed. They take the place of what is there.
	Predicted map[string]*Content
}

// CheckError is the verdict of a checking program on content that it refuses.
type CheckError struct {
	Program string
	Output  string // what the program said, trimmed
	// Already says that the program refuses what is there without the content,
	// too, and Output is what it says of that.
	Already bool
	// Ignored says that the program would take it, and ignore what Output is about.
	Ignored bool
}

func (e *CheckError) Error() string {
	if e.Ignored {
		return fmt.Sprintf("%s would ignore a part of it: %s", e.Program, e.Output)
	}
	if e.Already {
		return fmt.Sprintf("%s refuses what is there already, even without it: repair that first: %s", e.Program, e.Output)
	}
	return fmt.Sprintf("%s refuses it: %s", e.Program, e.Output)
}

// Facts are properties of the machine as a whole.
type Facts interface {
	Facts() (MachineFacts, error)
	// Prefetch tells the host what is about to be asked for, so that it can
	// read in bulk and in parallel. It is an optimisation: it returns nothing,
	// at once, and every question works without it.
	Prefetch(ctx context.Context, h Hints)
}

// MachineFacts is what templates and conditions may refer to.
type MachineFacts struct {
	Hostname string `json:"hostname"` // without the domain
	Distro   string `json:"distro"`   // os-release ID: debian, ubuntu
	Release  string `json:"release"`  // os-release VERSION_CODENAME: bookworm
	Version  string `json:"version"`  // os-release VERSION_ID: 12
	Arch     string `json:"arch"`     // Debian's name for it: amd64
	Kernel   string `json:"kernel"`   // uname -r
	// IPv6 says that it has an address to which somebody can come from another network.
	IPv6 bool `json:"ipv6,omitempty"`
	// Multihomed says that it is in more than one network of IPv4 that it has not made itself.
	Multihomed bool `json:"multihomed,omitempty"`
	// Unbooted says that it does not run: its tree is worked on from another machine.
	Unbooted bool `json:"unbooted,omitempty"`
}

// Hints lists what a run is going to look at.
type Hints struct {
	Units  []string
	Docker bool
	// Systemd and Packages say that units and packages are going to be asked
	// for, when it is not known yet which.
	Systemd, Packages bool
}
