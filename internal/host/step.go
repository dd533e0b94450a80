package host

// A Step is the smallest thing that can be done to a host. The set is closed:
// each step has one implementation on the real host and one in the overlay, and
// a conformance test that both pass. Names of users and groups are resolved
// when the step is done, since the account may only have come into being by
// then.
//
// A step says in full what it does, with explicit ids and owners, so that it
// can be shown, stored and repeated.
type Step interface{ step() }

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
		Name     string
		GID, Was int
	}
	// DeleteGroup removes a group that is nobody's primary group.
	DeleteGroup struct {
		Name string
		Was  Group
	}
	// SetMembers makes Members, all existing users, the exact supplementary
	// members of a group.
	SetMembers struct {
		Group        string
		Members, Was []string
	}
	// AddUser creates an account with all of its groups, without a home and
	// with a locked password. UID is explicit.
	AddUser struct {
		Name    string
		UID     int
		Group   string   // primary group, which exists; empty: a new one of the same name and id
		Groups  []string // supplementary, which exist
		Home    string
		Shell   string
		Comment string
		System  bool
	}
	// SetUser changes fields of an account; fields that are nil stay. Neither
	// the home nor files are moved or re-owned.
	SetUser struct {
		Name    string
		UID     *int
		Group   *string // primary group
		Home    *string
		Shell   *string
		Comment *string
		Was     User
	}
	// DeleteUser removes an account, but no file of it.
	DeleteUser struct {
		Name string
		Was  User
	}
	// SetPassword brings the password field into a state.
	SetPassword struct {
		User string
		To   PasswordChange
		Was  Password
	}
	// SetExpiry sets the day, since 1970-01-01, on which the account expires:
	// -1 for never, 1 for long ago.
	SetExpiry struct {
		User     string
		Day, Was int
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
	// LockPassword puts a lock in front of whatever there is.
	LockPassword PasswordChange = "locked"
	// RemovePassword removes the hash and locks: unlocking brings nothing back.
	RemovePassword PasswordChange = "removed"
	// UnlockPassword takes the lock off a hash, which has to be there.
	UnlockPassword PasswordChange = "unlocked"
	// PasswordAtFirstLogin lets the next login, which needs a key, set one.
	PasswordAtFirstLogin PasswordChange = "set at first login"
)

// Files. Owner and Group are names, or #ID.
type (
	// WriteFile makes path a regular file with exactly this content, owner and
	// access, atomically. The directory exists.
	WriteFile struct {
		Path         string
		Content      Content
		Owner, Group string
		Access       Access
		// Check, if there is one, has to accept the staged content first.
		Check *Check
		// Was is what it replaces, for the journal; nil for nothing.
		Was *FileImage
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
	// MakeLink makes path a symbolic link, atomically.
	MakeLink struct {
		Path, Target string
		Owner, Group string
		Was          *FileImage
	}
	// SetOwner changes owner and group; an empty one stays.
	SetOwner struct {
		Path         string
		Owner, Group string
		Was          Node
	}
	// SetAccess makes mode, ACL and default ACL exactly so.
	SetAccess struct {
		Path   string
		Access Access
		Was    Access
	}
	// RemovePath removes a file, link or empty directory.
	RemovePath struct {
		Path string
		Was  *FileImage
	}
	// FixTree brings all below rule.Root to the rule. It walks anew: what has
	// appeared since is covered.
	FixTree struct{ Rule TreeRule }
	// MakeKeyPair makes an OpenSSH key pair at Path and Path.pub, whose
	// directory exists. The private half is never seen by anything else.
	MakeKeyPair struct {
		Path         string
		Type         string // ed25519, rsa, ecdsa
		Bits         int    // of rsa and ecdsa
		Comment      string
		Owner, Group string
	}
)

// FileImage is a file system node as it was before a change.
type FileImage struct {
	Node    Node
	Content Content // of a regular file
}

// Packages.
type (
	// InstallPackages installs in one call of apt-get, without recommended
	// packages and without upgrading anything. Refresh fetches the index first.
	InstallPackages struct {
		Packages []PackageInstall
		Refresh  bool
	}
	// RemovePackages purges (with configuration) or removes, then removes what
	// only they needed.
	RemovePackages struct {
		Names []string
		Purge bool
	}
	// HoldPackages sets or clears dpkg's hold.
	HoldPackages struct {
		Names []string
		Hold  bool
	}
)

// PackageInstall is one package to install and what is known of it beforehand.
type PackageInstall struct {
	Name     string
	Provides Provides
}

// Units.
type (
	// ReloadManager is systemctl daemon-reload.
	ReloadManager struct{}
	// EnableUnit makes the links that the unit's [Install] section asks for and
	// removes others of that unit. Links is what is expected to be there
	// afterwards, as in Unit.
	EnableUnit struct {
		Name  string
		Links []string
	}
	// DisableUnit removes the links by which a unit is enabled.
	DisableUnit struct{ Name string }
	// MaskUnit links a unit to /dev/null, so that nothing can start it.
	MaskUnit struct{ Name string }
	// UnmaskUnit removes that link.
	UnmaskUnit struct{ Name string }
	// StartUnit waits until the job is done.
	StartUnit struct{ Name string }
	// StopUnit waits until the job is done.
	StopUnit struct{ Name string }
	// ActOnUnit is what a notification does: restart or reload a unit if it
	// runs. It waits until the job is done.
	ActOnUnit struct {
		Name string
		Verb Verb
	}
)

// Verb is what is owed to a unit; a notification asks for one of the first two.
type Verb string

// The verbs.
const (
	Restart Verb = "restart"
	Reload  Verb = "reload" // restart, if the unit cannot reload
	// Start is owed to a unit that is stopped for the time of a change.
	Start Verb = "start"
)

// Docker.
type (
	// AddNetwork creates a docker network.
	AddNetwork struct{ Network Network }
	// RemoveNetwork removes one that no container uses.
	RemoveNetwork struct {
		Name string
		Was  Network
	}
)

// Probe runs a program, which changes nothing and has to accept what is in place:
// the host in use is the last judge of what was written.
type Probe struct{ Argv []string }

// Bookkeeping.
type (
	// Owe records a restart, reload or start durably before the change that
	// causes it is made. A unit is owed at most one restart or reload, and the
	// first includes the second; a start is owed beside it, since either may be
	// done without the other.
	Owe struct{ Pending Pending }
	// Settle forgets what was owed to a unit, after it has been done: the start
	// if Verb is Start, the restart or reload if it is one of these, all if it is
	// empty.
	Settle struct {
		Unit string
		Verb Verb
	}
)

func (AddGroup) step()        {}
func (SetGID) step()          {}
func (DeleteGroup) step()     {}
func (SetMembers) step()      {}
func (AddUser) step()         {}
func (SetUser) step()         {}
func (DeleteUser) step()      {}
func (SetPassword) step()     {}
func (SetExpiry) step()       {}
func (EndSessions) step()     {}
func (SetLinger) step()       {}
func (WriteFile) step()       {}
func (MakeDir) step()         {}
func (MakeLink) step()        {}
func (SetOwner) step()        {}
func (SetAccess) step()       {}
func (RemovePath) step()      {}
func (FixTree) step()         {}
func (MakeKeyPair) step()     {}
func (InstallPackages) step() {}
func (RemovePackages) step()  {}
func (HoldPackages) step()    {}
func (ReloadManager) step()   {}
func (EnableUnit) step()      {}
func (DisableUnit) step()     {}
func (MaskUnit) step()        {}
func (UnmaskUnit) step()      {}
func (StartUnit) step()       {}
func (StopUnit) step()        {}
func (ActOnUnit) step()       {}
func (AddNetwork) step()      {}
func (RemoveNetwork) step()   {}
func (Probe) step()           {}
func (Owe) step()             {}
func (Settle) step()          {}

// Settles reports whether the step forgets what is owed.
func (s Settle) Settles(p Pending) bool {
	return s.Unit == p.Unit && (s.Verb == "" || (s.Verb == Start) == (p.Verb == Start))
}

// Merge joins two steps of one batch that can be done in one call, as two
// installations of packages can. It reports whether it could.
func Merge(a, b Step) (Step, bool) {
	switch a := a.(type) {
	case InstallPackages:
		if b, ok := b.(InstallPackages); ok {
			return InstallPackages{Packages: append(a.Packages[:len(a.Packages):len(a.Packages)], b.Packages...), Refresh: a.Refresh || b.Refresh}, true
		}
	case RemovePackages:
		if b, ok := b.(RemovePackages); ok && a.Purge == b.Purge {
			return RemovePackages{Names: append(a.Names[:len(a.Names):len(a.Names)], b.Names...), Purge: a.Purge}, true
		}
	case HoldPackages:
		if b, ok := b.(HoldPackages); ok && a.Hold == b.Hold {
			return HoldPackages{Names: append(a.Names[:len(a.Names):len(a.Names)], b.Names...), Hold: a.Hold}, true
		}
	}
	return nil, false
}
