package policy

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// SudoRule is a rule of sudoers, which may go over several lines.
type SudoRule struct {
	Line int // of its first line, from 1
	Text string
}

// SudoRules reads the rules in a file of sudoers: no comments, which a number after
// # is none of, and no blank lines.
func SudoRules(data []byte) []SudoRule {
	var out []SudoRule
	joined, first, n := "", 0, 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if joined == "" {
			first = n
		}
		if more, ok := strings.CutSuffix(line, `\`); ok {
			joined += more + " "
			continue
		}
		text := strings.TrimSpace(withoutComment(joined + line))
		joined = ""
		if text != "" {
			out = append(out, SudoRule{Line: first, Text: text})
		}
	}
	return out
}

// withoutComment cuts what follows a # that is not a user's number, nor an include.
func withoutComment(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), "#include") {
		return line
	}
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\':
			i++
		case line[i] == '#' && (i+1 == len(line) || line[i+1] < '0' || line[i+1] > '9'):
			return line[:i]
		}
	}
	return line
}

// SudoWords are the words of a rule, with the punctuation between them cut.
func SudoWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,=:!()>@\"", r) })
}

// SudoUsers is the list of users that a rule is for; nil if it is not for users.
func SudoUsers(text string) []string {
	if names, ok := strings.CutPrefix(text, "Defaults:"); ok {
		word, _, _ := strings.Cut(names, " ")
		return strings.Split(word, ",")
	}
	before, _, ok := strings.Cut(text, "=")
	words := strings.Fields(strings.ReplaceAll(before, ",", " , "))
	if !ok || len(words) < 2 || strings.HasPrefix(words[0], "Defaults") || strings.HasSuffix(words[0], "_Alias") {
		return nil
	}
	var users []string
	for i, w := range words {
		if w == "," {
			continue
		}
		if i > 0 && words[i-1] != "," {
			break // the list of hosts begins
		}
		users = append(users, strings.Trim(w, `"`))
	}
	return users
}

// namesOf are the ways in which sudoers can name somebody, and nobody else: also by
// the primary group, if nobody else is in it.
func namesOf(r host.Reader, u host.User) []string {
	names := []string{u.Name, "#" + strconv.Itoa(u.UID)}
	g, err := r.GroupByID(u.GID)
	if err != nil || g == nil || slices.ContainsFunc(g.Members, func(m string) bool { return m != u.Name }) {
		return names
	}
	users, err := r.Users()
	if err != nil || slices.ContainsFunc(users, func(other host.User) bool { return other.GID == u.GID && other.Name != u.Name }) {
		return names
	}
	return append(names, "%"+g.Name, "%#"+strconv.Itoa(g.GID))
}

// sudoNames reports whether a rule has one of the names.
func sudoNames(text string, names []string) bool {
	return slices.ContainsFunc(SudoWords(text), func(w string) bool { return slices.Contains(names, w) })
}

// SudoersFile is a file that sudo may read, with what it says of somebody.
type SudoersFile struct {
	Path   string
	Unread error // why it could not be read; nil: it could
	Named  []int // the first lines, from 1, of the rules that name them
	Only   bool  // all of its rules are for them alone
}

// SudoersNaming are the files that sudo may read. With an error, they are those that
// could be found out.
func SudoersNaming(r host.Reader, u host.User) ([]SudoersFile, error) {
	files, err := sudoersFiles(r)
	names := namesOf(r, u)
	out := make([]SudoersFile, 0, len(files))
	for _, at := range files {
		data, unread := r.ReadFile(at)
		f := SudoersFile{Path: at, Unread: unread}
		lines := SudoRules(data)
		for _, l := range lines {
			if sudoNames(l.Text, names) {
				f.Named = append(f.Named, l.Line)
			}
		}
		f.Only = onlyFor(lines, names)
		out = append(out, f)
	}
	return out, err
}

// SudoNamed are the words of all rules of sudo that can be read.
type SudoNamed map[string]bool

// ReadSudoNamed reads them.
func ReadSudoNamed(r host.Reader) SudoNamed {
	named := SudoNamed{}
	files, _ := sudoersFiles(r)
	for _, at := range files {
		data, err := r.ReadFile(at)
		if err != nil {
			continue
		}
		for _, rule := range SudoRules(data) {
			for _, w := range SudoWords(rule.Text) {
				named[w] = true
			}
		}
	}
	return named
}

// Names reports whether a rule names somebody. Who else is in their group is asked only
// if a rule names that: it takes all accounts.
func (s SudoNamed) Names(r host.Reader, u host.User) bool {
	if s[u.Name] || s["#"+strconv.Itoa(u.UID)] {
		return true
	}
	g, err := r.GroupByID(u.GID)
	if err != nil || g == nil || !s["%"+g.Name] && !s["%#"+strconv.Itoa(g.GID)] {
		return false
	}
	return slices.ContainsFunc(namesOf(r, u), func(name string) bool { return s[name] })
}

// onlyFor reports whether all rules of a file are for some of the names.
func onlyFor(lines []SudoRule, names []string) bool {
	for _, l := range lines {
		users := SudoUsers(l.Text)
		if len(users) == 0 || slices.ContainsFunc(users, func(w string) bool { return !slices.Contains(names, w) }) {
			return false
		}
	}
	return len(lines) > 0
}

// sudoersFiles are the files that sudo may read: the main one, the drop-ins, and what
// they include. With an error, they are those that could be found out.
func sudoersFiles(r host.Reader) ([]string, error) {
	var s sudoersReader
	s.add(r, debian.Sudoers)
	s.addDir(r, debian.SudoersDir)
	return s.files, s.unread
}

// sudoersReader follows what sudoers includes, each file once.
type sudoersReader struct {
	files, dirs []string
	unread      error
}

func (s *sudoersReader) add(r host.Reader, at string) {
	if slices.Contains(s.files, at) {
		return
	}
	s.files = append(s.files, at)
	data, err := r.ReadFile(at)
	if err != nil {
		return // whoever reads the file says so
	}
	for line := range strings.Lines(string(data)) {
		m := host.IncludeLine().FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		to := strings.Trim(m[2], `"`)
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(at), to)
		}
		if strings.Contains(strings.ToLower(m[1]), "includedir") {
			s.addDir(r, path.Clean(to))
		} else {
			s.add(r, path.Clean(to))
		}
	}
}

func (s *sudoersReader) addDir(r host.Reader, dir string) {
	if slices.Contains(s.dirs, dir) {
		return
	}
	s.dirs = append(s.dirs, dir)
	names, err := r.ReadDir(dir)
	s.unread = errors.Join(s.unread, err)
	for _, name := range names {
		if host.SudoReads(name) {
			s.add(r, path.Join(dir, name))
		}
	}
}
