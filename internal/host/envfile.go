package host

import (
	"regexp"
	"strings"
)

// EnvSuffix ends the names of environment files: lines of NAME=VALUE.
const EnvSuffix = ".env"

// EnvNames lists the names that an environment file assigns, in its order.
func EnvNames(data []byte) []string {
	var names []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, _, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); ok && name != "" && !strings.HasPrefix(name, "#") {
			names = append(names, name)
		}
	}
	return names
}

// EachValue replaces the values that an environment file assigns, but for empty
// ones.
func EachValue(text string, replace func(name, value string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		assigned, value, _ := strings.Cut(line, "=")
		value, rest := strings.TrimRight(value, "\r\n"), "\n"
		if v := EnvNames([]byte(line)); len(v) == 1 && value != "" {
			if !strings.HasSuffix(line, "\n") {
				rest = ""
			}
			if next := replace(v[0], value); next != value {
				line = assigned + "=" + next + rest
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// HideEnv puts digests in the place of the values of variables. A digest that is
// there already stays.
func HideEnv(path, text string, names map[string]bool) string {
	return EachValue(text, func(name, value string) string {
		if !names[name] || IsHidden(value) {
			return value
		}
		return HiddenEnv(path, name, value)
	})
}

// HiddenEnv is what HideEnv writes for a value.
func HiddenEnv(path, name, value string) string {
	return Hidden(SecretDigest(path+" "+name, []byte(value)))
}

var hidden = regexp.MustCompile(`^\(secret, digest [0-9a-f]{12}\)$`)

// IsHidden reports whether a value is what Hidden writes.
func IsHidden(value string) bool { return hidden.MatchString(value) }
