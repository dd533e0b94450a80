package certificate

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// selfSignedLook is a pair that the host makes for itself.
type selfSignedLook struct {
	look
	name string
}

// pairThere is what is there of a pair.
type pairThere struct {
	cert    *host.Certificate
	key     string // the digest of its public half
	certIs  *host.Node
	keyIs   *host.Node
	reasons []string // why the certificate has to be made
}

// Look makes the pair where it is not there. A certificate is made anew, for the key that
// is there, when it has other names or expires soon. What somebody else vouches for, or
// cannot be read, is never replaced.
func (l selfSignedLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := l.there(r)
	if host.AfterApply(err) {
		return c, nil // it is made in this run
	}
	if err != nil {
		return c, err
	}
	if have.reasons = l.reasons(have); len(have.reasons) > 0 {
		return l.make(r, have)
	}
	l.rights(&c, have)
	err = l.trust(r, &c, have.cert)
	return c, err
}

func (l selfSignedLook) there(r host.Reader) (pairThere, error) {
	var have pairThere
	var err error
	if have.certIs, err = fileAt(r, l.decl.Path); err != nil {
		return have, err
	}
	if have.keyIs, err = fileAt(r, l.decl.Key); err != nil {
		return have, err
	}
	if have.keyIs != nil {
		if have.key, err = l.key(r); err != nil {
			return have, fmt.Errorf("%w; or move it away, to have a new one made", err)
		}
	}
	if have.certIs != nil {
		have.cert, err = l.certificate(r)
		switch {
		case err != nil:
			return have, fmt.Errorf("%w; or move it away, to have a new one made", err)
		case !have.cert.SelfSigned || have.cert.Authority:
			return have, fmt.Errorf("%s is a certificate of somebody else's: opsafe does not replace it; move it away, or take self_signed out", l.decl.Path)
		}
	}
	return have, nil
}

// fileAt is what is at a path; nil: nothing. Anything else than a file is an error.
func fileAt(r host.Reader, at string) (*host.Node, error) {
	n, err := r.Stat(at)
	if err == nil && n != nil && n.Type != host.TypeFile {
		return nil, fmt.Errorf("%s is a %s, not a file: look who put it there, and move it away", at, n.Type)
	}
	return n, err
}

// reasons say why the certificate has to be made.
func (l selfSignedLook) reasons(have pairThere) []string {
	switch {
	case have.cert == nil && have.keyIs == nil:
		return []string{"there is none"}
	case have.cert == nil:
		return []string{"there is none for the key"}
	case have.keyIs == nil:
		return []string{"its key is not there"}
	}
	var out []string
	if have.key != have.cert.Key {
		out = append(out, "it belongs to another key")
	}
	if !have.cert.For(l.decl.SelfSigned.Names) {
		out = append(out, "it is for other names")
	}
	if l.now.After(l.decl.warnFrom(have.cert.Until)) {
		out = append(out, "it expires soon, or has expired")
	}
	return out
}

func (l selfSignedLook) owners() (owner, group string) {
	return cmp.Or(l.decl.Owner, kind.Root), cmp.Or(l.decl.Group, kind.Root)
}

func (l selfSignedLook) make(r host.Reader, have pairThere) (change.Change, error) {
	s := l.decl.SelfSigned
	c := change.Change{Action: change.Modify, Notify: kind.Notifications(l.decl.Notify.Restart, l.decl.Notify.Reload)}
	before, expires := "", ""
	switch {
	case have.cert != nil:
		c.Why = strings.Join(have.reasons, ", and ")
		before, expires = strings.Join(have.cert.Names, ", "), have.cert.Until.UTC().Format(time.DateOnly)
	case have.keyIs == nil:
		c.Action = change.Add
	}
	l.rights(&c, have)
	for _, at := range []string{l.decl.Path, l.decl.Key} {
		if n, err := r.Stat(path.Dir(at)); err != nil {
			return c, err
		} else if n == nil {
			return c, kind.MissingPath(path.Dir(at), "there is no directory %s: declare it under directories", path.Dir(at))
		}
	}
	owner, group := l.owners()
	if have.keyIs == nil {
		c.Fresh("key", "RSA of 2048 bits", "owner", owner, "group", group)
	}
	c.Differ("names", before, strings.Join(s.Names, ", "))
	c.Differ("expires", expires, fmt.Sprintf("%d days after it is made", s.days()))
	c.Steps = append(c.Steps, host.MakeCertificate{Path: l.decl.Path, Key: l.decl.Key, Names: s.Names, Days: s.days(), Owner: owner, Group: group})
	return c, l.trust(r, &c, nil)
}

// rights adds what makes owner and mode of what is there as declared.
func (l selfSignedLook) rights(c *change.Change, have pairThere) {
	owner, group := l.owners()
	for _, f := range []struct {
		at   string
		is   *host.Node
		mode host.Mode
	}{{l.decl.Path, have.certIs, 0o644}, {l.decl.Key, have.keyIs, 0o600}} {
		if f.is == nil {
			continue
		}
		right := kind.Correct(f.at, *f.is, host.Node{Owner: owner, Group: group, Access: host.AccessOf(f.mode)})
		for _, a := range right.Attrs {
			a.Name += " of " + f.at
			c.Attrs = append(c.Attrs, a)
		}
		c.Steps = append(c.Steps, right.Steps...)
	}
	if len(c.Steps) > 0 && c.Action == "" {
		c.Action = change.Modify
	}
}

// trust adds what has programs on the host trust it: it counts what they read. Nil: a
// certificate that is made in the same run.
func (l selfSignedLook) trust(r host.Reader, c *change.Change, cert *host.Certificate) error {
	if !l.decl.SelfSigned.Trusted {
		return nil
	}
	if cert != nil {
		trusted, err := l.trusted(r, cert)
		if host.AfterApply(err) || err == nil && trusted {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if n, err := r.Stat(host.TrustProgram); err != nil {
		return err
	} else if n == nil {
		return kind.MissingPath(host.TrustProgram, "there is no %s, which has programs trust it: declare the package ca-certificates", host.TrustProgram)
	}
	if err := kind.NeedDir(r, c, host.TrustedDir); err != nil {
		return err
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Fresh("trusted", "by programs on this host")
	c.Steps = append(c.Steps, host.UpdateTrust{From: l.decl.Path, To: trustedFile(l.name), Names: l.decl.SelfSigned.Names})
	return nil
}

// trusted reports whether the copy is that of the certificate, and programs trust it.
func (l selfSignedLook) trusted(r host.Reader, cert *host.Certificate) (bool, error) {
	at := trustedFile(l.name)
	if n, err := fileAt(r, at); err != nil || n == nil {
		return false, err
	}
	data, err := r.ReadFile(at)
	if err != nil {
		return false, err
	}
	all, err := r.ReadFile(host.TrustedBundle)
	digests := host.LeafDigests(all)
	if red := host.Redacted(err); red != nil && red.Part != nil {
		digests, err = red.Part.Lines, nil
	}
	return slices.Equal(host.LeafDigests(data), []string{cert.Digest}) && slices.Contains(digests, cert.Digest), err
}

// untrustLook is a certificate that programs on the host are to trust no more.
type untrustLook struct{ kind.GoneFile }

func (l untrustLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.GoneFile.Look(ctx, r)
	if err == nil && len(c.Steps) > 0 {
		c.Steps = append(c.Steps, host.UpdateTrust{})
	}
	return c, err
}
