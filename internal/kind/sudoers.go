package kind

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Where sudo reads its rules.
const (
	sudoersMain = "/etc/sudoers"
	sudoersDir  = "/etc/sudoers.d"
)

func sudoersPath(name string) string { return path.Join(sudoersDir, name) }

// declareSudoers lists the drop-ins of sudoers, each of which visudo has to
// accept before it takes effect.
func declareSudoers(in *Input) []Resource {
	mode := host.Mode(0o440)
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(in.Backend.Sudoers)) {
		d := in.Backend.Sudoers[name]
		out = append(out, dropIn(in, d, change.ID{Kind: "sudoers", Name: name}, in.needPackage("sudo"), dropInLook{
			path: sudoersPath(name), mode: mode,
			check:  host.Check{Argv: []string{"visudo", "-c", "-f", "%"}},
			reader: sudoersReads,
		}))
	}
	return out
}

// dropIn is the resource of a file of which a program's configuration is made.
func dropIn(in *Input, d *spec.DropIn, id change.ID, needs []change.ID, l dropInLook) Resource {
	l.text, l.absent = in.text(d.Text), d.State == stateAbsent
	return Resource{ID: id, Pos: d.Pos, When: d.When, Needs: needs, Looker: l}
}

// dropInLook is a file in a drop-in directory, root's own, which the program
// that reads it has to accept.
type dropInLook struct {
	text   text
	absent bool
	path   string
	mode   host.Mode
	check  host.Check
	// reader says what keeps the program from reading the drop-in as declared:
	// an error if it would have no effect at all, notes otherwise.
	reader func(r host.Reader, path string, content []byte) (notes []string, err error)
	before func(r host.Reader) ([]host.Step, error)
	notify []change.Notification
}

func (l dropInLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	if l.absent {
		return goneFileLook{path: l.path, notify: l.notify}.Look(ctx, r)
	}
	content, err := l.text.render(ctx, r)
	if err != nil {
		return change.Change{}, err
	}
	notes, err := l.reader(r, l.path, content)
	if err != nil {
		return change.Change{}, err
	}
	c, err := fileLook{
		path:   l.path,
		own:    ownership{owner: rootsOwn, group: rootsOwn, mode: &l.mode},
		form:   textForm{text: l.text},
		check:  &l.check,
		before: l.before,
		notify: l.notify,
	}.Look(ctx, r)
	c.Notes = append(c.Notes, notes...)
	return c, err
}

// sudoersReads looks whether the main file reads drop-ins at all.
func sudoersReads(r host.Reader, _ string, _ []byte) ([]string, error) {
	main, err := r.ReadFile(sudoersMain)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil, nil // visudo, or the missing directory, will tell
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(main) {
		f := strings.Fields(string(line))
		if len(f) == 2 && (f[0] == "@includedir" || f[0] == "#includedir") && path.Clean(strings.Trim(f[1], `"`)) == sudoersDir {
			return nil, nil
		}
	}
	return []string{fmt.Sprintf("%s has no line \"@includedir %s\": sudo does not read this file", sudoersMain, sudoersDir)}, nil
}
