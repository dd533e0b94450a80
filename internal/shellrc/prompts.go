package shellrc

import (
	"path"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

const (
	// idle is how many seconds bash waits for whoever types nothing.
	idle = "TMOUT"
	// leastIdle is time enough to type a command.
	leastIdle = 60
	// histFile is the file that a shell writes its history to as it ends.
	histFile = "HISTFILE"
	// everyPrompt are commands that bash runs before each prompt.
	everyPrompt = "PROMPT_COMMAND"
)

// waits reports whether a time of TMOUT is none, or long enough to type in.
func (r *reader) waits(w *syntax.Word) bool {
	if w == nil {
		return false
	}
	text, known := r.value(w)
	n, err := strconv.Atoi(text)
	return known && err == nil && (n == 0 || n >= leastIdle)
}

// prompts reports whether a prompt only shows something. A shell expands it each time: a
// command in it has to be one that says something and ends.
func (r *reader) prompts(w *syntax.Word) bool {
	text, ok := r.later(w, true)
	raw := r.of(w) + "\n" + text // which has what stands in several quotes together
	if !strings.Contains(raw, "$(") && !strings.Contains(raw, "`") && !strings.Contains(raw, `$\(`) {
		return !strings.Contains(raw, `\044`) && !strings.Contains(raw, `\140`)
	}
	if !ok {
		return false
	}
	text = strings.ReplaceAll(text, `\$`, "$") // as a prompt has it
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Document(strings.NewReader(text))
	if err != nil {
		return false
	}
	in := r.within(text)
	for _, p := range parsed.Parts {
		switch p := p.(type) {
		case *syntax.Lit:
			ok = ok && !strings.Contains(p.Value, `\044`) && !strings.Contains(p.Value, `\140`)
		case *syntax.ParamExp:
			ok = ok && in.pure(p)
		case *syntax.CmdSubst:
			// What a backslash is good for depends on how often it is read.
			ok = ok && !strings.Contains(in.of(p), `\`) && in.usual(p.Stmts)
		default:
			ok = false
		}
	}
	return ok
}

// plainLater reports whether the value of a variable has no command in it that runs when
// a prompt is made of it, or only usual ones.
func (r *reader) plainLater(w *syntax.Word) bool {
	text, _ := r.later(w, true)
	return !strings.Contains(text, "$(") && !strings.Contains(text, "`") || r.prompts(w)
}

// ofHistory reports whether a file is one for a history by its name: a shell writes over
// what is there.
func (r *reader) ofHistory(w *syntax.Word) bool {
	text := strings.Trim(r.of(w), `"'`)
	return text == "" || text == "/dev/null" || strings.Contains(strings.ToLower(path.Base(text)), "hist")
}

// beforePrompts reports whether commands that run before each prompt leave the shell
// as usable as it was.
func (r *reader) beforePrompts(w *syntax.Word) bool {
	text, ok := r.later(w, false)
	if !ok {
		return false
	}
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	return err == nil && r.within(text).usual(parsed.Stmts)
}

// within is a reader of commands that stand in a text of the file.
func (r *reader) within(text string) *reader { return r.sub(text) }

// usual reports whether commands are understood, and read no file.
func (r *reader) usual(list []*syntax.Stmt) bool {
	return r.stmts(list, scope{}) && len(r.Sources) == 0 && len(r.Dirs) == 0
}

// later is what a word comes to that a shell reads again. What variables come to may be
// left out.
func (r *reader) later(w *syntax.Word, leaveOut bool) (string, bool) {
	var b strings.Builder
	ok := r.laterParts(&b, w.Parts, false, leaveOut)
	return b.String(), ok
}

func (r *reader) laterParts(b *strings.Builder, parts []syntax.WordPart, quoted, leaveOut bool) bool {
	ok := true
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescaped(p.Value, quoted))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
			ok = ok && !p.Dollar
		case *syntax.DblQuoted:
			ok = r.laterParts(b, p.Parts, true, leaveOut) && ok && !p.Dollar
		case *syntax.ParamExp:
			ok = ok && plainParameter(p) && p.Param != nil
			switch {
			case !ok:
			case p.Param.Value == everyPrompt && p.Exp == nil:
				b.WriteString(":") // what it was before
			case p.Param.Value == everyPrompt && (p.Exp.Op == syntax.AlternateUnset || p.Exp.Op == syntax.AlternateUnsetOrNull) && p.Exp.Word != nil:
				ok = r.laterParts(b, p.Exp.Word.Parts, quoted, leaveOut)
			case p.Exp == nil && !p.Length && r.values[p.Param.Value] != "" && r.values[p.Param.Value] != "$"+p.Param.Value:
				b.WriteString(r.values[p.Param.Value])
			default:
				ok = leaveOut
			}
		case *syntax.CmdSubst:
			// It is run at once; what a file holds would be expanded once more.
			ok = ok && leaveOut && r.asks(p) && !strings.Contains(r.of(p), "cat") && !strings.Contains(r.of(p), "<")
		default:
			return false
		}
	}
	return ok
}

// unescaped takes the backslashes away that quote something.
func unescaped(text string, quoted bool) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("$`\"\\", text[i+1]) >= 0) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// limits reports whether ulimit asks, or sets what leaves a shell enough.
func (r *reader) limits(args []*syntax.Word) bool {
	const enough = 1024
	which := ""
	for _, w := range args {
		text, known := r.value(w)
		n, err := strconv.Atoi(text)
		switch {
		case !known:
			return false
		case strings.HasPrefix(text, "-"):
			which += strings.Trim(text, "-SH")
		case which != "c" && (which != "n" && which != "u" || err != nil || n < enough) && text != "unlimited":
			return false
		}
	}
	return which == "" || which == "a" || which == "c" || which == "n" || which == "u"
}
