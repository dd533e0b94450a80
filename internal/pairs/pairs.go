// Package pairs makes up specs and hosts at random, for tests: both out of the
// same few names, so that what is declared meets what is there in many ways.
package pairs

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Maker makes things up. What it makes depends on its seed alone.
type Maker struct {
	r *rand.Rand
	// Real leaves out what takes more than a throwaway host without a network has:
	// packages, docker, a clock.
	Real bool

	users, groups []string // that the spec declares
	people        []string
}

// New returns a maker for a seed.
func New(seed uint64) *Maker { return &Maker{r: rand.New(rand.NewPCG(seed, 1))} }

// item is an item of a spec, or a part of a host.
type item = map[string]any

// chance is true so many times out of a hundred.
func (m *Maker) chance(percent int) bool { return m.r.IntN(100) < percent }

func pick[T any](m *Maker, from ...T) T { return from[m.r.IntN(len(from))] }

// some are a few of the items, in their order.
func some[T any](m *Maker, percent int, from ...T) []T {
	var out []T
	for _, f := range from {
		if m.chance(percent) {
			out = append(out, f)
		}
	}
	return out
}

// put sets a field now and then.
func (m *Maker) put(in item, percent int, field string, value func() any) {
	if m.chance(percent) {
		in[field] = value()
	}
}

func (m *Maker) mode(of ...string) func() any { return func() any { return pick(m, of...) } }

// The names that specs and hosts share. They sort among each other.
func userNames() []string  { return []string{"lab1", "lab2", "lab3", "lab4"} }
func groupNames() []string { return []string{"labs", "labx", "laby", "lab4"} }
func personNames() []string {
	return []string{"pat", "quinn", "robin"}
}

func directoryPaths() []string {
	return []string{"/srv/lab", "/srv/lab/a", "/srv/lab/a/b", "/srv/lab/c", "/srv/other", "/srv/other/deep/down"}
}

func filePaths() []string {
	return []string{
		"/etc/lab-1.conf", "/etc/lab-2.conf", "/etc/lab-3.env", "/etc/lab-4.env", "/srv/lab/f", "/srv/lab/a/f", "/srv/lab/a/b/f", "/srv/lab/c/f", "/srv/other/f",
	}
}

func unitNames() []string {
	return []string{"labone.service", "labtwo.service", "labone.timer", "labthree@.service"}
}

func packageNames() []string { return []string{"tree", "vim", "rsync", "unheard-of"} }

func modes() []string { return []string{"0600", "0640", "0644", "0664", "0755", "0750", "4755"} }

func dirModes() []string { return []string{"0700", "0750", "0755", "0770", "2750", "3770"} }

// owner is an account that is there, or is declared.
func (m *Maker) owner() any { return pick(m, append([]string{"root", "daemon"}, m.users...)...) }

// group is a group that is there, or is declared.
func (m *Maker) group() any { return pick(m, append([]string{"root", "adm"}, m.groups...)...) }

// text is a line or two.
func (m *Maker) text() any {
	return fmt.Sprintf("a = %d\n%s", m.r.IntN(3), pick(m, "", "b\n", "# c\nb\n"))
}

// entries are entries of an ACL.
func (m *Maker) entries() any {
	var out []string
	for _, u := range some(m, 50, append([]string{"daemon"}, m.users...)...) {
		out = append(out, "user:"+u+":"+pick(m, "r", "rX", "rwx", "---"))
	}
	for _, g := range some(m, 50, append([]string{"adm"}, m.groups...)...) {
		out = append(out, "group:"+g+":"+pick(m, "r", "rX", "rwx"))
	}
	if out == nil {
		out = []string{"group:adm:rX"}
	}
	return out
}

// when is a condition, of which about half hold. None of them is about what comes
// later in the same run: that would hold in the next one.
func (m *Maker) when() any {
	return pick(m, "path /etc/hosts exists", "path /nowhere exists", "release bookworm", "not release bookworm, trixie", "package tree installed")
}

// absent makes an item one that is to go.
func (m *Maker) absent(percent int) bool { return m.chance(percent) }

func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(o T) bool { return o == v })
}
