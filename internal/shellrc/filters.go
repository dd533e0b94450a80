package shellrc

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// shapes are what may stand behind programs that read what another says: no file, which
// could keep them waiting, and nothing by which they write or run something.
var shapes = sync.OnceValue(func() map[string]*regexp.Regexp { //nolint:gochecknoglobals // a table that does not change
	out := map[string]*regexp.Regexp{}
	const sep = "\x00"
	for name, shape := range map[string]string{
		"cut":  `(-[dfbc]` + sep + `?[^` + sep + `]+` + sep + `|-s` + sep + `|--(delimiter|fields|characters)=[^` + sep + `]+` + sep + `)+`,
		"grep": `(-[EFGPchinoqsvwx]+` + sep + `)*(-e` + sep + `)?[^-` + sep + `][^` + sep + `]*` + sep,
		"head": `(-[0-9]+` + sep + `|-[nc]` + sep + `?[0-9]+` + sep + `)?`,
		"tail": `(-[0-9]+` + sep + `|-[nc]` + sep + `?[0-9]+` + sep + `)?`,
		"tr":   `(-[cds]+` + sep + `)*[^-` + sep + `][^` + sep + `]*` + sep + `([^-` + sep + `][^` + sep + `]*` + sep + `)?`,
		"wc":   `(-[lwcm]+` + sep + `)*`,
		"sort": `(-[bdfgnrRuVM]+` + sep + `)*`,
		"uniq": `(-[cdiu]+` + sep + `)*`,
		"sed":  `(-[nEr]+` + sep + `)*((-e` + sep + `)?` + sedScript + sep + `)((-e` + sep + `)` + sedScript + sep + `)*`,
		"awk":  `(-F` + sep + `?[^` + sep + `]+` + sep + `)?` + awkProgram + sep,
	} {
		out[name] = regexp.MustCompile(`^` + shape + `$`)
	}
	out["egrep"], out["fgrep"] = out["grep"], out["grep"]
	return out
})

const (
	// sedScript has lines left out or shown, and words replaced: without the flags e and w.
	sedScript  = `(` + sedCommand + `)(\s*;\s*(` + sedCommand + `))*`
	sedCommand = `\s*(` + sedAt + `\s*!?\s*[dp]|(` + sedAt + `\s*!?\s*)?s(` +
		`/([^/\\\n\x00]|\\[^\n\x00])*/([^/\\\n\x00]|\\[^\n\x00])*/|\|([^|\\\n\x00]|\\[^\n\x00])*\|([^|\\\n\x00]|\\[^\n\x00])*\||#([^#\\\n\x00]|\\[^\n\x00])*#([^#\\\n\x00]|\\[^\n\x00])*#)[gpIi0-9]*)`
	sedAt = `(/([^/\\\n\x00]|\\[^\n\x00])*/|[0-9]+|\$)`
	// awkProgram shows words of lines: it has no loop, runs nothing and writes nothing.
	awkProgram = `(/[^/\x00]*/|NR *[=<>]=? *[0-9]+)? *(\{ *print *[-$0-9A-Z" ,()]* *\})?`
)

// MayRun reports whether a program is one that start-up files, as far as they are
// understood, may run, by its name or by another.
func MayRun(program string) bool {
	return Runs(program) || shapes()[program] != nil || slices.Contains([]string{"git", "mawk", "gawk"}, program)
}

// filters reports whether a program makes something shorter of what it is given, and ends
// with it.
func (r *reader) filters(c *syntax.CallExpr) bool {
	if len(c.Args) == 0 || len(c.Assigns) > 0 {
		return false
	}
	shape := shapes()[c.Args[0].Lit()]
	if shape == nil {
		return false
	}
	var words strings.Builder
	for _, w := range c.Args[1:] {
		text, known := literal(w)
		if !known || strings.Contains(text, "\x00") {
			return false
		}
		words.WriteString(text + "\x00")
	}
	return shape.MatchString(words.String()) && r.runs(c.Args[0].Lit())
}

// literal is a word in which nothing is expanded, as the program gets it.
func literal(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "*?[]{}~") {
				return "", false
			}
			b.WriteString(unescaped(p.Value, false))
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, q := range p.Parts {
				lit, ok := q.(*syntax.Lit)
				if !ok || p.Dollar {
					return "", false
				}
				b.WriteString(unescaped(lit.Value, true))
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// asksGit reports whether git is asked about the repository that somebody is in, for a
// prompt, and changes nothing in it.
func (r *reader) asksGit(args []*syntax.Word) bool {
	const options = `
		--abbrev-ref --all --always --branch --cached --count --dirty --exact-match --git-dir --ignore-submodules
		--is-inside-git-dir --is-inside-work-tree --left-right --no-color --no-ext-diff --porcelain --quiet --short
		--show-current --show-toplevel --tags --untracked-files=no --verify -b -q -s -uno HEAD @`
	var said []string
	for _, w := range args {
		text, known := literal(w)
		if !known {
			return false
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return false
	}
	what, rest := said[0], said[1:]
	switch what {
	case "config":
		return len(rest) == 2 && rest[0] == "--get" && !strings.HasPrefix(rest[1], "-") && r.runs("git")
	case "diff":
		if !slices.Contains(rest, "--quiet") {
			return false
		}
	case "branch", "describe", "rev-list", "rev-parse", "status", "symbolic-ref":
	default:
		return false
	}
	return !slices.ContainsFunc(rest, func(s string) bool { return !slices.Contains(strings.Fields(options), s) }) && r.runs("git")
}
