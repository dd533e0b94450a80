package overlay

import "strings"

// unitFile holds the settings of a unit file, by section and key, in the order
// of systemd.syntax(7).
type unitFile map[string]map[string][]string

func (f unitFile) has(section string) bool { return f[section] != nil }

// last is the value that counts for a setting that can only have one.
func (f unitFile) last(section, key string) string {
	vs := f[section][key]
	if len(vs) == 0 {
		return ""
	}
	return vs[len(vs)-1]
}

// parseUnitFile reads leniently: whether a file is good is for systemd to say.
func parseUnitFile(content []byte) unitFile {
	f := unitFile{}
	var section string
	joined := strings.ReplaceAll(string(content), "\\\n", " ")
	for line := range strings.Lines(joined) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && line[len(line)-1] == ']':
			section = line[1 : len(line)-1]
			if f[section] == nil {
				f[section] = map[string][]string{}
			}
		default:
			key, value, ok := strings.Cut(line, "=")
			if ok && section != "" {
				key = strings.TrimSpace(key)
				f[section][key] = append(f[section][key], strings.TrimSpace(value))
			}
		}
	}
	return f
}

// isYes reads a boolean of systemd.syntax(7).
func isYes(s string) bool {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true
	}
	return false
}
