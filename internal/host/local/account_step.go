package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// doAccount carries out the steps on users and groups, through shadow's own
// tools: they lock, keep subuid and the NSS caches in step, and are audited. Only of
// several accounts that are made together, it writes lines as they would.
func (h *Host) doAccount(ctx context.Context, s host.AccountStep) error {
	defer h.accounts.forget()
	switch s := s.(type) {
	case host.AddGroup:
		return h.addGroup(ctx, s)
	case host.SetGID:
		return h.setGID(ctx, s)
	case host.DeleteGroup:
		return h.wholly(ctx, nil, []string{s.Name}, "groupdel", "--", s.Name)
	case host.SetMembers:
		return h.accountTool(ctx, "gpasswd", "-M", strings.Join(s.Members, ","), "--", s.Group)
	case host.AddUser:
		return h.addUser(ctx, s)
	case host.AddUsers:
		return h.addUsers(ctx, s)
	case host.SetUser:
		return h.setUser(ctx, s)
	case host.DeleteUser:
		if err := host.UserGoesAlone(h, s.Name); err != nil {
			return err
		}
		return h.wholly(ctx, []string{s.Name}, []string{s.Name}, "userdel", "--", s.Name)
	case host.SetPassword:
		return h.setPassword(ctx, s)
	case host.SetPasswordChanged:
		return h.accountTool(ctx, "chage", "-d", strconv.Itoa(s.Day), "--", s.User)
	case host.AddShadowLine:
		return h.addShadowLine(ctx, s.User)
	case host.LockGroup:
		return h.accountTool(ctx, "gpasswd", "-R", "--", s.Group)
	case host.SetGroupAdmins:
		return h.accountTool(ctx, "gpasswd", "-A", strings.Join(s.Admins, ","), "--", s.Group)
	case host.SetExpiry:
		return h.accountTool(ctx, "chage", "-E", strconv.Itoa(s.Day), "--", s.User)
	case host.EndSessions:
		return h.endSessions(ctx, s.User)
	case host.SetLinger:
		return h.setLinger(ctx, s)
	}
	return errNoStep
}

func (h *Host) setGID(ctx context.Context, s host.SetGID) error {
	g, err := h.Group(s.Name)
	if err != nil {
		return err
	}
	if g != nil {
		if err := host.GroupGoesAlone(h, g.GID); err != nil {
			return err
		}
	}
	return h.accountTool(ctx, "groupmod", "-g", strconv.Itoa(s.GID), "--", s.Name)
}

func (h *Host) addGroup(ctx context.Context, s host.AddGroup) error {
	argv := []string{"groupadd", "-g", strconv.Itoa(s.GID)}
	if s.System {
		argv = append(argv, "-r")
	}
	return h.accountTool(ctx, append(argv, "--", s.Name)...)
}

// addUser makes the account in one call of useradd. The group of its own has
// to be there before; it goes again when useradd fails. A run that dies between
// the two leaves a group that the next run uses.
func (h *Host) addUser(ctx context.Context, s host.AddUser) error {
	made := false
	if s.Group == "" {
		s.Group = s.Name
		var err error
		if made, err = h.addOwnGroup(ctx, s); err != nil {
			return err
		}
	}
	argv := []string{
		"useradd", "-M", "-N", "-u", strconv.Itoa(s.UID), "-g", s.Group,
		"-d", s.Home, "-s", s.Shell, "-c", s.Comment,
	}
	if len(s.Groups) > 0 {
		argv = append(argv, "-G", strings.Join(s.Groups, ","))
	}
	if s.System {
		argv = append(argv, "-r")
	}
	err := h.accountTool(ctx, append(argv, "--", s.Name)...)
	if err != nil && made {
		h.accounts.forget()
		if u, lookErr := h.User(s.Name); lookErr == nil && u == nil {
			err = errors.Join(err, h.wholly(ctx, nil, []string{s.Group}, "groupdel", "--", s.Group))
		}
	}
	return err
}

// addOwnGroup makes the group of a new user's own, with the user's id if that
// is free. It reports whether the group is new.
func (h *Host) addOwnGroup(ctx context.Context, s host.AddUser) (made bool, err error) {
	h.accounts.forget()
	db, err := h.accounts.names()
	if err != nil {
		return false, err
	}
	if _, there := db.groupAt[s.Name]; there {
		return false, nil
	}
	gid := s.GID
	if gid == 0 {
		gid = s.UID
	}
	if _, taken := db.groupOf[gid]; taken {
		if gid, err = h.freeGID(db, s.System); err != nil {
			return false, fmt.Errorf("cannot make group %s: %w", s.Name, err)
		}
	}
	err = h.addGroup(ctx, host.AddGroup{Name: s.Name, GID: gid, System: s.System})
	return err == nil, err
}

func (h *Host) freeGID(db *nameDB, system bool) (int, error) {
	r, err := h.IDRanges()
	if err != nil {
		return 0, err
	}
	used := make([]int, 0, len(db.groups))
	for _, g := range db.groups {
		used = append(used, g.GID)
	}
	if system {
		return host.NextID(r.SysGIDMin, r.SysGIDMax, true, used)
	}
	return host.NextID(r.GIDMin, r.GIDMax, false, used)
}

// setUser changes the fields that are given, in one call. With a new uid or
// primary group usermod would re-own what is in the home, and the mailbox with
// a uid: then it runs where it cannot see them (accountToolBlind).
func (h *Host) setUser(ctx context.Context, s host.SetUser) error {
	argv := []string{"usermod"}
	if s.UID != nil {
		argv = append(argv, "-u", strconv.Itoa(*s.UID))
	}
	for _, f := range []struct {
		flag  string
		value *string
	}{{"-g", s.Group}, {"-d", s.Home}, {"-s", s.Shell}, {"-c", s.Comment}} {
		if f.value != nil {
			argv = append(argv, f.flag, *f.value)
		}
	}
	if len(argv) == 1 {
		return nil
	}
	argv = append(argv, "--", s.Name)
	if s.UID == nil && s.Group == nil {
		return h.accountTool(ctx, argv...)
	}
	h.accounts.forget()
	u, err := h.User(s.Name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("cannot change user %s: there is no such user", s.Name)
	}
	hide := []string{u.Home, "/var/mail"}
	if s.Home != nil {
		hide = append(hide, *s.Home)
	}
	return h.accountToolBlind(ctx, hide, argv...)
}

// setPassword has two calls for PasswordAtFirstLogin, in the order in which
// there is no moment with an empty password that need not be changed.
func (h *Host) setPassword(ctx context.Context, s host.SetPassword) error {
	switch s.To {
	case host.LockPassword:
		return h.lockPassword(ctx, s.User)
	case host.RemovePassword:
		return h.accountTool(ctx, "usermod", "-p", "!", "--", s.User)
	case host.UnlockPassword:
		if p, err := h.Password(s.User); err != nil || p == nil || !p.HasHash {
			return errors.Join(fmt.Errorf("cannot unlock the password of %s: there is none behind the lock", s.User), err)
		}
		return h.accountTool(ctx, "usermod", "-U", "--", s.User)
	case host.PasswordAtFirstLogin:
		if err := h.accountTool(ctx, "chage", "-d", "0", "--", s.User); err != nil {
			return err
		}
		return h.accountTool(ctx, "passwd", "-d", "--", s.User)
	}
	return fmt.Errorf("cannot set password of %s: %q is no way to change one", s.User, s.To)
}

// lockPassword locks, and then has a password that was to be changed count as
// changed today. In between the account is shut, which is no more than was wanted.
func (h *Host) lockPassword(ctx context.Context, user string) error {
	h.accounts.forget()
	p, err := h.Password(user)
	if err != nil {
		return err
	}
	if err := h.accountTool(ctx, "usermod", "-L", "--", user); err != nil || p == nil || !p.MustChange {
		return err
	}
	return h.accountTool(ctx, "chage", "-d", strconv.Itoa(today()), "--", user)
}

// addShadowLine has chage make the line, with what stands for a password in passwd
// that shadow has: nothing matches it, and it is then written as a lock. Pwconv
// would make the line, too, and remove others.
func (h *Host) addShadowLine(ctx context.Context, user string) error {
	h.accounts.forget()
	p, err := h.Password(user)
	if err != nil || p != nil && !p.Missing {
		return err
	}
	argv := []string{"chage", "-d", strconv.Itoa(today())}
	defs, err := os.ReadFile(h.accounts.root + debian.LoginDefs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot see how long passwords last: %w", err)
	}
	days := numbersOf(string(defs))
	for _, d := range []struct{ flag, name string }{{"-m", "PASS_MIN_DAYS"}, {"-M", "PASS_MAX_DAYS"}, {"-W", "PASS_WARN_AGE"}} {
		if n, ok := days[d.name]; ok {
			argv = append(argv, d.flag, strconv.Itoa(n))
		}
	}
	if err := h.accountTool(ctx, append(argv, "--", user)...); err != nil {
		return err
	}
	return h.accountTool(ctx, "usermod", "-p", "!", "--", user)
}

// today is a day of shadow(5).
func today() int { return int(time.Now().Unix() / (24 * 60 * 60)) }
