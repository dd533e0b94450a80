// Package spec turns the YAML of backends/ and developers.yaml into typed
// values that know where they were written, and finds everything that is wrong
// with them without looking at a host.
package spec

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a spec file.
type Pos struct {
	File         string // relative to the repository
	Line, Column int    // from 1; 0: the file as a whole
}

func (p Pos) String() string {
	switch {
	case p.File == "":
		return "built in"
	case p.Line == 0:
		return p.File
	default:
		return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
	}
}

// Problem is one thing that is wrong with a spec.
type Problem struct {
	Pos  Pos
	Text string // what is wrong, what was expected, the nearest known name

	outdated bool // see Problems.outdated
}

func (p Problem) Error() string { return p.Pos.String() + ": " + p.Text }

// Problems is everything that is wrong with a spec: it is reported in one go.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Addf adds a problem.
func (ps *Problems) Addf(at Pos, format string, args ...any) {
	*ps = append(*ps, Problem{Pos: at, Text: fmt.Sprintf(format, args...)})
}

// Err returns the problems in order of place, without repetitions, or nil.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column, strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(ps)
}

// Merge adds the problems that err holds, or err itself as a problem of place
// at.
func (ps *Problems) Merge(at Pos, err error) {
	var more Problems
	switch {
	case err == nil:
	case errors.As(err, &more):
		*ps = append(*ps, more...)
	default:
		ps.Addf(at, "%v", err)
	}
}

// Meta is embedded in everything that is written in a spec: it says where.
type Meta struct {
	Pos    Pos            `yaml:"-"`
	fields map[string]Pos // by field name, "groups[1]" for list items
}

// At is the place of a field's value, or of the whole item where the field is
// not written. List items are asked for as At("groups", 1).
func (m Meta) At(field string, index ...int) Pos {
	for _, i := range index {
		field += "[" + strconv.Itoa(i) + "]"
	}
	if p, ok := m.fields[field]; ok {
		return p
	}
	return m.Pos
}

// AtKey is the place of a value in a map of plain values, such as
// mirrors; of the field or the item where that is not written.
func (m Meta) AtKey(field, key string) Pos {
	if p, ok := m.fields[field+"."+key]; ok {
		return p
	}
	return m.At(field)
}

// Has reports whether the field is written in the spec: a field left out is
// not managed.
func (m Meta) Has(field string) bool {
	_, ok := m.fields[field]
	return ok
}

// Written lists which of the fields are written.
func (m Meta) Written(fields ...string) []string {
	return slices.DeleteFunc(fields, func(f string) bool { return !m.Has(f) })
}
