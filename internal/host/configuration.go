package host

import (
	"maps"
	"path"
	"strings"
)

// maxIncludeLinks bounds how many links lead to a file.
const maxIncludeLinks = 40

// ReadConfiguration reads all files of a configuration, with what was predicted of it,
// and whatever they and further contents include, by path. What is not there is not
// in it; where one cannot be read, the whole cannot be told.
func ReadConfiguration(h Reader, t *CheckTree, further ...*Content) (map[string][]byte, error) {
	c := configuration{reader: h, main: path.Clean(t.Main), files: map[string][]byte{}}
	for p, content := range t.Predicted {
		c.files[p] = nil
		if content != nil {
			c.files[p] = append([]byte{}, content.Bytes()...)
		}
	}
	c.add(c.main)
	c.addDir(path.Clean(t.Dir), func(name string) bool { return ReadsDropIn(t.Dir, name) })
	for p, data := range maps.Clone(c.files) {
		c.follow(p, data)
	}
	for _, content := range further {
		if content != nil {
			c.follow(path.Join(t.Dir, t.Name), content.Bytes())
		}
	}
	maps.DeleteFunc(c.files, func(_ string, data []byte) bool { return data == nil })
	return c.files, c.err
}

type configuration struct {
	reader Reader
	main   string
	files  map[string][]byte // nil: not there
	err    error
}

func (c *configuration) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// add reads a file and whatever it includes.
func (c *configuration) add(p string) {
	if _, have := c.files[p]; have || c.err != nil {
		return
	}
	data, err := ReadThrough(c.reader, p)
	if err != nil {
		c.fail(err)
		return
	}
	c.files[p] = data
	c.follow(p, data)
}

// follow reads what a file includes.
func (c *configuration) follow(p string, data []byte) {
	for line := range strings.Lines(string(data)) {
		m := IncludeLine().FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		for _, arg := range strings.Fields(m[2]) {
			at := strings.Trim(arg, `"`)
			if strings.Contains(at, "%") || strings.Contains(at, `\`) {
				c.fail(&UnknownError{What: "what " + p + " includes", Why: "its name depends on the machine"})
				return
			}
			if !path.IsAbs(at) {
				at = path.Join(path.Dir(p), at)
				if path.Base(c.main) == "sshd_config" {
					at = path.Join(path.Dir(c.main), strings.Trim(arg, `"`))
				}
			}
			switch {
			case strings.Contains(strings.ToLower(m[1]), "includedir"):
				c.addDir(path.Clean(at), SudoReads)
			case strings.ContainsAny(path.Dir(at), "*?["):
				c.fail(&UnknownError{What: "what " + p + " includes", Why: "it is a pattern of directories"})
			case strings.ContainsAny(at, "*?["):
				c.addDir(path.Dir(at), func(name string) bool { ok, err := path.Match(path.Base(at), name); return err == nil && ok })
			default:
				c.add(path.Clean(at))
			}
		}
	}
}

// addDir reads the files of a directory whose names the program takes.
func (c *configuration) addDir(dir string, takes func(name string) bool) {
	if c.err != nil {
		return
	}
	names, err := c.reader.ReadDir(dir)
	if err != nil {
		c.fail(err)
		return
	}
	for _, name := range names {
		if takes(name) && !strings.HasPrefix(name, ".") {
			c.add(path.Join(dir, name))
		}
	}
}

// ReadThrough reads what a program would that opens a path of root's: links are
// followed. Nil: no file is there.
func ReadThrough(r Reader, at string) ([]byte, error) {
	for range maxIncludeLinks {
		n, err := r.Stat(at)
		if err != nil || n == nil || n.Type != TypeFile && n.Type != TypeSymlink {
			return nil, err
		}
		if n.Type == TypeFile {
			return r.ReadFile(at)
		}
		target := n.Target
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		at = target
	}
	return nil, nil
}
