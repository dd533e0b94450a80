package shellrc

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// pure reports whether what words come to does no more than read: no part of them can
// write, wait, or end the shell.
func (r *reader) pure(n syntax.Node) bool {
	ok := true
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			ok = ok && r.asks(n)
			return false
		case *syntax.ParamExp:
			ok = ok && plainParameter(n)
		case *syntax.BinaryTest:
			ok = ok && (!arithmetic(n.Op) || number(n.X) && number(n.Y))
		case *syntax.UnaryTest:
			ok = ok && (n.Op != syntax.TsVarSet || variable(n.X))
		case *syntax.ProcSubst, *syntax.ArithmExp, *syntax.ExtGlob:
			ok = false
		}
		return ok
	})
	return ok
}

// arithmetic reports whether a test of [[ takes its sides for expressions, in which the
// index of an array can be a command.
func arithmetic(op syntax.BinTestOperator) bool {
	return slices.Contains([]syntax.BinTestOperator{syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr}, op)
}

// number reports whether a side of a test is certainly a number: one that is written, or
// a variable of the shell's own.
func number(t syntax.TestExpr) bool {
	w, ok := t.(*syntax.Word)
	if !ok || len(w.Parts) != 1 {
		return false
	}
	if p, ok := w.Parts[0].(*syntax.ParamExp); ok && p.Param != nil {
		return slices.Contains([]string{"#", "?", "COLUMNS", "EUID", "LINES", "SHLVL", "UID"}, p.Param.Value)
	}
	return w.Lit() != "" && strings.Trim(w.Lit(), "0123456789") == ""
}

// variable reports whether a word is the name of a variable, and no element of an array.
func variable(t syntax.TestExpr) bool {
	w, ok := t.(*syntax.Word)
	return ok && syntax.ValidName(w.Lit())
}

// plainParameter reports whether an expansion neither sets anything nor ends the shell,
// as ${X:?} does, and does not name another variable.
func plainParameter(p *syntax.ParamExp) bool {
	if p.Excl || p.Slice != nil || p.Index != nil || p.Names != 0 || p.NestedParam != nil || p.Flags != nil {
		return false
	}
	harmless := []syntax.ParExpOperator{
		syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull,
		syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix,
	}
	return p.Exp == nil || slices.Contains(harmless, p.Exp.Op)
}

// asks reports whether a command substitution is one command that only says something.
func (r *reader) asks(c *syntax.CmdSubst) bool {
	if len(c.Stmts) != 1 || c.Stmts[0].Background {
		return false
	}
	if s := c.Stmts[0]; s.Cmd == nil && len(s.Redirs) == 1 { // $(<FILE)
		return s.Redirs[0].Op == syntax.RdrIn && s.Redirs[0].Word != nil && settled(s.Redirs[0].Word)
	}
	if pipe, is := c.Stmts[0].Cmd.(*syntax.BinaryCmd); is && pipe.Op == syntax.Pipe && len(c.Stmts[0].Redirs) == 0 {
		return r.pipe(pipe)
	}
	call, ok := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 || len(call.Assigns) > 0 {
		return false
	}
	for _, redirect := range c.Stmts[0].Redirs {
		ok = r.quiet(redirect) && ok
	}
	return ok && r.says(call)
}

// says reports whether a command says something about the host or the user, and no more.
func (r *reader) says(c *syntax.CallExpr) bool {
	for _, arg := range c.Args {
		if !r.pure(arg) {
			return false
		}
	}
	args := c.Args[1:]
	switch c.Args[0].Lit() {
	case "arch", "groups", "hostname", "id", "logname", "nproc", "tty", "uname", "whoami":
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool {
			return !strings.HasPrefix(w.Lit(), "-") || strings.Contains(w.Lit(), "F") || strings.Contains(w.Lit(), "b")
		})
	case "date":
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool { at, _ := r.value(w); return !strings.HasPrefix(at, "+") })
	case "cat":
		return len(args) > 0 && !slices.ContainsFunc(args, func(w *syntax.Word) bool { return !settled(w) })
	case "run-parts":
		return len(args) > 0 && args[0].Lit() == "--list"
	case "command":
		return len(args) > 1 && args[0].Lit() == "-v"
	case "clear", "free", "uptime", "users":
		return len(args) == 0 || len(args) == 1 && (args[0].Lit() == "-h" || args[0].Lit() == "-p")
	case "pwd":
		return len(args) == 0
	case "last", "lastlog", "w", "who":
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool { return strings.Contains(w.Lit(), "f") })
	case "basename", "dirname", "readlink", "realpath", "tput", "which", "__git_ps1":
		return true
	case "git":
		return r.asksGit(args)
	}
	return r.function(c.Args[0].Lit())
}

// settled reports whether a word is a path below /etc, where nothing waits to be written
// before it can be read.
func settled(w *syntax.Word) bool { return strings.HasPrefix(path.Clean(w.Lit()), "/etc/") }

// quiet reports whether a redirection writes nothing to a file, and reads none.
func (*reader) quiet(d *syntax.Redirect) bool {
	if d.Hdoc != nil || d.Word == nil || d.N != nil && strings.HasPrefix(d.N.Value, "{") {
		return false
	}
	to := d.Word.Lit()
	switch d.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.RdrClob:
		return to == "/dev/null"
	case syntax.DplOut:
		return to == "/dev/null" || to == "1" || to == "2"
	}
	return false
}

// value is what a word comes to, with ~ for the home, if that is known; $PATH stands for
// itself. Of braces it may come to several words, which are not known.
func (r *reader) value(w *syntax.Word) (string, bool) {
	for _, p := range w.Parts {
		if lit, ok := p.(*syntax.Lit); ok && strings.Contains(lit.Value, "{") {
			return "", false
		}
	}
	var b strings.Builder
	if !r.parts(&b, w.Parts) {
		return "", false
	}
	return b.String(), true
}

func (r *reader) parts(b *strings.Builder, parts []syntax.WordPart) bool {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(p.Value, `\`, ""))
		case *syntax.SglQuoted:
			if p.Dollar {
				return false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			if p.Dollar || !r.parts(b, p.Parts) {
				return false
			}
		case *syntax.ParamExp:
			if !r.parameter(b, p) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (r *reader) parameter(b *strings.Builder, p *syntax.ParamExp) bool {
	if p.Param == nil || !plainParameter(p) || p.Length {
		return false
	}
	name := p.Param.Value
	value, known := r.values[name]
	switch {
	case name == pathName && (p.Exp == nil || p.Exp.Op == syntax.AlternateUnsetOrNull || p.Exp.Op == syntax.AlternateUnset):
		if p.Exp != nil { // ${PATH:+:$PATH}
			return p.Exp.Word != nil && r.parts(b, p.Exp.Word.Parts)
		}
		b.WriteString(usual)
	case p.Exp != nil:
		return false
	case name == "HOME":
		b.WriteString("~")
	case known && b.Len()+len(value) > longestValue:
		r.long = true
		return false
	case known:
		b.WriteString(value)
	default:
		return false
	}
	return true
}

const (
	pathName = "PATH"
	// usual stands for what PATH was before.
	usual = "$PATH"
)

// afterUsual reports whether words begin with what PATH was before, and a colon: what
// comes after that is looked through last.
func afterUsual(parts []syntax.WordPart) bool {
	if len(parts) == 0 {
		return false
	}
	if q, ok := parts[0].(*syntax.DblQuoted); ok {
		return !q.Dollar && afterUsual(q.Parts)
	}
	p, ok := parts[0].(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Param.Value != pathName || p.Exp != nil || p.Length || len(parts) < 2 {
		return false
	}
	next, ok := parts[1].(*syntax.Lit)
	return ok && strings.HasPrefix(next.Value, ":")
}

// searches notes the directories that are looked through before those of packages. It
// reports whether they are known, and those of packages among them.
func (r *reader) searches(w *syntax.Word, more bool) bool {
	text, ok := "", true
	if w != nil {
		text, ok = r.value(w)
	}
	if !ok {
		return !more && afterUsual(w.Parts)
	}
	if more {
		return strings.HasPrefix(text, ":")
	}
	for dir := range strings.SplitSeq(text, ":") {
		switch {
		case dir == usual || dir == "/usr/bin" || dir == "/bin":
			return true
		case strings.HasPrefix(dir, "~/") && !strings.Contains(dir, "$"), path.IsAbs(dir) && !strings.Contains(dir, "$"):
			if dir = path.Clean(dir); !slices.Contains(r.Dirs, dir) {
				r.Dirs = append(r.Dirs, dir)
			}
		default:
			return false
		}
	}
	return false
}
