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
	dirs := map[string]string{"WantedBy": ".wants/" + name, "RequiredBy": ".requires/" + name, "UpheldBy": ".upholds/" + name, "Alias": ""}
	byKey := map[string][]string{}
	for _, s := range settings(data) {
		tail, ok := dirs[s.key]
		if s.section != "Install" || !ok {
			continue
		}
		if s.value == "" {
			byKey[s.key] = nil // takes back what was said before
		}
		for word := range strings.FieldsSeq(s.value) {
			byKey[s.key] = append(byKey[s.key], unitDir+word+tail)
		}
	}
	var links []string
	for _, l := range byKey {
		links = append(links, l...)
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// activated is the unit that a timer, path or socket unit starts: what it says,
// or the service of the same name; empty where that is no one unit, as with a
// socket that starts an instance for each connection.
func activated(name string, data []byte) string {
	section := map[string]string{".timer": "Timer", ".path": "Path", ".socket": "Socket"}[path.Ext(name)]
	if section == "" || len(data) == 0 {
		return ""
	}
	key := "Unit"
	if section == "Socket" {
		key = "Service"
	}
	started := strings.TrimSuffix(name, path.Ext(name)) + ".service"
	for _, s := range settings(data) {
		switch {
		case s.section != section:
		case s.key == key && s.value != "":
			started = s.value
		case section == "Socket" && s.key == "Accept" && slices.Contains([]string{"yes", "true", "on", "1"}, strings.ToLower(s.value)):
			return ""
		}
	}
	return started
}
