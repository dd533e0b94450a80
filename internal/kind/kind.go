// Package kind knows the kinds of resources: for each, how a declaration and
// the state of a host make a change. A kind reads through a host.Reader and
// returns data; it cannot write, print or run anything.
package kind

import (
	"context"

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
}

// Kind is a kind of resources.
type Kind struct {
	Name  string
	Stage Stage
	// Batch kinds look at all of their resources before any is changed, and
	// steps that can be merged are.
	Batch bool
	// Declare lists the resources that the input declares, in the order in
	// which they are to be made.
	Declare func(in *Input) []Resource
}

// Stage groups kinds. Notifications fire at the end of the stage that raised
// them, those for units that the spec declares at the end of StageUnits.
type Stage string

// The stages, in order.
const (
	StagePackages Stage = "packages"
	StageAccounts Stage = "accounts"
	StageFiles    Stage = "files"
	StageAccess   Stage = "access"
	StageServices Stage = "services"
	StageUnits    Stage = "units"
)

// Table lists the kinds in the order in which they take effect.
//
// The order is the law: packages bring users, groups and units; accounts own
// files; files configure services; units run last.
func Table() []Kind {
	return []Kind{
		{Name: "source", Stage: StagePackages, Declare: declareSources},
		{Name: "package", Stage: StagePackages, Batch: true, Declare: declarePackages},
		{Name: "group", Stage: StageAccounts, Declare: declareGroups},
		{Name: "user", Stage: StageAccounts, Declare: declareUsers},
		{Name: "key", Stage: StageAccounts, Declare: declareKeys},
		{Name: "directory", Stage: StageFiles, Declare: declareDirectories},
		{Name: "acl", Stage: StageFiles, Declare: declareACLs},
		{Name: "file", Stage: StageFiles, Declare: declareFiles},
		{Name: "sudoers", Stage: StageAccess, Declare: declareSudoers},
		{Name: "sshd", Stage: StageAccess, Declare: declareSshd},
		{Name: "password", Stage: StageAccess, Declare: declarePasswords},
		{Name: "docker", Stage: StageServices, Declare: declareDocker},
		{Name: "chrony", Stage: StageServices, Declare: declareChrony},
		{Name: "unit", Stage: StageUnits, Declare: declareUnits},
	}
}

// member finds a person who has an account here. Nil: no account.
func (in *Input) member(name string) *roster.Member {
	if in.Roster == nil {
		return nil
	}
	return in.Roster.Member(name)
}
