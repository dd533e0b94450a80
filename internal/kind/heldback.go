package kind

import (
	"encoding/json"
	"fmt"
	"path"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// HeldBack is what a deployment has made of a compose project, and put back since it
// failed: it is not made again until something else is declared or has the image's name,
// or the deployment is asked for.
type HeldBack struct {
	Deployment string    `json:"deployment"`
	Since      time.Time `json:"since"`
	// Services are those that were made anew, and Removed those that were removed.
	Services map[string]HeldService `json:"services,omitempty"`
	Removed  []string               `json:"removed,omitempty"`
}

// HeldService is what the container of a service was made from.
type HeldService struct {
	Image   string            `json:"image"`             // its id
	Digests []string          `json:"digests,omitempty"` // by which registries know it
	Labels  map[string]string `json:"labels,omitempty"`  // of opsafe's own
	New     bool              `json:"new,omitempty"`     // there was none before
}

// HeldBackFile is where the worker of deployments writes down what it has put back of a
// compose project.
func HeldBackFile(project string) string {
	return path.Join(notes.Deployments, project+".held.json")
}

// ReadHeldBack reads what was put back of a compose project; nil: nothing was, or the
// deployment is not there any more.
func ReadHeldBack(r host.Files, project string) (*HeldBack, error) {
	at := HeldBackFile(project)
	data, err := r.ReadFile(at)
	if err != nil || data == nil {
		return nil, err
	}
	var held HeldBack
	if err := json.Unmarshal(data, &held); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w: remove it, and what was put back is made again", at, err)
	}
	if n, err := r.Stat(path.Join(notes.Deployments, held.Deployment+".json")); err != nil || n == nil {
		return nil, err
	}
	return &held, nil
}
