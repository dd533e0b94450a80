package host

import "context"

// LabelPrefix begins the labels that opsafe puts on containers.
const LabelPrefix = "opsafe."

// ComposeFile is a compose project as docker's compose is given it, on its standard
// input.
type ComposeFile struct {
	Project string
	// Content is the file itself, in which paths are absolute. It is secret: it holds
	// what is in environment files.
	Content Content
	// Unsaid are values of environment files, which no error may quote.
	Unsaid []Content
}

// Docker's compose, and containers of its projects.
type (
	// PullImages pulls the images of services.
	PullImages struct {
		File     ComposeFile
		Services []string
		Images   []string // of the services
	}
	// UpServices makes the containers of services anew, and starts them. Containers
	// that they had end.
	UpServices struct {
		File     ComposeFile
		Services []UpService
		// Networks are those that compose makes for the project.
		Networks []string
	}
	// StartContainer starts a container that does not run.
	StartContainer struct {
		Of   ServiceRef
		Name string
	}
	// StopContainer stops a container, in the time that it has for that.
	StopContainer struct {
		Of   ServiceRef
		Name string
	}
	// RemoveContainer stops and removes a container. Volumes stay.
	RemoveContainer struct {
		Of   ServiceRef
		Name string
	}
)

// UpService is a service that is brought up.
type UpService struct {
	Name      string
	Container string // name of its container; empty: compose's choice
	Image     string
	Restart   string
	Labels    map[string]string
}

func (PullImages) docker()      {}
func (UpServices) docker()      {}
func (StartContainer) docker()  {}
func (StopContainer) docker()   {}
func (RemoveContainer) docker() {}

// Images stay: what is pulled is one more.
func (PullImages) touches(context.Context, Reader) []Touch { return nil }

// Networks come first: they go last when this is undone.
func (s UpServices) touches(context.Context, Reader) []Touch {
	out := touch(SubjectNetwork, s.Networks...)
	for _, u := range s.Services {
		out = append(out, touch(SubjectContainer, ServiceRef{Project: s.File.Project, Service: u.Name}.String())...)
	}
	return out
}

func (s StartContainer) touches(context.Context, Reader) []Touch {
	return touch(SubjectContainer, s.Of.String())
}

func (s StopContainer) touches(context.Context, Reader) []Touch {
	return touch(SubjectContainer, s.Of.String())
}

func (s RemoveContainer) touches(context.Context, Reader) []Touch {
	return touch(SubjectContainer, s.Of.String())
}

// FindContainer finds the container of a service. Nil: there is none.
func FindContainer(ctx context.Context, r Docker, of ServiceRef) (*Container, error) {
	all, err := r.Containers(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Of == of {
			return &c, nil
		}
	}
	return nil, nil
}
