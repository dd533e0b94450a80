package kind

import (
	"slices"
	"strings"

	"opsafe/internal/debian"
)

// installLinks are the links that systemctl enable makes for a unit: one in the
// wants, requires or upholds directory of each unit that [Install] names, and
// one for each alias.
func installLinks(name string, data []byte) []string {
	dirs := map[string]string{"WantedBy": ".wants/" + name, "RequiredBy": ".requires/" + name, "UpheldBy": ".upholds/" + name, "Alias": ""}
	file := debian.ParseUnit(string(data))
	var links []string
	for key, tail := range dirs {
		for _, word := range file.List("Install", key) {
			links = append(links, unitDir+word+tail)
		}
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// activated is the unit that a timer, path, socket or automount unit starts; empty where
// that is no one unit.
func activated(name string, data []byte) string { return debian.ParseUnit(string(data)).Starts(name) }

// defaultInstance is the instance that enabling a template enables; empty for
// none.
func defaultInstance(template string, data []byte) string {
	name := debian.ParseUnit(string(data)).Last("Install", "DefaultInstance")
	if name == "" {
		return ""
	}
	prefix, suffix, _ := strings.Cut(template, "@")
	return prefix + "@" + name + suffix
}
