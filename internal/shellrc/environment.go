package shellrc

import "strings"

// Environment is what is not understood of a file of variables, such as /etc/environment:
// see pam_env(8). Programs are to be looked for where Debian has them, but beneath
// /usr/local first.
func Environment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		switch {
		case line == "", line[0] == '#', ok && name == pathName && ownPath(strings.Trim(value, `"'`)):
		case !ok, special(name), prompt(name), strings.ContainsAny(name, " \t"):
			b.WriteString(line + "\n")
		}
	}
	return b.String()
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
