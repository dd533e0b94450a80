package before

import (
	"context"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Container is the container of a compose project's service: which one it was, and
// whether it ran. What it was made from is not kept: that is the spec's to say.
type Container struct {
	Name    string `json:"name"` // PROJECT/SERVICE
	Called  string `json:"called,omitempty"`
	ID      string `json:"id,omitempty"` // empty: not known yet
	Absent  bool   `json:"absent,omitempty"`
	Running bool   `json:"running"`
}

func (c *Container) subject() host.Subject {
	return host.Subject{Type: host.SubjectContainer, Name: c.Name}
}

func (c *Container) String() string { return "the container of " + c.Name }

// state leaves out whether it runs, which changes by itself.
func (c *Container) state() any { return []any{c.Absent, c.ID} }

func takeContainer(ctx context.Context, r host.Reader, name string) (*Container, error) {
	have, err := host.FindContainer(ctx, r, refOf(name))
	if err != nil {
		return nil, err
	}
	if have == nil {
		return &Container{Name: name, Absent: true}, nil
	}
	return &Container{Name: name, Called: have.Name, ID: have.ID, Running: have.Running()}, nil
}

func refOf(name string) host.ServiceRef {
	project, service, _ := strings.Cut(name, "/")
	return host.ServiceRef{Project: project, Service: service}
}

func (c *Container) restore(ctx context.Context, r host.Reader) (change.Change, error) {
	have, err := takeContainer(ctx, r, c.Name)
	if err != nil {
		return change.Change{}, err
	}
	out, of := change.Change{Action: change.Modify}, refOf(c.Name)
	switch {
	case have.Absent && c.Absent:
		return change.Change{}, nil
	case c.Absent:
		out.Action = change.Remove
		differ(&out, "container", have.Called, "")
		out.Steps = []host.Step{host.RemoveContainer{Of: of, Name: have.Called}}
	case have.Absent:
		return change.Change{Notes: []string{"container " + c.Called + " has been removed, and docker keeps nothing of it: go back in the spec, and run manage"}}, nil
	case have.ID != c.ID:
		return change.Change{Notes: []string{"container " + c.Called + " has been made anew, and docker keeps nothing of the former one: go back in the spec, and run manage"}}, nil
	case have.Running == c.Running:
		return change.Change{}, nil
	case c.Running:
		differ(&out, "running", "no", "yes")
		out.Steps = []host.Step{host.StartContainer{Of: of, Name: have.Called}}
	default:
		differ(&out, "running", "yes", "no")
		out.Steps = []host.Step{host.StopContainer{Of: of, Name: have.Called}}
	}
	return out, nil
}
