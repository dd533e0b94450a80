package host

import "context"

// A Step is the smallest thing that can be done to a host. The set is closed:
// each step has one implementation on the real host and one in the overlay, and
// a conformance test that both pass. Names of users and groups are resolved
// when the step is done, since the account may only have come into being by
// then.
//
// A step says in full what it does, with explicit ids and owners, so that it
// can be shown, stored and repeated. It also says what it touches, so that this
// can be kept as it was before.
//
// All but Probe belong to the subject that they are about: AccountStep, FileStep,
// PackageStep, UnitStep, DockerStep, FirewallStep, NoteStep or TrialStep.
//
//sumtype:decl
type Step interface {
	// touches lists what the step is about to change on a host. What the host
	// cannot be asked is left out.
	touches(ctx context.Context, r Reader) []Touch
}

// Probe runs a program, which changes nothing and has to accept what is in place:
// the host in use is the last judge of what was written.
type Probe struct {
	Argv []string
	// Guarded has it refused, and not run, if others than root decide what it is: see
	// Exposed.
	Guarded bool
}

func (Probe) touches(context.Context, Reader) []Touch { return nil }

// Touches lists what a step is about to change on a host: all that has to be kept
// to bring it back. It is empty for a step that changes no lasting state, since it
// restarts, ends, checks or keeps the books.
func Touches(ctx context.Context, r Reader, s Step) []Touch { return s.touches(ctx, r) }

// A Touch is one thing that a step is about to change, and what has to be known of
// it before it is kept.
type Touch struct {
	Subject
	Rights  bool      // of a path: owner and rights alone change
	Secret  bool      // of a path: its content may not be shown
	Hidden  []string  // of a path: variables whose values may not be shown, sorted
	Home    bool      // of a path: it is filled from /etc/skel
	Archive string    // of a path: a tree that is unpacked under this name
	Package string    // of a path or unit: the package that it goes with
	Rule    *TreeRule // of a tree
	Differ  int       // of a tree: how many of its paths are changed; 0: not known
}

// A Subject names a thing on a host that steps change.
type Subject struct {
	Type SubjectType
	Name string // of a path the path, of a tree its root and the name of its rule
}

// SubjectType is the type of a Subject. Its values stand in records on hosts.
type SubjectType string

// The types of subjects.
const (
	SubjectPath     SubjectType = "path"
	SubjectTree     SubjectType = "tree"
	SubjectUser     SubjectType = "user"
	SubjectGroup    SubjectType = "group"
	SubjectPassword SubjectType = "password"
	SubjectLinger   SubjectType = "linger"
	SubjectUnit     SubjectType = "unit"
	SubjectPackage  SubjectType = "package"
	SubjectNetwork  SubjectType = "network"
	SubjectFirewall SubjectType = "firewall"
	// SubjectContainer is the container of a compose project's service.
	SubjectContainer SubjectType = "container"
)

// touch lists subjects of one type.
func touch(t SubjectType, names ...string) []Touch {
	out := make([]Touch, len(names))
	for i, name := range names {
		out[i] = Touch{Subject: Subject{Type: t, Name: name}}
	}
	return out
}

// touchEach lists what several steps touch.
func touchEach[S Step](ctx context.Context, r Reader, steps []S) []Touch {
	var out []Touch
	for _, s := range steps {
		out = append(out, s.touches(ctx, r)...)
	}
	return out
}

// Merge joins two steps of one batch that can be done in one call, as two
// installations of packages can. It reports whether it could. A step that it has made
// itself is not to be used any more once it is joined with another: there may be
// thousands of one batch, of which the list is not copied for each.
func Merge(a, b Step) (Step, bool) {
	switch a := a.(type) {
	case InstallPackages:
		if b, ok := b.(InstallPackages); ok {
			return InstallPackages{Packages: append(a.Packages[:len(a.Packages):len(a.Packages)], b.Packages...), Refresh: a.Refresh || b.Refresh}, true
		}
	case RemovePackages:
		if b, ok := b.(RemovePackages); ok && a.Purge == b.Purge && a.Broken == b.Broken {
			return RemovePackages{Names: append(a.Names[:len(a.Names):len(a.Names)], b.Names...), Purge: a.Purge, Broken: a.Broken}, true
		}
	case UpgradePackages:
		if b, ok := b.(UpgradePackages); ok {
			return UpgradePackages{Packages: append(a.Packages[:len(a.Packages):len(a.Packages)], b.Packages...)}, true
		}
	case HoldPackages:
		if b, ok := b.(HoldPackages); ok && a.Hold == b.Hold {
			return HoldPackages{Names: append(a.Names[:len(a.Names):len(a.Names)], b.Names...), Hold: a.Hold}, true
		}
	case AddUser:
		if b, ok := b.(AddUser); ok && !a.System && !b.System {
			return AddUsers{[]AddUser{a, b}}, true
		}
	case AddUsers:
		if b, ok := b.(AddUser); ok && !b.System {
			return AddUsers{append(a.Users, b)}, true
		}
	case MakeDir:
		if b, ok := b.(MakeDir); ok {
			return MakeDirs{[]MakeDir{a, b}}, true
		}
	case MakeDirs:
		if b, ok := b.(MakeDir); ok {
			return MakeDirs{append(a.Dirs, b)}, true
		}
	case WriteFile:
		if b, ok := b.(WriteFile); ok && a.Check == nil && b.Check == nil {
			return WriteFiles{[]WriteFile{a, b}}, true
		}
	case WriteFiles:
		if b, ok := b.(WriteFile); ok && b.Check == nil {
			return WriteFiles{append(a.Files, b)}, true
		}
	case MarkPackages:
		if b, ok := b.(MarkPackages); ok && a.Auto == b.Auto {
			return MarkPackages{Names: append(a.Names[:len(a.Names):len(a.Names)], b.Names...), Auto: a.Auto}, true
		}
	default: // no other steps can be done in one call
	}
	return nil, false
}
