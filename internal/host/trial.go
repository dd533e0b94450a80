package host

import "context"

// TrialStep tries the way in. It changes nothing, and fails if the way is shut.
//
//sumtype:decl
type TrialStep interface {
	Step
	trial()
}

// Trials of the way in.
type (
	// TrySSHD has sshd answer, with its key exchange, on each address on which it is
	// to listen.
	TrySSHD struct{}
	// TryWay has somebody read one of the files of their keys, has sshd give them a
	// session with a key that is made for that, and, with Sudo, asks sudo about them
	// and as them. It is for who can log in without being asked for a new password.
	TryWay struct {
		User     string
		KeyFiles []string
		Sudo     bool
	}
)

func (TrySSHD) trial() {}
func (TryWay) trial()  {}

func (TrySSHD) touches(context.Context, Reader) []Touch { return nil }
func (TryWay) touches(context.Context, Reader) []Touch  { return nil }
