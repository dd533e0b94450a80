package host

import "context"

// UnitStep is a step on systemd and its units.
//
//sumtype:decl
type UnitStep interface {
	Step
	unit()
}

// Units.
type (
	// ReloadManager is systemctl daemon-reload.
	ReloadManager struct{}
	// EnableUnit makes the links that the unit's [Install] section asks for and
	// removes others of that unit. Links is what is expected to be there
	// afterwards, as in Unit.
	EnableUnit struct {
		Name  string
		Links []string
	}
	// DisableUnit removes the links by which a unit is enabled.
	DisableUnit struct{ Name string }
	// MaskUnit links a unit to /dev/null, so that nothing can start it.
	MaskUnit struct{ Name string }
	// UnmaskUnit removes that link.
	UnmaskUnit struct{ Name string }
	// StartUnit waits until the job is done.
	StartUnit struct{ Name string }
	// StopUnit waits until the job is done.
	StopUnit struct{ Name string }
	// ActOnUnit is what a notification does: restart or reload a unit if it
	// runs. It waits until the job is done.
	ActOnUnit struct {
		Name string
		Verb Verb
	}
	// AwaitUnits waits until units that were started or restarted have settled.
	// Its error is an *UnsettledError if one of them does not stay up.
	AwaitUnits struct{ Names []string }
)

// Verb is what is owed to a unit; a notification asks for one of the first two.
type Verb string

// The verbs.
const (
	Restart Verb = "restart"
	Reload  Verb = "reload" // restart, if the unit cannot reload
	// Start is owed to a unit that is stopped for the time of a change.
	Start Verb = "start"
)

// Started names the unit that a step starts, restarts or reloads; empty for none.
func Started(s Step) string {
	switch s := s.(type) {
	case StartUnit:
		return s.Name
	case ActOnUnit:
		return s.Name
	default:
		return ""
	}
}

func (ReloadManager) unit() {}
func (EnableUnit) unit()    {}
func (DisableUnit) unit()   {}
func (MaskUnit) unit()      {}
func (UnmaskUnit) unit()    {}
func (StartUnit) unit()     {}
func (StopUnit) unit()      {}
func (ActOnUnit) unit()     {}
func (AwaitUnits) unit()    {}

func (ReloadManager) touches(context.Context, Reader) []Touch { return nil }
func (s EnableUnit) touches(context.Context, Reader) []Touch  { return touch(SubjectUnit, s.Name) }
func (s DisableUnit) touches(context.Context, Reader) []Touch { return touch(SubjectUnit, s.Name) }
func (s MaskUnit) touches(context.Context, Reader) []Touch    { return touch(SubjectUnit, s.Name) }
func (s UnmaskUnit) touches(context.Context, Reader) []Touch  { return touch(SubjectUnit, s.Name) }

// What systemd starts with it ends with it when it is brought back.
func (s StartUnit) touches(ctx context.Context, r Reader) []Touch {
	return touch(SubjectUnit, append([]string{s.Name}, Starts(ctx, r, s.Name)...)...)
}

func (s StopUnit) touches(ctx context.Context, r Reader) []Touch {
	// What systemd stops with it comes back with it. Who cannot be asked has no
	// image, as the unit itself.
	along, _ := Along(ctx, r, s.Name)
	return touch(SubjectUnit, append([]string{s.Name}, along...)...)
}

// A unit that is started anew may have been changed to have others started with it.
func (s ActOnUnit) touches(ctx context.Context, r Reader) []Touch {
	return touch(SubjectUnit, Starts(ctx, r, s.Name)...)
}

func (AwaitUnits) touches(context.Context, Reader) []Touch { return nil }
