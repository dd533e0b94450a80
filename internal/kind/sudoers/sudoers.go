// Package sudoers is the kind of who may do what as root.
package sudoers

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// name is that of the kind, and of its section.
const name = "sudoers"

// Kind is the kind sudoers.
func Kind() kind.Kind {
	d := kind.DropIns{
		Name: name, Program: "sudo", Package: "sudo",
		Dir: debian.SudoersDir, Mode: 0o440, Shows: true,
		Takes: func(name string) bool { return name != "README" && !strings.ContainsAny(name, ".~") },
		Reads: reads, Notes: notes,
	}
	return kind.Kind{
		Part: spec.Part{
			Name: name, Plural: name, Is: "who may do what as root", Sections: []string{name},
			Own: d.Section(spec.Field{
				Is:      "files in /etc/sudoers.d, checked by visudo",
				Example: `{developers: {content: "%developers ALL=(ALL:ALL) ALL\n"}, operators: {source: files/sudo-operators}, restart: {template: files/sudo-restart.tmpl}}`,
			}, "files"),
			Owns: d.Owns,
		},
		Stage: kind.StageAccess, WayIn: true, Declare: d.Declare, Adopt: d.Adopt, TakenOver: true,
		Covers:  d.Covers,
		Orphans: []kind.Orphans{{Find: find, Absent: d.Absent}},
	}
}

// reads looks whether the main file reads drop-ins at all.
func reads(r host.Reader, _ string, _ []byte, _ func(string) bool) error {
	main, err := r.ReadFile(debian.Sudoers)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil // visudo, or the missing directory, will tell
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(main) {
		f := strings.Fields(string(line))
		if len(f) == 2 && (f[0] == "@includedir" || f[0] == "#includedir") && path.Clean(strings.Trim(f[1], `"`)) == debian.SudoersDir {
			return nil
		}
	}
	return fmt.Errorf("%s has no line \"@includedir %s\": it would have no effect", debian.Sudoers, debian.SudoersDir)
}

// find looks for drop-ins with rules in them; sudo passes over names with a dot.
func find(_ context.Context, f kind.Finder) error {
	return kind.EachUndeclared(f, debian.SudoersDir, func(file, at string, n *host.Node) error {
		if _, declared := kind.DropInsOf(f.Backend(), name)[file]; declared || !host.ReadsDropIn(debian.SudoersDir, file) {
			return nil
		}
		// Sudo follows a link, wherever it leads. What is there may be anybody's.
		if n.Type != host.TypeSymlink {
			data, err := f.ReadFile(at)
			if err != nil || !hasRules(data) {
				return err
			}
		}
		f.Orphan(kind.Orphan{Name: file, What: at + kind.LeadsTo(n)})
		return nil
	})
}

// hasRules reports whether a file of sudoers has more than comments.
func hasRules(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		// As in sudoers: #include and a #UID are no comments.
		comment := len(line) > 0 && line[0] == '#' && !bytes.HasPrefix(line, []byte("#include")) && (len(line) == 1 || line[1] < '0' || line[1] > '9')
		if len(line) > 0 && !comment {
			return true
		}
	}
	return false
}
