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
	called := s.called(out)
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
			for _, name := range called {
				found := path.Join(s.whole(dir), name)
				if n, err := s.Stat(found); err == nil && n != nil {
					out.at(at).add(found+" is found first\n", shellrc.Line{What: "by its PATH, " + found + " is found first, which start-up files run"})
				}
			}
		}
	}
	s.foundFirst(out, called)
	for _, at := range s.faults {
		const what = "a start-up file reads it, and it is not there, or one too many"
		out.at(at).add(what+"\n", shellrc.Line{What: what})
	}
	return out, nil
}

// called are the programs that are understood by their names, besides those of all start-up
// files. It adds what gives a name that is called, of a program or of a function, another
// meaning.
func (s *startFiles) called(out strangeFiles) (programs []string) {
	all := slices.Sorted(maps.Keys(s.files))
	for _, at := range all {
		for _, name := range slices.Sorted(maps.Keys(s.files[at].Calls)) {
			own := s.files[at].Calls[name]
			if !own {
				programs = append(programs, name)
			}
			for _, other := range all {
				if line, is := s.files[other].Defines[name]; is && (!own || other != at) {
					line.What = "it gives " + name + ", which start-up files run, another meaning"
					out.at(other).add(line.Text+"\n", line)
				}
			}
		}
	}
	slices.Sort(programs)
	return slices.Compact(programs)
}

// foundFirst adds programs that shells find before those that start-up files mean.
func (s *startFiles) foundFirst(out strangeFiles, called []string) {
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin"} {
		names, err := s.ReadDir(dir)
		if err != nil {
			continue // as where facts do not hold it
		}
		for _, n := range names {
			if shellrc.Runs(n) || slices.Contains(called, n) {
				out.at(path.Join(dir, n)).add("is found first\n", shellrc.Line{What: "start-up files run it, since it is found first"})
			}
		}
	}
}
