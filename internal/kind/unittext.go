package kind

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
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

// Activated is the unit that a timer, path, socket or automount unit starts; empty where
// that is no one unit.
func Activated(name string, data []byte) string { return debian.ParseUnit(string(data)).Starts(name) }

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

// LeadsElsewhere reports whether a link leads to a unit file of somebody's own.
func LeadsElsewhere(target string) bool {
	if target == "/dev/null" || !path.IsAbs(target) {
		return false
	}
	for _, dir := range []string{debian.UnitDir, "/run/systemd", "/lib/systemd", "/usr/lib/systemd"} {
		if strings.HasPrefix(target, dir+"/") {
			return false
		}
	}
	return true
}

// tooNew notes what the host's systemd is too old for, and ignores, of a unit's file or drop-in.
func tooNew(r host.Reader, text []byte) []string {
	keys := debian.KnownUnitKeys()
	var later []debian.Setting
	for _, s := range debian.ParseUnit(string(text)).Settings {
		if keys[s.Section][s.Key] > 0 {
			later = append(later, s)
		}
	}
	if len(later) == 0 {
		return nil
	}
	p, err := r.Package("systemd")
	if err != nil || p == nil {
		return nil
	}
	version := debian.Major(p.Version)
	var out []string
	for _, s := range later {
		if since := keys[s.Section][s.Key]; version > 0 && since > version {
			out = append(out, fmt.Sprintf("this host's systemd, %d, does not know %s= and ignores it: it takes %d or later", version, s.Key, since))
		}
	}
	return out
}
