// Package before keeps what is on a host before it is changed: each image is one
// thing, complete, so that it can be put back without knowing what was done to
// it. Commit-and-confirm, history and undo are made of it.
package before

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Image is one thing as it was. Exactly one of its fields is set.
//
// It may hold what only root may read: whoever stores it has to keep it so, and
// what Restore shows of it has no secret in it.
type Image struct {
	Path     *Path     `json:"path,omitempty"`
	Tree     *Tree     `json:"tree,omitempty"`
	User     *User     `json:"user,omitempty"`
	Group    *Group    `json:"group,omitempty"`
	Password *Password `json:"password,omitempty"`
	Linger   *Linger   `json:"linger,omitempty"`
	Unit     *Unit     `json:"unit,omitempty"`
	Package  *Package  `json:"package,omitempty"`
	Network  *Network  `json:"network,omitempty"`
	Firewall *Firewall `json:"firewall,omitempty"`

	Container *Container `json:"container,omitempty"`
	Unseen    *Unseen    `json:"unseen,omitempty"`
}

// thing is what each of the fields can do.
type thing interface {
	// subject is what it is an image of.
	subject() host.Subject
	// String names it for people.
	String() string
	// restore is the change that brings it back; empty if it is so.
	restore(ctx context.Context, r host.Reader) (change.Change, error)
	// state is what counts when two images of it are compared.
	state() any
}

func (i Image) it() thing {
	switch {
	case i.Path != nil:
		return i.Path
	case i.Tree != nil:
		return i.Tree
	case i.User != nil:
		return i.User
	case i.Group != nil:
		return i.Group
	case i.Password != nil:
		return i.Password
	case i.Linger != nil:
		return i.Linger
	case i.Unit != nil:
		return i.Unit
	case i.Package != nil:
		return i.Package
	case i.Network != nil:
		return i.Network
	case i.Firewall != nil:
		return i.Firewall
	case i.Container != nil:
		return i.Container
	case i.Unseen != nil:
		return i.Unseen
	}
	return nil
}

// Subject is what it is an image of; the zero Subject of a damaged record.
func (i Image) Subject() host.Subject {
	if t := i.it(); t != nil {
		return t.subject()
	}
	return host.Subject{}
}

// String names it for people.
func (i Image) String() string {
	if t := i.it(); t != nil {
		return t.String()
	}
	return "nothing"
}

// Restore is the change that brings the thing back to what it was; an empty one
// if it is so. What cannot come back at all is an error or, where the rest can, a
// note.
func (i Image) Restore(ctx context.Context, r host.Reader) (change.Change, error) {
	t := i.it()
	if t == nil {
		return change.Change{}, errors.New("there is nothing to put back: the record is damaged")
	}
	return t.restore(ctx, r)
}

// Unseen stands for a thing that could not be seen before it was changed.
type Unseen struct {
	Type host.SubjectType `json:"sort"`
	Name string           `json:"name"`
	Why  string           `json:"why"`
}

func (u *Unseen) subject() host.Subject { return host.Subject{Type: u.Type, Name: u.Name} }

func (u *Unseen) String() string { return string(u.Type) + " " + u.Name }

func (u *Unseen) state() any { return nil }

func (u *Unseen) restore(context.Context, host.Reader) (change.Change, error) {
	return change.Change{}, fmt.Errorf("cannot bring it back: it could not be seen before it was changed: %s", u.Why)
}

// Owners reports whether it is of an account that was not there, or of its
// password: what the account's owner has changed of it since is no reason to
// keep it.
func (i Image) Owners() bool {
	return i.User != nil && i.User.User == nil || i.Password != nil && i.Password.Password == nil
}

// Same reports whether two images show the same state. What changes by itself,
// such as whether a unit runs, does not count.
func Same(a, b Image) bool {
	x, y := a.it(), b.it()
	if x == nil || y == nil || x.subject() != y.subject() {
		return false
	}
	return stateText(x) == stateText(y)
}

func stateText(t thing) string {
	data, err := json.Marshal(t.state())
	if err != nil {
		return fmt.Sprintf("%#v", t) // as of nothing else
	}
	return string(data)
}

// Bare is the image without what is only needed to bring the thing back.
func (i Image) Bare() Image {
	if i.Path != nil {
		p := *i.Path
		p.Content, p.Lost = nil, ""
		i.Path = &p
	}
	return i
}

// Lost says what of the thing is not kept, and why; empty for nothing.
func (i Image) Lost() string {
	switch {
	case i.Path != nil && i.Path.Lost != "":
		return i.Path.Path + ": " + i.Path.Lost
	case i.Unseen != nil:
		return i.Unseen.String() + ": " + i.Unseen.Why
	case i.Tree != nil && i.Tree.Lost != "":
		return "owners and rights below " + i.Tree.Root + ": " + i.Tree.Lost
	}
	return ""
}

// differ adds an attribute to c if its two values are not the same.
func differ(c *change.Change, name, before, after string) bool {
	return c.Differ(name, before, after)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
