package access

import (
	"context"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/shellrc"
)

// Cache is a reader for many questions about one state of a host: it asks
// programs, for what lies on the way to a path, and for what configuration says, once.
func Cache(r host.Reader) host.Reader {
	return &cache{Reader: r, said: map[string]said{}, nodes: map[string]looked{}, files: map[string]written{}, lists: map[string]listed{}, shared: map[string]found{}, shadow: map[string]shadowed{}, scripts: map[string]*shellrc.File{}}
}

type cache struct {
	host.Reader
	said   map[string]said
	nodes  map[string]looked
	files  map[string]written // below /etc: the same few for everybody
	lists  map[string]listed
	groups []host.Group
	shadow map[string]shadowed
	unit   *sshdUnit
	facts  *host.MachineFacts
	shared map[string]found // what is the same for everybody
	// altered is what a plan replaces that the reader reads by; nil: not asked yet.
	altered *alterations
	scripts map[string]*shellrc.File // start-up files, by their text: most people have the same
	sshd    *bool                    // whether sshd's configuration depends on who comes
}

type said struct {
	out string
	err error
}

type shadowed struct {
	group *host.GroupShadow
	err   error
}

type written struct {
	data []byte
	err  error
}

type listed struct {
	names []string
	err   error
}

type looked struct {
	node *host.Node
	err  error
}

// Facts are read once.
func (c *cache) Facts() (host.MachineFacts, error) {
	if c.facts == nil {
		facts, err := c.Reader.Facts()
		if err != nil {
			return facts, err
		}
		c.facts = &facts
	}
	return *c.facts, nil
}

func (c *cache) Groups() ([]host.Group, error) {
	if c.groups == nil {
		all, err := c.Reader.Groups()
		if err != nil {
			return nil, err
		}
		c.groups = all
	}
	return c.groups, nil
}

func (c *cache) GroupShadow(name string) (*host.GroupShadow, error) {
	s, ok := c.shadow[name]
	if !ok {
		s.group, s.err = c.Reader.GroupShadow(name)
		c.shadow[name] = s
	}
	return s.group, s.err
}

func (c *cache) Stat(at string) (*host.Node, error) {
	l, ok := c.nodes[at]
	if !ok {
		l.node, l.err = c.Reader.Stat(at)
		c.nodes[at] = l
	}
	return l.node, l.err
}

// ReadFile remembers configuration, such as PAM's: each account asks for it anew.
func (c *cache) ReadFile(at string) ([]byte, error) {
	if !strings.HasPrefix(at, "/etc/") {
		return c.Reader.ReadFile(at)
	}
	w, ok := c.files[at]
	if !ok {
		w.data, w.err = c.Reader.ReadFile(at)
		c.files[at] = w
	}
	return w.data, w.err
}

// ReadDir remembers names: drop-ins are looked for in the same directories for everybody.
func (c *cache) ReadDir(at string) ([]string, error) {
	l, ok := c.lists[at]
	if !ok {
		l.names, l.err = c.Reader.ReadDir(at)
		c.lists[at] = l
	}
	return slices.Clone(l.names), l.err
}

func (c *cache) Evaluate(ctx context.Context, check host.Check) (string, error) {
	argv := check.Argv
	if len(argv) > 0 && argv[0] == sshdProgram && !c.sshdMatches() {
		argv = forAnybody(argv)
		check.Argv = argv
	}
	key := strings.Join(argv, "\x00")
	s, ok := c.said[key]
	if !ok {
		s.out, s.err = c.Reader.Evaluate(ctx, check)
		c.said[key] = s
	}
	return s.out, s.err
}

// forAnybody is the question to sshd as of root, whom every host has. So the answer
// that facts hold does not depend on who was asked about when they were recorded.
func forAnybody(argv []string) []string {
	out := slices.Clone(argv)
	for i, arg := range out {
		if connection, ok := strings.CutPrefix(arg, "user="); ok {
			_, from, _ := strings.Cut(connection, ",")
			out[i] = "user=" + root + "," + from
		}
	}
	return out
}

// sshdMatches reports whether sshd's configuration can differ from user to user;
// also if that cannot be seen.
func (c *cache) sshdMatches() bool {
	if c.sshd == nil {
		text, err := sshdText(c)
		matches := err != nil || slices.ContainsFunc(debian.ParseSSHD([]byte(text)), debian.SSHDLine.MatchesUsers)
		c.sshd = &matches
	}
	return *c.sshd
}
