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
	// Users and Groups are in the order of the database. The caller does not change
	// what it is given.
	Users() ([]User, error)
	Groups() ([]Group, error)
	// Password is what shadow says of the user, never the hash.
	Password(name string) (*Password, error)
	// GroupShadow is what gshadow says of a group of /etc/group, never the hash.
	// Nil: there is no such group.
	GroupShadow(name string) (*GroupShadow, error)
	// Strays are what the databases hold besides accounts and groups.
	Strays() (Strays, error)
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

// Numbers is what a Reader can have besides: the numbers of all users and groups of
// the databases, without the lists.
type Numbers interface {
	Numbers() (uids, gids []int, err error)
}

// NumbersOf are those of any Reader.
func NumbersOf(r Accounts) (uids, gids []int, err error) {
	if n, ok := r.(Numbers); ok {
		return n.Numbers()
	}
	users, err := r.Users()
	if err != nil {
		return nil, nil, err
	}
	groups, err := r.Groups()
	for _, u := range users {
		uids = append(uids, u.UID)
	}
	for _, g := range groups {
		gids = append(gids, g.GID)
	}
	return uids, gids, err
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
	// Changed is the day of the last change, since 1970-01-01: -1 for none,
	// 0 where MustChange is set, or where it is not known.
	Changed int
	// Ageing is when a password runs out after that.
	Ageing Ageing
	// Missing is set when passwd points to shadow, and shadow has no line for it:
	// nobody gets in.
	Missing bool
	// Expires is the account's expiry in days since 1970-01-01, -1 for never.
	Expires int
}

// Ageing is the part of shadow(5) on when a password runs out. The zero value is
// never.
type Ageing struct {
	On bool
	// Max is how many days a password may be used, Inactive how many more days a
	// new one can be set before the account is shut, -1 for always.
	Max, Inactive int
}

// Stale reports whether the next login has to set a new password, on a day since
// 1970-01-01.
func (p Password) Stale(day int) bool {
	return p.MustChange || p.Ageing.On && day-p.Changed > p.Ageing.Max
}

// Shut reports whether a password has run out for so long that nobody is let in any
// more, be it with a key: as pam_unix(8) reckons.
func (p Password) Shut(day int) bool {
	a := p.Ageing
	return !p.MustChange && a.On && a.Inactive >= 0 && day-p.Changed > a.Max+a.Inactive
}

// Stuck reports whether a new password has to be set at the next login, and the old
// one, which is asked for first, is none that anybody could give.
func (p Password) Stuck(day int) bool { return p.State == PasswordLocked && p.Stale(day) }

// String says what the password's state is.
func (p Password) String() string {
	switch {
	case p.Missing:
		return "no line in /etc/shadow"
	case p.MustChange && p.State == PasswordEmpty:
		return "to be set at first login"
	case p.MustChange:
		return string(p.State) + ", to be changed at the next login"
	}
	return string(p.State)
}

// GroupShadow is what gshadow(5) says of a group.
type GroupShadow struct {
	// Password is set if whoever knows it becomes a member, by newgrp(1).
	Password PasswordState
	Admins   []string // who may change its members, sorted
	// Torn are members of whom only one of group(5) and gshadow(5) knows, sorted.
	Torn []string
	// Missing is set when gshadow has no line for the group.
	Missing bool
}

// Strays are what is in the account databases and is neither an account nor a
// group, in the order of the files.
type Strays struct {
	// Twice are further lines for a name: the first counts, and no account tool
	// changes what has several.
	Twice []StrayLine `json:"twice,omitempty" yaml:"twice"`
	// Shadow are names of lines of /etc/shadow without an account.
	Shadow []string `json:"shadow,omitempty" yaml:"shadow"`
	// GShadow are names of lines of /etc/gshadow without a group.
	GShadow []string `json:"gshadow,omitempty" yaml:"gshadow"`
	// Locks are paths of locks whose holders are gone, which keep account tools
	// from working.
	Locks []string `json:"locks,omitempty" yaml:"locks"`
	// Nobodys are lines that begin with #, + or -, and that account tools could change.
	Nobodys []NobodysLine `json:"nobodys,omitempty" yaml:"nobodys"`
}

// StrayLine is a line of an account database.
type StrayLine struct {
	File string `json:"file" yaml:"file"` // /etc/passwd
	Name string `json:"name" yaml:"name"`
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
	// SystemLater is set while packages are about to be installed: they take
	// system ids first, which ones is known after apply.
	SystemLater bool `json:"-"`
}

// Traces is what keeps running for a user, or will start again by itself.
type Traces struct {
	Processes int `json:"processes,omitempty"` // processes whose real or effective uid is the user's
	// Managers are those of Processes that are systemd's own for the user, which goes on
	// for some seconds when a session has ended, be it only that of a trial of the way in.
	Managers int      `json:"managers,omitempty"`
	Sessions []string `json:"sessions,omitempty"` // logind's session ids
	Linger   bool     `json:"linger,omitempty"`
	Cron     []string `json:"cron,omitempty"` // paths of crontab and at job files
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
// Known after apply ids (UnknownID) are skipped. Used are lists of ids in use.
func NextID(lo, hi int, system bool, used ...[]int) (int, error) {
	top, bottom := lo-1, hi+1
	for _, list := range used {
		for _, id := range list {
			if id >= lo && id <= hi {
				top, bottom = max(top, id), min(bottom, id)
			}
		}
	}
	if !system && top < hi {
		return top + 1, nil
	}
	if system && bottom > lo {
		return bottom - 1, nil
	}
	taken := map[int]bool{}
	for _, list := range used {
		for _, id := range list {
			taken[id] = true
		}
	}
	for id := lo; id <= hi; id++ {
		if !taken[id] {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no id is free between %d and %d", lo, hi)
}
