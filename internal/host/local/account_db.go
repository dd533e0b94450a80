package local

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// accountDB holds the account databases, each read at most once until forget.
// Its zero value reads /etc.
type accountDB struct {
	root string // before /etc: for tests

	mu        sync.Mutex
	named     *nameDB
	last      parsedNames
	passwords map[string]host.Password
	strays    *host.Strays
	defs      *host.IDRanges

	sources accountSources
}

// parsedNames is what was read last, and what it came to. Steps of all kinds have the
// databases looked at again, few of them change any: the same text need not be
// understood twice.
type parsedNames struct {
	passwd, group, gshadow string
	noGshadow              error
	db                     *nameDB
}

// same reports whether the same was read, and could be.
func (p *parsedNames) same(passwd, group, gshadow string, noGshadow error) bool {
	return p.db != nil && p.noGshadow == nil && noGshadow == nil &&
		p.passwd == passwd && p.group == group && p.gshadow == gshadow
}

// nameDB is what everybody may read: passwd and group.
type nameDB struct {
	users   []host.User
	passwd  []string // the password fields of users
	groups  []host.Group
	userAt  map[string]int
	groupAt map[string]int
	userOf  map[int]string // by id: the first name that has it
	groupOf map[int]string

	groupPasswd []string // the password fields of groups
	gshadow     map[string]host.GroupShadow
	noGshadow   error // why gshadow could not be read
}

// forget makes the next look read the files again.
func (a *accountDB) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.named, a.passwords, a.defs, a.strays = nil, nil, nil, nil
	a.sources.forget()
}

// names reads passwd and group.
func (a *accountDB) names() (*nameDB, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.named != nil {
		return a.named, nil
	}
	passwd, err := readDatabase(a.root + debian.Passwd)
	if err != nil {
		return nil, err
	}
	group, err := readDatabase(a.root + debian.Group)
	if err != nil {
		return nil, err
	}
	gshadow, missing := os.ReadFile(a.root + debian.GShadow)
	if a.last.same(passwd, group, string(gshadow), missing) {
		a.named = a.last.db
		return a.named, nil
	}
	a.named = parseNames(passwd, group)
	switch {
	case missing == nil:
		a.named.addGshadow(string(gshadow))
	case !errors.Is(missing, fs.ErrNotExist): // not every host has it
		a.named.noGshadow = unknown("content of "+a.root+debian.GShadow, missing)
	}
	a.last = parsedNames{passwd: passwd, group: group, gshadow: string(gshadow), noGshadow: missing, db: a.named}
	return a.named, nil
}

// shadow reads the passwords' states. The hashes are dropped at once.
func (a *accountDB) shadow() (map[string]host.Password, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.passwords != nil {
		return a.passwords, nil
	}
	data, err := readDatabase(a.root + debian.Shadow)
	if err != nil {
		return nil, err
	}
	a.passwords = parseShadow(data)
	return a.passwords, nil
}

func (a *accountDB) ranges() (host.IDRanges, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.defs != nil {
		return *a.defs, nil
	}
	data, err := os.ReadFile(a.root + debian.LoginDefs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return host.IDRanges{}, unknown("content of "+a.root+debian.LoginDefs, err)
	}
	r := parseRanges(string(data))
	a.defs = &r
	return r, nil
}

// readDatabase reads a file that every host has: not being able to is Unknown.
func readDatabase(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", unknown("content of "+path, err)
	}
	return string(data), nil
}

// unknown says that what cannot be seen because of err, whose path is left out
// since what names it.
func unknown(what string, err error) error {
	why := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		why = pe.Err.Error()
	}
	return &host.UnknownError{What: what, Why: why, Err: err}
}

// parseNames reads passwd(5) and group(5). As in the C library, a line that
// cannot be understood is passed over, as are comments and NIS's + and -, and
// the first of several lines for one name or id counts.
func parseNames(passwd, group string) *nameDB {
	users, groups := strings.Count(passwd, "\n")+1, strings.Count(group, "\n")+1
	db := &nameDB{
		users: make([]host.User, 0, users), passwd: make([]string, 0, users), groups: make([]host.Group, 0, groups),
		userAt: make(map[string]int, users), groupAt: make(map[string]int, groups),
		userOf: make(map[int]string, users), groupOf: make(map[int]string, groups),
	}
	for line := range strings.Lines(passwd) {
		if f := fields(line); len(f) == 7 {
			db.addUser(f)
		}
	}
	for line := range strings.Lines(group) {
		if f := fields(line); len(f) == 4 {
			db.addGroup(f)
		}
	}
	return db
}

func (db *nameDB) addUser(f []string) {
	uid, okUID := parseID(f[2])
	gid, okGID := parseID(f[3])
	if _, twice := db.userAt[f[0]]; twice || !okUID || !okGID {
		return
	}
	db.userAt[f[0]] = len(db.users)
	if _, taken := db.userOf[uid]; !taken {
		db.userOf[uid] = f[0]
	}
	db.users = append(db.users, host.User{
		Name: f[0], UID: uid, GID: gid, Comment: f[4], Home: f[5], Shell: f[6],
	})
	db.passwd = append(db.passwd, f[1])
}

func (db *nameDB) addGroup(f []string) {
	gid, ok := parseID(f[2])
	if _, twice := db.groupAt[f[0]]; twice || !ok {
		return
	}
	db.groupAt[f[0]] = len(db.groups)
	if _, taken := db.groupOf[gid]; !taken {
		db.groupOf[gid] = f[0]
	}
	db.groups = append(db.groups, host.Group{Name: f[0], GID: gid, Members: namesOf(f[3])})
	db.groupPasswd = append(db.groupPasswd, f[1])
}

// fields splits a line of an account database; nil for comments, blank lines
// and NIS entries.
func fields(line string) []string {
	line = strings.TrimRight(line, "\n")
	if noAccount(line) {
		return nil
	}
	f := strings.Split(line, ":")
	if f[0] == "" {
		return nil
	}
	return f
}

// noAccount tells the lines that are about nobody.
func noAccount(line string) bool {
	return strings.Trim(line, " \t") == "" || strings.IndexByte("#+-", line[0]) >= 0
}

// nameOf is the first of the fields, if there are others; empty where fields gives nil.
func nameOf(line string) string {
	line = strings.TrimRight(line, "\n")
	name, _, more := strings.Cut(line, ":")
	if !more || noAccount(line) {
		return ""
	}
	return name
}

func parseID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil
}

// parseShadow reads shadow(5): name, password, day of the last change, minimum,
// maximum, warning, inactive, expiry, reserved.
func parseShadow(data string) map[string]host.Password {
	out := map[string]host.Password{}
	for line := range strings.Lines(data) {
		f := fields(line)
		if len(f) < 8 {
			continue
		}
		if _, twice := out[f[0]]; twice {
			continue
		}
		p := passwordOf(f[1])
		p.Changed = dayOf(f[2])
		p.MustChange = p.Changed == 0
		p.Expires = dayOf(f[7])
		if days := dayOf(f[4]); days >= 0 && days < forever {
			p.Ageing = host.Ageing{On: true, Max: days, Inactive: dayOf(f[6])}
		}
		out[f[0]] = p
	}
	return out
}

// forever is shadow's own number of days for a password that does not run out.
const forever = 99999

// dayOf reads a number of days; -1 for none.
func dayOf(field string) int {
	n, err := strconv.Atoi(field)
	if err != nil {
		return -1
	}
	return max(n, -1)
}

// passwordOf judges a password field. The hash does not leave this function.
func passwordOf(field string) host.Password {
	switch {
	case field == "":
		return host.Password{State: host.PasswordEmpty}
	case field[0] == '!' || field[0] == '*':
		return host.Password{State: host.PasswordLocked, HasHash: isHash(strings.TrimLeft(field, "!*"))}
	case field == "x": // pwconv's, for an account that had no line in shadow: nothing matches it
		return host.Password{State: host.PasswordLocked}
	default:
		return host.Password{State: host.PasswordSet, HasHash: isHash(field)}
	}
}

// isHash reports whether s can be a hash of crypt(5): $id$…, _… of BSDi, or the
// 13 characters of DES.
func isHash(s string) bool {
	return strings.HasPrefix(s, "$") || strings.HasPrefix(s, "_") || len(s) >= 13
}

// parseRanges reads login.defs(5): a name, blanks, a value.
func parseRanges(data string) host.IDRanges {
	v := numbersOf(data)
	get := func(name string, otherwise int) int {
		if n, ok := v[name]; ok {
			return n
		}
		return otherwise
	}
	r := host.IDRanges{
		UIDMin: get("UID_MIN", 1000), UIDMax: get("UID_MAX", 60000),
		GIDMin: get("GID_MIN", 1000), GIDMax: get("GID_MAX", 60000),
	}
	r.SysUIDMin, r.SysUIDMax = get("SYS_UID_MIN", 101), get("SYS_UID_MAX", r.UIDMin-1)
	r.SysGIDMin, r.SysGIDMax = get("SYS_GID_MIN", 101), get("SYS_GID_MAX", r.GIDMin-1)
	return r
}

// numbersOf are the settings of login.defs(5) that are numbers.
func numbersOf(data string) map[string]int {
	v := map[string]int{}
	for line := range strings.Lines(data) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if n, err := strconv.ParseInt(f[1], 0, 64); err == nil {
			v[f[0]] = int(n)
		}
	}
	return v
}
