package shellrc

import "strings"

// Environment is what is not understood of a file of variables, such as /etc/environment:
// see pam_env(8). Programs are to be looked for where Debian has them, but beneath
// /usr/local first.
func Environment(text string) []Line {
	var out []Line
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		switch {
		case line == "", line[0] == '#', ok && name == pathName && ownPath(strings.Trim(value, `"'`)):
		case !ok, special(name), prompt(name), strings.ContainsAny(name, " \t"):
			out = append(out, named(number, line))
		}
	}
	return out
}

// Whole is a file of which nothing is understood, by its lines.
func Whole(text string) []Line {
	var out []Line
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, named(number, line))
		}
	}
	return out
}

// named calls a line by what it begins with, if that is a name.
func named(number int, line string) Line {
	what := "a line"
	end := strings.IndexAny(line+" ", "= \t:")
	if name := strings.Trim(line[:min(end, len(line))], `"`); plainName().MatchString(name) {
		what = name
	}
	return Line{Number: number, What: what + notUnderstood, Text: line}
}

// ownPath reports whether a search path begins as Debian's does.
func ownPath(value string) bool {
	for dir := range strings.SplitSeq(value, ":") {
		if dir == "/usr/bin" || dir == "/bin" {
			return true
		}
		if !strings.HasPrefix(dir, "/usr/local/") && dir != "/usr/sbin" && dir != "/sbin" || strings.Contains(dir, "..") {
			return false
		}
	}
	return false
}
