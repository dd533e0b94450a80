package units

import (
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// ignored finds what systemd would ignore without doubt, with no more than a line in
// its journal: a section of another type, and a misspelled section or key. A service with
// Usr=alice runs as root. A key that is like no known one may be that of a later
// systemd: the host's judges it. Sections and keys in X- are for others (systemd.syntax(7)).
func (c judge) ignored(name string, f debian.UnitFile, line func(n int) (spec.Pos, string)) {
	sections := c.keys.Sections(name)
	told := map[string]bool{}
	for _, s := range f.Settings {
		where, label := line(s.Line)
		switch {
		case strings.HasPrefix(s.Section, "X-"), strings.HasPrefix(s.Key, "X-"), told[s.Section], c.keys.Has(s.Section, s.Key) && slices.Contains(sections, s.Section):
		case !slices.Contains(sections, s.Section):
			told[s.Section] = true
			c.Addf(where, "%s: systemd reads no section [%s] in a %s, and ignores it%s", label, s.Section, strings.TrimPrefix(path.Ext(name), "."), words.DidYouMean(s.Section, slices.Values(sections)))
		default:
			if meant := meantKey(c.keys, sections, s); meant != "" {
				c.Addf(where, "%s: systemd reads no %s= in section [%s], and ignores it: %s", label, s.Key, s.Section, meant)
			}
		}
	}
}

// meantKey says what somebody meant by a key that there is not; empty: unknown.
func meantKey(keys debian.UnitKeys, sections []string, s debian.Setting) string {
	for _, other := range sections {
		if keys.Has(other, s.Key) {
			return "it belongs in section [" + other + "]"
		}
	}
	if n := words.Meant(s.Key, maps.Keys(keys[s.Section])); n != "" {
		return "did you mean " + n + "=?"
	}
	for other := range keys {
		if keys.Has(other, s.Key) {
			return "other types of units have it"
		}
	}
	return ""
}
