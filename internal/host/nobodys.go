package host

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Databases are where the accounts of a host stand.
type Databases interface {
	ReadFile(path string) ([]byte, error)
}

// UserGoesAlone is nil if userdel changes no line that is nobody's account: shadow's
// tools take one that begins with #, + or - for a group like any other, and take the
// user out of it, which nothing brings back. What cannot be read is not judged.
func UserGoesAlone(r Databases, user string) error {
	member := func(list string) bool { return slices.Contains(strings.Split(list, ","), user) }
	return errors.Join(
		nobodys(r, "/etc/group", "userdel", func(f []string) bool { return len(f) > 3 && member(f[3]) }),
		nobodys(r, "/etc/gshadow", "userdel", func(f []string) bool { return len(f) > 3 && (member(f[2]) || member(f[3])) }),
	)
}

// GroupGoesAlone is nil if groupmod changes the primary group of no line that is
// nobody's account when it gives a group another number than gid.
func GroupGoesAlone(r Databases, gid int) error {
	return nobodys(r, "/etc/passwd", "groupmod", func(f []string) bool { return len(f) > 3 && f[3] == strconv.Itoa(gid) })
}

// nobodys refuses a tool that would change lines which are nobody's.
func nobodys(r Databases, file, tool string, changes func(fields []string) bool) error {
	data, err := r.ReadFile(file)
	if err != nil {
		return nil // whoever changes accounts as root can read it
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if strings.HasPrefix(f[0], "#") || strings.HasPrefix(f[0], "+") || strings.HasPrefix(f[0], "-") {
			if changes(f) {
				return fmt.Errorf("%s:%d: %s would change this line as well, %s:…, which is nobody's account: put it in order by hand (vipw, vigr), and run again", file, n, tool, f[0])
			}
		}
	}
	return nil
}
