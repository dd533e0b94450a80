// Package shellrc reads the start-up files of shells, such as .bashrc: it tells what of
// one is understood to leave whoever logs in with a usable shell and with sudo, and what
// is not. It runs nothing, and knows nothing of opsafe.
package shellrc

import (
	"errors"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// File is what there is to know of a start-up file.
type File struct {
	// Strange is the text of what is not understood, beside that of what decides whether
	// it is reached; empty: all is understood.
	Strange string
	// Lines are where what is not understood is.
	Lines []Line
	// Sources are the files that it reads in turn. Those that it may not find have been
	// looked for before.
	Sources []Source
	// Dirs are the directories in which it has shells look for programs before those of
	// packages. One of the home begins with ~/.
	Dirs []string
	// Sets are the variables that it sets, and the first line and all texts that do so.
	Sets map[string]Line
	// Calls are commands that are understood by what the file, or nobody, calls so: functions
	// of its own (true), and programs (false).
	Calls map[string]bool
	// Defines are the functions and aliases to which it gives a meaning, and where.
	Defines map[string]Line
}

// Source is a file that another reads.
type Source struct {
	// Path may begin with ~/, and be a pattern if Many.
	Path string
	Many bool
	// Tested says that it is looked for before it is read.
	Tested bool
}

// longest is how many bytes of a file are read in parts. Its parts may be in each other,
// and each depth of that takes some room on the stack: of a file without end, all memory.
const longest = 32 << 10

// Read reads a start-up file. What no shell could read is strange as a whole, and so is
// what is longer than people write.
func Read(text string) *File {
	out := &File{Sets: map[string]Line{}, Calls: map[string]bool{}, Defines: map[string]Line{}}
	if len(text) > longest {
		out.Strange = text
		out.Lines = []Line{{What: "a file of more than 32 KiB" + notUnderstood, Text: text}}
		return out
	}
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		out.Strange = text
		at := 0
		if parse := (syntax.ParseError{}); errors.As(err, &parse) {
			at = int(parse.Pos.Line())
		}
		out.Lines = []Line{{Number: at, What: "what no shell could read" + notUnderstood, Text: text}}
		return out
	}
	r := &reader{text: text, File: out, values: map[string]string{}}
	r.noteTests(parsed)
	r.noteNames(parsed)
	var known []bool
	for _, s := range parsed.Stmts {
		known = append(known, r.stmt(s, scope{}))
	}
	if slices.Contains(known, false) {
		r.keepStrange(parsed.Stmts, known)
	}
	return out
}

// keepStrange keeps what is not understood, and all else but plain commands: those
// neither end the file nor lead to a part of it.
func (r *reader) keepStrange(stmts []*syntax.Stmt, known []bool) {
	var b strings.Builder
	for i, s := range stmts {
		if !known[i] || !plain(s) {
			b.WriteString(r.of(s) + "\n")
		}
	}
	r.Strange = b.String()
}

// plain reports whether a command that is understood does no more than set something.
func plain(s *syntax.Stmt) bool {
	switch c := s.Cmd.(type) {
	case *syntax.DeclClause:
		return true
	case *syntax.CallExpr:
		return len(c.Args) == 0 || slices.Contains([]string{"alias", "umask", "unset"}, c.Args[0].Lit())
	}
	return false
}

// reader reads one file.
type reader struct {
	*File
	text   string
	values map[string]string // of variables that are set to one value alone
	long   bool              // a value has been too long to be kept
	tests  map[string][]uint // by the word of a file, where it is looked for, in order
	names  *names            // of functions that commands may call
}

// scope is where in a file a command stands.
type scope struct {
	tested *conditions         // those that hold here
	loops  map[string][]string // the words that a loop's variable stands for
}

// of is the text of a part of the file.
func (r *reader) of(n syntax.Node) string {
	return r.text[n.Pos().Offset():n.End().Offset()]
}

// stmts reports whether all of several commands are understood.
func (r *reader) stmts(list []*syntax.Stmt, in scope) bool {
	ok := true
	for _, s := range list {
		ok = r.stmt(s, in) && ok
	}
	return ok
}

// stmt reports whether a command is understood. All of it is read in any case: for what
// it sets, and where it has programs looked for.
func (r *reader) stmt(s *syntax.Stmt, in scope) bool {
	if r.shows(s) {
		return true
	}
	ok, noted := !s.Background && !s.Coprocess && !s.Disown, len(r.Lines)
	for _, redirect := range s.Redirs {
		ok = r.quiet(redirect) && ok
	}
	ok = r.command(s.Cmd, in) && ok
	if !ok && len(r.Lines) == noted { // of nothing in it alone
		r.note(s)
	}
	return ok
}

// shows reports whether a command is cat, which shows a text that stands in the file.
func (r *reader) shows(s *syntax.Stmt) bool {
	c, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || s.Background || len(c.Assigns) > 0 || len(c.Args) != 1 || c.Args[0].Lit() != "cat" || len(s.Redirs) == 0 {
		return false
	}
	text := false
	for _, d := range s.Redirs {
		switch {
		case d.N != nil:
			return false
		case d.Op == syntax.WordHdoc && r.pure(d.Word), (d.Op == syntax.Hdoc || d.Op == syntax.DashHdoc) && (d.Hdoc == nil || r.pure(d.Hdoc)):
			text = true
		case !r.quiet(d):
			return false
		}
	}
	return text
}

func (r *reader) command(c syntax.Command, in scope) bool {
	switch c := c.(type) {
	case nil:
		return true
	case *syntax.CallExpr:
		return r.call(c, in)
	case *syntax.DeclClause:
		return r.declares(c)
	case *syntax.FuncDecl:
		return c.Name != nil && !guarded(c.Name.Value)
	case *syntax.Block:
		return r.stmts(c.Stmts, in)
	case *syntax.Subshell:
		return r.apart(c.Stmts, in)
	case *syntax.TestClause:
		return r.pure(c)
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe {
			return r.pipe(c)
		}
		if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
			return false
		}
		first := r.stmt(c.X, in)
		if c.Op == syntax.AndStmt {
			in = testedBy(in, c.X)
		}
		return r.stmt(c.Y, in) && first
	case *syntax.IfClause:
		return r.branches(c, in)
	case *syntax.CaseClause:
		return r.cases(c, in)
	case *syntax.ForClause:
		return r.loop(c, in)
	}
	return false
}

// apart reports whether the commands of a subshell are understood. What they unset is
// unset there alone; of what they would set, nothing is known outside.
func (r *reader) apart(list []*syntax.Stmt, in scope) bool {
	ok := true
	for _, s := range list {
		call, isCall := s.Cmd.(*syntax.CallExpr)
		switch {
		case !isCall || len(call.Assigns) > 0 || len(call.Args) == 0:
			ok = false
		case call.Args[0].Lit() != "unset":
			ok = r.stmt(s, in) && ok
		}
	}
	return ok
}

func (r *reader) branches(c *syntax.IfClause, in scope) bool {
	ok := true
	for ; c != nil; c = c.Else {
		ok = r.stmts(c.Cond, in) && ok
		ok = r.stmts(c.Then, testedBy(in, c.Cond...)) && ok
	}
	return ok
}

func (r *reader) cases(c *syntax.CaseClause, in scope) bool {
	ok := r.pure(c.Word)
	for _, item := range c.Items {
		for _, p := range item.Patterns {
			ok = r.pure(p) && ok
		}
		ok = r.stmts(item.Stmts, in) && ok
	}
	return ok
}

// loop is one over words, of which there is an end.
func (r *reader) loop(c *syntax.ForClause, in scope) bool {
	words, isWords := c.Loop.(*syntax.WordIter)
	if !isWords || c.Select || special(words.Name.Value) {
		return false
	}
	ok := true
	var list []string
	for _, w := range words.Items {
		ok = r.pure(w) && ok && !endless(r.of(w))
		list = append(list, r.listed(w))
	}
	loops := map[string][]string{words.Name.Value: list}
	for name, of := range in.loops {
		if name != words.Name.Value {
			loops[name] = of
		}
	}
	r.vary(words.Name.Value)
	return r.stmts(c.Do, scope{tested: in.tested, loops: loops}) && ok
}

// endless reports whether a loop's word can come to more than anybody waits for.
func endless(word string) bool { return strings.Contains(word, "..") || strings.Contains(word, "**") }

// listed is the path, or the pattern of paths, that a loop goes through; empty: it is
// not known.
func (r *reader) listed(w *syntax.Word) string {
	if at, ok := r.value(w); ok {
		return at
	}
	if len(w.Parts) != 1 {
		return ""
	}
	// Debian has /etc/profile ask this of it since 13.
	const parts = "$(run-parts --list --regex '^[a-zA-Z0-9_][a-zA-Z0-9._-]*\\.sh$' "
	if in, ok := strings.CutPrefix(r.of(w), parts); ok {
		return strings.TrimSuffix(in, ")") + "/*.sh"
	}
	return ""
}

// conditions are a part of the file from one place to another, and those around it.
type conditions struct {
	from, to uint
	outer    *conditions
}

// testedBy adds conditions to those that hold.
func testedBy(in scope, list ...*syntax.Stmt) scope {
	if len(list) > 0 {
		in.tested = &conditions{from: list[0].Pos().Offset(), to: list[len(list)-1].End().Offset(), outer: in.tested}
	}
	return in
}

// isTested reports whether a condition that holds looks for a file.
func (r *reader) isTested(in scope, word string) bool {
	for c := in.tested; c != nil; c = c.outer {
		at := r.tests[word]
		if i, _ := slices.BinarySearch(at, c.from); i < len(at) && at[i] < c.to {
			return true
		}
	}
	return false
}

// noteTests notes where which words are looked for as files.
func (r *reader) noteTests(parsed *syntax.File) {
	r.tests = map[string][]uint{}
	note := func(n syntax.Node) {
		word := strings.Trim(r.of(n), `"`)
		r.tests[word] = append(r.tests[word], n.Pos().Offset())
	}
	syntax.Walk(parsed, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			for i := 1; i < len(n.Args); i++ {
				if looks(n.Args[i-1].Lit()) {
					note(n.Args[i])
				}
			}
		case *syntax.UnaryTest:
			if looks(n.Op.String()) {
				note(n.X)
			}
		}
		return true
	})
	for _, at := range r.tests {
		slices.Sort(at)
	}
}

// looks reports whether an operator of test looks for a file.
func looks(op string) bool { return slices.Contains([]string{"-e", "-f", "-r", "-s"}, op) }
