package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// state is what there is at paths: type, owner, mode, ACL and a digest of the
// content, in one line each.
type state map[string]string

// gone stands for a path at which there is nothing.
const gone = "nothing"

// temporary are the names under which opsafe and the account tools prepare
// files; they may be there after a run that died, and not after the next one.
var temporary = regexp.MustCompile(`(^|/)\.opsafe-(tree-)?[0-9a-f]{16}(/|$)|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)(\.lock|\.[0-9]+|\+)$|^/run/opsafe/check-[0-9]+(/|$)|^/run/opsafe-try-[0-9]+(/|$)`)

// whatever are paths of which nothing is expected: copies that account tools
// keep, locks that are held by a descriptor, sudo's notes of who was asked, the message that a login writes, logs, and the directories that
// systemd-analyze leaves in /tmp when it is killed. The records of runs are judged by
// themselves: each says when it was made.
var whatever = regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/\.pwd\.lock$|^/run(/opsafe\.lock|/opsafe)?$|^/run/(sudo(/|$)|motd\.)|^/var/log(/|$)|^/tmp(/systemd-(analyze|temporary)-[^/]*)?$|^/var/lib/opsafe/(history(/[0-9]+\.json)?|upgrades\.json)$|^/(run|proc|dev|sys)/?$`)

// databases are the account databases. What counts of them are their lines.
var databases = regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow|subuid|subgid)$`)

// look lists all that a point has changed.
func (l *lab) look() (state, error) {
	s := state{}
	if err := l.walk(l.upper, "/", s); err != nil {
		return nil, err
	}
	for d := range l.live {
		if err := l.walk(d, d, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// walk adds what is below a directory, as seen at the path at.
func (l *lab) walk(dir, at string, s state) error {
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(at, strings.TrimPrefix(path, dir))
		if whatever.MatchString(name) || l.foreign != nil && l.foreign.MatchString(name) {
			return nil
		}
		s[name], err = l.describe(path, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot look at what has changed: %w", err)
	}
	return nil
}

// was is what is at a path when a point begins.
func (l *lab) was(name string) (string, error) {
	for d, kept := range l.live {
		if rest, ok := strings.CutPrefix(name, d); ok {
			return l.describe(kept+rest, name)
		}
	}
	return l.describe(l.base+name, name)
}

// describe says what is at a path of a disk, whose name in the host is name.
func (l *lab) describe(path, name string) (string, error) {
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return gone, nil
	case err != nil:
		return "", err
	}
	what := fmt.Sprintf("%o %s:%s", st.Mode, l.owner(st.Uid, "passwd"), l.owner(st.Gid, "group"))
	for _, acl := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		buf := make([]byte, 4096)
		if n, err := unix.Lgetxattr(path, acl, buf); err == nil {
			what += " acl=" + hex.EncodeToString(declaredEntries(acl, buf[:n]))
		}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		if st.Rdev == 0 {
			return gone, nil // overlayfs' mark
		}
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		return "link to " + target, err
	case unix.S_IFREG:
		if l.unsteady(name) {
			return what, nil
		}
		content, err := os.ReadFile(path)
		if databases.MatchString(name) {
			return what + " " + strings.Join(l.essence(name, content), " "), err
		}
		sum := sha256.Sum256(content)
		return what + fmt.Sprintf(" %d bytes %x", len(content), sum[:8]), err
	}
	return what, nil
}

// declaredEntries are the entries of an ACL that a spec can declare. The owner's,
// the group's and others' default entries are what the mode was when the default
// ACL was made; nothing is declared of them, nor of the mask that follows from
// them.
func declaredEntries(name string, acl []byte) []byte {
	if name != "system.posix_acl_default" {
		return acl
	}
	const header, entry, user, group = 4, 8, 2, 8 // tags of named users and groups, see acl(5)
	var named []byte
	for i := header; i+entry <= len(acl); i += entry {
		if acl[i] == user || acl[i] == group {
			named = append(named, acl[i:i+entry]...)
		}
	}
	return named
}

// owner is an id, or the name that has it if the spec leaves that one's id open.
func (l *lab) owner(id uint32, database string) string {
	if len(l.open) > 0 && id >= firstID {
		data, err := os.ReadFile(filepath.Join(l.root, "etc", database))
		for line := range strings.Lines(string(data)) {
			f := strings.Split(line, ":")
			if err == nil && len(f) > 2 && f[2] == strconv.Itoa(int(id)) && slices.Contains(l.open, f[0]) {
				return f[0]
			}
		}
	}
	return strconv.Itoa(int(id))
}

// firstID is the least id that people get.
const firstID = 1000

// unsteady reports whether a file's content differs from run to run.
func (l *lab) unsteady(name string) bool {
	return slices.Contains(l.loose, name) || slices.Contains(l.pairs, strings.TrimSuffix(name, ".pub"))
}

// essence is what is declared of an account database: its lines in any order,
// without the day of a password's change but for the first one, without ids
// that the spec leaves open, and without members in gshadow, which are judged
// by themselves. Of ranges of subordinate ids nothing is declared.
func (l *lab) essence(name string, content []byte) []string {
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if strings.HasSuffix(name, "group") || strings.HasSuffix(name, "gshadow") {
		lines = slices.DeleteFunc(lines, func(line string) bool { return slices.Contains(l.husks, line[:strings.IndexByte(line+":", ':')]) })
	}
	for i, line := range lines {
		f := strings.Split(line, ":")
		open := slices.Contains(l.open, f[0])
		switch {
		case strings.HasPrefix(name, "/etc/sub"):
			return nil
		case name == "/etc/shadow" && len(f) > 2 && f[2] != "0":
			f[2] = ""
		case name == "/etc/gshadow" && len(f) > 3:
			f[1], f[3] = strings.TrimPrefix(f[1], "x"), "" // grpconv writes x, groupadd !, and neither lets anybody in
			f[1] = strings.TrimPrefix(f[1], "!")
		case name == "/etc/passwd" && open && len(f) > 3:
			f[2], f[3] = "", ""
		case name == "/etc/group" && len(f) > 3:
			members := strings.Split(f[3], ",")
			slices.Sort(members)
			f[3] = strings.Join(members, ",")
			if open {
				f[2] = ""
			}
		}
		lines[i] = strings.Join(f, ":")
	}
	slices.Sort(lines)
	return lines
}

// differences lists where what is differs from what is wanted, at most a few.
func (l *lab) differences(is, want state) ([]string, error) {
	names := map[string]bool{}
	for n := range is {
		names[n] = true
	}
	for n := range want {
		names[n] = true
	}
	var out []string
	for n := range names {
		a, err := l.at(is, n)
		if err != nil {
			return nil, err
		}
		b, err := l.at(want, n)
		if err != nil {
			return nil, err
		}
		if a != b {
			out = append(out, n+" "+contrast(a, b))
		}
	}
	slices.Sort(out)
	const most = 8
	if len(out) > most {
		out = append(out[:most], "and "+strconv.Itoa(len(out)-most)+" more")
	}
	return out, nil
}

// contrast says what of two descriptions differs.
func contrast(is, want string) string {
	a, b := strings.Fields(is), strings.Fields(want)
	if len(a) < 9 && len(b) < 9 {
		return "is " + is + ", not " + want
	}
	onlyIn := func(these, others []string) string {
		left := slices.DeleteFunc(slices.Clone(these), func(w string) bool { return slices.Contains(others, w) })
		return strings.Join(left, " ")
	}
	return "has " + onlyIn(a, b) + ", not " + onlyIn(b, a)
}

// at is what a state has at a path: what is not listed is as it was.
func (l *lab) at(s state, name string) (string, error) {
	if what, ok := s[name]; ok {
		return what, nil
	}
	return l.was(name)
}
