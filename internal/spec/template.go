package spec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	syntax "text/template/parse"

	"opsafe/internal/host"
)

// fieldChecker looks for what a template names and its backend lacks.
type fieldChecker struct {
	b        *Backend
	file     string // the template
	data     []byte
	problems *Problems
	said     set
}

// operand is what the dot, a variable or an expression stands for: the names that
// lead to it from what the template as a whole is given. Known is unset for all else.
type operand struct {
	names []string
	known bool
}

func (o operand) and(names ...string) operand {
	return operand{names: slices.Concat(o.names, names), known: o.known}
}

// scope is what the dot and the variables stand for at a place in a template.
type scope struct {
	dot  operand
	vars map[string]operand
}

// inner is the scope of a branch: what it declares ends with it.
func (s scope) inner() scope { return scope{dot: s.dot, vars: maps.Clone(s.vars)} }

// of resolves an expression.
func (s scope) of(n syntax.Node) operand {
	switch n := n.(type) {
	case *syntax.DotNode:
		return s.dot
	case *syntax.FieldNode:
		return s.dot.and(n.Ident...)
	case *syntax.VariableNode:
		return s.vars[n.Ident[0]].and(n.Ident[1:]...)
	case *syntax.ChainNode:
		return s.of(n.Node).and(n.Field...)
	case *syntax.PipeNode:
		if n != nil && len(n.Cmds) == 1 && len(n.Cmds[0].Args) == 1 {
			return s.of(n.Cmds[0].Args[0])
		}
	}
	return operand{}
}

// checkFields checks every field that is known to be meant from the top.
func (l *loader) checkFields(t *template.Template, b *Backend, file string, data []byte, problems *Problems) {
	c := fieldChecker{b: b, file: file, data: data, problems: problems, said: set{}}
	if t.Tree != nil && t.Root != nil {
		top := operand{known: true}
		c.walk(t.Root, scope{dot: top, vars: map[string]operand{"$": top}}) // those that it defines are given something of their own
	}
}

// walk goes through a template.
func (c *fieldChecker) walk(n syntax.Node, s scope) {
	switch n := n.(type) {
	case *syntax.ListNode:
		if n != nil {
			for _, each := range n.Nodes {
				c.walk(each, s)
			}
		}
	case *syntax.ActionNode:
		c.walk(n.Pipe, s)
	case *syntax.TemplateNode:
		c.walk(n.Pipe, s)
	case *syntax.IfNode:
		c.branch(&n.BranchNode, s, false)
	case *syntax.RangeNode:
		c.branch(&n.BranchNode, s, true)
	case *syntax.WithNode:
		c.branch(&n.BranchNode, s, true)
	case *syntax.PipeNode:
		c.pipe(n, s)
	case *syntax.CommandNode:
		for _, arg := range n.Args {
			c.walk(arg, s)
		}
		c.index(n, s)
	case *syntax.ChainNode:
		c.walk(n.Node, s)
		c.field(s.of(n), n, n.Field)
	case *syntax.FieldNode:
		c.field(s.of(n), n, n.Ident)
	case *syntax.VariableNode:
		if len(n.Ident) > 1 { // what it stands for has been checked where it was declared
			c.field(s.of(n), n, n.Ident[1:])
		}
	}
}

// pipe checks a pipeline, and takes down what the variables stand for that it
// declares. One that is assigned to anew may stand for either.
func (c *fieldChecker) pipe(n *syntax.PipeNode, s scope) {
	if n == nil {
		return
	}
	for _, cmd := range n.Cmds {
		c.walk(cmd, s)
	}
	for _, v := range n.Decl {
		s.vars[v.Ident[0]] = operand{}
		if !n.IsAssign && len(n.Decl) == 1 {
			s.vars[v.Ident[0]] = s.of(&syntax.PipeNode{Cmds: n.Cmds})
		}
	}
}

// branch checks if, with and range, the last two of which move the dot.
func (c *fieldChecker) branch(n *syntax.BranchNode, s scope, moves bool) {
	outer := s
	s = s.inner()
	c.walk(n.Pipe, s)
	inside := s.inner()
	if moves {
		inside.dot = s.of(n.Pipe)
	}
	if n.NodeType == syntax.NodeRange {
		inside.dot = operand{}
		for _, v := range n.Pipe.Decl {
			inside.vars[v.Ident[0]] = operand{}
		}
	}
	c.walk(n.List, inside)
	c.walk(n.ElseList, s.inner())
	forgetAssigned(n, outer)
}

// forgetAssigned makes unknown what a branch may have assigned to.
func forgetAssigned(n *syntax.BranchNode, s scope) {
	text := n.String()
	for name := range s.vars {
		if name != "$" && strings.Contains(text, name+" = ") {
			s.vars[name] = operand{}
		}
	}
}

// index checks the name of a value that index looks up: it would be empty, and no
// error. The name is a text like others in the template, which may be a secret's, and
// is not repeated.
func (c *fieldChecker) index(n *syntax.CommandNode, s scope) {
	if len(n.Args) != 3 {
		return
	}
	name, isText := n.Args[2].(*syntax.StringNode)
	if f, ok := n.Args[0].(*syntax.IdentifierNode); !ok || f.Ident != "index" || !isText {
		return
	}
	of := s.of(n.Args[1])
	if !of.known || len(of.names) != 1 || of.names[0] != "Values" {
		return
	}
	if _, ok := c.b.Values[name.Text]; !ok {
		c.addf(name, of.names, nil, "backend %s has no value of the name that index looks up: declare it under values", quote(c.b.Name))
	}
}

// field checks what a chain of names, as written, stands for.
func (c *fieldChecker) field(o operand, n syntax.Node, written []string) {
	names := o.names
	if !o.known || len(names) == 0 {
		return
	}
	tops := []string{"Backend", "Values", "Host"}
	switch names[0] {
	case "Backend":
	case "Values":
		if _, ok := c.b.Values[nameOf(names)]; len(names) > 1 && !ok {
			c.addf(n, names, written, "backend %s has no such value: declare it under values%s", quote(c.b.Name), c.near(names[1], slices.Collect(maps.Keys(c.b.Values))))
		}
	case "Host":
		if facts := factNames(); len(names) > 1 && !slices.Contains(facts, names[1]) {
			c.addf(n, names, written, "there is no such fact of a host%s (there is: %s)", c.near(names[1], facts), strings.Join(facts, ", "))
		}
	default:
		c.addf(n, names, written, "there is no such field%s (there is: .%s)", c.near(names[0], tops), strings.Join(tops, ", ."))
	}
}

func nameOf(names []string) string {
	if len(names) < 2 {
		return ""
	}
	return names[1]
}

// factNames are the facts of a host, by the names that templates have for them: its texts.
// Whether it runs is nothing that a file depends on.
func factNames() []string {
	var out []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[host.MachineFacts]()) {
		if f.Type.Kind() == reflect.String {
			out = append(out, f.Name)
		}
	}
	return out
}

func (c *fieldChecker) near(name string, known []string) string {
	return c.problems.hint(name, slices.Values(known))
}

func (c *fieldChecker) addf(n syntax.Node, names, written []string, format string, args ...any) {
	at := place(c.file, c.data, min(c.start(n, written), len(c.data)))
	text := "." + strings.Join(names, ".") + ": " + fmt.Sprintf(format, args...)
	if key := at.String() + text; !c.said[key] {
		c.said.add(key)
		c.problems.Addf(at, "%s", text)
	}
}

// start is where a chain of names begins: its node's position is that of its last
// name in some cases.
func (c *fieldChecker) start(n syntax.Node, names []string) int {
	pos := min(int(n.Position()), len(c.data))
	if len(names) == 0 {
		return pos
	}
	chain := "." + strings.Join(names, ".")
	if i := strings.LastIndex(string(c.data[:min(pos+len(chain), len(c.data))]), chain); i >= 0 {
		return i
	}
	return pos
}
