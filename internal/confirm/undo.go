package confirm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Undo is one thing as it was before the change, complete, so that it can be put
// back without knowing what was done to it. Exactly one of its fields is set.
type Undo struct {
	Path     *PathImage     `json:"path,omitempty"`
	User     *host.User     `json:"user,omitempty"`
	Members  *GroupImage    `json:"members,omitempty"`
	Password *PasswordImage `json:"password,omitempty"`
	Unit     *UnitImage     `json:"unit,omitempty"`
}

// PathImage is what was at a path; without a Node, nothing.
type PathImage struct {
	Path    string     `json:"path"`
	Node    *host.Node `json:"node,omitempty"`
	Content []byte     `json:"content,omitempty"`
}

// GroupImage is who was in a group.
type GroupImage struct {
	Group   string   `json:"group"`
	Members []string `json:"members"`
}

// PasswordImage is the state of an account's password field, not the password,
// and when the account expires.
type PasswordImage struct {
	User  string        `json:"user"`
	State host.Password `json:"state"`
}

// UnitImage is whether a unit ran and was enabled.
type UnitImage struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Enabled bool   `json:"enabled"`
	Masked  bool   `json:"masked"`
}

// String names it for people.
func (u Undo) String() string {
	switch {
	case u.Path != nil:
		return u.Path.Path
	case u.User != nil:
		return "account " + u.User.Name
	case u.Members != nil:
		return "members of " + u.Members.Group
	case u.Password != nil:
		return "password and expiry of " + u.Password.User
	case u.Unit != nil:
		return u.Unit.Name
	}
	return "nothing"
}

// Collect takes images of what a plan is about to change and what could cut
// somebody off who is on the host from far away: sshd and sudo, PAM, keys,
// groups, accounts and passwords. Lost names what cannot be brought back.
func Collect(ctx context.Context, r host.Reader, plan []change.Result) (undo []Undo, lost []string, err error) {
	c := collector{r: r, seen: map[string]bool{}}
	for _, res := range plan {
		if res.Status != change.Changed || !cutsOff(res) {
			continue
		}
		for _, s := range res.Change.Steps {
			if err := c.step(ctx, s); err != nil {
				return nil, nil, fmt.Errorf("cannot keep what %s replaces: %w", res.ID, err)
			}
		}
	}
	return c.undo, c.lost, nil
}

// cutsOff reports whether a change is of the sort after which somebody may not
// get in again, or not become root.
func cutsOff(res change.Result) bool {
	switch res.ID.Kind {
	case "group", "user", "key", "sudoers", "sshd", "password":
		return true
	case "unit":
		return isSSH(res.ID.Name)
	case "file", "directory", "acl":
		at := strings.TrimSuffix(res.ID.Name, "/**")
		return slices.ContainsFunc(waysIn(), func(p string) bool { return at == p || strings.HasPrefix(at, p+"/") })
	}
	return false
}

func waysIn() []string {
	return []string{
		"/etc/ssh", "/etc/sudoers", "/etc/sudoers.d", "/etc/sudo.conf", "/etc/pam.d", "/etc/security", "/etc/nologin",
		"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/login.defs", "/etc/nsswitch.conf", "/etc/shells", "/etc/hosts.allow", "/etc/hosts.deny",
	}
}

func isSSH(unit string) bool {
	return unit == sshUnit || unit == "ssh.socket" || unit == "sshd.service"
}

type collector struct {
	r    host.Reader
	seen map[string]bool
	undo []Undo
	lost []string
}

// step keeps what one step is about to change.
func (c *collector) step(ctx context.Context, s host.Step) error {
	switch s := s.(type) {
	case host.WriteFile:
		return c.path(s.Path)
	case host.MakeLink:
		return c.path(s.Path)
	case host.SetOwner:
		return c.path(s.Path)
	case host.SetAccess:
		return c.path(s.Path)
	case host.RemovePath:
		return c.path(s.Path)
	case host.SetUser:
		return c.user(s.Name)
	case host.SetMembers:
		return c.members(s.Group)
	case host.SetPassword:
		return c.password(s.User)
	case host.SetExpiry:
		return c.password(s.User)
	case host.StartUnit:
		return c.unit(ctx, s.Name)
	case host.StopUnit:
		return c.unit(ctx, s.Name)
	case host.EnableUnit:
		return c.unit(ctx, s.Name)
	case host.DisableUnit:
		return c.unit(ctx, s.Name)
	case host.MaskUnit:
		return c.unit(ctx, s.Name)
	case host.DeleteUser:
		c.lost = append(c.lost, "account "+s.Name)
	case host.DeleteGroup:
		c.lost = append(c.lost, "group "+s.Name)
	case host.FixTree:
		c.lost = append(c.lost, "owners and rights below "+s.Rule.Root)
	}
	return nil // what is added takes nobody's way
}

func (c *collector) add(u Undo) {
	if key := fmt.Sprintf("%T %s", u, u); !c.seen[key] {
		c.seen[key] = true
		c.undo = append(c.undo, u)
	}
}

func (c *collector) path(at string) error {
	n, err := c.r.Stat(at)
	if err != nil {
		return err
	}
	image := PathImage{Path: at, Node: n}
	if n != nil && n.Type == host.TypeFile {
		if image.Content, err = c.r.ReadFile(at); err != nil {
			return err
		}
	}
	c.add(Undo{Path: &image})
	return nil
}

func (c *collector) user(name string) error {
	u, err := c.r.User(name)
	if u != nil {
		c.add(Undo{User: u})
	}
	return err
}

func (c *collector) members(group string) error {
	g, err := c.r.Group(group)
	if g != nil {
		c.add(Undo{Members: &GroupImage{Group: group, Members: g.Members}})
	}
	return err
}

func (c *collector) password(name string) error {
	p, err := c.r.Password(name)
	if p != nil {
		c.add(Undo{Password: &PasswordImage{User: name, State: *p}})
	}
	return err
}

func (c *collector) unit(ctx context.Context, name string) error {
	image, err := unitImage(ctx, c.r, name)
	if image != nil {
		c.add(Undo{Unit: image})
	}
	return err
}

func unitImage(ctx context.Context, r host.Reader, name string) (*UnitImage, error) {
	u, err := r.Unit(ctx, name)
	if u == nil || err != nil {
		return nil, err
	}
	return &UnitImage{Name: name, Running: u.Running(), Enabled: strings.HasPrefix(u.File, "enabled"), Masked: strings.HasPrefix(u.File, "masked")}, nil
}

// steps put back what differs from the image; none if nothing does.
func (u Undo) steps(ctx context.Context, r host.Reader) ([]host.Step, error) {
	switch {
	case u.Path != nil:
		return u.Path.steps(r)
	case u.User != nil:
		return userSteps(r, *u.User)
	case u.Members != nil:
		g, err := r.Group(u.Members.Group)
		if err != nil || g != nil && slices.Equal(g.Members, u.Members.Members) {
			return nil, err
		}
		return []host.Step{host.SetMembers{Group: u.Members.Group, Members: u.Members.Members}}, nil
	case u.Password != nil:
		return u.Password.steps(r)
	case u.Unit != nil:
		return u.Unit.steps(ctx, r)
	}
	return nil, errors.New("there is nothing to put back: the record is damaged")
}

func (p PathImage) steps(r host.Reader) ([]host.Step, error) {
	n, err := r.Stat(p.Path)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Node == nil && n == nil:
		return nil, nil
	case p.Node == nil:
		return []host.Step{host.RemovePath{Path: p.Path}}, nil
	}
	w := *p.Node
	switch w.Type {
	case host.TypeSymlink:
		if n != nil && n.Type == w.Type && n.Target == w.Target {
			return nil, nil
		}
		return []host.Step{host.MakeLink{Path: p.Path, Target: w.Target, Owner: w.Owner, Group: w.Group}}, nil
	case host.TypeDir:
		if n == nil {
			return []host.Step{host.MakeDir{Path: p.Path, Owner: w.Owner, Group: w.Group, Access: w.Access}}, nil
		}
		var steps []host.Step
		if n.Owner != w.Owner || n.Group != w.Group {
			steps = append(steps, host.SetOwner{Path: p.Path, Owner: w.Owner, Group: w.Group})
		}
		if !n.Access.Equal(w.Access) {
			steps = append(steps, host.SetAccess{Path: p.Path, Access: w.Access})
		}
		return steps, nil
	case host.TypeFile:
		if n != nil && n.Type == w.Type && n.Owner == w.Owner && n.Group == w.Group && n.Access.Equal(w.Access) {
			have, err := r.ReadFile(p.Path)
			if err != nil || string(have) == string(p.Content) {
				return nil, err
			}
		}
		return []host.Step{host.WriteFile{Path: p.Path, Content: host.NewSecret(p.Content), Owner: w.Owner, Group: w.Group, Access: w.Access}}, nil
	}
	return nil, fmt.Errorf("cannot put a %s back", w.Type)
}

func userSteps(r host.Reader, was host.User) ([]host.Step, error) {
	u, err := r.User(was.Name)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, fmt.Errorf("the account %s is gone: it is not made again", was.Name)
	}
	if reflect.DeepEqual(*u, was) {
		return nil, nil
	}
	s := host.SetUser{Name: was.Name, Was: *u}
	if u.UID != was.UID {
		s.UID = &was.UID
	}
	if u.GID != was.GID {
		g, err := r.GroupByID(was.GID)
		if err != nil {
			return nil, err
		}
		if g != nil {
			s.Group = &g.Name
		}
	}
	if u.Home != was.Home {
		s.Home = &was.Home
	}
	if u.Shell != was.Shell {
		s.Shell = &was.Shell
	}
	if u.Comment != was.Comment {
		s.Comment = &was.Comment
	}
	return []host.Step{s}, nil
}

// steps bring the field back to its state. A hash that is gone stays gone.
func (p PasswordImage) steps(r host.Reader) ([]host.Step, error) {
	have, err := r.Password(p.User)
	if err != nil || have == nil {
		return nil, err
	}
	var steps []host.Step
	if have.Expires != p.State.Expires {
		steps = append(steps, host.SetExpiry{User: p.User, Day: p.State.Expires, Was: have.Expires})
	}
	var to host.PasswordChange
	switch was := p.State.State; {
	case was == have.State:
	case was == host.PasswordLocked:
		to = host.LockPassword
	case was == host.PasswordSet && have.HasHash:
		to = host.UnlockPassword
	case was == host.PasswordEmpty && p.State.MustChange:
		to = host.PasswordAtFirstLogin
	default:
		return steps, fmt.Errorf("the password of %s is gone: set a new one with passwd", p.User)
	}
	if to != "" {
		steps = append(steps, host.SetPassword{User: p.User, To: to, Was: *have})
	}
	return steps, nil
}

func (u UnitImage) steps(ctx context.Context, r host.Reader) ([]host.Step, error) {
	have, err := unitImage(ctx, r, u.Name)
	if err != nil || have == nil {
		return nil, err
	}
	var steps []host.Step
	if have.Masked && !u.Masked {
		steps = append(steps, host.UnmaskUnit{Name: u.Name})
	}
	if u.Enabled && !have.Enabled {
		steps = append(steps, host.EnableUnit{Name: u.Name})
	}
	if !u.Enabled && have.Enabled && !u.Masked {
		steps = append(steps, host.DisableUnit{Name: u.Name})
	}
	if u.Running && !have.Running {
		steps = append(steps, host.StartUnit{Name: u.Name})
	}
	if !u.Running && have.Running {
		steps = append(steps, host.StopUnit{Name: u.Name})
	}
	return steps, nil
}

// underSSH reports whether sshd reads a path when it is told to reload.
func underSSH(at string) bool { return strings.HasPrefix(path.Clean(at), "/etc/ssh/") }
