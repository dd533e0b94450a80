package kind

import (
	"context"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/notes"
	"opsafe/internal/policy"
	"opsafe/internal/spec"
)

// privacy says whether the content of a file may be shown. What not everybody
// may read is secret, unless the spec says otherwise.
type privacy struct {
	secret bool // declared so
	open   bool // declared not to be secret
	policy bool // not to be hidden where sudo or sshd reads it
	hide   bool // as judge found
	// found is shared by the looks of one resource: what a plan hid, since not
	// everybody could read it before, the run that follows hides, too.
	found *bool
}

// isPolicy is the privacy of what sudo and sshd read: who may do what is no
// secret, and has to be seen to be reviewed.
var isPolicy = privacy{policy: true} //nolint:gochecknoglobals // a constant

// policyFile reports whether sudo or sshd reads a file as a part of their
// configuration: root's own, with a name that they do not pass over. Others in the
// same directories are backups or somebody's notes, and nothing has to be judged by
// them.
func policyFile(p string, n host.Node) bool {
	dir := path.Dir(p)
	return n.Owner == Root && (p == debian.Sudoers || p == debian.SSHDConfig || (dir == debian.SudoersDir || dir == debian.SSHDConfigDir) && host.ReadsDropIn(dir, path.Base(p)))
}

func privacyOf(secret *bool) privacy {
	return privacy{secret: spec.Is(secret), open: secret != nil && !*secret, found: new(bool)}
}

// judge finds out whether the content of the file at a path may be shown, by what
// it is and what it is to become. Nil: nothing is there.
func (p *privacy) judge(r host.Reader, at string, is *host.Node, want host.Node) {
	open := p.open || p.policy && (is == nil || policyFile(at, *is))
	p.hide = p.secret || !open && (is != nil && !host.Everybody(r, at, *is) || !host.Everybody(r, at, want) || host.WasPrivate(r, at))
	if p.found != nil {
		*p.found = *p.found || p.hide
		p.hide = *p.found
	}
}

// editPart plans the lines or the block of a file that is not shown: only what is
// declared of it is, and nothing that stands beside it.
func (l fileLook) editPart(ctx context.Context, r host.Reader, c *change.Change, n, want host.Node, have presentContent) (bool, error) {
	attrs, err := l.partAttrs(have)
	if err != nil || len(attrs) == 0 {
		return false, err
	}
	data, err := l.content(ctx, r, orEmpty(have.data))
	if err != nil {
		return false, err
	}
	DifferNode(c, l.path, n, want)
	c.Attrs, c.Steps = append(c.Attrs, attrs...), nil // one step writes the file whole
	return true, l.write(r, c, host.WriteFile{
		Path: l.path, Content: l.wrap(data), Owner: want.Owner, Group: want.Group, Access: want.Access,
		Check: l.check,
	})
}

// partAttrs says what of the declared part is missing.
func (l fileLook) partAttrs(have presentContent) ([]change.Attr, error) {
	var attrs []change.Attr
	salt := l.path
	if have.part != nil {
		salt = have.path
	}
	switch f := l.form.(type) {
	case pieces:
		missing := f.missing(have.data)
		if have.part != nil {
			missing = nil
			for _, w := range f.ensured() {
				switch d := LineDigest(salt, w.String()); {
				case slices.Contains(have.part.Lacks, d):
					missing = append(missing, w)
				case !slices.Contains(have.part.Lines, d):
					return nil, have.kept
				}
			}
		}
		for _, w := range missing {
			attrs = append(attrs, l.attr(w, change.Value{}))
		}
	case blockForm:
		before, err := blockDigest(salt, have.data, f.comment)
		if have.part != nil {
			known := false
			if before, known = have.part.Blocks[f.comment]; !known {
				return nil, have.kept
			}
		} else if err != nil {
			return nil, err
		}
		declared, err := EditBlock(nil, f.comment, f.block)
		if err != nil {
			return nil, err
		}
		after, err := blockDigest(salt, declared, f.comment)
		if err != nil {
			return nil, err
		}
		if before != after {
			attrs = append(attrs, change.Attr{Name: "block", Before: SecretValue(before), After: SecretValue(after)})
		}
	}
	return attrs, nil
}

// LineDigest stands for a line of a file whose content is not shown.
func LineDigest(at, line string) string { return host.SecretDigest(at+" line", []byte(line)) }

// blockDigest stands for the block in a content; empty for none.
func blockDigest(at string, content []byte, comment string) (string, error) {
	from, to, err := FindBlock(content, comment)
	if err != nil || from < 0 {
		return "", err
	}
	return host.SecretDigest(at+" block", content[from:to]), nil
}

// partOf is what is recorded of a secret file: as much as tells whether what is
// declared of it is there.
func partOf(at string, data []byte, fs []*spec.File) *host.Part {
	part := host.Part{Blocks: map[string]string{}}
	for _, f := range fs {
		var declared pieces = linesForm{lines: f.Lines}
		if f.Settings != nil {
			declared = settingsForm{f.Settings}
		}
		missing := declared.missing(data)
		for _, w := range declared.ensured() {
			d := LineDigest(at, w.String())
			if slices.Contains(missing, w) {
				part.Lacks = append(part.Lacks, d)
			} else {
				part.Lines = append(part.Lines, d)
			}
		}
		if f.Block == nil {
			continue
		}
		if d, err := blockDigest(at, data, f.Comment); err == nil {
			part.Blocks[f.Comment] = d
		}
	}
	slices.Sort(part.Lines)
	slices.Sort(part.Lacks)
	part.Lines, part.Lacks = slices.Compact(part.Lines), slices.Compact(part.Lacks)
	if len(part.Lines)+len(part.Lacks)+len(part.Blocks) == 0 {
		return nil
	}
	return &part
}

// recordable reports whether the content of a file is recorded although not
// everybody may read it: what sudo and sshd read, public keys, and what specs have
// declared.
func recordable(p string, n host.Node) bool {
	return p == notes.Lines || policyFile(p, n) || slices.Contains(policy.KeyFiles(), path.Base(p)) || path.Base(path.Dir(p)) == "authorized_keys.d"
}
