// Package kind knows the kinds of resources: for each, how a declaration and
// the state of a host make a change. A kind reads through a host.Reader and
// returns data; it cannot write, print or run anything.
package kind

import (
	"context"
	"maps"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// Resource is one thing that is declared.
type Resource struct {
	ID   change.ID
	Pos  spec.Pos
	When spec.Conditions
	// Needs are resources without which this one cannot be: when one of them
	// fails, this one is not tried.
	Needs []change.ID
	Looker
	// Close takes away what others may do without its being declared, and gives
	// nothing: it is done all the same when the resource fails or is not tried.
	Close Looker
	// On are the declared file systems that it lies on: it waits for them.
	On []Mount
	// Waits says why it is not looked at in this run; empty: it is.
	Waits string
	// Of is what the run was narrowed to; nil: it is about all that is declared.
	Of *Selection
	// LetsIn is set for what gives a person a way in.
	LetsIn bool
	// Stopped is set for a unit that is declared not to run: nothing that an
	// earlier run owes brings it up.
	Stopped bool
}

// Looker compares what is declared with what is there.
type Looker interface {
	// Look returns the change that makes the resource so, the zero Change when
	// it is so already. Its error is a *host.UnknownError when the state may
	// not be seen.
	Look(ctx context.Context, r host.Reader) (change.Change, error)
}

// Input is what resources are declared from.
type Input struct {
	Backend *spec.Backend
	Roster  *roster.Roster
	// Keys are the people's keys, collected before anything is changed.
	Keys map[string]roster.KeySet
	// ServiceKeys are those of service accounts.
	ServiceKeys map[string]roster.KeySet
	Repo        *spec.Repository
	// Former is what earlier specs declared, and this one does not, as KIND/PATH, of what
	// is there still.
	Former []string
	// Now is when the host is looked at: certificates expire by it.
	Now time.Time
	// AskRegistries says that registries are to be asked whether they have other images
	// behind the names of those that are there.
	AskRegistries bool
}

// Kind is a kind of resources: what it is, and what it does.
type Kind struct {
	// Part is what the kind is called, and what it says of the spec.
	spec.Part
	Stage Stage
	// Runs is set for kinds that are about what runs: nothing of them can be made on a
	// machine that has not booted.
	Runs bool
	// Batch kinds look at all of their resources before any is changed, and
	// steps that can be merged are.
	Batch bool
	// Together kinds have changes of resources that follow one another made in the same
	// steps, where these can be merged: nobody needs what another makes.
	Together bool
	// ByPath is set for kinds whose resources are called by absolute paths.
	ByPath bool
	// Rules is set for kinds that say of such paths, or of what is below them, who may do
	// what there.
	Rules bool
	// WayIn is set for kinds of files that decide who gets in or becomes root.
	WayIn bool
	// Brings is set for kinds whose resources bring what only shows once they are there.
	Brings bool
	// TakenOver is set for kinds that opsafe init takes over from a host as a whole.
	TakenOver bool
	// Declare lists the resources that the input declares, in the order in
	// which they are to be made.
	Declare func(in *Input) []Resource
	// Adopt describes what is on a host in the words of a spec: one resource by its
	// name, or all that somebody is likely to have set up if the name is empty.
	Adopt func(ctx context.Context, t Taker, name string) error
	// Covers asks what a plan of another spec may ask beside what one of today's does, so
	// that facts have the answers, too; what cannot be seen is no error. It returns files,
	// and directories of files, whose content facts have where everybody may read it.
	// Nil: nothing.
	Covers func(ctx context.Context, r Recorder, b *spec.Backend) ([]string, error)
	// Withholds adds to what of a host's files facts do not hold, by what a backend
	// declares; nil: nothing.
	Withholds func(b *spec.Backend, w *Withheld)
	// Parts adds to what facts hold of a file of which they do not hold all, by what
	// backends declare; nil: nothing. The part, which others have begun, may be nil.
	Parts func(backends []*spec.Backend, at string, data []byte, part *host.Part) *host.Part
	// Orphans are what is on a host of the kind and not declared, one entry for each
	// category.
	Orphans []Orphans
}

// Recorder is the host of which facts are made: what it is asked is in them.
type Recorder interface {
	host.Reader
	host.Inventory
}

// Withheld is what of a host's files facts do not hold.
type Withheld struct {
	host.Secrecy
	// Open are files that facts hold though not everybody may read them.
	Open map[string]bool
}

// Bare brings resources together that no kind of the table has declared.
func Bare(name string, stage Stage) Kind {
	return Kind{Part: spec.Part{Name: name}, Stage: stage}
}

// Stage groups kinds. Notifications fire at the end of the stage that raised
// them, those for units that the spec declares at the end of StageUnits.
type Stage string

// The stages, in order.
const (
	StagePackages Stage = "packages"
	StageAccounts Stage = "accounts"
	StageFiles    Stage = "files"
	StageMounts   Stage = "mounts" // what files lie on, before accounts or files
	StageAccess   Stage = "access"
	StageServices Stage = "services"
	StageUnits    Stage = "units"
)

// member finds a person who has an account here. Nil: no account.
func (in *Input) member(name string) *roster.Member {
	if in.Roster == nil {
		return nil
	}
	return in.Roster.Member(name)
}

// NotedName is the pattern of what a directory of opsafe's notes can be called.
const NotedName = `^[A-Za-z0-9][A-Za-z0-9._+-]*$`

// Absent is the state of an item that is not to be there.
const Absent = "absent"

// WithAbsent is a section with one more item.
func WithAbsent[T any](section map[string]T, name string, item T) map[string]T {
	out := maps.Clone(section)
	if out == nil {
		out = map[string]T{}
	}
	out[name] = item
	return out
}

// YesNo is an attribute that is there or not, in a word.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
