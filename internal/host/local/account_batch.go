package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

const (
	// sampleAccounts are how many accounts of a batch useradd makes itself: the first shows
	// what this host's useradd writes, the second whether that has been understood.
	sampleAccounts = 2
	// leastBatch is how many accounts are worth it.
	leastBatch = 4
)

// addUsers makes accounts. The first two are made by useradd, and from the first one's
// lines it is worked out what the second one's will be. Only if useradd has written just
// that, to the byte, are the others' lines written as it would write them, all at once;
// else, and where somebody wants to hear of each account, useradd makes every one.
func (h *Host) addUsers(ctx context.Context, s host.AddUsers) error {
	together, each := h.alike(s.Users)
	if len(together) > 0 {
		sample, understood, err := h.makeSamples(ctx, together[0], together[1])
		if err != nil {
			return err
		}
		rest := together[sampleAccounts:]
		if understood {
			others, err := h.writeAccounts(ctx, rest, sample)
			if err != nil {
				return fmt.Errorf("cannot make %d accounts together: %w", len(rest), err)
			}
			each = slices.Concat(others, each)
		} else {
			each = slices.Concat(rest, each)
		}
	}
	// One that cannot be made keeps no other from being made.
	var failed []error
	for _, u := range each {
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		if err := h.addUser(ctx, u); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// alike are the accounts whose lines can be worked out from those of the first of them,
// and the others. Those that a batch has died of, which have subordinate ids already, come
// last: they show nothing of how useradd gives them out.
func (h *Host) alike(users []host.AddUser) (together, each []host.AddUser) {
	text, err := h.readAccounts()
	if err != nil || h.heardOfEach() || !text.plain() {
		return nil, users
	}
	var late []host.AddUser
	have := text.haveRanges()
	for _, u := range users {
		switch {
		case !ordinary(u) || !text.person(u.UID) || h.loggedIn(u.UID):
			each = append(each, u)
		case have[u.Name]:
			late = append(late, u)
		default:
			together = append(together, u)
		}
	}
	if together = append(together, late...); len(together) < leastBatch {
		return nil, users
	}
	return together, each
}

// heardOfEach reports whether something on the host is to hear of each account from
// useradd itself: hooks, an audit of accounts, caches of names, or SELinux.
func (h *Host) heardOfEach() bool {
	if defaults, err := os.ReadFile(h.accounts.root + "/etc/default/useradd"); err == nil && mailSpool(string(defaults)) {
		return true
	}
	return slices.ContainsFunc([]string{
		"/etc/shadow-maint", "/sbin/pam_tally2", "/usr/sbin/auditd", "/sbin/auditd", "/usr/sbin/nscd", "/usr/sbin/sss_cache", "/sys/fs/selinux/enforce",
	}, func(path string) bool {
		_, err := os.Lstat(h.accounts.root + path)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

// mailSpool reports whether useradd makes a mailbox for each account, by its defaults.
func mailSpool(defaults string) bool {
	for line := range strings.Lines(defaults) {
		if strings.TrimSpace(line) == "CREATE_MAIL_SPOOL=yes" {
			return true
		}
	}
	return false
}

// loggedIn reports whether a number may have logged in before: useradd has that forgotten.
// The records of both logs lie there by number, and have these many bytes.
func (h *Host) loggedIn(uid int) bool {
	for path, size := range map[string]int64{"/var/log/lastlog": 292, "/var/log/faillog": 32} {
		st, err := os.Stat(h.accounts.root + path)
		if err == nil && st.Size() > int64(uid)*size || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// makeSamples has useradd make two accounts. It returns what the others are to be like,
// and whether the second is as the first has let expect.
func (h *Host) makeSamples(ctx context.Context, first, second host.AddUser) (sample accountSample, understood bool, err error) {
	before, err := h.readAccounts()
	if err != nil {
		return sample, false, err
	}
	if err := h.addUser(ctx, first); err != nil {
		return sample, false, err
	}
	between, err := h.readAccounts()
	if err != nil {
		return sample, false, err
	}
	sample, known := between.sampleOf(first.Name, before)
	var writes []accountWrite
	if known {
		writes, err = between.with([]host.AddUser{second}, sample)
		known = err == nil
	}
	if err := h.addUser(ctx, second); err != nil {
		return sample, false, err
	}
	after, err := h.readAccounts()
	if err != nil {
		return sample, false, err
	}
	want := between.after(writes)
	return sample, known && after.same(want, between.hasRange(second.Name)), nil
}

// writeAccounts writes the lines of accounts into the databases, under the lock that
// every account tool takes. Each file is there whole, before or after. What an account
// needs comes before its line of passwd, which makes it one; its memberships come after
// that, so that no group has members that are nobody. It returns the accounts that it has
// not made, since somebody has taken a name or number of theirs meanwhile.
func (h *Host) writeAccounts(ctx context.Context, users []host.AddUser, sample accountSample) (others []host.AddUser, err error) {
	if len(users) == 0 {
		return nil, nil
	}
	etc := h.accounts.root + "/etc"
	taken := func(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) }
	err = retry(ctx, lockPatience, lockPause, taken, func() error {
		unlock, err := lockPwd(etc)
		if err != nil {
			return err
		}
		defer unlock()
		text, err := h.readAccounts()
		if err != nil {
			return err
		}
		sample.shadow[shadowDay] = fmt.Sprint(today())
		var free []host.AddUser
		free, others = text.free(users)
		writes, err := text.with(free, sample)
		if err != nil {
			return err
		}
		for _, w := range writes {
			if err := h.rewrite(context.WithoutCancel(ctx), w); err != nil {
				return err
			}
		}
		h.logAccounts(free)
		return nil
	})
	return others, err
}

// free are the accounts of which neither name nor number is taken, and others the rest.
func (t accountText) free(users []host.AddUser) (free, others []host.AddUser) {
	passwd, group := parseLineFile(t.files["passwd"]), parseLineFile(t.files["group"])
	uids, gids := passwd.numbers(), group.numbers()
	for _, u := range users {
		_, taken := passwd.at[u.Name]
		taken = taken || uids[strconv.Itoa(u.UID)]
		if u.Group == "" {
			_, there := group.at[u.Name]
			taken = taken || there || gids[strconv.Itoa(cmp.Or(u.GID, u.UID))]
		}
		if taken {
			others = append(others, u)
		} else {
			free = append(free, u)
		}
	}
	return free, others
}

// rewrite replaces a database, whose owner and rights stay.
func (h *Host) rewrite(ctx context.Context, w accountWrite) error {
	path := filepath.Join(h.accounts.root, "/etc", w.file)
	n, err := h.Stat(path)
	if err != nil || n == nil {
		return errors.Join(fmt.Errorf("cannot replace %s", path), err)
	}
	return h.writeFile(ctx, host.WriteFile{
		Path: path, Content: host.NewContent([]byte(w.text)), Owner: n.Owner, Group: n.Group, Access: n.Access,
	})
}

// readAccounts reads the databases. Those of subordinate ids may be missing.
func (h *Host) readAccounts() (accountText, error) {
	text := accountText{files: map[string]string{}}
	for _, file := range accountFiles() {
		data, err := os.ReadFile(filepath.Join(h.accounts.root, "/etc", file))
		if errors.Is(err, fs.ErrNotExist) && isSubordinate(file) {
			continue
		}
		if err != nil {
			return text, fmt.Errorf("cannot read the account databases: %w", err)
		}
		text.files[file] = string(data)
	}
	defs, err := os.ReadFile(h.accounts.root + debian.LoginDefs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return text, fmt.Errorf("cannot read the account databases: %w", err)
	}
	text.defs = numbersOf(string(defs))
	return text, nil
}
