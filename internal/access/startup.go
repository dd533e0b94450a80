package access

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/shellrc"
	"opsafe/internal/words"
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
	texts, err := s.strange()
	if err != nil {
		return err
	}
	whole = append(whole, environmentFile, "/etc/inputrc", path.Join(s.home, ".inputrc"))
	for _, at := range append(whole, s.services()...) {
		text, err := s.text(at)
		if err != nil {
			return err
		}
		switch {
		case at == environmentFile:
			text = shellrc.Environment(text)
		case strings.HasSuffix(at, "inputrc"):
			text = shellrc.Keys(text)
		case debian.IsUnitName(path.Base(at)):
			text = reaching(text)
		}
		if text != "" {
			texts[at] += text
		}
	}
	for at, text := range texts {
		j.trust(at, text)
	}
	if t, ok := j.Reader.(*traced); ok {
		t.note("start-up files", texts, nil)
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
func reaching(text string) string {
	var b strings.Builder
	for _, set := range debian.ParseUnit(text).Settings {
		if strings.HasPrefix(set.Key, "Exec") && reaches(set.Value) {
			b.WriteString(set.Value + "\n")
		}
	}
	return b.String()
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

// text is the text of a file; empty: there is none, or facts do not hold it. What a plan
// is yet to find out is a text like none.
func (s *startFiles) text(at string) (string, error) {
	n, err := s.Stat(at)
	if err == nil && n != nil && n.Size > longestScript {
		return fmt.Sprint("too long to be read: ", n.Size), nil
	}
	data, err := host.ReadThrough(s.Reader, at)
	if !host.IsUnknown(err) {
		return string(data), err
	}
	if was := beneath(s.Reader); was != nil {
		if _, err := host.ReadThrough(was, at); err == nil {
			return "known after apply", nil
		}
	}
	return "", nil
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

// names of variables and commands in a script.
var identifiers = words.Pattern(`[A-Za-z_][A-Za-z0-9_]*`)

// strange is, by file, what is not understood: commands, variables that such commands
// name, and directories in which another sudo is found first. Of packages' files, and of
// what is judged by itself, no name counts.
func (s *startFiles) strange() (map[string]string, error) {
	out, named := map[string]string{}, map[string]bool{}
	for at, f := range s.files {
		if f.Strange != "" {
			out[at] = f.Strange
		}
		if !strings.HasPrefix(at, "/usr/") {
			for _, name := range identifiers().FindAllString(f.Strange, -1) {
				named[name] = !shellrc.Judged(name)
			}
		}
	}
	for at, f := range s.files {
		names := make([]string, 0, len(f.Sets))
		for name := range f.Sets {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if named[name] {
				out[at] += f.Sets[name]
			}
		}
		for _, dir := range f.Dirs {
			sudo := path.Join(s.whole(dir), sudoProgram)
			n, err := s.Stat(sudo)
			if err != nil && !host.IsUnknown(err) {
				return nil, err
			}
			if n != nil && sudo != sudoBinary && !before(sudo) {
				out[at] += sudo + " is found first\n"
			}
		}
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin"} {
		names, err := s.ReadDir(dir)
		if err != nil {
			continue // as where facts do not hold it
		}
		for _, n := range names {
			if shellrc.Runs(n) {
				out[path.Join(dir, n)] += "is found first\n"
			}
		}
	}
	for _, at := range s.faults {
		out[at] += "it is not there, or one too many\n"
	}
	return out, nil
}
