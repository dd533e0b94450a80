package access

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/shellrc"
)

// startUp trusts what the files come to that a login reads before anybody can type: those
// of the shell, of sshd and of PAM's environment. They are programs. What is understood of
// one leaves the way open, as an alias does; a change of what is not cannot be told.
func (j *judge) startUp() error {
	s := &startFiles{Reader: untraced(j.Reader), home: j.user.Home, files: map[string]*shellrc.File{}, c: cacheOf(j.Reader)}
	scripts, whole := s.names(path.Base(cmp.Or(j.user.Shell, defaultShell)))
	for _, at := range scripts {
		if err := s.script(at, 0); err != nil {
			return err
		}
	}
	found, err := s.strange()
	if err != nil {
		return err
	}
	whole = append(whole, environmentFile, "/etc/inputrc", path.Join(s.home, ".inputrc"))
	for _, at := range append(whole, s.services()...) {
		text, err := s.text(at)
		if err != nil {
			return err
		}
		lines := shellrc.Whole(text)
		switch {
		case unread(text):
			lines = []shellrc.Line{{What: text, Text: text}}
		case at == environmentFile:
			lines = shellrc.Environment(text)
		case strings.HasSuffix(at, "inputrc"):
			lines = shellrc.Keys(text)
		case debian.IsUnitName(path.Base(at)):
			lines = reaching(text)
		}
		if len(lines) > 0 {
			found.at(at).add(shellrc.Texts(lines), lines...)
		}
	}
	for at, f := range found {
		j.way.Trusted[at] = f.trust()
	}
	if t, ok := j.Reader.(*traced); ok {
		t.note("start-up files", found.texts(), nil)
	}
	return nil
}

// startFiles are those that one user's login reads.
type startFiles struct {
	host.Reader
	home   string
	files  map[string]*shellrc.File // by path
	faults []string
	c      *cache
}

// names are the files that a login by a shell begins with: scripts, in the language of
// most shells, and others, which are not read in parts.
func (s *startFiles) names(shell string) (scripts, whole []string) {
	home := func(names ...string) []string {
		for i, n := range names {
			names[i] = path.Join(s.home, n)
		}
		return names
	}
	whole = append(home(".ssh/rc", ".ssh/environment", ".pam_environment"), s.inDir("/etc/fish/conf.d")...)
	scripts = append([]string{"/etc/profile"}, s.inDir("/etc/profile.d")...)
	switch shell {
	case "bash":
		scripts = append(scripts, append(home(".bashrc"), "/etc/bash.bashrc")...)
		for _, at := range home(".bash_profile", ".bash_login", ".profile") {
			if n, err := s.Stat(at); err != nil || n != nil {
				return append(scripts, at), whole
			}
		}
	case "zsh":
		for _, n := range []string{"zshenv", "zprofile", "zshrc", "zlogin"} {
			scripts = append(scripts, append(home("."+n), "/etc/zsh/"+n)...)
		}
	case "fish":
		whole = append(whole, append(home(".config/fish/config.fish"), "/etc/fish/config.fish")...)
		whole = append(whole, s.inDir(path.Join(s.home, ".config/fish/conf.d"))...)
	case "csh", "tcsh":
		whole = append(whole, append(home(".tcshrc", ".cshrc", ".login"), "/etc/csh.cshrc", "/etc/csh.login")...)
	default:
		scripts = append(scripts, append(home(".profile", ".kshrc", ".mkshrc"), "/etc/mkshrc", "/etc/ksh.kshrc")...)
	}
	return scripts, whole
}

// services are units that a service manager of the user's own runs at each login.
func (s *startFiles) services() []string {
	var out []string
	for _, dir := range []string{"/etc/systemd/user", path.Join(s.home, ".config/systemd/user")} {
		names, err := s.ReadDir(dir)
		if err != nil {
			continue // as where facts do not hold it
		}
		for _, n := range names {
			if debian.IsUnitName(n) {
				out = append(out, path.Join(dir, n))
			}
		}
	}
	return out
}

// reaching are the commands of a unit that reach for the way in.
func reaching(text string) []shellrc.Line {
	var out []shellrc.Line
	for _, set := range debian.ParseUnit(text).Settings {
		if what := reaches(set.Value); what != "" && strings.HasPrefix(set.Key, "Exec") {
			out = append(out, shellrc.Line{Number: set.Line, What: what + ofTheWay, Text: set.Value})
		}
	}
	return out
}

// inDir are the files of a directory that a shell reads.
func (s *startFiles) inDir(dir string) []string {
	names, err := s.ReadDir(dir)
	if err != nil {
		return nil // as where facts do not hold it
	}
	var out []string
	for _, n := range names {
		if ext := path.Ext(n); ext == ".sh" || ext == ".fish" {
			out = append(out, path.Join(dir, n))
		}
	}
	return out
}

// environmentFile is what PAM sets for everybody.
const environmentFile = "/etc/environment"

// Bounds of what is read of start-up files.
const (
	longestScript = 256 << 10
	mostSourced   = 8
	mostScripts   = 64
)

// What is said in the place of a text.
const (
	tooLong    = "too long to be read: "
	knownLater = "known after apply"
	noFile     = "no file, which may be without end"
)

// unread reports whether a text is what is said in the place of one.
func unread(text string) bool {
	return text == knownLater || text == noFile || strings.HasPrefix(text, tooLong)
}

// text is the text of a file; empty: there is none, or facts do not hold it. What a plan
// is yet to find out is a text like none.
func (s *startFiles) text(at string) (string, error) {
	n, err := s.Stat(at)
	if err == nil && n != nil && n.Size > longestScript {
		return fmt.Sprint(tooLong, n.Size), nil
	}
	data, err := host.ReadThrough(s.Reader, at)
	if err == nil && s.isDevice(at) {
		return noFile, nil
	}
	if !host.IsUnknown(err) {
		return string(data), err
	}
	if was := beneath(s.Reader); was != nil {
		if _, err := host.ReadThrough(was, at); err == nil {
			return knownLater, nil
		}
	}
	return "", nil
}

// isDevice reports whether a path leads to something that is neither a file nor a directory,
// such as /dev/zero, of which there is no end; /dev/null is empty.
func (s *startFiles) isDevice(at string) bool {
	for range maxLinks {
		n, err := s.Stat(at)
		switch {
		case err != nil || n == nil, at == "/dev/null", n.Type == host.TypeFile, n.Type == host.TypeDir:
			return false
		case n.Type != host.TypeSymlink:
			return true
		}
		at = path.Clean(target(at, n.Target))
	}
	return false
}

// script reads a file, and what it reads in turn.
func (s *startFiles) script(at string, depth int) error {
	if s.files[at] != nil {
		return nil
	}
	text, err := s.text(at)
	if err != nil || text == "" {
		return err
	}
	if len(s.files) == mostScripts {
		s.faults = append(s.faults, at)
		return nil
	}
	f := s.read(at, text)
	s.files[at] = f
	for _, source := range f.Sources {
		if depth == mostSourced {
			s.faults = append(s.faults, at)
			return nil
		}
		for _, from := range s.found(source) {
			n, err := s.Stat(from)
			if err == nil && n == nil && !source.Tested {
				s.faults = append(s.faults, from) // some shells end over that
			}
			if err := s.script(from, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads a text once for all who have it. What packages bring is not read in parts.
func (s *startFiles) read(at, text string) *shellrc.File {
	if unread(text) {
		return &shellrc.File{Strange: text, Lines: []shellrc.Line{{What: text, Text: text}}}
	}
	if strings.HasPrefix(at, "/usr/") && !strings.HasPrefix(at, "/usr/local/") || len(text) > longestScript {
		return &shellrc.File{Strange: text}
	}
	if s.c == nil {
		return shellrc.Read(text)
	}
	f := s.c.scripts[text]
	if f == nil {
		f = shellrc.Read(text)
		s.c.scripts[text] = f
	}
	return f
}

// found are the files that one reads by a path or a pattern.
func (s *startFiles) found(source shellrc.Source) []string {
	at := s.whole(source.Path)
	if !source.Many || !strings.ContainsAny(at, "*?[") {
		return []string{at}
	}
	names, err := s.ReadDir(path.Dir(at))
	if err != nil {
		return nil // as where facts do not hold it
	}
	var out []string
	for _, n := range names {
		if ok, err := path.Match(path.Base(at), n); ok && err == nil {
			out = append(out, path.Join(path.Dir(at), n))
		}
	}
	return out
}

// whole is a path of a start-up file's with the home in it.
func (s *startFiles) whole(at string) string {
	if rest, ok := strings.CutPrefix(at, "~/"); ok {
		return path.Join(s.home, rest)
	}
	return path.Clean(at)
}
