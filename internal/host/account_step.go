package host

import (
	"context"
	"slices"
)

// AccountStep is a step on users and groups.
//
//sumtype:decl
type AccountStep interface {
	Step
	account()
}

// Accounts.
type (
	// AddGroup creates a group. GID is explicit.
	AddGroup struct {
		Name   string
		GID    int
		System bool
	}
	// SetGID changes a group's numeric id. Files are not re-owned.
	SetGID struct {
		Name string
		GID  int
	}
	// DeleteGroup removes a group that is nobody's primary group.
	DeleteGroup struct{ Name string }
	// SetMembers makes Members, all existing users, the exact supplementary
	// members of a group.
	SetMembers struct {
		Group   string
		Members []string
	}
	// AddUser creates an account with all of its groups, without a home and
	// with a locked password. UID is explicit.
	AddUser struct {
		Name    string
		UID     int
		Group   string   // primary group, which exists; empty: a new one of the same name and id
		GID     int      // of the new group; 0: the uid if that is free
		Groups  []string // supplementary, which exist
		Home    string
		Shell   string
		Comment string
		System  bool
	}
	// AddUsers creates several accounts as AddUser does, in as few passes over the
	// databases as the host allows. None is a system account.
	AddUsers struct{ Users []AddUser }
	// SetUser changes fields of an account; fields that are nil stay. Neither
	// the home nor files are moved or re-owned.
	SetUser struct {
		Name    string
		UID     *int
		Group   *string // primary group
		Home    *string
		Shell   *string
		Comment *string
	}
	// DeleteUser removes an account, but no file of it.
	DeleteUser struct{ Name string }
	// SetPassword brings the password field into a state.
	SetPassword struct {
		User string
		To   PasswordChange
	}
	// SetPasswordChanged sets the day, since 1970-01-01, of the password's last
	// change: 0 has the next login set one, -1 is none.
	SetPasswordChanged struct {
		User string
		Day  int
	}
	// AddShadowLine gives an account of passwd the line that shadow lacks, locked.
	AddShadowLine struct{ User string }
	// LockGroup removes a group's password, so that nothing matches it, and gives
	// the group the line that gshadow may lack.
	LockGroup struct{ Group string }
	// SetGroupAdmins makes Admins, all existing users, those who may change a
	// group's members.
	SetGroupAdmins struct {
		Group  string
		Admins []string
	}
	// SetExpiry sets the day, since 1970-01-01, on which the account expires:
	// -1 for never, 1 for long ago.
	SetExpiry struct {
		User string
		Day  int
	}
	// EndSessions ends all sessions and processes of a user.
	EndSessions struct{ User string }
	// SetLinger switches on or off that a user's units run without a session.
	SetLinger struct {
		User string
		On   bool
	}
)

// PasswordChange is what SetPassword can do. There is no step that sets a
// password's value.
type PasswordChange string

// The password changes.
const (
	// LockPassword puts a lock in front of whatever there is. What was to be
	// changed at the next login counts as changed today: behind a lock nobody
	// could, and a key would not let in either.
	LockPassword PasswordChange = "locked"
	// RemovePassword removes the hash and locks: unlocking brings nothing back.
	RemovePassword PasswordChange = "removed"
	// UnlockPassword takes the lock off a hash, which has to be there.
	UnlockPassword PasswordChange = "unlocked"
	// PasswordAtFirstLogin lets the next login, which needs a key, set one.
	PasswordAtFirstLogin PasswordChange = "set at first login"
)

func (AddGroup) account()           {}
func (SetGID) account()             {}
func (DeleteGroup) account()        {}
func (SetMembers) account()         {}
func (AddUser) account()            {}
func (AddUsers) account()           {}
func (SetUser) account()            {}
func (DeleteUser) account()         {}
func (SetPassword) account()        {}
func (SetPasswordChanged) account() {}
func (AddShadowLine) account()      {}
func (LockGroup) account()          {}
func (SetGroupAdmins) account()     {}
func (SetExpiry) account()          {}
func (EndSessions) account()        {}
func (SetLinger) account()          {}

func (s AddGroup) touches(context.Context, Reader) []Touch    { return touch(SubjectGroup, s.Name) }
func (s SetGID) touches(context.Context, Reader) []Touch      { return touch(SubjectGroup, s.Name) }
func (s DeleteGroup) touches(context.Context, Reader) []Touch { return touch(SubjectGroup, s.Name) }
func (s SetMembers) touches(context.Context, Reader) []Touch  { return touch(SubjectGroup, s.Group) }

func (s AddUser) touches(context.Context, Reader) []Touch {
	return slices.Concat(touch(SubjectUser, s.Name), touch(SubjectGroup, s.Name), touch(SubjectGroup, s.Groups...))
}

func (s AddUsers) touches(ctx context.Context, r Reader) []Touch { return touchEach(ctx, r, s.Users) }

func (s SetUser) touches(context.Context, Reader) []Touch { return touch(SubjectUser, s.Name) }

func (s DeleteUser) touches(_ context.Context, r Reader) []Touch {
	groups := []string{s.Name}
	all, _ := r.Groups()
	for _, g := range all {
		if slices.Contains(g.Members, s.Name) {
			groups = append(groups, g.Name)
		}
	}
	return slices.Concat(touch(SubjectPassword, s.Name), touch(SubjectUser, s.Name), touch(SubjectGroup, groups...))
}

func (s SetPassword) touches(context.Context, Reader) []Touch { return touch(SubjectPassword, s.User) }

func (s SetPasswordChanged) touches(context.Context, Reader) []Touch {
	return touch(SubjectPassword, s.User)
}

func (s AddShadowLine) touches(context.Context, Reader) []Touch {
	return touch(SubjectPassword, s.User)
}

func (s LockGroup) touches(context.Context, Reader) []Touch { return touch(SubjectGroup, s.Group) }

func (s SetGroupAdmins) touches(context.Context, Reader) []Touch { return touch(SubjectGroup, s.Group) }

func (s SetExpiry) touches(context.Context, Reader) []Touch { return touch(SubjectPassword, s.User) }
func (EndSessions) touches(context.Context, Reader) []Touch { return nil }
func (s SetLinger) touches(context.Context, Reader) []Touch { return touch(SubjectLinger, s.User) }
