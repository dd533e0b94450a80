package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// MaxKept is how many entries aside and void keep each. The oldest go first.
const MaxKept = 200

// Aside takes an entry out that could not be handled, and keeps it with the reason.
func (d Dir) Aside(e Entry, reason string) error { return d.keep(AsideName, e, reason) }

// Void takes an entry out that is dropped on purpose, and keeps it with the reason.
func (d Dir) Void(e Entry, reason string) error { return d.keep(VoidName, e, reason) }

// keep moves an entry to a directory of which a bounded number is kept.
func (d Dir) keep(name string, e Entry, reason string) error {
	e.Reason = reason
	to := d.beside(name)
	if err := to.make(); err != nil {
		return err
	}
	if err := d.Forward(e, to); err != nil {
		return err
	}
	return to.trim(MaxKept)
}

// make makes a directory of what is kept, if it is missing.
func (d Dir) make() error {
	if err := os.Mkdir(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot keep an entry: %w", err)
	}
	return nil
}

// AsideBad takes out a file that is no entry. What is in it is kept beside the reason,
// unless it is no plain file or longer than any entry.
func (d Dir) AsideBad(b Bad) error {
	e := Entry{Name: NameOf(time.Now(), ""), What: Unreadable, Received: time.Now().UTC()}
	e.Reason = fmt.Sprintf("%q is no entry: %v", b.Name, b.Err)
	to := d.beside(AsideName)
	err := to.make()
	if data := d.raw(b.Name); err == nil && data != nil {
		err = to.with(func(root *os.Root) error { return write(root, strings.TrimSuffix(e.Name, suffix)+rawSuffix, data) })
	}
	if err == nil {
		err = to.Put(e)
	}
	if err == nil {
		err = d.with(func(root *os.Root) error {
			return errors.Join(ignoreMissing(root.RemoveAll(b.Name)), syncDir(root))
		})
	}
	if err != nil {
		return fmt.Errorf("cannot put %q aside: %w", b.Name, err)
	}
	return to.trim(MaxKept)
}

// rawSuffix ends the names of what was no entry, as it was.
const rawSuffix = ".unreadable"

// raw is what is in a file that is no entry; nil: nothing that could be kept.
func (d Dir) raw(name string) []byte {
	var data []byte
	err := d.with(func(root *os.Root) (err error) {
		data, err = content(root, name)
		return err
	})
	if err != nil {
		return nil
	}
	return data
}

// trim removes the oldest until so many are left. Names of times that are yet to come are
// the oldest of all: the clock was set back after them.
func (d Dir) trim(most int) error {
	return d.with(func(root *os.Root) error {
		all, err := names(root)
		if err != nil {
			return err
		}
		var order, future []string
		for _, name := range all {
			switch {
			case !strings.HasSuffix(name, suffix):
			case timeOf(name).After(time.Now().Add(time.Minute)):
				future = append(future, name)
			default:
				order = append(order, name)
			}
		}
		order = append(future, order...)
		if len(order) <= most {
			return nil
		}
		var errs []error
		for _, name := range order[:len(order)-most] {
			errs = append(errs, ignoreMissing(root.Remove(strings.TrimSuffix(name, suffix)+rawSuffix)), ignoreMissing(root.Remove(name)))
		}
		return errors.Join(append(errs, syncDir(root))...)
	})
}

// timeOf is the time in the name of an entry's file; 1970 if there is none.
func timeOf(name string) time.Time {
	digits, _, _ := strings.Cut(name, "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		n = 0
	}
	return time.Unix(0, n)
}

// Sweep removes what killed writers have left: files that were begun more than an hour
// ago, or, by a clock that was set back since, will be.
func (d Dir) Sweep() error {
	return d.with(func(root *os.Root) error {
		all, err := names(root)
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range all {
			age := time.Since(timeOf(strings.TrimPrefix(name, hidden))).Abs()
			if strings.HasPrefix(name, hidden) && age > time.Hour {
				errs = append(errs, ignoreMissing(root.RemoveAll(name)))
			}
		}
		return errors.Join(errs...)
	})
}
