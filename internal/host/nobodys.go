package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Databases are where the accounts of a host stand.
type Databases interface {
	// Strays tells what is in them that is neither an account nor a group.
	Strays() (Strays, error)
}

// NobodysLine is a line of /etc/passwd, /etc/group or /etc/gshadow that begins with
// #, + or -: it is nobody's, and account tools take it for one like any other.
type NobodysLine struct {
	File string `json:"file" yaml:"file"` // /etc/passwd
	Line int    `json:"line" yaml:"line"` // counted from 1
	Name string `json:"name" yaml:"name"` // with the sign that it begins with
	// GID is the primary group in a line of /etc/passwd, as it is written there.
	GID string `json:"gid,omitempty" yaml:"gid"`
	// Users are the members and administrators in a line of the other files.
	Users []string `json:"users,omitempty" yaml:"users"`
}

// NobodysLines are the lines of an account database that are nobody's and that an
// account tool could change, without what is secret of them.
func NobodysLines(file, text string) []NobodysLine {
	var out []NobodysLine
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if !strings.ContainsAny(line[:1], "#+-") || len(f) < 4 {
			continue
		}
		name, _, _ := strings.Cut(f[0], " ")
		l := NobodysLine{File: file, Line: n, Name: name}
		if file == "/etc/passwd" {
			l.GID = f[3]
			out = append(out, l)
			continue
		}
		l.Users = strings.Split(f[3], ",")
		if file == "/etc/gshadow" {
			l.Users = append(l.Users, strings.Split(f[2], ",")...)
		}
		// A sentence is not for facts.
		l.Users = slices.DeleteFunc(l.Users, func(u string) bool { return u == "" || strings.Contains(u, " ") })
		if slices.Sort(l.Users); len(l.Users) > 0 {
			l.Users = slices.Compact(l.Users)
			out = append(out, l)
		}
	}
	return out
}

// UserGoesAlone is nil if userdel changes no line that is nobody's account: shadow's
// tools take one that begins with #, + or - for a group like any other, and take the
// user out of it, which nothing brings back. What cannot be read is not judged.
func UserGoesAlone(r Databases, user string) error {
	return nobodys(r, "userdel", func(l NobodysLine) bool { return slices.Contains(l.Users, user) })
}

// GroupGoesAlone is nil if groupmod changes the primary group of no line that is
// nobody's account when it gives a group another number than gid.
func GroupGoesAlone(r Databases, gid int) error {
	return nobodys(r, "groupmod", func(l NobodysLine) bool { return l.GID == strconv.Itoa(gid) })
}

// nobodys refuses a tool that would change lines which are nobody's.
func nobodys(r Databases, tool string, changes func(NobodysLine) bool) error {
	s, err := r.Strays()
	if IsUnknown(err) {
		return nil // whoever changes accounts as root can read it
	}
	if err != nil {
		return err
	}
	for _, l := range s.Nobodys {
		if changes(l) {
			return fmt.Errorf("%s:%d: %s would change this line as well, %s:…, which is nobody's account: put it in order by hand (vipw, vigr), and run again", l.File, l.Line, tool, l.Name)
		}
	}
	return nil
}
