package before

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/host"
)

// The room for content, in bytes.
const (
	// MaxContent is the largest file of which the content is kept.
	MaxContent = 1 << 20
	// MaxTotal is how much is kept of all the files of one run.
	MaxTotal = 16 << 20
)

// Collector takes images of what steps are about to change, each thing once: as
// it was before the first of them.
type Collector struct {
	r      host.Reader
	at     map[host.Subject]int
	rights map[string]TreeNode // by path, as they were at first
	room   int
	Taken  []Image
}

// NewCollector collects from r. Taken is what has been collected before.
func NewCollector(r host.Reader, taken []Image) *Collector {
	c := &Collector{r: r, at: map[host.Subject]int{}, rights: map[string]TreeNode{}, room: MaxTotal, Taken: taken}
	for i, t := range taken {
		c.at[t.Subject()] = i
		c.remember(t)
	}
	return c
}

// Step takes images of what a step is about to change, and says how many are new
// or know more than before. Of what cannot be seen there is an image that says so:
// nobody hinders a change by hiding what it is about.
func (c *Collector) Step(ctx context.Context, s host.Step) (fresh int) {
	for _, w := range host.Touches(ctx, c.r, s) {
		if c.take(ctx, w) {
			fresh++
		}
	}
	return fresh
}

// Lacks reports whether a step is about to change something of which there is no
// image.
func (c *Collector) Lacks(ctx context.Context, s host.Step) bool {
	return slices.ContainsFunc(host.Touches(ctx, c.r, s), c.lacks)
}

func (c *Collector) lacks(w host.Touch) bool {
	i, ok := c.at[w.Subject]
	return !ok || !w.Rights && c.Taken[i].Path != nil && c.Taken[i].Path.Rights
}

func (c *Collector) take(ctx context.Context, w host.Touch) bool {
	if !c.lacks(w) {
		return false
	}
	image, err := take(ctx, c.r, w, c.room)
	if err != nil {
		image = Image{Unseen: &Unseen{Type: w.Type, Name: w.Name, Why: err.Error()}}
	}
	i, known := c.at[w.Subject]
	switch {
	case !known:
		c.first(&image)
		c.at[w.Subject] = len(c.Taken)
		c.Taken = append(c.Taken, image)
	case image.Path != nil:
		c.first(&image)
		c.Taken[i] = image
	default:
		return false
	}
	c.remember(image)
	return true
}

// first has an image tell the rights that a path had before any of the steps:
// steps on a tree and on a path in it, or on two trees, may overlap.
func (c *Collector) first(i *Image) {
	if i.Path != nil && i.Path.Node != nil {
		if was, ok := c.rights[i.Path.Path]; ok {
			n := *i.Path.Node
			n.Owner, n.Group, n.Access = was.Owner, was.Group, was.Access
			i.Path.Node = &n
		}
	}
	if i.Tree != nil {
		i.Tree.Nodes = slices.DeleteFunc(i.Tree.Nodes, func(n TreeNode) bool { _, known := c.rights[n.Path]; return known })
	}
}

func (c *Collector) remember(i Image) {
	switch {
	case i.Path != nil:
		c.room -= len(i.Path.Content)
		if n := i.Path.Node; n != nil {
			c.rights[i.Path.Path] = TreeNode{Owner: n.Owner, Group: n.Group, Access: n.Access}
		}
	case i.Tree != nil:
		for _, n := range i.Tree.Nodes {
			c.rights[n.Path] = n
		}
	}
}

// Again takes an image of the same thing as it is now, without content.
func Again(ctx context.Context, r host.Reader, i Image) (Image, error) {
	if i.Tree != nil {
		now, err := i.Tree.again(r)
		return Image{Tree: now}, err
	}
	w := host.Touch{Subject: i.Subject()}
	if i.Path != nil {
		w.Rights, w.Archive = i.Path.Rights, i.Path.Unpacked
	}
	now, err := take(ctx, r, w, 0)
	return now.Bare(), err
}

func take(ctx context.Context, r host.Reader, w host.Touch, room int) (Image, error) {
	switch w.Type {
	case host.SubjectPath:
		p, err := takePath(r, w, room)
		if err == nil && w.Archive != "" {
			err = p.takeUnpacked(ctx, r, w.Archive)
		}
		return Image{Path: p}, err
	case host.SubjectTree:
		if w.Rule == nil {
			break // it is not known which paths counted
		}
		t, err := takeTree(ctx, r, *w.Rule, w.Differ)
		return Image{Tree: t}, err
	case host.SubjectUser:
		u, err := takeUser(r, w.Name)
		return Image{User: u}, err
	case host.SubjectGroup:
		g, err := takeGroup(r, w.Name)
		return Image{Group: g}, err
	case host.SubjectPassword:
		p, err := r.Password(w.Name)
		return Image{Password: &Password{User: w.Name, Password: p}}, err
	case host.SubjectLinger:
		t, err := r.Traces(w.Name)
		return Image{Linger: &Linger{User: w.Name, On: t.Linger}}, err
	case host.SubjectUnit:
		u, err := takeUnit(ctx, r, w.Name)
		if u != nil {
			u.Package = w.Package
		}
		return Image{Unit: u}, err
	case host.SubjectPackage:
		p, err := r.Package(w.Name)
		return Image{Package: &Package{Name: w.Name, Package: p}}, err
	case host.SubjectNetwork:
		n, err := r.Network(ctx, w.Name)
		return Image{Network: &Network{Name: w.Name, Network: n}}, err
	case host.SubjectFirewall:
		f, err := r.Firewall(ctx, w.Name)
		return Image{Firewall: &Firewall{Network: w.Name, Firewall: f}}, err
	case host.SubjectContainer:
		c, err := takeContainer(ctx, r, w.Name)
		return Image{Container: c}, err
	}
	return Image{}, fmt.Errorf("there are no images of the type %q", w.Type)
}

func takePath(r host.Reader, w host.Touch, room int) (*Path, error) {
	n, err := r.Stat(w.Name)
	if err != nil {
		return nil, err
	}
	if n != nil && n.Type == host.TypeFile && !host.Everybody(r, w.Name, *n) {
		w.Secret = true
	}
	p := &Path{Path: w.Name, Node: n, Rights: w.Rights, Secret: w.Secret, Hidden: w.Hidden, Home: w.Home, Package: w.Package, On: mountOf(r, w.Name)}
	if n != nil {
		p.Parents = parents(r, w.Name)
	}
	if n == nil || n.Type != host.TypeFile || w.Rights {
		return p, nil
	}
	if n.Size > MaxContent {
		p.Lost = fmt.Sprintf("its content was not kept: it was larger than %d MiB", MaxContent>>20)
		if n.Owner != "root" || n.Size > host.MaxFile {
			return p, nil // anybody could have it read for hours
		}
	}
	data, err := r.ReadFile(w.Name)
	if host.AfterApply(err) {
		p.Lost = err.Error() // as in a plan
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.Digest = host.NewContent(data).Digest()
	switch {
	case p.Lost != "":
	case len(data) > room:
		p.Lost = fmt.Sprintf("its content was not kept: the files of that run together were larger than %d MiB", MaxTotal>>20)
	default:
		p.Content = data
	}
	return p, nil
}

func takeUser(r host.Reader, name string) (*User, error) {
	u, err := r.User(name)
	if err != nil || u == nil {
		return &User{Name: name}, err
	}
	image := &User{Name: name, User: u}
	groups, err := r.Groups()
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		switch {
		case g.GID == u.GID:
			image.Group = g.Name
		case slices.Contains(g.Members, name):
			image.Groups = append(image.Groups, g.Name)
		}
	}
	return image, nil
}
