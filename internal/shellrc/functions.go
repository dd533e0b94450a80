package shellrc

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// names are what a file gives a meaning to by itself: functions, and aliases.
type names struct {
	// functions are those that are defined once, and have no alias of that name.
	functions map[string]*syntax.FuncDecl
	judged    map[string]bool // those that have been looked at, and whether they are understood
	reader    *reader         // of the file
}

// noteNames notes functions and aliases.
func (r *reader) noteNames(parsed *syntax.File) {
	r.names = &names{functions: map[string]*syntax.FuncDecl{}, judged: map[string]bool{}, reader: r}
	many := map[string]bool{}
	note := func(name string, n syntax.Node, f *syntax.FuncDecl) {
		if _, had := r.Defines[name]; had {
			many[name] = true
		}
		r.Defines[name] = Line{Number: int(n.Pos().Line()), Text: r.of(n)}
		r.names.functions[name] = f
	}
	syntax.Walk(parsed, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				note(n.Name.Value, n, n)
			}
		case *syntax.CallExpr:
			if len(n.Args) == 0 || strings.TrimPrefix(n.Args[0].Lit(), `\`) != "alias" {
				break
			}
			for _, w := range n.Args[1:] {
				name, _, sets := strings.Cut(r.of(w), "=")
				if name = strings.Trim(name, `"'`); sets && !r.moreOf(w, name) {
					note(name, w, nil)
				}
			}
		}
		return true
	})
	for name := range many {
		r.names.functions[name] = nil
	}
}

// moreOf reports whether an alias only gives the command of its name options.
func (r *reader) moreOf(w *syntax.Word, name string) bool {
	whole, known := r.value(w)
	_, is, _ := strings.Cut(whole, "=")
	rest, same := strings.CutPrefix(is+" ", name+" ")
	return known && same && onlyOptions(rest)
}

// runs notes that a program is run by its name, whatever the file calls so.
func (r *reader) runs(program string) bool {
	if _, is := r.Calls[program]; !is {
		r.Calls[program] = false
	}
	return true
}

// function reports whether a command is a function of the file that is understood: what it
// does where it is called. It may call others, but not itself.
func (r *reader) function(name string) bool {
	if r.names == nil || r.names.functions[name] == nil || guarded(name) {
		return false
	}
	ok, known := r.names.judged[name]
	if !known {
		r.names.judged[name] = false // where it calls itself
		ok = r.names.reader.understands(r.names.functions[name].Body)
		r.names.judged[name] = ok
	}
	r.Calls[name] = true
	return ok
}

// understands reads the commands of a function, which may be called at any time.
func (r *reader) understands(body *syntax.Stmt) bool {
	b := r.sub(r.text)
	if body == nil || !b.stmt(body, scope{}) || len(b.Sources) > 0 {
		return false
	}
	for set, line := range b.Sets {
		if was, had := r.Sets[set]; had {
			line.Text, line.Number = was.Text+line.Text, was.Number
		}
		r.Sets[set] = line
		r.vary(set) // from when on is not known
	}
	for _, dir := range b.Dirs {
		if !slices.Contains(r.Dirs, dir) {
			r.Dirs = append(r.Dirs, dir)
		}
	}
	return true
}

// sub is a reader of commands that run at another time than those around them. What they
// call is what the file calls.
func (r *reader) sub(text string) *reader {
	return &reader{text: text, File: &File{Sets: map[string]Line{}, Calls: r.Calls}, values: map[string]string{}, names: r.names}
}

// pipe reports whether commands of a pipe only say something, and what comes after the
// first makes something shorter of it.
func (r *reader) pipe(c *syntax.BinaryCmd) bool {
	for _, s := range []*syntax.Stmt{c.X, c.Y} {
		if s.Background || s.Coprocess || s.Disown || s.Negated {
			return false
		}
		for _, d := range s.Redirs {
			if !r.quiet(d) {
				return false
			}
		}
	}
	right, ok := c.Y.Cmd.(*syntax.CallExpr)
	if !ok || !r.filters(right) {
		return false
	}
	switch left := c.X.Cmd.(type) {
	case *syntax.BinaryCmd:
		return left.Op == syntax.Pipe && r.pipe(left)
	case *syntax.CallExpr:
		if len(left.Args) == 0 || len(left.Assigns) > 0 {
			return false
		}
		if name := left.Args[0].Lit(); name == "echo" || name == "printf" {
			return r.call(left, scope{})
		}
		return r.says(left)
	}
	return false
}
