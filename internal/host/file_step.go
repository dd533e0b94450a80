package host

import "context"

// FileStep is a step on files, directories and links.
//
//sumtype:decl
type FileStep interface {
	Step
	file()
}

// Files. Owner and Group are names, or #ID.
type (
	// WriteFile makes path a regular file with exactly this content, owner and
	// access, atomically. The directory exists. A file of proc(5) is there already, and
	// is written in place: the value is the kernel's, and so are owner and access.
	WriteFile struct {
		Path         string
		Content      Content
		Owner, Group string
		Access       Access
		// Check, if there is one, has to accept the staged content first.
		Check *Check
	}
	// MakeDir makes a directory. Its parent exists.
	MakeDir struct {
		Path         string
		Owner, Group string
		Access       Access
		// Skeleton fills it from /etc/skel: for homes. It is staged beside and
		// renamed, so that a home is there whole or not at all.
		Skeleton bool
	}
	// MakeDirs makes several directories as MakeDir does, and WriteFiles several files as
	// WriteFile does, none of which a program has to accept: each is there whole or not at
	// all, and all of them are brought to disk together.
	MakeDirs struct{ Dirs []MakeDir }
	// WriteFiles is described with MakeDirs.
	WriteFiles struct{ Files []WriteFile }
	// MakeLink makes path a symbolic link, atomically.
	MakeLink struct {
		Path, Target string
		Owner, Group string
	}
	// SetOwner changes owner and group; an empty one stays.
	SetOwner struct {
		Path         string
		Owner, Group string
		// From is whose it has to be still, so that nobody has a file of somebody else
		// given away by moving it there after the look; empty: anybody's.
		From string
	}
	// SetAccess makes mode, ACL and default ACL exactly so.
	SetAccess struct {
		Path   string
		Access Access
		// Owner is whose it has to be still, so that nobody has a file of somebody
		// else opened by moving it there after the look; empty: anybody's.
		Owner string
	}
	// RemovePath removes a file, link or empty directory.
	RemovePath struct {
		Path   string
		Secret bool     // its content may not be shown
		Hidden []string // nor may the values of these variables in it
	}
	// FixTree brings all below rule.Root to the rule. It walks anew: what has
	// appeared since is covered.
	FixTree struct {
		Rule TreeRule
		// Told is set when it has been said what the rule refuses: it is no
		// failure then.
		Told bool
		// Differ is how many paths differed when it was planned; 0: not known.
		Differ int
	}
	// MakeKeyPair makes an OpenSSH key pair at Path and Path.pub, whose
	// directory exists. The private half is never seen by anything else.
	MakeKeyPair struct {
		Path         string
		Type         string // ed25519, rsa, ecdsa
		Bits         int    // of rsa and ecdsa
		Comment      string
		Owner, Group string
	}
	// MakeCertificate makes a certificate at Path that nobody else vouches for, for the
	// private key at Key. Where there is no key, it makes an RSA key of 2048 bits, which
	// is never seen by anything else. Their directories exist.
	MakeCertificate struct {
		Path, Key    string
		Names        []string // names and addresses that it is for
		Days         int      // for which it is valid, from now on
		Owner, Group string
	}
	// UpdateTrust has programs on the host trust what is in TrustedDir. To there becomes
	// a copy of the certificate in From before, if there is one: no authority, and for
	// these names alone, since others than root may have written it. Without the program
	// that does it there is nothing to update.
	UpdateTrust struct {
		From, To string
		Names    []string
	}
)

// ReplacesFile reports whether a step writes a file or link, or removes one.
func ReplacesFile(s Step) bool {
	switch s.(type) {
	case WriteFile, MakeLink, RemovePath:
		return true
	default:
		return false
	}
}

func (WriteFile) file()   {}
func (MakeDir) file()     {}
func (MakeDirs) file()    {}
func (WriteFiles) file()  {}
func (MakeLink) file()    {}
func (SetOwner) file()    {}
func (SetAccess) file()   {}
func (RemovePath) file()  {}
func (FixTree) file()     {}
func (MakeKeyPair) file() {}

func (MakeCertificate) file() {}
func (UpdateTrust) file()     {}

func (s WriteFile) touches(context.Context, Reader) []Touch {
	return []Touch{{Subject: Subject{SubjectPath, s.Path}, Secret: s.Content.Secret(), Hidden: s.Content.HiddenNames()}}
}

func (s MakeDir) touches(context.Context, Reader) []Touch {
	return []Touch{{Subject: Subject{SubjectPath, s.Path}, Home: s.Skeleton}}
}

func (s MakeDirs) touches(ctx context.Context, r Reader) []Touch { return touchEach(ctx, r, s.Dirs) }

func (s WriteFiles) touches(ctx context.Context, r Reader) []Touch {
	return touchEach(ctx, r, s.Files)
}

func (s MakeLink) touches(context.Context, Reader) []Touch { return touch(SubjectPath, s.Path) }

func (s SetOwner) touches(context.Context, Reader) []Touch {
	return []Touch{{Subject: Subject{SubjectPath, s.Path}, Rights: true}}
}

func (s SetAccess) touches(context.Context, Reader) []Touch {
	return []Touch{{Subject: Subject{SubjectPath, s.Path}, Rights: true}}
}

func (s RemovePath) touches(context.Context, Reader) []Touch {
	return []Touch{{Subject: Subject{SubjectPath, s.Path}, Secret: s.Secret, Hidden: s.Hidden}}
}

func (s FixTree) touches(context.Context, Reader) []Touch {
	return []Touch{{Subject: Subject{SubjectTree, s.Rule.Root + " " + s.Rule.Name()}, Rule: &s.Rule, Differ: s.Differ}}
}

// A key that is there already is not touched.
func (s MakeCertificate) touches(_ context.Context, r Reader) []Touch {
	if n, err := r.Stat(s.Key); err == nil && n != nil {
		return touch(SubjectPath, s.Path)
	}
	return touch(SubjectPath, s.Path, s.Key)
}

func (s UpdateTrust) touches(context.Context, Reader) []Touch {
	if s.From == "" {
		return nil
	}
	return touch(SubjectPath, s.To)
}

func (s MakeKeyPair) touches(context.Context, Reader) []Touch {
	return touch(SubjectPath, s.Path, s.Path+".pub")
}
