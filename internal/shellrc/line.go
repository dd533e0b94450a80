package shellrc

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// Line is where in a file something is that is not understood.
type Line struct {
	Number int // from 1; 0: it is in no one line
	// What names the command or the construct, and no value that may be a secret, such
	// as "exec tmux is not understood".
	What string
	// Text tells it apart from others. It may hold secrets.
	Text string
}

// Texts are those of lines, each with a newline behind it.
func Texts(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}

const notUnderstood = " is not understood"

// note keeps what is not understood of a command.
func (r *reader) note(s *syntax.Stmt) {
	r.Lines = append(r.Lines, Line{Number: int(s.Pos().Line()), What: r.name(s) + notUnderstood, Text: r.of(s)})
}

// name is what to call a command or a construct.
func (r *reader) name(s *syntax.Stmt) string {
	switch {
	case s.Background || s.Disown:
		return "a command in the background"
	case s.Coprocess:
		return "a coprocess"
	}
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		return r.nameCall(s, c)
	case *syntax.DeclClause:
		return strings.Join(append([]string{c.Variant.Value}, assigned(c.Args)...), " ")
	case *syntax.FuncDecl:
		if c.Name != nil {
			return "the function " + c.Name.Value
		}
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			return "a pipe" + r.from(s)
		}
	case *syntax.WhileClause:
		return "a loop, by while or until,"
	case *syntax.ForClause:
		return "a loop, by for,"
	case *syntax.Subshell:
		return "a subshell"
	case *syntax.IfClause, *syntax.CaseClause, *syntax.TestClause:
		return "a condition" + r.from(s)
	case *syntax.ArithmCmd, *syntax.LetClause:
		return "arithmetic"
	}
	return "a construct"
}

// nameCall names a command, with a word that says what it is for, or an assignment.
func (r *reader) nameCall(s *syntax.Stmt, c *syntax.CallExpr) string {
	if len(c.Args) == 0 {
		if len(c.Assigns) == 0 {
			return "a redirection"
		}
		return strings.Join(assigned(c.Assigns), " ") + r.from(s)
	}
	name := c.Args[0].Lit()
	if !plainName().MatchString(name) {
		return "a command that is put together"
	}
	out := name
	if len(c.Args) > 1 {
		next, _, _ := strings.Cut(strings.Trim(r.of(c.Args[1]), `"'`), "=")
		const followed = "exec command builtin set shopt unset enable stty hash bind ulimit alias mesg complete"
		if slices.Contains(strings.Fields(followed), strings.TrimPrefix(name, `\`)) && plainName().MatchString(next) {
			out += " " + next
		}
	}
	if len(s.Redirs) > 0 {
		for _, d := range s.Redirs {
			if !r.quiet(d) {
				return "a redirection of " + out
			}
		}
	}
	return out + r.from(s)
}

// plainName is a word that names a command, an option or a variable.
var plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\\?[-+A-Za-z_.:\[/~][-+A-Za-z0-9_./~]{0,60}$`) })

// assigned are the names that are given values: those that shells and others go by, or
// all.
func assigned(assigns []*syntax.Assign) []string {
	var all, ruling []string
	for _, a := range assigns {
		if a.Name == nil {
			continue
		}
		if all = append(all, a.Name.Value); special(a.Name.Value) || prompt(a.Name.Value) {
			ruling = append(ruling, a.Name.Value)
		}
	}
	if len(ruling) > 0 {
		return ruling
	}
	return all
}

// from names the first command, in what a command is given, that is not understood.
func (r *reader) from(n syntax.Node) string {
	out := ""
	syntax.Walk(n, func(n syntax.Node) bool {
		c, is := n.(*syntax.CmdSubst)
		if !is || out != "" || r.asks(c) {
			return out == ""
		}
		for _, s := range c.Stmts {
			if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 && plainName().MatchString(call.Args[0].Lit()) {
				out = " with what " + call.Args[0].Lit() + " says"
				return false
			}
		}
		out = " with what commands say"
		return false
	})
	return out
}
