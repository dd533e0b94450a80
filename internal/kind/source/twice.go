package source

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// aptEntry is one part of an archive that apt reads: see sources.list(5).
type aptEntry struct{ uri, suite, component string }

// String writes it as a line of sources.list.
func (e aptEntry) String() string {
	return strings.TrimSpace("deb " + e.uri + " " + e.suite + " " + e.component)
}

// twice says what of a declared source the host's own files have, too: apt takes it
// from one of them, and warns each time it reads them. What cannot be seen is left to apt.
func (l fileLook) twice(r host.Reader) []string {
	mine := map[aptEntry]bool{}
	for _, e := range aptEntries(l.at, l.content) {
		mine[e] = true
	}
	files, err := (mirrorLook{declared: l.declared}).files(r)
	if err != nil {
		return nil
	}
	var notes []string
	for _, at := range files {
		both := map[string]bool{}
		for _, e := range aptEntries(at, sourceText(r, at)) {
			if mine[e] {
				both[e.String()] = true
			}
		}
		if len(both) > 0 {
			notes = append(notes, fmt.Sprintf("%s has the same, and apt warns of what it reads twice: take it out there: %s", at, strings.Join(slices.Sorted(maps.Keys(both)), "; ")))
		}
	}
	return notes
}

// sourceText is what apt reads by a name; nil: nothing, or nothing to be seen.
func sourceText(r host.Reader, at string) []byte {
	if n, err := r.Stat(at); err != nil || n == nil {
		return nil
	}
	end, err := kind.LinkEnd(r, at)
	if err != nil {
		return nil
	}
	data, err := r.ReadFile(end)
	if err != nil {
		return nil
	}
	return data
}

// aptEntries are the binary packages that a file names, but for those of named
// architectures, which need not be those of another entry.
func aptEntries(at string, data []byte) []aptEntry {
	if path.Ext(at) == ".sources" {
		return stanzaEntries(data)
	}
	var out []aptEntry
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != "deb" {
			continue
		}
		options, rest := "", strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "deb"))
		if strings.HasPrefix(rest, "[") {
			options, rest, _ = strings.Cut(rest, "]")
		}
		if strings.Contains(options, "arch") {
			continue
		}
		if words := strings.Fields(rest); len(words) > 1 {
			out = append(out, entriesOf(words[:1], words[1:2], words[2:])...)
		}
	}
	return out
}

// stanzaEntries reads the deb822 layout.
func stanzaEntries(data []byte) []aptEntry {
	var out []aptEntry
	for stanza := range strings.SplitSeq(string(data), "\n\n") {
		fields, last := map[string][]string{}, ""
		for line := range strings.Lines(stanza) {
			switch name, value, named := strings.Cut(line, ":"); {
			case strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
				fields[last] = append(fields[last], strings.Fields(line)...)
			case named:
				last = strings.ToLower(name)
				fields[last] = strings.Fields(value)
			}
		}
		off := slices.Equal(fields["enabled"], []string{"no"})
		if off || len(fields["architectures"]) > 0 || !slices.Contains(fields["types"], "deb") {
			continue
		}
		out = append(out, entriesOf(fields["uris"], fields["suites"], fields["components"])...)
	}
	return out
}

// entriesOf is each part of each suite of each archive.
func entriesOf(uris, suites, components []string) []aptEntry {
	if len(components) == 0 {
		components = []string{""}
	}
	var out []aptEntry
	for _, uri := range uris {
		for _, suite := range suites {
			for _, component := range components {
				out = append(out, aptEntry{strings.TrimRight(uri, "/"), suite, component})
			}
		}
	}
	return out
}
