package compose

import (
	"fmt"
	"maps"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/words"
)

// heldBack reports whether a service would be made from just what a deployment has put
// back since it failed.
func (s *serviceLook) heldBack(held *kind.HeldBack) bool {
	if held == nil {
		return false
	}
	was, ok := held.Services[s.Name]
	if !ok || was.New != s.have.NeverStarted() || s.owed || s.with != "" {
		return false
	}
	same := s.image != nil && s.image.ID == was.Image || s.image == nil && slices.Contains(was.Digests, s.digest)
	return same && was.Labels[configLabel] == s.labels[configLabel] && maps.Equal(filesOf(was.Labels), filesOf(s.labels))
}

// sayHeldBack says which services are left as they were, and how to try again.
func sayHeldBack(c *change.Change, held *kind.HeldBack, services []string, gone map[string]host.Container) {
	if len(services) == 0 {
		return
	}
	for _, name := range held.Removed {
		if _, ok := gone[name]; ok {
			delete(gone, name)
			services = append(services, name)
		}
	}
	are := "are left as they were"
	if len(services) == 1 {
		are = "is left as it was"
	}
	c.Notes = append(c.Notes, fmt.Sprintf("%s %s put back by deployment %s on %s: what is declared has failed, and is tried again once it or the image has changed, or by opsafe deploy %[3]s",
		words.And(services), are, held.Deployment, held.Since.Format("2006-01-02 15:04")))
}
