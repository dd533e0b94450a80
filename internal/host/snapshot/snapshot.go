// Package snapshot is a host made of recorded data: the base of in-memory hosts
// in tests, and the facts of a real host where a plan is made elsewhere.
package snapshot

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Version is the format of a State in JSON, its first field.
const Version = 1

// State is what is recorded of a host. The zero value is a host with nothing on
// it. It marshals to JSON and reads from YAML in the form of Text.
type State struct {
	// Partial is set when not everything was recorded: what is missing then is
	// unknown, not absent. A File without a type records that nothing is there.
	Partial bool

	Facts     host.MachineFacts
	Ranges    host.IDRanges
	Users     []host.User
	Groups    []host.Group
	Passwords map[string]host.Password // by user
	// Shadows are what gshadow says of groups, where it is not that they have
	// neither password nor administrators.
	Shadows map[string]host.GroupShadow
	// Strays are what is in the account databases besides.
	Strays host.Strays

	Traces    map[string]host.Traces // by user
	UserUnits map[string][]string    // by user

	Files map[string]File // by path without links on the way to it

	Packages   map[string]host.Package
	Manual     []string        // packages that somebody has asked for
	Candidates map[string]bool // nil: there is no index
	Units      map[string]host.Unit

	Engine   *host.Engine // nil: docker is not installed
	Networks []host.Network
	// Firewalls are those of networks; one without an interface records that there is
	// none.
	Firewalls []host.Firewall

	Containers []host.Container
	Images     map[string]*host.Image // by NAME:TAG; nil: there is none

	// Unpacked are trees from archives, by name. A name without any was asked for in
	// vain.
	Unpacked map[string][]host.UnpackedTree

	Pending []host.Pending
	// Programs are what Check can run, by base name. Each refuses content that
	// holds the text given here; an empty text accepts everything.
	Programs map[string]string

	Recorded
}

// Recorded is what only a Recorder writes into a State.
type Recorded struct {
	// Whole are the databases that are recorded with all that is in them: what
	// is missing from them is not there.
	Whole Whole
	// Sources has the accounts that came from other sources of nsswitch.conf, as
	// far as they were asked for.
	Sources struct {
		Users  []host.User
		Groups []host.Group
	}
	// Trees are summaries of what is below directories, by path. What has a File
	// of its own is not in a summary, nor is what is below another tree's path.
	Trees map[string]Tree
	// Verdicts are the answers of programs, by CheckKey.
	Verdicts map[string]Verdict
	// Troubles are questions that could not be answered, and why.
	Troubles map[string]Trouble
}

// Whole tells which databases are recorded with all that is in them.
type Whole struct {
	Packages bool `json:"packages"`
	Units    bool `json:"units"`
	Networks bool `json:"networks"`
	// Containers come and go: they are recorded where the plan has asked for them.
	Containers bool `json:"containers,omitempty"`
	// Images are recorded where a spec has compose projects.
	Images bool `json:"images,omitempty"`
}

// File is what is recorded of a path.
type File struct {
	Node    host.Node // without a type: nothing is there
	Content []byte    // of a regular file
	// Unread says why the content, or the names in the directory, were not
	// recorded; empty when they were.
	Unread string
	// Names are those in a directory of which not every entry is recorded.
	Names []string
	// Secret is what is kept of content that is secret, or holds secrets.
	Secret *Secret
}

// Secret is what is kept of secret content; see host.RedactedError.
type Secret struct {
	Path      string   `json:"path"` // as it is declared
	Digest    string   `json:"digest,omitempty"`
	Variables []string `json:"variables,omitempty"`
	Unset     []string `json:"unset,omitempty"`   // of the variables
	InPart    bool     `json:"in_part,omitempty"` // Content has digests in the place of secrets
	// Assigned is of an environment's file alone: an empty one is known to assign nothing.
	Assigned map[string]bool `json:"assigned,omitzero"`
	// Part is what is known of declared parts of it.
	Part *host.Part `json:"part,omitempty"`
}

// Reader answers from a State.
type Reader struct {
	state    State
	children map[string][]string // names in a directory, sorted
	judge    host.Judge          // nil: none
	// sampled are nodes that summaries of trees name, by path.
	sampled map[string]host.Node

	mu       sync.Mutex
	unjudged map[string]bool // what was asked in vain
}

var _ host.Reader = (*Reader)(nil)

// New returns a reader over the state, which is not to change afterwards.
func New(s State) *Reader {
	r := &Reader{state: s, children: map[string][]string{}, unjudged: map[string]bool{}}
	for p, f := range s.Files {
		if p != "/" && f.Node.Type != "" {
			dir := path.Dir(p)
			r.children[dir] = append(r.children[dir], path.Base(p))
		}
	}
	for p, f := range s.Files {
		if f.Names != nil {
			r.children[p] = slices.Clone(f.Names)
		}
	}
	for _, names := range r.children {
		slices.Sort(names)
	}
	r.sampled = map[string]host.Node{}
	for _, t := range s.Trees {
		for _, of := range t.Sorts {
			for _, p := range of.First {
				r.sampled[p] = of.Node
			}
		}
	}
	return r
}

// trouble is why the question could not be answered when it was recorded.
func (r *Reader) trouble(question string) error {
	if t, ok := r.state.Troubles[question]; ok {
		return t.err()
	}
	return nil
}

// missing is the answer to a question that the record does not cover: an error
// in a partial record, else absence.
func (r *Reader) missing(what string) error {
	if !r.state.Partial {
		return nil
	}
	return &host.UnknownError{What: what, Why: notRecorded}
}

const notRecorded = "it was not recorded"

// Facts are those recorded.
func (r *Reader) Facts() (host.MachineFacts, error) {
	return r.state.Facts, r.trouble(askMachine)
}

// Prefetch does nothing: everything is at hand.
func (r *Reader) Prefetch(context.Context, host.Hints) {}

// Pending returns what was owed.
func (r *Reader) Pending() ([]host.Pending, error) {
	if err := r.trouble(askPending); err != nil {
		return nil, err
	}
	return slices.Clone(r.state.Pending), nil
}

// Package finds a package.
func (r *Reader) Package(name string) (*host.Package, error) {
	name = host.NativeKey(name, r.state.Facts.Arch)
	if err := r.trouble(askPackage(name)); err != nil {
		return nil, err
	}
	if p, ok := r.state.Packages[name]; ok {
		p.Name = name
		return &p, nil
	}
	if r.state.Whole.Packages {
		return nil, nil
	}
	return nil, r.missing("package " + name)
}

// Foreign are those recorded of other architectures.
func (r *Reader) Foreign(name string) ([]host.Package, error) {
	return r.packages(askForeign(name), func(p host.Package) bool { return strings.HasPrefix(p.Name, name+":") })
}

// Unfinished are those recorded in such a state.
func (r *Reader) Unfinished() ([]host.Package, error) {
	return r.packages(askUnfinished, func(p host.Package) bool { return p.Unfinished() })
}

// Packages are those recorded.
func (r *Reader) Packages() ([]host.Package, error) {
	return r.packages(askPackages, func(host.Package) bool { return true })
}

// packages are those recorded that are of a sort, if all were recorded.
func (r *Reader) packages(question string, of func(host.Package) bool) ([]host.Package, error) {
	if err := r.trouble(question); err != nil {
		return nil, err
	}
	if r.state.Partial && !r.state.Whole.Packages {
		return nil, &host.UnknownError{What: question, Why: "not all packages were recorded"}
	}
	var out []host.Package
	for _, name := range slices.Sorted(maps.Keys(r.state.Packages)) {
		p := r.state.Packages[name]
		p.Name = name
		if of(p) {
			out = append(out, p)
		}
	}
	return out, nil
}

// Manual are those recorded.
func (r *Reader) Manual() ([]string, error) {
	if r.state.Manual == nil {
		return nil, r.missing("which packages were installed by hand")
	}
	return slices.Sorted(slices.Values(r.state.Manual)), nil
}

// Candidate tells what the recorded index says.
func (r *Reader) Candidate(name string) (bool, error) {
	if err := r.trouble(askCandidate(name)); err != nil {
		return false, err
	}
	known, ok := r.state.Candidates[name]
	if ok {
		return known, nil
	}
	if r.state.Candidates == nil && !r.state.Partial {
		return false, &host.UnknownError{What: "candidate of package " + name, Why: "there is no package index"}
	}
	if r.state.Verdicts != nil {
		r.inVain(askCandidate(name))
	}
	return false, r.missing("candidate of package " + name)
}

// noUnit is how a State has a unit that was asked for, and is not there.
func noUnit(u host.Unit) bool { return u.Load == "" && u.Active == "" && u.File == "" }

// Unit finds a unit.
func (r *Reader) Unit(_ context.Context, name string) (*host.Unit, error) {
	if err := r.trouble(askUnit(name)); err != nil {
		return nil, err
	}
	if u, ok := r.state.Units[name]; ok {
		if noUnit(u) {
			return nil, nil // recorded as absent
		}
		u.Name = name
		u = *u.Clone()
		return &u, nil
	}
	if r.state.Whole.Units && debian.IsProgramUnit(name) && (!strings.Contains(name, "@") || strings.Contains(name, "@.")) {
		return nil, nil
	}
	return nil, r.missing("unit " + name)
}

// Unpacked are those recorded.
func (r *Reader) Unpacked(_ context.Context, name string) ([]host.UnpackedTree, error) {
	if err := r.trouble(askUnpacked(name)); err != nil {
		return nil, err
	}
	if trees, ok := r.state.Unpacked[name]; ok {
		return slices.Clone(trees), nil
	}
	return nil, r.missing(askUnpacked(name))
}
