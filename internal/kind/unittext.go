package kind

import (
	"path"
	"slices"
	"strings"
)

// setting is one assignment of a unit file, after systemd.syntax(7).
type setting struct{ section, key, value string }

// settings reads a unit file: comments and blank lines go, a line that ends in a
// backslash goes on with the next.
func settings(data []byte) []setting {
	var out []setting
	section, pending := "", ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		if trimmed == "" && pending == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
			continue
		}
		if rest, ok := strings.CutSuffix(line, "\\"); ok {
			pending += rest + " "
			continue
		}
		line, pending = strings.TrimSpace(pending+line), ""
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1 : len(line)-1]
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			out = append(out, setting{section, strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	return out
}

// installLinks are the links that systemctl enable makes for a unit: one in the
// wants, requires or upholds directory of each unit that [Install] names, and
// one for each alias.
func installLinks(name string, data []byte) []string {
	var links []string
	for _, s := range settings(data) {
		if s.section != "Install" {
			continue
		}
		dir, alias := "", false
		switch s.key {
		case "WantedBy":
			dir = ".wants/"
		case "RequiredBy":
			dir = ".requires/"
		case "UpheldBy":
			dir = ".upholds/"
		case "Alias":
			alias = true
		default:
			continue
		}
		for word := range strings.FieldsSeq(s.value) {
			if alias {
				links = append(links, unitDir+word)
			} else {
				links = append(links, unitDir+word+dir+name)
			}
		}
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// activated is the unit that a timer, path or socket unit starts: what it says,
// or the service of the same name.
func activated(name string, data []byte) string {
	section := map[string]string{".timer": "Timer", ".path": "Path", ".socket": "Socket"}[path.Ext(name)]
	if section == "" || len(data) == 0 {
		return ""
	}
	key := "Unit"
	if section == "Socket" {
		key = "Service"
	}
	for _, s := range settings(data) {
		if s.section == section && s.key == key {
			return s.value
		}
	}
	return strings.TrimSuffix(name, path.Ext(name)) + ".service"
}
