package chrony

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/kind"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

type look struct{ decl *Clock }

func (l look) Hints() host.Hints {
	out := host.Hints{Units: []string{unit}}
	for _, entry := range l.decl.StopAround {
		if _, project := spec.ProjectNamed(entry); project {
			out.Docker = true
		} else {
			out.Units = append(out.Units, entry)
		}
	}
	return out
}

// lines are the directives of chrony.conf(5) that are declared.
func (l look) lines() []string {
	var out []string
	for _, s := range l.decl.Servers {
		out = append(out, "server "+s)
	}
	for _, p := range l.decl.Pools {
		out = append(out, "pool "+p)
	}
	if l.decl.Refclock != "" {
		out = append(out, "refclock "+l.decl.Refclock)
	}
	return append(out, l.decl.Config...)
}

func (l look) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	at, want, err := l.want(r)
	if host.AfterApply(err) {
		if len(l.lines()) == 0 {
			return c, nil
		}
		c.Differ("configuration", "", strings.Join(l.lines(), "; "))
		c.Action, c.Deferred = change.Modify, "the package brings "+config+", and the declared lines are added to it"
		return c, nil
	}
	if err != nil {
		return c, err
	}
	was, err := kind.Regular(r, at)
	if err != nil {
		return c, err
	}
	like := kind.OwnNode()
	if at == config && was != nil {
		like = was.Node // the distribution's
	}
	old, had, err := l.oldBlock(r, at)
	if err != nil {
		return c, err
	}
	done := was == nil && at == dropIn && len(l.lines()) == 0 || kind.Holds(was, want)
	switch {
	case done && old != nil:
		return l.change(ctx, r, kind.Rewritten(config, had, old.Content.Bytes(), had.Node), *old)
	case kind.Holds(was, want):
		return kind.Correct(at, was.Node, like), nil
	case done:
		return c, nil
	}
	c, err = l.change(ctx, r, kind.Rewritten(at, was, want, like), kind.WriteOwn(at, want, like))
	if err == nil && old != nil {
		first := slices.IndexFunc(c.Steps, func(s host.Step) bool { w, ok := s.(host.WriteFile); return ok && w.Path == at })
		c.Steps = slices.Insert(c.Steps, first+1, host.Step(*old))
		c.Notes = append(c.Notes, "its block in "+config+" goes: "+at+" says it now")
	}
	return c, err
}

// oldBlock takes opsafe's block out of chrony.conf where the lines go into a
// drop-in now, and gives the file as it is; nil: there is none.
func (l look) oldBlock(r host.Reader, at string) (*host.WriteFile, *kind.FileImage, error) {
	if at != dropIn {
		return nil, nil, nil
	}
	was, err := kind.Regular(r, config)
	if was == nil || err != nil {
		return nil, nil, ignoreLater(err)
	}
	main, err := r.ReadFile(config)
	if red := host.Redacted(err); red != nil && red.Part != nil {
		if digest, known := red.Part.Blocks["#"]; known && digest == "" {
			return nil, nil, nil
		}
	}
	if err != nil {
		return nil, nil, ignoreLater(err)
	}
	from, to, err := kind.FindBlock(main, "#")
	if err != nil || from < 0 {
		return nil, nil, err
	}
	write := kind.WriteOwn(config, slices.Concat(main[:from], main[to:]), was.Node)
	return &write, was, nil
}

// ignoreLater drops the error of what is known after apply.
func ignoreLater(err error) error {
	if host.AfterApply(err) {
		return nil
	}
	return err
}

// want is where the declared lines go, and the content of that file: a drop-in
// where chronyd reads one, a block of chrony.conf where it does not.
func (l look) want(r host.Reader) (at string, content []byte, err error) {
	body := strings.Join(l.lines(), "\n") + "\n"
	main, err := r.ReadFile(config)
	dropIns := readsDropIns(main)
	if red := host.Redacted(err); red != nil && red.Part != nil && slices.Contains(red.Part.Lines, kind.LineDigest(config, debian.ChronyDropIns)) {
		dropIns, err = true, nil
	}
	if host.AfterApply(err) {
		// The package is not there yet: it is known whether it brings the
		// directory.
		n, statErr := r.Stat(debian.ChronyDropIns)
		if statErr != nil {
			return "", nil, statErr
		}
		if n == nil {
			return "", nil, err
		}
		dropIns, err = true, nil
	}
	if err != nil {
		return "", nil, err
	}
	if dropIns {
		return dropIn, []byte("# Managed by opsafe: changes made here are undone.\n" + body), nil
	}
	if from, _, err := kind.FindBlock(main, "#"); len(l.lines()) == 0 && err == nil && from < 0 {
		return config, main, nil
	}
	content, err = kind.EditBlock(main, "#", body)
	return config, content, err
}

// parts is what facts hold of chrony.conf.
func parts(_ []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	if at == config {
		return withDropIns(data, part)
	}
	return part
}

// withDropIns adds to what is recorded of a chrony.conf that not everybody may read
// whether it has chronyd read the directory, and no block of opsafe's any more.
func withDropIns(data []byte, part *host.Part) *host.Part {
	if !readsDropIns(data) {
		return part
	}
	if part == nil {
		part = &host.Part{}
	}
	part.Lines = append(part.Lines, kind.LineDigest(config, debian.ChronyDropIns))
	slices.Sort(part.Lines)
	if from, _, err := kind.FindBlock(data, "#"); err == nil && from < 0 && part.Blocks == nil {
		part.Blocks = map[string]string{"#": ""}
	}
	return part
}

// readsDropIns reports whether a chrony.conf has chronyd read the directory.
func readsDropIns(conf []byte) bool {
	for line := range strings.Lines(string(conf)) {
		words := strings.Fields(line)
		if len(words) > 1 && strings.EqualFold(words[0], "confdir") && slices.Contains(words[1:], debian.ChronyDropIns) {
			return true
		}
	}
	return false
}

// change stops what must not see the clock jump, swaps the configuration,
// restarts chronyd, and starts again what ran. If chronyd does not come up, the
// old configuration comes back first.
func (l look) change(ctx context.Context, r host.Reader, c change.Change, write host.WriteFile) (change.Change, error) {
	var err error
	if write.Check, err = l.check(r); err != nil {
		return c, err
	}
	meanwhile, err := around(ctx, r, l.decl.StopAround, "stopped while "+unit+" restarts")
	if err != nil {
		return c, err
	}
	c.Steps, c.Finally = append(c.Steps, meanwhile.owe...), meanwhile.start
	if err := kind.NeedDir(r, &c, path.Dir(write.Path)); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, meanwhile.stop...)
	daemon, err := r.Unit(ctx, unit)
	if err != nil {
		return c, err
	}
	if err := kind.RestartWith(ctx, r, &c, write, unit, daemon.Running()); err != nil {
		return c, err
	}
	c.Why = "restarts " + unit
	if len(meanwhile.names) > 0 {
		c.Why += ", with " + strings.Join(meanwhile.names, ", ") + " stopped meanwhile"
	}
	return c, nil
}

// check has chronyd read the staged lines, which it can do since release 4.
func (l look) check(r host.Reader) (*host.Check, error) {
	p, err := r.Package(pkg)
	if err != nil || p == nil {
		return nil, err
	}
	const prints = 4
	if p.Version == "" || debian.Major(cmp.Or(p.Version, "0")) < prints {
		return nil, nil
	}
	return &host.Check{Argv: []string{"chronyd", "-p", "-f", "%"}}, nil
}
