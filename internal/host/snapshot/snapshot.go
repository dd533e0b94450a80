// Package snapshot is a host made of recorded data: the base of in-memory hosts
// in tests, and the facts of a real host where a plan is made elsewhere.
package snapshot

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

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
	Traces    map[string]host.Traces   // by user
	UserUnits map[string][]string      // by user

	Files map[string]File // by path without links on the way to it

	Packages   map[string]host.Package
	Manual     []string        // packages that somebody has asked for
	Candidates map[string]bool // nil: there is no index
	Units      map[string]host.Unit

	Engine   *host.Engine // nil: docker is not installed
	Networks []host.Network

	Pending []host.Pending
	// Programs are what Check can run, by base name. Each refuses content that
	// holds the text given here; an empty text accepts everything.
	Programs map[string]string
}

// File is what is recorded of a path.
type File struct {
	Node    host.Node // without a type: nothing is there
	Content []byte    // of a regular file
	// Unread says why the content, or the names in the directory, were not
	// recorded; empty when they were.
	Unread string
}

// Reader answers from a State.
type Reader struct {
	state    State
	children map[string][]string // names in a directory, sorted
}

var _ host.Reader = (*Reader)(nil)

// New returns a reader over the state, which is not to change afterwards.
func New(s State) *Reader {
	r := &Reader{state: s, children: map[string][]string{}}
	for p, f := range s.Files {
		if p != "/" && f.Node.Type != "" {
			dir := path.Dir(p)
			r.children[dir] = append(r.children[dir], path.Base(p))
		}
	}
	for _, names := range r.children {
		slices.Sort(names)
	}
	return r
}

// missing is the answer to a question that the record does not cover: an error
// in a partial record, else absence.
func (r *Reader) missing(what string) error {
	if !r.state.Partial {
		return nil
	}
	return &host.UnknownError{What: what, Why: "it was not recorded"}
}

// Facts are those recorded.
func (r *Reader) Facts() (host.MachineFacts, error) { return r.state.Facts, nil }

// Prefetch does nothing: everything is at hand.
func (r *Reader) Prefetch(context.Context, host.Hints) {}

// Pending returns what was owed.
func (r *Reader) Pending() ([]host.Pending, error) { return slices.Clone(r.state.Pending), nil }

// Check runs one of the recorded programs, if it is among them.
func (r *Reader) Check(_ context.Context, c host.Check, content host.Content) error {
	if len(c.Argv) == 0 {
		return host.ErrNoProgram
	}
	program := path.Base(c.Argv[0])
	bad, ok := r.state.Programs[program]
	if !ok {
		return host.ErrNoProgram
	}
	if bad != "" && strings.Contains(string(content.Bytes()), bad) {
		return &host.CheckError{Program: program, Output: "it holds " + bad}
	}
	return nil
}

// Evaluate says that no program runs on a record.
func (r *Reader) Evaluate(_ context.Context, c host.Check) (string, error) {
	if len(c.Argv) == 0 {
		return "", host.ErrNoProgram
	}
	return "", &host.UnknownError{What: "what " + c.Argv[0] + " makes of its configuration", Why: "it cannot be run on a record of a host"}
}

// Package finds a package.
func (r *Reader) Package(name string) (*host.Package, error) {
	if p, ok := r.state.Packages[name]; ok {
		p.Name = name
		return &p, nil
	}
	return nil, r.missing("package " + name)
}

// Packages are those recorded.
func (r *Reader) Packages() ([]host.Package, error) {
	if r.state.Partial {
		return nil, &host.UnknownError{What: "the list of packages", Why: "not all of them were recorded"}
	}
	var out []host.Package
	for _, name := range slices.Sorted(maps.Keys(r.state.Packages)) {
		p := r.state.Packages[name]
		p.Name = name
		out = append(out, p)
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
	if r.state.Candidates == nil {
		return false, &host.UnknownError{What: "candidate of package " + name, Why: "there is no package index"}
	}
	known, ok := r.state.Candidates[name]
	if !ok {
		return false, r.missing("candidate of package " + name)
	}
	return known, nil
}

// Unit finds a unit.
func (r *Reader) Unit(_ context.Context, name string) (*host.Unit, error) {
	if u, ok := r.state.Units[name]; ok {
		u.Name = name
		u.Links = slices.Clone(u.Links)
		return &u, nil
	}
	return nil, r.missing("unit " + name)
}

// Engine tells about docker.
func (r *Reader) Engine(context.Context) (*host.Engine, error) {
	if r.state.Engine == nil {
		return nil, r.missing("docker")
	}
	e := *r.state.Engine
	return &e, nil
}

// Network finds a network.
func (r *Reader) Network(_ context.Context, name string) (*host.Network, error) {
	for _, n := range r.state.Networks {
		if n.Name == name {
			return &n, nil
		}
	}
	return nil, r.missing("docker network " + name)
}

// Networks are those recorded.
func (r *Reader) Networks(context.Context) ([]host.Network, error) {
	if r.state.Partial {
		return nil, &host.UnknownError{What: "docker's networks", Why: "not all of them were recorded"}
	}
	if r.state.Engine == nil {
		return nil, nil
	}
	out := append([]host.Network{}, r.state.Networks...)
	slices.SortFunc(out, func(a, b host.Network) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
