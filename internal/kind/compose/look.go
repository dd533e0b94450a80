package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/compose"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// look is a compose project: which containers it has, made from what, and
// whether they run.
type look struct {
	in   *kind.Input
	name string
	decl *Project
}

func (l look) Hints() host.Hints { return host.Hints{Docker: true} }

// serviceLook is a service beside its container.
type serviceLook struct {
	compose.Service
	have   *host.Container // nil: there is none
	labels map[string]string
	image  *host.Image // that it would be made from; nil: it is to be pulled
	pull   bool
	owed   bool   // a run that died has stopped it for a while, and owes its start
	digest string // by which the registry knows the image that is to be pulled, if it was asked
	with   string // a service that is made anew, without whose container its own cannot be
}

func (l look) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := kind.ContainersOf(ctx, r, l.name)
	if host.AfterApply(err) {
		c.Action, c.Deferred = change.Modify, "docker does not run: once it does, its containers are compared"
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if len(have) == 0 && !l.runs() {
		c.Notes = append(c.Notes, "it has never been started, and nothing says that it is to run")
		return c, nil
	}
	p, err := l.load(ctx, r)
	if err != nil {
		return c, err
	}
	for _, name := range p.Inactive {
		if _, ok := have[name]; ok {
			delete(have, name)
			c.Notes = append(c.Notes, name+" belongs to a profile: it is left as it is")
		}
	}
	owed, err := r.Pending()
	if err != nil {
		return c, err
	}
	var all, up []serviceLook
	for _, s := range p.Services {
		one := serviceLook{Service: s}
		if h, ok := have[s.Name]; ok {
			one.have = &h
			delete(have, s.Name)
		}
		one.owed = slices.ContainsFunc(owed, func(o host.Pending) bool {
			return o.Unit == host.OwedContainer(host.ServiceRef{Project: l.name, Service: s.Name}) && o.OwedTo(one.have)
		})
		said, wanted := one.state(l.runs())
		if said != "" && !wanted {
			c.Notes = append(c.Notes, s.Name+" "+said)
		}
		if !wanted {
			continue
		}
		if one.labels, err = l.labels(r, p, s); err != nil {
			return change.Change{}, fmt.Errorf("service %s: %w", s.Name, err)
		}
		all = append(all, one)
	}
	held, err := kind.ReadHeldBack(r, l.name)
	if err != nil {
		return c, err
	}
	var left []string // as a deployment has put them back
	for _, one := range all {
		one.with = sharing(one, up)
		if err := l.picture(ctx, r, all, &one, &c); err != nil {
			return change.Change{}, fmt.Errorf("service %s: %w", one.Name, err)
		}
		isHeld := one.heldBack(held)
		if isHeld {
			left = append(left, one.Name)
		}
		anew := one.compare(&c, isHeld)
		if anew {
			up = append(up, one)
		}
	}
	sayHeldBack(&c, held, left, have)
	return c, l.steps(ctx, r, &c, p, up, have)
}

// sharing is the service of those that are made anew with whose container another's
// shares a namespace; empty: none.
func sharing(s serviceLook, up []serviceLook) string {
	for _, other := range up {
		if slices.Contains(s.Shares, other.Name) {
			return other.Name
		}
	}
	return ""
}

func (l look) runs() bool { return l.decl.Running != nil && *l.decl.Running }

// compare compares a service that is to run, and reports whether its container is to be
// made anew. One that is held back is at most started.
func (s *serviceLook) compare(c *change.Change, held bool) (anew bool) {
	before := len(c.Attrs)
	if !held {
		s.differences(c)
	}
	switch {
	case held && s.have.NeverStarted():
	case s.have.NeverStarted():
		c.Differ(s.Name, s.was(), "running")
		return true
	case !held && (len(c.Attrs) > before || s.pull):
		c.Differ(s.Name, s.was(), "made anew")
		return true
	case s.with != "":
		c.Differ(s.Name, s.was(), "made anew with "+s.with)
		return true
	case !s.have.Running():
		c.Differ(s.Name, s.was(), "running")
		c.Steps = append(c.Steps, host.StartContainer{Of: s.have.Of, Name: s.have.Name})
	}
	return false
}

// state tells never started, stopped by somebody, and ended by itself apart: what is
// to be said of a service that is left as it is, and whether it is to run.
func (s *serviceLook) state(runs bool) (said string, wanted bool) {
	switch {
	case s.owed:
		return "", true
	case s.have.NeverStarted():
		return "has never been started", runs
	case s.have.State == "paused":
		return "is paused: it is left so", false
	case s.have.Running():
		return "", true
	case s.have.End == nil || s.have.End.By == host.EndedUnseen:
		return "does not run, and it cannot be told who has stopped it: it is left so", false
	case s.have.End.By == host.EndedByHand:
		return "has been stopped by somebody: it is left so", false
	case s.have.End.Code == 0 && s.have.End.Why == "" && (s.have.Restart == "no" || s.have.Restart == "on-failure"):
		return "", false // it has done what it was for
	}
	return fmt.Sprintf("has ended by itself (%s): docker start %s", s.have.End, s.have.Name), runs
}

// was is how its container is shown.
func (s *serviceLook) was() string {
	switch {
	case s.have.NeverStarted() && !s.owed:
		return "never started"
	case s.have.NeverStarted():
		return "ended by a run that did not finish"
	case s.have.Running():
		return s.have.State
	case s.owed:
		return "stopped by a run that did not finish"
	}
	return "ended (" + s.have.End.String() + ")"
}

// policy is when the image of a service is pulled.
func (l look) policy(s compose.Service) string {
	switch {
	case l.decl.Pull != "":
		return l.decl.Pull
	case s.Pull == pullAlways, s.Pull == pullNever:
		return s.Pull
	}
	return pullMissing
}

// picture finds the image that a service is to be made from.
func (l look) picture(ctx context.Context, r host.Reader, all []serviceLook, s *serviceLook, c *change.Change) error {
	var err error
	if s.image, err = r.Image(ctx, s.Image); err != nil {
		return err
	}
	policy := l.policy(s.Service)
	switch {
	case s.image == nil && policy != pullAlways && s.with == "" && !slices.ContainsFunc(all, func(o serviceLook) bool { return o.Image == s.Image && o.outdated() }):
		// It goes on running without: nothing is pulled for its sake.
		s.image = &host.Image{ID: s.have.ImageID}
	case s.image == nil && policy == pullNever:
		return fmt.Errorf("there is no image %s, and pull is never: load it with docker load", s.Image)
	case s.image == nil:
		s.pull = true
	case s.image.ID == "" || policy != pullAlways: // it has been pulled just now, or need not be
	case !l.in.AskRegistries:
		if note := "whether there is another image behind " + s.Image + " is known after apply; plan --registries asks"; !slices.Contains(c.Notes, note) {
			c.Notes = append(c.Notes, note)
		}
	default:
		if s.digest, err = r.RegistryDigest(ctx, s.Image); err != nil {
			return fmt.Errorf("cannot ask the registry for %s: %w", s.Image, err)
		}
		s.pull = !slices.Contains(s.image.Digests, s.digest)
	}
	if s.pull {
		s.image = nil
	}
	return nil
}

// outdated reports whether its container does not run, or was made from another
// configuration, or from files of other contents.
func (s *serviceLook) outdated() bool {
	return s.have == nil || !s.have.Running() ||
		s.have.Labels[configLabel] != s.labels[configLabel] || !maps.Equal(filesOf(s.have.Labels), filesOf(s.labels))
}

// differences are those of what a container was made from.
func (s *serviceLook) differences(c *change.Change) {
	var was host.Container
	if s.have != nil {
		was = *s.have
	}
	attr := func(name string, before, after change.Value) {
		c.Attrs = append(c.Attrs, change.Attr{Name: s.Name + " " + name, Before: before, After: after})
	}
	if s.have.NeverStarted() && s.image != nil {
		return
	}
	switch {
	case s.image == nil, s.image.ID == "" && was.ImageID != "": // it is yet to be pulled
		attr("image", change.Text(imageName(was.ImageID)), change.Later())
	case s.image.ID != was.ImageID:
		attr("image", change.Text(imageName(was.ImageID)), change.Text(imageName(s.image.ID)))
	}
	if s.have.NeverStarted() {
		return
	}
	if was.Labels[configLabel] != s.labels[configLabel] {
		attr("configuration", kind.SecretValue(was.Labels[configLabel]), kind.SecretValue(s.labels[configLabel]))
	}
	old, now := filesOf(was.Labels), filesOf(s.labels)
	all := maps.Clone(now)
	maps.Copy(all, old)
	for _, at := range slices.Sorted(maps.Keys(all)) {
		if old[at] != now[at] {
			attr(at, kind.SecretValue(old[at]), kind.SecretValue(now[at]))
		}
	}
}

func filesOf(labels map[string]string) map[string]string {
	var out map[string]string
	if err := json.Unmarshal([]byte(labels[filesLabel]), &out); err != nil {
		return nil // made by somebody else, or by hand
	}
	return out
}

// imageName is an image's id as docker shows it.
func imageName(id string) string {
	const algorithm, shown = "sha256:", 12
	if len(id) >= len(algorithm)+shown {
		return id[len(algorithm):][:shown]
	}
	return id
}
