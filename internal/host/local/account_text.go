package local

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// accountFiles are the databases in /etc that useradd writes.
func accountFiles() []string {
	return []string{"passwd", "shadow", "group", "gshadow", "subuid", "subgid"}
}

func isSubordinate(file string) bool { return strings.HasPrefix(file, "sub") }

// accountText are the account databases as text, by their names in /etc, and the numbers
// of login.defs(5).
type accountText struct {
	files map[string]string
	defs  map[string]int
}

// accountWrite is a database as it is to become.
type accountWrite struct{ file, text string }

// accountSample is what useradd has written for one account and writes for others alike.
type accountSample struct {
	shadow []string            // the fields of its line
	ranges map[string]subRange // the subordinate ids that it was given, by database
}

// shadowDay is the field of shadow(5) that has the day of the password's last change.
const shadowDay = 2

// subRange is a range of subordinate ids, see subuid(5).
type subRange struct{ start, count int }

func (r subRange) end() int { return r.start + r.count }

// plain reports whether the databases hold nothing but one line for each name, which is
// all that is understood here: neither NIS nor groups in parts.
func (t accountText) plain() bool {
	for _, file := range accountFiles() {
		f := parseLineFile(t.files[file])
		if !isSubordinate(file) && (f.twice || f.elsewhere) {
			return false
		}
	}
	return t.defs["MAX_MEMBERS_PER_GROUP"] == 0
}

// haveRanges are the names that there are subordinate ids of.
func (t accountText) haveRanges() map[string]bool {
	out := map[string]bool{}
	for _, file := range []string{"subuid", "subgid"} {
		for name := range parseLineFile(t.files[file]).at {
			out[name] = true
		}
	}
	return out
}

// hasRange reports whether there are subordinate ids of a name.
func (t accountText) hasRange(name string) bool {
	return len(rangesOf(t.files["subuid"], name))+len(rangesOf(t.files["subgid"], name)) > 0
}

// after are the databases after some were written.
func (t accountText) after(writes []accountWrite) accountText {
	out := accountText{files: maps.Clone(t.files), defs: t.defs}
	for _, w := range writes {
		out.files[w.file] = w.text
	}
	return out
}

// same reports whether two texts are the same. Which subordinate ids an account gets that
// has some already is useradd's affair, by its version.
func (t accountText) same(want accountText, had bool) bool {
	for _, file := range accountFiles() {
		if t.files[file] != want.files[file] && (!had || !isSubordinate(file)) {
			return false
		}
	}
	return true
}

// sampleOf is what useradd has written for an account that was not there before.
func (t accountText) sampleOf(name string, before accountText) (accountSample, bool) {
	shadow := parseLineFile(t.files["shadow"])
	s := accountSample{ranges: map[string]subRange{}}
	i, ok := shadow.at[name]
	if !ok {
		return s, false
	}
	const fields = 9
	if s.shadow = strings.Split(shadow.lines[i], ":"); len(s.shadow) != fields {
		return s, false
	}
	for _, file := range []string{"subuid", "subgid"} {
		if got := rangesOf(t.files[file], name); len(got) == 1 && !before.hasRange(name) {
			s.ranges[file] = got[0]
		} else if len(got) > 0 {
			s.ranges[file] = subRange{} // it shows nothing
		}
	}
	return s, true
}

// with lists what has to be written, in this order, for accounts to be there besides.
func (t accountText) with(users []host.AddUser, s accountSample) ([]accountWrite, error) {
	var out []accountWrite
	write := func(file string, f *lineFile) {
		if text := f.text(); text != t.files[file] {
			out = append(out, accountWrite{file, text})
		}
	}
	for _, file := range []string{"subuid", "subgid"} {
		f := parseLineFile(t.files[file])
		if err := t.addRanges(f, file, users, s); err != nil {
			return nil, err
		}
		write(file, f)
	}
	group, gshadow := parseLineFile(t.files["group"]), parseLineFile(t.files["gshadow"])
	gids, err := addGroups(group, gshadow, users)
	if err != nil {
		return nil, err
	}
	write("group", group)
	write("gshadow", gshadow)
	shadow, passwd := parseLineFile(t.files["shadow"]), parseLineFile(t.files["passwd"])
	if err := addLines(passwd, shadow, users, gids, s); err != nil {
		return nil, err
	}
	write("shadow", shadow)
	write("passwd", passwd)
	if grown, err := addMembers(group, gshadow, users); err != nil || !grown {
		return out, err
	}
	write("group", group)
	write("gshadow", gshadow)
	return out, nil
}

// addRanges gives subordinate ids to those who have none, as useradd chooses them: the
// lowest range that is free, which is above that of the sample.
func (t accountText) addRanges(f *lineFile, file string, users []host.AddUser, s accountSample) error {
	sample, given := s.ranges[file]
	if !given {
		return nil
	}
	var taken []subRange
	for _, line := range f.lines {
		if r, ok := parseRange(line); ok {
			taken = append(taken, r)
		}
	}
	slices.SortFunc(taken, func(a, b subRange) int { return cmp.Compare(a.start, b.start) })
	top := 600100000 //nolint:mnd // useradd's own default
	if n, ok := t.defs[map[string]string{"subuid": "SUB_UID_MAX", "subgid": "SUB_GID_MAX"}[file]]; ok {
		top = n
	}
	low := sample.end()
	last := ""
	for _, u := range users {
		if _, has := f.at[u.Name]; has {
			continue
		}
		if sample.count == 0 {
			return fmt.Errorf("cannot tell which subordinate ids useradd would give to %s", u.Name)
		}
		for len(taken) > 0 && taken[0].start < low+sample.count {
			low = max(low, taken[0].end())
			taken = taken[1:]
		}
		if low+sample.count-1 > top {
			return fmt.Errorf("no subordinate ids are free for %s", u.Name)
		}
		f.lines = append(f.lines, last)
		last = fmt.Sprintf("%s:%d:%d", u.Name, low, sample.count)
		low += sample.count
	}
	if last == "" {
		return nil
	}
	// Useradd sorts what is there before it adds one.
	f.lines = slices.DeleteFunc(f.lines, func(line string) bool { return line == "" })
	slices.SortStableFunc(f.lines, compareRanges)
	f.lines = append(f.lines, last)
	return nil
}

// compareRanges orders lines of subuid(5) as useradd does: what is no range comes last.
func compareRanges(a, b string) int {
	x, isX := parseRange(a)
	y, isY := parseRange(b)
	switch {
	case isX && isY:
		return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.count, y.count), strings.Compare(a, b))
	case isX:
		return -1
	case isY:
		return 1
	}
	return 0
}

// addGroups adds the groups of their own, and says which number each account's primary
// group has.
func addGroups(group, gshadow *lineFile, users []host.AddUser) (gids map[string]string, err error) {
	gids = map[string]string{}
	taken := group.numbers()
	for _, u := range users {
		if u.Group != "" {
			f := group.fields(u.Group)
			if len(f) != 4 {
				return nil, fmt.Errorf("there is no group %s in /etc/group", u.Group)
			}
			gids[u.Name] = f[2]
			continue
		}
		gid := strconv.Itoa(cmp.Or(u.GID, u.UID))
		if _, there := group.at[u.Name]; there || taken[gid] {
			return nil, fmt.Errorf("the group %s, or its number %s, is taken", u.Name, gid)
		}
		taken[gid], gids[u.Name] = true, gid
		group.set(u.Name, u.Name+":x:"+gid+":")
		gshadow.set(u.Name, u.Name+":!::")
	}
	return gids, nil
}

// addLines adds the lines of passwd and shadow.
func addLines(passwd, shadow *lineFile, users []host.AddUser, gids map[string]string, s accountSample) error {
	taken := passwd.numbers()
	for _, u := range users {
		uid := strconv.Itoa(u.UID)
		if _, there := passwd.at[u.Name]; there || taken[uid] {
			return fmt.Errorf("the account %s, or its number %s, is taken", u.Name, uid)
		}
		taken[uid] = true
		shadow.set(u.Name, strings.Join(append([]string{u.Name}, s.shadow[1:]...), ":"))
		passwd.set(u.Name, strings.Join([]string{u.Name, "x", uid, gids[u.Name], u.Comment, u.Home, u.Shell}, ":"))
	}
	return nil
}

// addMembers adds the accounts to their groups, and reports whether there are any.
func addMembers(group, gshadow *lineFile, users []host.AddUser) (grown bool, err error) {
	members := map[string][]string{}
	for _, u := range users {
		for _, g := range u.Groups {
			members[g] = append(members[g], u.Name)
		}
	}
	for g, names := range members {
		if !group.join(g, names) || !gshadow.join(g, names) {
			return false, fmt.Errorf("there is no group %s in /etc/group, or not in /etc/gshadow", g)
		}
	}
	return len(members) > 0, nil
}

// person reports whether a number is one of those to which useradd gives subordinate ids.
func (t accountText) person(uid int) bool {
	limit := func(name string, otherwise int) int {
		if n, ok := t.defs[name]; ok {
			return n
		}
		return otherwise
	}
	return uid >= limit("UID_MIN", 1000) && uid <= limit("UID_MAX", 60000) //nolint:mnd // useradd's own defaults
}

// ordinary reports whether an account is one that useradd makes without a word: no system
// account, with a sane name and known number, and with fields that need no judgement.
func ordinary(u host.AddUser) bool {
	for _, text := range []string{u.Home, u.Shell, u.Comment} {
		if strings.ContainsFunc(text, func(r rune) bool { return r == ':' || r < ' ' || r > '~' }) {
			return false
		}
	}
	return !u.System && u.UID > 0 && u.GID >= 0 && saneName(u.Name) && strings.HasPrefix(u.Home, "/") && strings.HasPrefix(u.Shell, "/")
}
