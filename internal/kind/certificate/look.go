package certificate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// look is a certificate that comes from elsewhere: nothing is done to it.
type look struct {
	decl *Certificate
	now  time.Time
}

// Look says what is wrong with the certificate and its key. A service may run without
// them: so it is a hint, and no failure.
func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	cert, err := l.certificate(r)
	if c.Notes, err = noted(c.Notes, err); err != nil {
		return c, err
	}
	key, err := l.key(r)
	if c.Notes, err = noted(c.Notes, err); err != nil {
		return c, err
	}
	if cert == nil {
		return c, nil
	}
	if key != "" && key != cert.Key {
		c.Notes = append(c.Notes, l.keyFile().label+" is the key of another certificate than is in "+l.certFile().label+": put there what belongs together")
	}
	c.Notes = append(c.Notes, l.age(cert.Until)...)
	return c, nil
}

// faultError is what is wrong with a certificate or its key, in words.
type faultError struct{ words string }

func (e *faultError) Error() string { return e.words }

func faultf(format string, args ...any) error { return &faultError{fmt.Sprintf(format, args...)} }

// noted makes notes of what is wrong with the files. What will be there after apply is
// nothing to speak of; any other error stays one.
func noted(notes []string, err error) ([]string, error) {
	var fault *faultError
	var link *host.LinkError
	switch {
	case errors.As(err, &fault):
		return append(notes, err.Error()), nil
	case errors.As(err, &link):
		return append(notes, err.Error()+": say where it leads"), nil
	case host.AfterApply(err):
		return notes, nil
	}
	return notes, err
}

// age says that it expires soon, or has expired. The words are the same every day.
func (l look) age(until time.Time) []string {
	day := until.UTC().Format(time.DateOnly)
	switch {
	case l.now.After(until):
		return []string{l.certFile().label + " has expired on " + day + ": renew it"}
	case l.now.After(l.decl.warnFrom(until)):
		return []string{l.certFile().label + " expires on " + day + ": renew it"}
	}
	return nil
}

// namedFile is a file that a spec names, or a variable on the host.
type namedFile struct {
	path  string
	from  *PathFrom
	label string // how it is called: what a variable holds is not shown
}

func named(at string, from *PathFrom) namedFile {
	if from == nil {
		return namedFile{path: at, label: at}
	}
	return namedFile{from: from, label: "the file that " + from.Variable + " in " + from.File + " names"}
}

func (l look) certFile() namedFile { return named(l.decl.Path, l.decl.PathFrom) }
func (l look) keyFile() namedFile  { return named(l.decl.Key, l.decl.KeyFrom) }

func (l look) certificate(r host.Reader) (*host.Certificate, error) {
	f := l.certFile()
	data, part, err := f.read(r)
	if err != nil {
		return nil, err
	}
	if part != nil {
		if part.Certificate == nil {
			err = errors.New("not a certificate")
		}
		return part.Certificate, f.unreadable(err, "no certificate that can be read")
	}
	cert, err := host.ReadCertificate(data)
	return cert, f.unreadable(err, "no certificate that can be read")
}

// key is the digest of its public half; empty: no key is declared.
func (l look) key(r host.Reader) (string, error) {
	f := l.keyFile()
	if f.path == "" && f.from == nil {
		return "", nil
	}
	data, part, err := f.read(r)
	if err != nil {
		return "", err
	}
	digest := publicDigestOf(data)
	if part != nil {
		digest = part.PublicKey
	}
	if digest == "" {
		err = errors.New("not a key")
	}
	return digest, f.unreadable(err, "no private key that can be read without a passphrase")
}

func (f namedFile) unreadable(err error, what string) error {
	if err == nil {
		return nil
	}
	return faultf("%s holds %s: put it there in PEM", f.label, what)
}

// read is the content of the file; or, as a host's facts have it, what is known of it.
func (f namedFile) read(r host.Reader) ([]byte, *host.Part, error) {
	at, err := f.find(r)
	if err != nil {
		return nil, nil, err
	}
	n, err := r.Stat(at)
	switch {
	case err != nil:
		return nil, nil, err
	case n == nil:
		return nil, nil, faultf("%s is not there: put it there, or say where it is", f.label)
	case n.Type != host.TypeFile:
		return nil, nil, faultf("%s is a %s, not a file", f.label, n.Type)
	}
	data, err := r.ReadFile(at)
	if red := host.Redacted(err); red != nil {
		return nil, cmp.Or(red.Part, &host.Part{}), nil //nolint:nilerr // what has neither is recorded without
	}
	return data, nil, err
}

// find is where the file really is. Links are followed that nobody but root can have
// put there: Let's Encrypt's are such.
func (f namedFile) find(r host.Reader) (string, error) {
	at, err := f.place(r)
	if err != nil {
		return "", err
	}
	const most = 8
	for range most {
		n, err := r.Stat(at)
		if err != nil || n == nil || n.Type != host.TypeSymlink {
			return at, err
		}
		if err := host.CheckLink(at, *n, r.Stat); err != nil {
			return "", f.refused(err)
		}
		if !path.IsAbs(n.Target) {
			at = path.Dir(at)
		} else {
			at = "/"
		}
		at = path.Join(at, n.Target)
	}
	return "", faultf("%s is behind too many links", f.label)
}

// refused is err without a path that is not shown.
func (f namedFile) refused(err error) error {
	var link *host.LinkError
	if errors.As(err, &link) {
		return &host.LinkError{At: f.label, Why: link.Why}
	}
	return err
}

// place is the path that is declared, or that the variable holds.
func (f namedFile) place(r host.Reader) (string, error) {
	if f.from == nil {
		return f.path, nil
	}
	data, err := r.ReadFile(f.from.File)
	at := f.from.in(data)
	if red := host.Redacted(err); red != nil && red.Part != nil {
		known := false
		if at, known = red.Part.Paths[f.from.Variable]; known {
			err = nil
		}
	}
	if err == nil && at == "" {
		err = faultf("%s in %s names no file: put its path there", f.from.Variable, f.from.File)
	}
	return at, err
}

// in is the path that the variable has in a content; empty for none.
func (f *PathFrom) in(data []byte) string {
	at := host.EnvValue(data, f.Variable)
	if !path.IsAbs(at) || path.Clean(at) != at || host.IsPlaceholder(at) {
		return ""
	}
	return at
}
