package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// unitError is a line of a unit file that is not in the form of one.
type unitError struct {
	line int
	text string
}

// setting is a line KEY=VALUE of a unit file, with what continues it, or the
// header of a section, which has no key.
type setting struct {
	section, key, value string
	line                int
}

// parseUnit reads a unit file, after systemd.syntax(7).
func parseUnit(text string) ([]setting, *unitError) {
	var settings []setting
	section, goesOn := "", false
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			goesOn = goesOn && line != ""
		case goesOn:
			last := &settings[len(settings)-1]
			last.value, goesOn = continued(last.value + " " + line)
		case line[0] == '[':
			if !strings.HasSuffix(line, "]") || len(line) < 3 {
				return nil, &unitError{number, fmt.Sprintf("%s: want a section, as in [Service]", quote(line))}
			}
			section = line[1 : len(line)-1]
			settings = append(settings, setting{section: section, line: number})
		default:
			key, value, ok := strings.Cut(line, "=")
			key = strings.TrimSpace(key)
			switch {
			case !ok:
				return nil, &unitError{number, fmt.Sprintf("%s: want KEY=VALUE or [SECTION]", quote(line))}
			case section == "":
				return nil, &unitError{number, fmt.Sprintf("%s stands before the first [SECTION]", quote(line))}
			case key == "" || strings.ContainsAny(key, " \t"):
				return nil, &unitError{number, fmt.Sprintf("%s: want KEY=VALUE", quote(line))}
			}
			s := setting{section: section, key: key, line: number}
			s.value, goesOn = continued(strings.TrimSpace(value))
			settings = append(settings, s)
		}
	}
	return settings, nil
}

// continued takes the backslash off a line that goes on in the next one.
func continued(line string) (string, bool) {
	rest, ok := strings.CutSuffix(line, `\`)
	return strings.TrimSpace(rest), ok
}

// last is the last value of a setting, which counts where one is wanted; "": not
// said.
func last(settings []setting, section, key string) string {
	for _, s := range slices.Backward(settings) {
		if s.section == section && s.key == key {
			return s.value
		}
	}
	return ""
}

// needs lists the units that a unit file names and cannot do without, each as a
// setting with one name. Wants=, After= and Before= may name what is not there.
func needs(settings []setting) []setting {
	hard := []string{"Requires", "Requisite", "BindsTo", "PartOf"}
	var out []setting
	for _, s := range settings {
		if s.section != "Unit" || !slices.Contains(hard, s.key) {
			continue
		}
		for name := range strings.FieldsSeq(s.value) {
			s.value = strings.Trim(name, `"'`)
			if !madeBySystemd(s.value) {
				out = append(out, s)
			}
		}
	}
	return out
}

// madeBySystemd reports whether a unit is of a type that systemd makes from
// fstab, from devices or on demand, or has a specifier in its name: there is no
// telling before the host.
func madeBySystemd(name string) bool {
	types := []string{".device", ".mount", ".automount", ".swap", ".slice", ".scope"}
	return slices.Contains(types, path.Ext(name)) || strings.Contains(name, "%")
}
