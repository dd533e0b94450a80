package deployment

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/kind"
	"opsafe/internal/queue"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// checker finds what is wrong with one deployment.
type checker struct {
	b    *spec.Backend
	name string
	d    *Deployment
	ps   *spec.Problems
}

// check finds what the forms of fields cannot say.
func check(b *spec.Backend, problems *spec.Problems) {
	for name, d := range of(b) {
		c := checker{b, name, d, problems}
		if queue.Reserved(name) {
			c.addf(d.Pos, "the queue has directories of its own of this name: want another")
		}
		if d.State == kind.Absent {
			c.absent()
			continue
		}
		c.what()
		c.where()
		c.programs()
		c.times()
		c.triggers()
	}
}

func (c checker) addf(at spec.Pos, format string, args ...any) {
	c.ps.Addf(at, "deployment %s: %s", c.name, fmt.Sprintf(format, args...))
}

func (c checker) absent() {
	for _, field := range []string{"git", "compose", "ssh", "spec"} {
		if c.d.Has(field) {
			c.addf(c.d.At(field), "is absent and has %s: want one or the other", field)
		}
	}
}

// what is exactly one of the four, with what goes with it.
func (c checker) what() {
	d, said := c.d, []string{}
	for _, field := range []string{"git", "compose", "ssh", "spec"} {
		if d.Has(field) {
			said = append(said, field)
		}
	}
	if len(said) != 1 {
		how := "none of them is said"
		if len(said) > 1 {
			how = strings.Join(said, " and ") + " are said"
		}
		c.addf(d.Pos, "want one or the other of git, compose, ssh and spec: %s", how)
		return
	}
	what := said[0]
	for field, of := range map[string][]string{
		"directory": {"git", "spec"}, "ref": {"git", "spec"}, "env_files": {"git", "spec"}, "shared": {"git"}, "steps": {"git"}, "check": {"git"}, "check_as": {"git"}, "restart": {"git"}, "reload": {"git"},
		"keep": {"git", "spec"}, "rewind": {"git", "spec"}, "signers": {"git", "spec"}, "status": {"git", "spec"}, "confirm": {"spec"}, "user": {"git", "ssh"}, "health": {"git", "spec", "compose"},
	} {
		if d.Has(field) && !slices.Contains(of, what) {
			c.addf(d.At(field), "%s goes with %s: want one or the other", field, strings.Join(of, " or "))
		}
	}
	if d.User == "" && (what == "git" || what == "ssh") {
		c.addf(d.At("user"), "has no user: name the account that it is deployed as")
	}
	if d.Directory == "" && (what == "git" || what == "spec") {
		c.addf(d.At("directory"), "has no directory")
	}
	if d.source() != "" {
		if why := badRepository(d.source()); why != "" {
			c.addf(d.At(what), "%s: %s", what, why)
		}
		if plainHTTP(d.source()) && d.Signers == "" {
			c.addf(d.At(what), "%s: what comes by http:// from another host can be exchanged on the way: want https:// or ssh://, or signers", what)
		}
	}
	for i, p := range d.Compose {
		if !c.b.Project(p) {
			c.addf(d.At("compose", i), "there is no compose project %q in this backend", p)
		}
	}
	if s := d.SSH; s != nil && s.To == "" {
		c.addf(s.At("to"), "ssh: has no to: name USER@HOST")
	}
}

// scpForm is USER@HOST:PATH, as git takes it for SSH.
var scpForm = words.Pattern(`^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[^-:\s][^\s]*$`)

// badRepository is what is wrong with the address of a repository; empty: nothing.
func badRepository(at string) string {
	if scpForm().MatchString(at) || path.IsAbs(at) && path.Clean(at) == at {
		return ""
	}
	const want = "want https://, http:// or ssh://, USER@HOST:PATH, or a path"
	u, err := url.Parse(at)
	switch {
	case err != nil || u.Host == "" || strings.HasPrefix(u.Host, "-"):
		return "cannot be read as an address of git: " + want
	case !slices.Contains([]string{"https", "http", "ssh"}, u.Scheme):
		return fmt.Sprintf("%s: is not fetched by: %s", u.Scheme, want)
	case u.Scheme != "ssh" && u.User != nil:
		return "holds a name or password, which everybody can read here: want an address without, and a credential of the account's own"
	case u.Path == "" || u.Path == "/":
		return "names no repository: " + want
	}
	if _, secret := u.User.Password(); secret || strings.HasPrefix(u.User.Username(), "-") {
		return "holds a password: want a key of the account's own"
	}
	return ""
}

// plainHTTP reports whether an address is asked without TLS, over a network.
func plainHTTP(at string) bool {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err != nil || !ip.Unmap().IsLoopback()
}

// where checks the directory beside what else is declared.
func (c checker) where() {
	d := c.d
	for other, o := range of(c.b) {
		if d.Directory == "" || o.Directory == "" || other == c.name || o.State == kind.Absent {
			continue
		}
		if strings.HasPrefix(d.Directory+"/", o.Directory+"/") && (d.Directory != o.Directory || c.name > other) {
			c.addf(d.At("directory"), "directory %s is that of deployment %s, too, or lies in it: want one for each", d.Directory, other)
		}
	}
	if declared := c.b.Directories[d.Directory]; declared != nil {
		mode := spec.Mode(declared.Mode)
		if declared.State == kind.Absent || declared.Owner != "" && declared.Owner != kind.Root || mode != nil && *mode&0o022 != 0 {
			c.addf(d.At("directory"), "directory %s is declared at %s as one that others than root could write, or absent, too: whoever can write there could move the link", d.Directory, declared.Pos)
		}
	}
	if d.Spec != "" && d.User != "" && d.User != kind.Root {
		c.addf(d.At("user"), "user goes with git or ssh: a repository of specs is root's")
	}
	for i, p := range d.Shared {
		for _, other := range d.Shared[i+1:] {
			a, b := strings.TrimSuffix(p, "/")+"/", strings.TrimSuffix(other, "/")+"/"
			if strings.HasPrefix(a, b) || strings.HasPrefix(b, a) {
				c.addf(d.At("shared", i), "shared: %s overlaps with %s: name one of them", p, other)
			}
		}
		if slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool { return part == "." || part == ".." || part == ".git" }) {
			c.addf(d.At("shared", i), "shared %q: want a path in the release", p)
		}
	}
}

// programs checks argument vectors: a program is named by its path.
func (c checker) programs() {
	d := c.d
	one := func(m spec.Meta, field, label string, argv []string) {
		if m.Has(field) && (len(argv) == 0 || !path.IsAbs(argv[0]) || path.Clean(argv[0]) != argv[0]) {
			c.addf(m.At(field), "%s: want the path of a program and its arguments, as in [/usr/bin/npm, ci]", label)
		}
	}
	for i, s := range d.Steps {
		if !s.Has("run") {
			c.addf(s.Pos, "steps[%d]: has no run: name a program and its arguments", i)
		}
		one(s.Meta, "run", fmt.Sprintf("steps[%d]: run", i), s.Run)
	}
	one(d.Meta, "check", "check", d.Check)
	if d.Has("check_as") && !d.Has("check") {
		c.addf(d.At("check_as"), "check_as goes with check, which is not said: want one or the other")
	}
	if h := d.Health; h != nil {
		one(h.Meta, "run", "health: run", h.Run)
		if h.Unit == "" && h.HTTP == "" && len(h.Run) == 0 {
			c.addf(h.Pos, "health: says nothing: want unit, http or run")
		}
		if h.Status != nil && h.HTTP == "" {
			c.addf(h.At("status"), "health: status goes with http, which is not said: want one or the other")
		}
	}
}

// The ranges of times.
const (
	shortestWithin = time.Second
	longestWithin  = 24 * time.Hour
	shortestEvery  = 30 * time.Second
	longestEvery   = 7 * 24 * time.Hour
)

func (c checker) times() {
	d := c.d
	one := func(m spec.Meta, field, label, text string, least, most time.Duration) {
		t, err := time.ParseDuration(text)
		if m.Has(field) && err == nil && (t < least || t > most) {
			c.addf(m.At(field), "%s: %s is outside of what it can be: from %v to %v", label, text, least, most)
		}
	}
	one(d.Meta, "within", "within", d.Within, shortestWithin, longestWithin)
	one(d.Meta, "every", "every", d.Every, shortestEvery, longestEvery)
	one(d.Meta, "confirm", "confirm", d.Confirm, 10*time.Second, longestWithin)
	for i, s := range d.Steps {
		one(s.Meta, "within", fmt.Sprintf("steps[%d]: within", i), s.Within, shortestWithin, longestWithin)
	}
	if d.Health != nil {
		h := d.Health
		one(h.Meta, "within", "health: within", h.Within, shortestWithin, longestWithin)
		holds, err := time.ParseDuration(h.Holds)
		if within := duration(h.Within, defaultHealthWithin); h.Has("holds") && err == nil && (holds < 0 || holds >= within.Duration) {
			c.addf(h.At("holds"), "health: holds: %s has to pass within %v, too: want less than that, or a longer within", h.Holds, within)
		}
	}
	if d.Keep != nil && (*d.Keep < 2 || *d.Keep > 1000) {
		c.addf(d.At("keep"), "keep: want a number of releases from 2 to 1000")
	}
}

func (c checker) triggers() {
	if t := c.d.Triggers; t != nil {
		if g := t.GitHub; g != nil {
			if g.Repository == "" || g.Secret == "" {
				c.addf(g.Pos, "triggers: github: want repository and secret")
			}
			if !c.d.Has("git") && !c.d.Has("spec") {
				c.addf(g.Pos, "triggers: github goes with git or spec: want one or the other")
			}
		}
	}
	if s := c.d.Status; s != nil {
		if s.Token == "" {
			c.addf(s.Pos, "status: has no token: name the file with it")
		}
		if plainHTTP(s.API) {
			c.addf(s.At("api"), "status: api: http:// would show the token to whoever is on the way: want https://")
		}
		if s.Repository == "" && (c.d.Triggers == nil || c.d.Triggers.GitHub == nil) {
			c.addf(s.Pos, "status: has no repository, and neither has triggers.github: name OWNER/NAME")
		}
	}
}
