package compose

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// Problem is what is wrong with a project, and where that is written.
type Problem struct {
	File         string // as the source names it; empty: it is not known which
	Line, Column int    // from 1; 0: it is not known where
	Text         string
	// Word is a name that nobody knows, in the place of one of Known.
	Word  string
	Known iter.Seq[string]
}

func (p *Problem) Error() string {
	switch {
	case p.File == "":
		return p.Text
	case p.Line == 0:
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// parsed says where a file cannot be parsed.
func parsed(file string, err error) *Problem {
	p := &Problem{File: file, Text: "cannot be parsed as YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := keyTwice().FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Column, p.Text = 1, "duplicate key "+m[2]+": it is already at line "+m[3]
		return p
	}
	at := yamlPlace().FindAllStringSubmatch(err.Error(), -1)
	if len(at) == 0 {
		return p
	}
	last := at[len(at)-1] // the first is where what is not closed begins
	p.Line, _ = strconv.Atoi(last[1])
	if strings.Contains(err.Error(), "while parsing") {
		p.Line++ // such errors count lines from 0
	}
	p.Column = 1
	if last[2] != "" {
		p.Column, _ = strconv.Atoi(last[2])
	}
	return p
}

var (
	yamlPlace = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`line (\d+)(?:, column (\d+))?`) })
	keyTwice  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`line (\d+): mapping key ("[^"]+") already defined at line (\d+)`)
	})
	// unknownField and badValue are of the format's schema; the others of the library.
	unknownField = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^validating (?:[^:]*): (\S*) (?:additional properties '([^']+)'.* not allowed|false schema)$`)
	})
	badValue   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:validating [^:]*: )?(\S+) must be (.*)$`) })
	badPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^validating [^:]*: (\S+) '(.*)' does not match pattern '(.*)'$`)
	})
	ofService  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^service "([^"]+)" (.*): invalid compose project$`) })
	inText     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^error while interpolating ([^:\s]+): (.*)$`) })
	noVariable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)^invalid interpolation format for (\S+)\.\s`) })
)

// placed says in a problem's words what the library says of files that it cannot read.
func placed(files []File, err error) error {
	if err == nil || errors.As(err, new(*Problem)) {
		return err
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		errs := several.Unwrap()
		for i := range errs {
			errs[i] = placed(files, errs[i])
		}
		return errors.Join(errs...)
	}
	text := err.Error()
	at := func(path, format string, args ...any) *Problem {
		p := find(files, path)
		p.Text = fmt.Sprintf(format, args...)
		return p
	}
	if m := unknownField().FindStringSubmatch(text); m != nil {
		of, field := m[1], m[2]
		if field == "" { // it is the last word of the path
			dot := strings.LastIndexByte(of, '.')
			of, field = of[:max(dot, 0)], of[dot+1:]
		}
		p := at(join(of, field), "unknown field %q%s", field, within(of))
		p.Word, p.Known = field, fieldsOf(of)
		return p
	}
	if m := badValue().FindStringSubmatch(text); m != nil {
		return at(m[1], "%s: want %s", m[1], strings.NewReplacer("a array", "a list", "a null", "text or a list").Replace(m[2]))
	}
	if m := badPattern().FindStringSubmatch(text); m != nil {
		return at(m[1], "%s: want a value of the pattern %s, got %q", m[1], m[3], m[2])
	}
	if m := ofService().FindStringSubmatch(text); m != nil {
		return at("services."+m[1], "service %s %s", m[1], m[2])
	}
	if m := inText().FindStringSubmatch(text); m != nil {
		return at(m[1], "%s: %s", m[1], inWords(m[2]))
	}
	if m := noVariable().FindStringSubmatch(text); m != nil {
		return at(m[1], "%s: want variables as ${NAME}, and a $ that begins none as $$", m[1])
	}
	if all := values(files, text); len(all) > 0 {
		errs := make([]error, len(all))
		for i, p := range all {
			errs[i] = p
		}
		return errors.Join(errs...)
	}
	return err
}

func join(of, field string) string { return strings.TrimPrefix(of+"."+field, ".") }

// within names what a field is in.
func within(of string) string {
	if name, ok := strings.CutPrefix(of, "services."); ok && !strings.Contains(name, ".") {
		return " in service " + name
	}
	if of == "" {
		return ""
	}
	return " in " + of
}

// find goes to a path as the library writes it, names with dots between, which may have dots
// themselves. The last file that has it counts.
func find(files []File, path string) *Problem {
	for i := len(files) - 1; i >= 0; i-- {
		var root yaml.Node
		if yaml.Unmarshal(files[i].Data, &root) != nil || len(root.Content) == 0 {
			continue
		}
		if n := walk(root.Content[0], path, root.Content[0]); n != nil {
			return &Problem{File: files[i].Name, Line: n.Line, Column: n.Column}
		}
	}
	if of := strings.LastIndexByte(path, '.'); of > 0 {
		return find(files, path[:of]) // such as what another file brings
	}
	if len(files) == 1 {
		return &Problem{File: files[0].Name}
	}
	return &Problem{}
}

// walk returns the key at a path below a node, or the item of a list. At is the node's own.
func walk(n *yaml.Node, path string, at *yaml.Node) *yaml.Node {
	if path == "" {
		return at
	}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if rest, ok := behind(path, n.Content[i].Value); ok {
			if found := walk(n.Content[i+1], rest, n.Content[i]); found != nil {
				return found
			}
		}
	}
	for i := 0; i < len(n.Content) && n.Kind == yaml.SequenceNode; i++ {
		if rest, ok := behind(path, strconv.Itoa(i)); ok {
			return walk(n.Content[i], rest, n.Content[i])
		}
	}
	return nil
}

// behind is the rest of a path behind a name that it begins with.
func behind(path, name string) (string, bool) {
	if path == name {
		return "", true
	}
	return strings.CutPrefix(path, name+".")
}

// Uses is where a variable stands first in files.
func Uses(files []File, variable string) *Problem {
	one := regexp.MustCompile(`\$\{?` + regexp.QuoteMeta(variable) + `\b`)
	for _, f := range files {
		var root yaml.Node
		if yaml.Unmarshal(f.Data, &root) != nil {
			continue
		}
		if n := using(&root, one); n != nil {
			return &Problem{File: f.Name, Line: n.Line, Column: n.Column}
		}
	}
	return &Problem{}
}

func using(n *yaml.Node, one *regexp.Regexp) *yaml.Node {
	if n.Kind == yaml.ScalarNode && one.MatchString(n.Value) {
		return n
	}
	for _, c := range n.Content {
		if found := using(c, one); found != nil {
			return found
		}
	}
	return nil
}
