package debian

import (
	_ "embed"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed unitkeys.txt
var unitKeysText string

// UnitKeys are the keys that systemd reads in each section of unit files, with its version
// since when it does; 0: since before the oldest Debian that there is help for.
type UnitKeys map[string]map[string]int

// KnownUnitKeys is the table of them.
func KnownUnitKeys() UnitKeys { return knownUnitKeys() }

var knownUnitKeys = sync.OnceValue(readUnitKeys) //nolint:gochecknoglobals // a table, read once

func readUnitKeys() UnitKeys {
	out := UnitKeys{}
	var sections []string
	since := 0
	for line := range strings.Lines(unitKeysText) {
		line = strings.TrimSpace(line)
		if head, ok := strings.CutPrefix(line, "["); ok {
			names, version, _ := strings.Cut(head, "]")
			sections = strings.Fields(names)
			since, _ = strconv.Atoi(strings.TrimSpace(version)) // none: 0
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, s := range sections {
			if out[s] == nil {
				out[s] = map[string]int{}
			}
			for key := range strings.FieldsSeq(line) {
				out[s][key] = since
			}
		}
	}
	return out
}

// Has reports whether some version of systemd reads a key in a section.
func (k UnitKeys) Has(section, key string) bool {
	_, ok := k[section][key]
	return ok
}

// Sections are those that systemd reads in the files of units of a name's type.
func (k UnitKeys) Sections(name string) []string {
	out := []string{"Unit", "Install"}
	if ext := strings.TrimPrefix(path.Ext(name), "."); ext != "" {
		if own := strings.ToUpper(ext[:1]) + ext[1:]; k[own] != nil {
			out = append(out, own)
		}
	}
	return out
}
