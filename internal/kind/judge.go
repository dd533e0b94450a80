package kind

import (
	"path"

	"opsafe/internal/host"
)

// Judges are the check that a file of sudo's or sshd's has to pass before it takes
// its place, and the program that has to accept what is in place then; none for
// any other file.
func Judges(at string) (check *host.Check, probe []string) {
	switch path.Dir(path.Clean(at)) {
	case sudoersDir:
		c := sudoersCheck()
		c.Tree = &host.CheckTree{Main: sudoersMain, Dir: sudoersDir, Name: path.Base(at)}
		return &c, sudoersProbe()
	case sshdDir:
		c := sshdCheck()
		c.Tree = &host.CheckTree{Main: sshdMain, Dir: sshdDir, Name: path.Base(at)}
		return &c, nil
	}
	return nil, nil
}

// sudoersCheck is visudo's: nobody but root may read the other rules.
func sudoersCheck() host.Check {
	return host.Check{Argv: []string{"visudo", "-c", "-f", "%"}, Root: true}
}

// sudoersProbe is sudo itself, which is stricter here and laxer there.
func sudoersProbe() []string { return []string{"sudo", "-n", "-l", "-U", "root"} }

// sshdCheck is sshd's, which loads the host's keys.
func sshdCheck() host.Check {
	return host.Check{Argv: []string{"sshd", "-t", "-f", "%"}, Needs: []string{sshdPrivSep}, Root: true}
}
