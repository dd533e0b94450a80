package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// visits are the states in which each path was seen during a run in which
// nothing went wrong: what its mode, owner and content were.
type visits map[string]map[string]bool

func (v visits) add(s state) {
	for name, what := range s {
		if v[name] == nil {
			v[name] = map[string]bool{}
		}
		for _, part := range parts(what) {
			v[name][part] = true
		}
	}
}

// parts are mode, owner and content, each of which has to be as before or as
// declared at any time. ACLs are left out: several resources declare parts of one,
// and it depends on which of them have been applied.
func parts(what string) []string {
	if what == gone || strings.HasPrefix(what, "link") {
		return []string{what}
	}
	f := slices.DeleteFunc(strings.Fields(what), func(w string) bool { return strings.HasPrefix(w, "acl=") })
	var rights []string
	switch mode, err := strconv.ParseUint(f[0], 8, 32); {
	case err != nil:
		rights = f[:1:1]
	case mode&unix.S_IFMT == unix.S_IFDIR: // its group bits are its ACL's mask
		rights = grants("directory", mode&^(unix.S_IFMT|unix.S_IRWXG))
	default:
		rights = grants("file", mode&^unix.S_IFMT)
	}
	if len(f) < 3 {
		return append(rights, f[1:]...)
	}
	return append(rights, f[1], strings.Join(f[2:], " "))
}

// grants are the bits of a mode, one by one: what could not be brought about is closed,
// so that a file or directory may have fewer of them than before and as declared, and
// never others.
func grants(what string, mode uint64) []string {
	var out []string
	for bit := uint64(1); bit <= mode; bit <<= 1 {
		if mode&bit != 0 {
			out = append(out, fmt.Sprintf("%s with %#o", what, bit))
		}
	}
	return append(out, what)
}

// halfDone looks for files that are neither as they were nor as they become.
func (l *lab) halfDone(s state) ([]string, error) {
	var bad []string
	for name, what := range s {
		if temporary.MatchString(name) || databases.MatchString(name) || name == pendingFile {
			continue
		}
		was, err := l.was(name)
		if err != nil {
			return nil, err
		}
		before := parts(was)
		for _, part := range parts(what) {
			if !l.seen[name][part] && !slices.Contains(before, part) {
				bad = append(bad, fmt.Sprintf("half written: %s is %s, which it never is otherwise", name, what))
				break
			}
		}
	}
	slices.Sort(bad)
	return bad, nil
}

// pendingFile is where opsafe keeps what it owes.
const pendingFile = "/var/lib/opsafe/pending.json"

// sound checks what has to hold at any time, whatever has happened.
func (l *lab) sound(s state) []string {
	var bad []string
	for name, fields := range map[string]int{"passwd": 7, "group": 4, "shadow": 9, "gshadow": 4, "subuid": 3, "subgid": 3} {
		if err := parseDatabase(filepath.Join(l.root, "etc", name), fields); err != nil {
			bad = append(bad, "account databases: "+err.Error())
		}
	}
	if err := parseJSON(l.root + pendingFile); err != nil {
		bad = append(bad, "what is owed: "+err.Error())
	}
	records, err := filepath.Glob(l.root + "/var/lib/opsafe/history/*.json")
	if err != nil {
		bad = append(bad, err.Error())
	}
	for _, r := range records {
		if err := parseJSON(r); err != nil {
			bad = append(bad, "the record of a run: "+err.Error())
		}
	}
	bad = append(bad, l.accepted(s, "/etc/sudoers", "/usr/sbin/visudo", "-c", "-q")...)
	bad = append(bad, l.accepted(s, "/etc/ssh", "/usr/sbin/sshd", "-t")...)
	for _, path := range l.pairs {
		if err := l.parsePair(path); err != nil {
			bad = append(bad, "key pair: "+err.Error())
		}
	}
	return bad
}

// accepted asks a program whether what lies below a path is in order. What it
// has said of the same files before is not asked again.
func (l *lab) accepted(s state, below string, argv ...string) []string {
	var key strings.Builder
	key.WriteString(argv[0] + strings.Join(argv, " "))
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if strings.HasPrefix(name, below) && !temporary.MatchString(name) {
			key.WriteString("\n" + name + " " + s[name])
		}
	}
	said, known := l.verdicts[key.String()]
	if !known {
		if code, out := l.enter(l.root, argv...); code != 0 {
			said = []string{fmt.Sprintf("%s ends with %d: %s", strings.Join(argv, " "), code, out)}
		}
		l.verdicts[key.String()] = said
	}
	return said
}

// parseDatabase makes sure that an account database is whole.
func parseDatabase(path string, fields int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		switch {
		case !strings.HasSuffix(line, "\n"):
			return fmt.Errorf("%s ends in the middle of a line: %q", path, line)
		case len(f) != fields:
			return fmt.Errorf("%s has a line of %d fields: %q", path, len(f), line)
		case names[f[0]] && fields != 3:
			return fmt.Errorf("%s names %s twice", path, f[0])
		}
		if _, err := strconv.Atoi(f[len(f)-1]); fields == 3 && err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		names[f[0]] = true
	}
	if fields != 3 && !names["root"] {
		return fmt.Errorf("%s does not know root", path)
	}
	return nil
}

func parseJSON(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var any map[string]any
	return json.Unmarshal(data, &any)
}

// parsePair makes sure that a private key, if it is there, is whole, and that
// the public one is its other half.
func (l *lab) parsePair(path string) error {
	data, err := os.ReadFile(l.root + path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	public, err := os.ReadFile(l.root + path + ".pub")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	half, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return fmt.Errorf("%s.pub: %w", path, err)
	}
	if string(half.Marshal()) != string(key.PublicKey().Marshal()) {
		return fmt.Errorf("%s.pub is another key's", path)
	}
	return nil
}

// settled checks what has to hold after one more run.
func (l *lab) settled(s state) ([]string, error) {
	bad := l.sound(s)
	for name := range s {
		if temporary.MatchString(name) && s[name] != gone {
			bad = append(bad, "left over: "+name)
		}
	}
	if _, err := os.Lstat(l.root + pendingFile); err == nil {
		bad = append(bad, "something is still owed")
	}
	strangers, err := onlyInShadow(l.root)
	if err != nil {
		return nil, err
	}
	bad = append(bad, strangers...)
	differs, err := l.differences(s, l.want)
	if err != nil {
		return nil, err
	}
	for _, d := range differs {
		bad = append(bad, "not as declared: "+d)
	}
	bad = append(bad, l.accepted(s, "/etc/", "/usr/sbin/pwck", "-r", "-q")...)
	bad = append(bad, l.accepted(s, "/etc/", "/usr/sbin/grpck", "-r")...)
	for unit, path := range l.told {
		if err := toldOf(unit, l.root+path); err != nil {
			bad = append(bad, err.Error())
		}
	}
	if came := l.cameOf(); came != l.came {
		bad = append(bad, fmt.Sprintf("it came to %q, not %q", came, l.came))
	}
	slices.Sort(bad)
	return bad, nil
}

// cameOf is what the scenario's own script says of it.
func (l *lab) cameOf() string {
	if l.outcome == "" {
		return ""
	}
	_, said := l.enter(l.root, "/bin/sh", "-c", l.outcome)
	return said
}

// onlyInShadow finds members of groups of whom only /etc/gshadow knows: newgrp
// and sg go by it.
func onlyInShadow(root string) ([]string, error) {
	members := map[string]string{}
	var bad []string
	for _, name := range []string{"group", "gshadow"} {
		data, err := os.ReadFile(filepath.Join(root, "etc", name))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
			if name == "group" {
				members[f[0]] = f[len(f)-1]
				continue
			}
			for m := range strings.SplitSeq(f[len(f)-1], ",") {
				if m != "" && !slices.Contains(strings.Split(members[f[0]], ","), m) {
					bad = append(bad, fmt.Sprintf("%s is a member of %s in /etc/gshadow alone", m, f[0]))
				}
			}
		}
	}
	return bad, nil
}

// marks is where units leave a file each time they are started or reloaded.
const marks = "/run/lab"

// toldOf makes sure that a unit has been started or reloaded since a file has
// changed for the last time.
func toldOf(unit, path string) error {
	var file, mark unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return fmt.Errorf("cannot see whether %s was told: %w", unit, err)
	}
	if err := unix.Stat(filepath.Join(marks, unit), &mark); err != nil {
		return fmt.Errorf("cannot see whether %s was told: %w", unit, err)
	}
	if mark.Mtim.Nano() < file.Ctim.Nano() {
		return fmt.Errorf("%s was never told that %s has changed", unit, path)
	}
	return nil
}
