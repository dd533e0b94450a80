package host

import "fmt"

// Accounts are the users and groups of the host's own databases, /etc/passwd,
// /etc/group, /etc/shadow and /etc/gshadow. One that another source of
// nsswitch.conf knows is found by name and by number, but not listed.
type Accounts interface {
	User(name string) (*User, error)
	Group(name string) (*Group, error)
	// UserByID and GroupByID are the first ones with that number.
	UserByID(uid int) (*User, error)
	GroupByID(gid int) (*Group, error)
	// Users and Groups are in the order of the database.
	Users() ([]User, error)
	Groups() ([]Group, error)
	// Password is what shadow says of the user, never the hash.
	Password(name string) (*Password, error)
	// IDRanges are login.defs' rules for ids that a spec leaves open.
	IDRanges() (IDRanges, error)
	// Traces are what an account leaves running or armed besides its entry in
	// the databases: sessions, cron and at jobs, linger. Nothing that the
	// account's owner can write is read for it, so that nobody can hinder it.
	Traces(name string) (Traces, error)
	// UserUnits lists what of an account's own systemd units is in its home:
	// unit files and links, or the link that leads to all of them. With an
	// error, it lists what it found until then.
	UserUnits(name string) ([]string, error)
}

// UnknownID stands for a numeric id that is only known after apply, as of a
// group that a package will make.
const UnknownID = -1

// User is one line of passwd(5).
type User struct {
	Name    string
	UID     int
	GID     int // primary group
	Comment string
	Home    string
	Shell   string
	// Source is where the account comes from, if not from /etc/passwd: it is
	// not the host's to change.
	Source string
}

// Group is one line of group(5).
type Group struct {
	Name    string
	GID     int
	Members []string // supplementary members, sorted
	Source  string   // as in User
}

// PasswordState tells how a password field of shadow(5) can be used.
type PasswordState string

// The states of a password field.
const (
	PasswordSet    PasswordState = "set"    // a hash: somebody can log in with it
	PasswordLocked PasswordState = "locked" // begins with ! or *: nothing matches it
	PasswordEmpty  PasswordState = "empty"  // no password is asked for
)

// Password is what shadow(5) says of a user.
type Password struct {
	State PasswordState
	// HasHash tells that a hash is there, be it behind a lock: unlocking
	// would bring the old password back.
	HasHash bool
	// MustChange is set when the day of the last change is 0: the next login
	// has to set a password.
	MustChange bool
	// Expires is the account's expiry in days since 1970-01-01, -1 for never.
	Expires int
}

// IDRanges are UID_MIN and its relatives of login.defs(5).
type IDRanges struct {
	UIDMin    int `json:"uid_min"`
	UIDMax    int `json:"uid_max"`
	SysUIDMin int `json:"sys_uid_min"`
	SysUIDMax int `json:"sys_uid_max"`
	GIDMin    int `json:"gid_min"`
	GIDMax    int `json:"gid_max"`
	SysGIDMin int `json:"sys_gid_min"`
	SysGIDMax int `json:"sys_gid_max"`
}

// Traces is what keeps running for a user, or will start again by itself.
type Traces struct {
	Processes int      `json:"processes,omitempty"` // processes whose real or effective uid is the user's
	Sessions  []string `json:"sessions,omitempty"`  // logind's session ids
	Linger    bool     `json:"linger,omitempty"`
	Cron      []string `json:"cron,omitempty"` // paths of crontab and at job files
	// Unread says, for each part that could not be read, why; the other parts
	// are good.
	Unread map[TracePart]string `json:"unread,omitempty"`
}

// TracePart is a part of Traces that is read by itself.
type TracePart string

// The parts of Traces.
const (
	TraceRunning TracePart = "sessions and processes"
	TraceLinger  TracePart = "linger"
	TraceCron    TracePart = "cron and at jobs"
)

// NextID chooses the lowest free id as useradd and groupadd do: the first above
// the highest in use for ordinary accounts, the first below the lowest in use
// for system accounts, else the first gap.
//
// Known after apply ids (UnknownID) are skipped.
func NextID(used []int, lo, hi int, system bool) (int, error) {
	taken := make(map[int]bool, len(used))
	top, bottom := lo-1, hi+1
	for _, id := range used {
		if id < lo || id > hi {
			continue
		}
		taken[id] = true
		top, bottom = max(top, id), min(bottom, id)
	}
	if !system && top < hi {
		return top + 1, nil
	}
	if system && bottom > lo {
		return bottom - 1, nil
	}
	for id := lo; id <= hi; id++ {
		if !taken[id] {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no id is free between %d and %d", lo, hi)
}
