package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"opsafe/internal/host"
)

// sourcePatience bounds what a source of accounts may take: one over the network
// may be down.
const sourcePatience = 10 * time.Second

// accountSources are those of nsswitch.conf(5) besides the files of /etc, such as
// a directory service: only the C library can ask them, and getent(1) does so.
// Where there are none, which is the rule, no program is started.
type accountSources struct {
	mu      sync.Mutex
	sources map[string]string // by database; nil: not read yet
	answers map[string]answer // by database and key
}

type answer struct {
	line string
	err  error
}

func (s *accountSources) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources, s.answers = nil, nil
}

// entry is the line that a source has for a name or id, and the sources' names;
// empty for none.
func (s *accountSources) entry(root, database, key string) (line, source string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources == nil {
		data, err := os.ReadFile(root + "/etc/nsswitch.conf")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", unknown("content of /etc/nsswitch.conf", err)
		}
		s.sources, s.answers = parseSources(string(data), root), map[string]answer{}
	}
	source = s.sources[database]
	if source == "" {
		return "", "", nil
	}
	a, known := s.answers[database+" "+key]
	if !known {
		a = ask(database, key, source)
		s.answers[database+" "+key] = a
	}
	return a.line, source, a.err
}

func ask(database, key, source string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), sourcePatience)
	defer cancel()
	out, err := run(ctx, []string{"getent", database, "--", key}, runOptions{})
	const notFound = 2
	var failed *runError
	switch {
	case errors.As(err, &failed) && failed.Code == notFound:
		return answer{}
	case err != nil:
		return answer{err: unknown("whether "+source+" of /etc/nsswitch.conf has the "+database+" entry "+key, err)}
	}
	line, _, _ := strings.Cut(out, "\n")
	return answer{line: line}
}

// parseSources lists what passwd and group come from, apart from the files.
// Systemd counts where it has been given accounts of its own: else it only makes
// up those of its services.
func parseSources(conf, root string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(conf) {
		line, _, _ = strings.Cut(line, "#")
		database, list, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || database != "passwd" && database != "group" {
			continue
		}
		var names []string
		for _, name := range strings.Fields(list) {
			plain := name == "files" || name == "compat" || strings.ContainsAny(name, "[]!=") // [NOTFOUND=return]
			if !plain && (name != "systemd" || systemdHasAccounts(root)) {
				names = append(names, name)
			}
		}
		out[database] = strings.Join(names, ", ")
	}
	return out
}

// systemdHasAccounts looks for records of nss-systemd(8) and for systemd-homed.
func systemdHasAccounts(root string) bool {
	for _, dir := range []string{"/etc/userdb", "/run/userdb", "/run/host/userdb", "/usr/lib/userdb"} {
		if entries, err := os.ReadDir(root + dir); err == nil && len(entries) > 0 {
			return true
		}
	}
	_, err := os.Lstat(root + "/run/systemd/userdb/io.systemd.Home")
	return err == nil
}

// sourceUser is a user that is not in /etc/passwd, by name or id.
func (a *accountDB) sourceUser(key string) (*host.User, error) {
	line, source, err := a.sources.entry(a.root, "passwd", key)
	if line == "" || err != nil {
		return nil, err
	}
	db := parseNames(line, "")
	if len(db.users) == 0 {
		return nil, nil
	}
	u := db.users[0]
	u.Source = source
	return &u, nil
}

// sourceGroup is a group that is not in /etc/group, by name or id.
func (a *accountDB) sourceGroup(key string) (*host.Group, error) {
	line, source, err := a.sources.entry(a.root, "group", key)
	if line == "" || err != nil {
		return nil, err
	}
	db := parseNames("", line)
	if len(db.groups) == 0 {
		return nil, nil
	}
	g := db.groups[0]
	g.Source, g.Members = source, slices.Clone(g.Members)
	return &g, nil
}

// UserByID finds the first user with that number.
func (h *Host) UserByID(uid int) (*host.User, error) {
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	name, ok := db.userOf[uid]
	if !ok {
		return h.accounts.sourceUser(strconv.Itoa(uid))
	}
	return h.User(name)
}
