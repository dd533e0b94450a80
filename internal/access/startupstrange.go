package access

import (
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/shellrc"
	"opsafe/internal/words"
)

// names of variables and commands in a script.
var identifiers = words.Pattern(`[A-Za-z_][A-Za-z0-9_]*`)

// strange is, by file, what is not understood: commands, variables that such commands
// name, and directories in which another sudo is found first. Of packages' files, and of
// what is judged by itself, no name counts.
func (s *startFiles) strange() (strangeFiles, error) {
	out, named := strangeFiles{}, map[string]bool{}
	for at, f := range s.files {
		if f.Strange != "" {
			out.at(at).add(f.Strange, f.Lines...)
		}
		if !strings.HasPrefix(at, "/usr/") {
			for _, name := range identifiers().FindAllString(f.Strange, -1) {
				named[name] = !shellrc.Judged(name)
			}
		}
	}
	for at, f := range s.files {
		for _, name := range slices.Sorted(maps.Keys(f.Sets)) {
			if set := f.Sets[name]; named[name] {
				set.What = "it sets " + name + ", by which goes what is not understood"
				out.at(at).add(set.Text, set)
			}
		}
		for _, dir := range f.Dirs {
			sudo := path.Join(s.whole(dir), sudoProgram)
			n, err := s.Stat(sudo)
			if err != nil && !host.IsUnknown(err) {
				return nil, err
			}
			if n != nil && sudo != sudoBinary && !before(sudo) {
				out.at(at).add(sudo+" is found first\n", shellrc.Line{What: "by its PATH, " + sudo + " is found before " + sudoBinary})
			}
		}
	}
	s.foundFirst(out)
	for _, at := range s.faults {
		const what = "a start-up file reads it, and it is not there, or one too many"
		out.at(at).add(what+"\n", shellrc.Line{What: what})
	}
	return out, nil
}

// foundFirst adds programs that shells find before those that start-up files mean.
func (s *startFiles) foundFirst(out strangeFiles) {
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin"} {
		names, err := s.ReadDir(dir)
		if err != nil {
			continue // as where facts do not hold it
		}
		for _, n := range names {
			if shellrc.Runs(n) {
				out.at(path.Join(dir, n)).add("is found first\n", shellrc.Line{What: "start-up files run it, since it is found first"})
			}
		}
	}
}
