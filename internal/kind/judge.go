package kind

import (
	"context"
	"errors"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Judges are the check that a file of sudo's, sshd's or apt's sources has to pass before it takes
// its place, and the program that has to accept what is in place then; none for
// any other file.
func Judges(at string) (check *host.Check, probe []string) {
	switch path.Dir(path.Clean(at)) {
	case debian.SudoersDir:
		c := sudoersCheck()
		c.Tree = &host.CheckTree{Main: debian.Sudoers, Dir: debian.SudoersDir, Name: path.Base(at)}
		return &c, sudoersProbe()
	case debian.SSHDConfigDir:
		c := sshdCheck()
		c.Tree = &host.CheckTree{Main: debian.SSHDConfig, Dir: debian.SSHDConfigDir, Name: path.Base(at)}
		return &c, nil
	case debian.AptSourcesDir, path.Dir(debian.AptSources):
		if c := SourceCheck(at, nil); c != nil {
			return c, SourceProbe()
		}
	}
	return nil, nil
}

// SourceCheck is apt's own reading of all sources together, without fetching
// anything; nil for a file that is none of them.
func SourceCheck(at string, declared map[string]*host.Content) *host.Check {
	name := path.Base(at)
	switch {
	case path.Clean(at) == debian.AptSources:
		name = "../" + name
	case path.Dir(path.Clean(at)) != debian.AptSourcesDir, path.Ext(at) != ".list" && path.Ext(at) != ".sources":
		return nil
	}
	return &host.Check{
		Argv: []string{"apt-get", "indextargets", "-o", "Dir::Etc::sourcelist=%", "-o", "Dir::Etc::sourceparts=%/"},
		Tree: &host.CheckTree{Main: debian.AptSources, Dir: debian.AptSourcesDir, Name: name, Declared: declared, Apart: true},
	}
}

// SourceProbe is apt reading the sources that are in place.
func SourceProbe() []string { return []string{"apt-get", "indextargets"} }

// sudoersCheck is visudo's: nobody but root may read the other rules.
func sudoersCheck() host.Check {
	return host.Check{Argv: []string{"visudo", "-c", "-f", "%"}, Root: true}
}

// sudoersProbe is sudo itself, which is stricter here and laxer there.
func sudoersProbe() []string { return []string{"sudo", "-n", "-l", "-U", "root"} }

// sshdCheck is sshd's, which loads the host's keys.
func sshdCheck() host.Check {
	return host.Check{Argv: []string{"sshd", "-t", "-f", "%"}, Needs: []string{debian.SSHDRunDir}, Root: true}
}

// Prove adds the probe to a change that writes files, which are put back when it
// fails.
func Prove(ctx context.Context, r host.Reader, c *change.Change, probe []string) {
	if !slices.ContainsFunc(c.Steps, host.ReplacesFile) {
		return
	}
	before := r.Check(ctx, host.Check{Argv: probe, Root: true}, host.NewContent(nil))
	if errors.As(before, new(*host.CheckError)) {
		return // what is broken already is not this file's doing
	}
	c.PutBack, c.Steps = true, append(c.Steps, host.Probe{Argv: probe})
}
