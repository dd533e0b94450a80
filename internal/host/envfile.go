package host

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"opsafe/internal/words"
)

// envFile matches the base names of environment files, and of copies of them:
// app.env, .env.local, .envrc, .env~, app.env.old.
var envFile = words.Pattern(`(?i)(^|[.])env(rc)?([.~_-].*)?$`)

// IsEnvFile reports whether a path is by its name that of an environment file, of
// lines of NAME=VALUE: one that programs and services read, or a copy of it.
func IsEnvFile(p string) bool {
	dir := path.Dir(p)
	return envFile().MatchString(path.Base(p)) || p == "/etc/environment" || dir == "/etc/default" || dir == "/etc/environment.d"
}

// EnvNames lists the names that an environment file assigns, in its order. What is
// assigned to a part of a variable, or added to it, counts.
func EnvNames(data []byte) []string {
	var names []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
			line = rest
		}
		name, _, ok := strings.Cut(line, "=")
		name, _, _ = strings.Cut(strings.TrimSuffix(name, "+"), "[")
		if name = strings.TrimSpace(name); ok && name != "" && !strings.HasPrefix(name, "#") {
			names = append(names, name)
		}
	}
	return names
}

// EnvValue is the value that an environment file gives a variable at last; empty for
// none.
func EnvValue(data []byte, name string) string {
	last := ""
	for key, value := range assignments(data) {
		if slices.Contains(EnvNames([]byte(key+"=")), name) {
			last = value
		}
	}
	return last
}

// placeholder is a value that stands for one that is still to be put in.
var placeholder = words.Pattern(`(?i)^(change[-_ ]?me.*|x{3,}|todo|tbd|fixme|placeholder|replace[-_ ]?me|your[-_].*|<.*>)$`)

// IsPlaceholder reports whether a value stands for one that is still to be put in.
func IsPlaceholder(value string) bool { return placeholder().MatchString(value) }

// EnvUnset lists the names to which an environment file assigns nothing, or a
// placeholder: the last assignment counts.
func EnvUnset(data []byte) []string {
	var names []string
	unset := map[string]bool{}
	for key, value := range assignments(data) {
		for _, name := range EnvNames([]byte(key + "=")) {
			if _, seen := unset[name]; !seen {
				names = append(names, name)
			}
			unset[name] = value == "" || IsPlaceholder(value)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return !unset[n] })
}

// EachValue replaces the values of variables wherever a text seems to assign
// them, but for empty ones: also in a comment, in lower case or with dashes, behind
// other words, with a colon, with all lines of a value in quotes or up to the word
// that ends them, and in the words of csh and fish. Rather too much is taken for a
// value than too little.
func EachValue(text string, names map[string]bool, replace func(name, value string) string) string {
	if len(names) == 0 {
		return text
	}
	assigned := assignment(names)
	var b strings.Builder
	for text != "" {
		end := strings.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		m := assigned.FindStringSubmatchIndex(text[:end])
		if m == nil {
			b.WriteString(text[:end])
			text = text[end:]
			continue
		}
		name := assignedName(text, m, names)
		value := text[m[1]:][:ValueEnd(text[m[1]:])]
		if strings.Contains(text[m[0]:m[1]], "<<") {
			value = text[m[1]:][:wordEnd(text[m[1]:])]
		}
		b.WriteString(text[:m[1]])
		text = text[m[1]+len(value):]
		if strings.TrimSpace(value) != "" {
			value = replace(name, value)
		}
		b.WriteString(value)
	}
	return b.String()
}

// assignment finds one of the names with what comes between it and its value: an
// operator, or only blanks behind setenv (csh) or set with flags (fish).
func assignment(names map[string]bool) *regexp.Regexp {
	quoted := make([]string, 0, len(names))
	for n := range names {
		quoted = append(quoted, dashed().ReplaceAllString(regexp.QuoteMeta(n), "[-_]"))
	}
	slices.Sort(quoted)
	slices.Reverse(quoted) // the longer of two that begin alike
	name := `["']?(` + strings.Join(quoted, "|") + `)["']?`
	return regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9_])(?:` +
		name + `(?:\[[^]\n]*\])?[ \t]*(?:\+?[=:]|<<-?)[ \t]*|` +
		`(?:setenv|set(?:[ \t]+-[^ \t\n]+)+)[ \t]+` + name + `[ \t]+)`)
}

// dashed are the signs of which a name may have either.
var dashed = words.Pattern(`[-_]`)

// assignedName is the one of the names that a match of assignment has found.
func assignedName(text string, match []int, names map[string]bool) string {
	at := match[2:4]
	if at[0] < 0 {
		at = match[4:6]
	}
	alike := func(name string) string { return strings.ToUpper(dashed().ReplaceAllString(name, "_")) }
	found := alike(text[at[0]:at[1]])
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if alike(n) == found {
			return n
		}
	}
	return found
}

// wordEnd is where a value ends that begins with the word that stands alone in the
// line after it. A digest that is in its place is all of it.
func wordEnd(s string) int {
	first, _, _ := strings.Cut(s, "\n")
	if first = strings.TrimSpace(first); IsHidden(first) {
		return len(first)
	}
	word := strings.Trim(first, `"'`)
	end := 0
	for line := range strings.Lines(s) {
		end += len(line)
		if end > len(line) && strings.TrimSpace(line) == word {
			return end - len(line) + len(strings.TrimRight(line, "\r\n"))
		}
	}
	return len(s)
}

// ValueEnd is where a value ends at the beginning of a text: with its line, or that in
// which its quotes are closed, or that which is not continued.
func ValueEnd(s string) int {
	var quote byte
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		quote = s[0]
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '\'':
			i++
		case i > 0 && quote != 0 && s[i] == quote:
			quote = 0
		case s[i] == '\n' && quote == 0:
			return len(strings.TrimRight(s[:i], "\r"))
		}
	}
	return len(s)
}

// HideEnv puts digests in the place of the values of variables. A digest that is
// there already stays.
func HideEnv(path, text string, names map[string]bool) string {
	return EachValue(text, names, func(name, value string) string {
		if IsHidden(value) {
			return value
		}
		return HiddenEnv(path, name, value)
	})
}

// HiddenEnv is what HideEnv writes for a value.
func HiddenEnv(path, name, value string) string {
	return Hidden(SecretDigest(path+" "+name, []byte(value)))
}

var hidden = words.Pattern(`^\(secret, digest [0-9a-f]{12}\)$`)

// IsHidden reports whether a value is what Hidden writes.
func IsHidden(value string) bool { return hidden().MatchString(value) }
