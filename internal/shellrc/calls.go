package shellrc

import (
	"slices"
	"strings"
	"unicode"

	"mvdan.cc/sh/v3/syntax"
)

// guardedNames are commands that a start-up file may not give another meaning: what is
// understood rests on them.
const guardedNames = `
	sudo su . source [ [[ test eval return export declare typeset readonly local unset alias unalias set shopt
	echo printf umask true false : mesg tput command type which hash complete stty cat run-parts builtin exec
	if then elif else fi case esac for do done { } ! function while until select time in
	cd history bind ulimit pwd __git_ps1 precmd preexec chpwd periodic zshexit`

func guarded(name string) bool {
	return slices.Contains(strings.Fields(guardedNames), name) || Runs(name) || strings.HasPrefix(name, "TRAP") || strings.Contains(name, "/")
}

// specialNames are variables by which a shell, the C library, the linker or sudo go; a
// star stands for the rest of a name.
const specialNames = `
	BASH* CDPATH DIRSTACK ENV EUID EXECIGNORE FPATH FUNCNEST GCONV_PATH GLIBC_TUNABLES GLOBIGNORE HOME HOSTALIASES IFS
	INPUTRC KSH* LD_* LOCALDOMAIN LOCPATH LOGNAME MALLOC_* NLSPATH NULLCMD OPTIND PAM_* PATH POSIXLY_CORRECT PPID
	PROMPT_COMMAND PWD READNULLCMD RESOLV_* RES_OPTIONS SHELL SHELLOPTS SHLVL SUDO_* TERMCAP TERMINFO* TMOUT UID
	USER USERNAME ZDOTDIR ZSH* chpwd_functions fpath histchars path periodic_functions precmd_functions preexec_functions
	zshexit_functions`

// special reports whether it may matter what a variable is.
func special(name string) bool {
	return slices.ContainsFunc(strings.Fields(specialNames), func(s string) bool {
		stem, rest := strings.CutSuffix(s, "*")
		return s == name || rest && strings.HasPrefix(name, stem)
	})
}

// Runs reports whether a program is one that start-up files, as far as they are
// understood, run by its name.
func Runs(program string) bool {
	const programs = `
	arch basename cat clear clear_console date dircolors dirname free groups hostname id last lastlog lesspipe logname mesg
	nproc readlink realpath run-parts stty tput tty uname uptime users w which who whoami`
	return slices.Contains(strings.Fields(programs), program)
}

// Judged reports whether every value of a variable is judged, so that what is understood
// of it is harmless whoever reads it.
func Judged(name string) bool { return name == pathName || prompt(name) }

// prompt reports whether a shell expands a variable's value, and runs what is in it.
func prompt(name string) bool {
	return slices.Contains([]string{"PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT", "PROMPT2", "PROMPT3", "PROMPT4", "RPROMPT", "RPS1", "SPROMPT"}, name)
}

// Options of shopt and of set -o that leave a shell as usable as it was.
const (
	shoptOptions = `
	autocd cdable_vars cdspell checkhash checkjobs checkwinsize cmdhist complete_fullquote direxpand dirspell dotglob
	expand_aliases extglob globasciiranges globstar histappend histreedit histverify hostcomplete
	interactive_comments lithist mailwarn no_empty_cmd_completion nocaseglob nocasematch nullglob progcomp promptvars
	sourcepath`
	setOptions = "vi emacs noclobber notify history histexpand"
)

// call reports whether a command, or an assignment without one, is understood.
func (r *reader) call(c *syntax.CallExpr, in scope) bool {
	ok := true
	for _, a := range c.Assigns {
		ok = r.assigns(a) && ok
	}
	if len(c.Args) == 0 || !ok {
		return ok
	}
	if len(c.Assigns) > 0 {
		return false // of a command alone
	}
	switch strings.TrimPrefix(c.Args[0].Lit(), `\`) {
	case ".", "source":
		return len(c.Args) == 2 && r.sources(c.Args[1], in)
	case "eval":
		return len(c.Args) == 2 && r.evaluates(c.Args[1])
	}
	for _, arg := range c.Args {
		if !r.pure(arg) {
			return false
		}
	}
	return r.built(c)
}

// built reports whether a command whose words are harmless is.
func (r *reader) built(c *syntax.CallExpr) bool {
	args := c.Args[1:]
	none := func(bad func(text string) bool) bool {
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool {
			text, known := r.value(w)
			return !known || bad(text)
		})
	}
	switch c.Args[0].Lit() {
	case "[", "test":
		return r.looks(args)
	case ":", "true", "false", "echo", "return", "complete", "type", "unalias", "__git_ps1":
		return true
	case "printf", "hash":
		return len(args) == 0 || r.noOption(args[0])
	case "umask":
		return none(func(s string) bool { return strings.Trim(s, "01234567") != "" && strings.Trim(s, "ugoarwx=,") != "" })
	case "ulimit":
		return r.limits(args)
	case "bind":
		return len(args) == 1 && none(func(s string) bool { return strings.HasPrefix(s, "-") || strings.HasPrefix(s, "$") || len(Keys(s)) > 0 })
	case "cd":
		return len(args) < 2 && none(func(s string) bool { return !strings.HasPrefix(s, "/") && s != "~" && !strings.HasPrefix(s, "~/") })
	case "history":
		return len(args) < 2 && none(func(s string) bool { return len(s) != 2 || !strings.Contains("-a -n -r -c -w", s) })
	case "unset":
		return none(func(s string) bool { return special(s) || strings.Contains(s, "[") }) // an index is evaluated
	case "mesg":
		return none(func(s string) bool { return s != "n" && s != "y" })
	case "stty":
		return none(func(s string) bool { return s != "-ixon" && s != "ixon" && s != "-ixoff" })
	case "alias":
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool { return !r.aliases(w) })
	case "shopt":
		return r.options(args)
	case "set":
		return len(args) == 1 && (args[0].Lit() == "-H" || args[0].Lit() == "+H") ||
			len(args) == 2 && (args[0].Lit() == "-o" || args[0].Lit() == "+o") && slices.Contains(strings.Fields(setOptions), args[1].Lit())
	}
	return r.says(c)
}

// looks reports whether a test only looks: whether a variable is set is asked by its
// name, since the index of an array can be a command.
func (r *reader) looks(args []*syntax.Word) bool {
	for i, w := range args {
		if text, known := r.value(w); known && text == "-v" && (i+1 == len(args) || !variable(args[i+1])) {
			return false
		}
	}
	return true
}

// noOption reports whether a word is certainly no option.
func (r *reader) noOption(w *syntax.Word) bool {
	text, known := r.value(w)
	return known && !strings.HasPrefix(text, "-")
}

// options reports whether shopt asks, or sets what is harmless.
func (*reader) options(args []*syntax.Word) bool {
	if len(args) == 0 {
		return true
	}
	switch args[0].Lit() {
	case "-q", "-oq", "-qo":
		return true
	case "-s", "-u":
		return !slices.ContainsFunc(args[1:], func(w *syntax.Word) bool { return !slices.Contains(strings.Fields(shoptOptions), w.Lit()) })
	}
	return false
}

// aliases reports whether an alias leaves the commands alone that count. One that only
// gives a command more options is that command. That of sudo to itself has the shell
// expand the alias after it.
func (r *reader) aliases(w *syntax.Word) bool {
	name, _, sets := strings.Cut(r.of(w), "=")
	name = strings.Trim(name, `"'`)
	switch {
	case !sets:
		return true
	case !guarded(name):
		return !strings.ContainsAny(name, "$`\\\"'{")
	}
	whole, known := r.value(w)
	_, is, _ := strings.Cut(whole, "=")
	rest, same := strings.CutPrefix(is+" ", name+" ")
	switch {
	case !known || !same:
		return false
	case !Runs(name):
		return name == sudo && strings.TrimSpace(rest) == ""
	}
	return onlyOptions(rest)
}

// onlyOptions reports whether nothing in a text is more to a shell than words.
func onlyOptions(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		return c != ' ' && c != '-' && c != '+' && c != '%' && c != '=' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
}

const sudo = "sudo"

// sources notes a file that is read.
func (r *reader) sources(w *syntax.Word, in scope) bool {
	text := strings.Trim(r.of(w), `"`)
	paths, many := in.loops[strings.Trim(text, "${}")], true
	if at, ok := r.value(w); len(paths) == 0 && ok {
		paths, many = []string{at}, false
	}
	for _, at := range paths {
		if !strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "~/") || strings.Contains(at, "$") {
			return false
		}
		r.Sources = append(r.Sources, Source{Path: at, Many: many, Tested: many || r.isTested(in, text)})
	}
	return len(paths) > 0
}

// evaluates reports whether eval takes what a program says that is made for it.
func (r *reader) evaluates(w *syntax.Word) bool {
	text := strings.Trim(r.of(w), `"`)
	if inner, ok := strings.CutPrefix(text, "`"); ok { // as it was written before POSIX
		text = "$(" + strings.TrimSuffix(inner, "`") + ")"
	}
	switch strings.Join(strings.Fields(text), " ") {
	case "$(dircolors)", "$(dircolors -b)", "$(dircolors -b ~/.dircolors)", "$(dircolors ~/.dircolors)", "$(lesspipe)", "$(SHELL=/bin/sh lesspipe)":
		return true
	}
	return false
}

// declares reports whether export and its like are understood.
func (r *reader) declares(c *syntax.DeclClause) bool {
	ok := slices.Contains([]string{"export", "declare", "typeset", "readonly", "local"}, c.Variant.Value)
	for _, a := range c.Args {
		switch {
		case a.Name == nil: // an option, or a word that comes to anything
			ok = ok && a.Value != nil && (a.Value.Lit() == "-x" || a.Value.Lit() == "-A" || a.Value.Lit() == "-a")
		case a.Naked:
			ok = ok && (c.Variant.Value == "export" || !special(a.Name.Value) || a.Name.Value == idle)
		case c.Variant.Value == "readonly" && special(a.Name.Value) && a.Name.Value != idle:
			ok = false
		default:
			ok = r.assigns(a) && ok
		}
	}
	return ok
}

// assigns reports whether an assignment is harmless, and notes it.
func (r *reader) assigns(a *syntax.Assign) bool {
	name := a.Name.Value
	set := r.Sets[name]
	if set.Text == "" {
		set.Number = int(a.Pos().Line())
	}
	set.Text += r.of(a) + "\n"
	r.Sets[name] = set
	switch {
	case a.Index != nil, a.Array != nil && !r.pure(a.Array), a.Value != nil && !r.pure(a.Value):
		return false
	case name == pathName:
		return a.Array == nil && r.searches(a.Value, a.Append)
	case name == idle:
		return !a.Append && r.waits(a.Value)
	case name == everyPrompt:
		return !a.Append && a.Value != nil && r.beforePrompts(a.Value)
	case special(name):
		return false
	case prompt(name):
		return a.Value == nil || r.prompts(a.Value)
	case name == histFile:
		return a.Value == nil || r.ofHistory(a.Value)
	case a.Value != nil && !r.plainLater(a.Value):
		return false
	}
	text, known := "", a.Value == nil && a.Array == nil
	if a.Value != nil {
		r.long = false
		if text, known = r.value(a.Value); r.long { // a shell would take all memory for it
			r.vary(name)
			return false
		}
	}
	if was, had := r.values[name]; !known || a.Append || had && was != text {
		r.vary(name)
		return true
	}
	r.values[name] = text
	return true
}

// longestValue bounds what a variable comes to: each of a few lines could double it.
const longestValue = 64 << 10

// vary has the value of a variable be unknown from here on, whatever is said of it.
func (r *reader) vary(name string) { r.values[name] = "$" + name }
