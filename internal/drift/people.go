package drift

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/policy"
)

// absent is the state of what is to go.
const absent = "absent"

// disable is the command that closes an account.
func disable(name string) string { return "opsafe disable-user " + name }

// entries are those of ACLs that the spec declares, or has declared, and that nothing
// declares.
func (f *finder) entries(context.Context) error {
	for _, l := range f.in.LeftEntries(f.Reader) {
		f.add(Orphan{Category: ACL, Name: l.Path, What: l.String() + " in its ACL, which nothing declares", Way: l.Way()}, "acls/"+l.Path)
	}
	return nil
}

// addPerson notes an account that is an orphan, or has what is one.
func (f *finder) addPerson(c Category, name, what, way string) {
	f.add(Orphan{Category: c, Name: name, What: what, Way: way}, "users/"+path.Base(name))
}

// listed reports whether the spec gives an account, or keys to it.
func (f *finder) listed(name string) bool {
	b := f.in.Backend
	if u, ok := b.Users[name]; ok && u.State != absent {
		return true
	}
	if _, ok := b.AuthorizedKeys[name]; ok {
		return true
	}
	return f.in.Roster != nil && f.in.Roster.Member(name) != nil
}

// listedKeys reports whether the spec says which keys an account has: of a service
// account that has none declared, it does not.
func (f *finder) listedKeys(name string) bool {
	if _, ok := f.in.Backend.AuthorizedKeys[name]; ok {
		return true
	}
	return f.in.Roster != nil && f.in.Roster.Member(name) != nil
}

// person reports whether somebody is in developers.yaml: the plan takes them out of
// groups that their roles do not grant.
func (f *finder) person(name string) bool {
	if f.people == nil {
		f.people = make(map[string]bool, len(f.in.Repo.People))
		for _, p := range f.in.Repo.People {
			f.people[p.Name] = true
		}
	}
	return f.people[name]
}

// missing says in which way an account is on no list.
func (f *finder) missing(name string) string {
	switch {
	case f.listed(name):
		return "no list gives it keys"
	case f.person(name):
		return "no role of theirs has accounts here"
	}
	return "who is on no list"
}

// closed says why nobody can log in as an account, whatever keys and password it
// has; empty: it is open.
func (f *finder) closed(name string) string {
	p, err := f.Password(name)
	if err != nil || p == nil || p.Expires < 0 {
		return ""
	}
	expired := time.Unix(0, 0).AddDate(0, 0, p.Expires)
	if expired.After(f.now) {
		return ""
	}
	return "which has expired"
}

// keys are those of accounts that have none on a list.
func (f *finder) keys(context.Context) error {
	places, err := policy.KeyPlaces(f.Reader)
	if err != nil {
		f.Unknown(fmt.Errorf("where sshd looks for keys: %w", err))
	}
	count := map[string]int{}
	var accounts []string
	untold := map[string]error{}
	for _, p := range places {
		others := slices.DeleteFunc(slices.Clone(p.Accounts), f.listedKeys)
		if len(others) == 0 {
			continue
		}
		keys, err := policy.KeysIn(f.Reader, p.Path)
		if host.IsUnknown(err) {
			f.Unknown(fmt.Errorf("keys of %s: %w", strings.Join(others, ", "), err))
			err = nil
		}
		for _, name := range others {
			if err != nil && untold[name] == nil {
				untold[name] = err
			}
			if len(keys) > 0 && !slices.Contains(accounts, name) {
				accounts = append(accounts, name)
			}
			count[name] += len(keys)
		}
	}
	for _, name := range accounts {
		what := "a key lets"
		if n := count[name]; n > 1 {
			what = fmt.Sprintf("%d keys let", n)
		}
		what += fmt.Sprintf(" somebody log in as %s, %s", name, f.missing(name))
		if why := f.closed(name); why != "" {
			what = fmt.Sprintf("there are keys to the account of %s, %s: they let nobody in now", name, why)
		}
		f.addPerson(Key, name, what, "")
	}
	f.untoldKeys(untold)
	return nil
}

// untoldKeys are those of accounts whose files cannot be read as they are, be it the
// account's own doing: that is something to look at, and hides nothing else.
func (f *finder) untoldKeys(why map[string]error) {
	for name, err := range why {
		if slices.ContainsFunc(f.found, func(o Orphan) bool { return o.Category == Key && o.Name == name }) || f.closed(name) != "" {
			continue
		}
		f.addPerson(Key, name, fmt.Sprintf("keys of %s, %s, cannot be told: %v", name, f.missing(name), err), "look at what is there, and put it in order or remove it")
	}
}

// passwords are those of accounts that are on no list: a password is a way in, at
// the console, by su, or by RDP. Root's own is left to who keeps the console.
func (f *finder) passwords(context.Context) error {
	users, err := f.Users()
	if err != nil {
		return err
	}
	ranges, err := f.IDRanges()
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Name == "root" || f.listed(u.Name) || noShell(u.Shell) {
			continue
		}
		p, err := f.Password(u.Name)
		if err != nil {
			return err
		}
		if p == nil || p.State == host.PasswordLocked || f.closed(u.Name) != "" {
			continue
		}
		what := "a password lets"
		if p.State == host.PasswordEmpty {
			what = "an empty password lets"
		}
		f.addPerson(Password, u.Name, fmt.Sprintf("%s somebody in as %s, %s: at the console, by su or RDP", what, u.Name, f.missing(u.Name)), closeBy(u, ranges))
	}
	return nil
}

// closeBy is the command that closes an account, to keys as well: disable-user is for people,
// and not for the accounts that services run as, nor for second names of root's.
func closeBy(u host.User, ranges host.IDRanges) string {
	if isSystem(u, ranges) {
		return "usermod --lock --expiredate 1970-01-02 " + u.Name
	}
	return disable(u.Name)
}

// isSystem reports whether an account is none of people's.
func isSystem(u host.User, ranges host.IDRanges) bool {
	return u.UID < ranges.UIDMin || u.UID == debian.NobodyUID
}

// noShell reports whether a shell lets nobody do anything.
func noShell(shell string) bool {
	return strings.HasSuffix(shell, "/nologin") || strings.HasSuffix(shell, "/false") || strings.HasSuffix(shell, "/sync")
}
