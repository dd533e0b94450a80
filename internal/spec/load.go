package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
)

// parse reads a YAML file; nil: empty or broken, which is noted.
func (l *loader) parse(file string, problems *Problems) *node {
	if n, ok := l.parsed[file]; ok {
		return n
	}
	l.parsed[file] = nil
	data, err := l.read(file, maxYAML)
	if err != nil {
		l.broken.add(file)
		problems.Addf(Pos{File: file}, "%v", err)
		return nil
	}
	before := len(*problems)
	l.parsed[file] = parse(file, data, problems)
	if len(*problems) > before {
		l.broken.add(file)
	}
	return l.parsed[file]
}

// unreadable reports whether a file was parsed and nothing of it is known.
func (l *loader) unreadable(file string) bool { return l.broken[file] && l.parsed[file] == nil }

func (l *loader) decoder(problems *Problems) *decoder {
	return &decoder{schema: l.schema, problems: problems, odd: l.odd}
}

// people reads developers.yaml: names with their roles.
func (l *loader) people() []*Person {
	if _, err := l.root.Lstat(peopleFile); errors.Is(err, fs.ErrNotExist) {
		l.misnamed(".", peopleFile)
		l.nobody = true
		return nil
	}
	n := l.parse(peopleFile, &l.problems)
	if n == nil {
		return nil
	}
	if n.kind != mapNode {
		l.problems.Addf(n.pos, "want people by name, as in alice: {roles: [developers]}, got %s", n.what())
		return nil
	}
	d := l.decoder(&l.problems)
	people := make([]*Person, 0, len(n.entries))
	for _, e := range n.entries {
		p := &Person{Name: e.key}
		d.structure(e.value, reflect.ValueOf(p).Elem(), "person "+e.key, e.keyPos)
		people = append(people, p)
	}
	return people
}

// backend reads a backend with what it includes. It always returns one, as far
// as it could be read.
func (l *loader) backend(name string, problems *Problems) *Backend {
	file := path.Join(backendsDir, name, backendFile)
	v, b := l.schema.newBackend()
	b.Name, b.Dir, b.Pos = name, path.Dir(file), Pos{File: file}
	in := &includer{loader: l, problems: problems}
	in.add(file, Pos{File: file})
	b.unread = in.unread
	d := l.decoder(problems)
	var merged *node
	for _, f := range in.order {
		n := l.parsed[f]
		if len(in.order) > 1 {
			l.check(f, n, problems)
		}
		n = withDefaults(n, merged)
		if merged == nil {
			merged = n
			continue
		}
		merged = l.schema.merge(v.Type(), merged, n)
	}
	if merged == nil {
		if l.parsed[file] == nil && !l.broken[file] {
			problems.Addf(b.Pos, "is empty: a backend declares something")
		}
		return b
	}
	b.LeftAlone = leftAlone(merged)
	merged = l.schema.unmanaged(v.Type(), merged, "", problems)
	d.structure(merged, v, "", Pos{File: file, Line: 1, Column: 1})
	b.expandACLs(problems)
	b.fillApplications()
	b.own = l.schema.ownOf(v)
	for _, p := range l.parts {
		if p.Installs != nil {
			b.installs = append(b.installs, p.Installs(b)...)
		}
		if p.Projects != nil {
			b.projects = setOf(p.Projects(b)...)
		}
	}
	b.Pos = Pos{File: file, Line: 1, Column: 1}
	l.loadTexts(b, problems)
	l.loadOwn(b, problems)
	l.loadBeside(b, problems)
	return b
}

// check decodes a file by itself, once: what another one overrides has to be
// right, too.
func (l *loader) check(file string, n *node, problems *Problems) {
	if l.checked[file] {
		return
	}
	l.checked[file] = true
	d := l.decoder(problems)
	v, _ := l.schema.newBackend()
	d.structure(n, v, "", n.pos)
}

// includer puts a file and what it includes into the order in which one
// overrides the other: what is included before what includes it, each once.
type includer struct {
	*loader
	problems *Problems
	order    []string
	stack    []string
	unread   bool // a file of it could not be read
}

func (in *includer) add(file string, from Pos) {
	if i := slices.Index(in.stack, file); i >= 0 {
		in.problems.Addf(from, "include goes round in a circle: %s", strings.Join(append(in.stack[i:], file), " includes "))
		return
	}
	if slices.Contains(in.order, file) {
		return
	}
	n := in.parse(file, in.problems)
	if n == nil {
		in.unread = in.unread || in.unreadable(file)
		return
	}
	if n.kind != mapNode {
		in.problems.Addf(n.pos, "want a map of sections, got %s", n.what())
		return
	}
	in.version(n.get("opsafe"))
	in.stack = append(in.stack, file)
	if list := n.get("include"); list != nil && list.kind == listNode {
		for _, item := range list.items {
			if item.kind != scalarNode || item.tag != "!!str" {
				continue // the decoder says so
			}
			if len(*in.problems) >= maxMissing {
				break
			}
			target, err := beside(item.pos.File, item.value)
			if err != nil {
				in.problems.Addf(item.pos, "include: %v", err)
				continue
			}
			info, err := in.root.Stat(target)
			if err == nil && info.IsDir() {
				in.problems.Addf(item.pos, "include %s: is a directory: name the files in it%s", quote(item.value), in.specsIn(target, item.value))
				continue
			}
			if err != nil {
				in.problems.Addf(item.pos, "include %s: %v%s", quote(item.value), cause(err), in.nearFile(target, cause(err), in.problems))
				continue
			}
			in.add(target, item.pos)
		}
	}
	in.stack = in.stack[:len(in.stack)-1]
	in.order = append(in.order, file)
}

// specsIn names some of the files in a directory that could be included.
func (l *loader) specsIn(dir, as string) string {
	entries, err := fs.ReadDir(l.root.FS(), dir)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if path.Ext(e.Name()) == ".yaml" && len(names) < 3 {
			names = append(names, path.Join(as, e.Name()))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", such as " + strings.Join(names, ", ")
}

// maxMissing is how many problems there may be for further files to be looked
// for: a hostile file can name tens of thousands that are not there.
const maxMissing = 1000

// beside resolves a path that is written in a file, relative to that file.
func beside(file, name string) (string, error) {
	if name == "" {
		return "", errors.New("the path is empty")
	}
	if path.IsAbs(name) {
		return "", fmt.Errorf("%s: want a path relative to this file, within the repository", quote(name))
	}
	target := path.Join(path.Dir(file), name)
	if target == ".." || strings.HasPrefix(target, "../") || target == "." {
		return "", fmt.Errorf("%s leads out of the repository", quote(name))
	}
	if !inside(target) {
		return "", fmt.Errorf("%s is %s: a spec is made of files in %s/ and %s/ alone", quote(name), target, backendsDir, keysDir)
	}
	return target, nil
}

// nearFile suggests a file beside the one that is missing.
func (l *loader) nearFile(file string, why error, problems *Problems) string {
	if !errors.Is(why, errNoFile) || len(*problems) >= maxHints {
		return ""
	}
	entries, err := fs.ReadDir(l.root.FS(), path.Dir(file))
	if err != nil {
		return ""
	}
	names := set{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			names.add(e.Name())
		}
	}
	return problems.hint(path.Base(file), names.names())
}
