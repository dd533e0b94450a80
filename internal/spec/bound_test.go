package spec

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// What a spec of a size may cost. A quarter of the largest size is enough to tell
// what grows with the square of it: that took minutes.
const (
	hostileSize = maxYAML / 4
	// Of computing: the clock on the wall goes on while others compute. It is a
	// fifth of it where nobody shares the caches.
	maxLoad  = time.Second
	maxAlloc = 100 << 20 // bytes, in all
)

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// full repeats a line, with a number of its own for each %[1]d, up to that size.
func full(head, line, tail string) string {
	b := strings.Builder{}
	b.WriteString(head)
	for i := 0; b.Len()+len(line)+len(tail)+16 < hostileSize; i++ {
		if strings.Contains(line, "%") {
			fmt.Fprintf(&b, line, i)
		} else {
			b.WriteString(line)
		}
	}
	return b.String() + tail
}

// TestHostileSize loads large specs, each made to cost much somewhere: most have tens of thousands of names that are compared with as many,
// or of files that are not there.
func TestHostileSize(t *testing.T) {
	for name, text := range map[string]string{
		"unknown fields":        full("", "f%[1]d: 1\n", ""),
		"unknown groups":        full("users: {", "u%[1]d: {groups: [g%[1]d]},", "}"),
		"groups nearly known":   full("groups: {x: {}}\nusers:\n", "  u%[1]d: {groups: [x%[1]d]}\n", ""),
		"units":                 full("units:\n", "  u%[1]d.service: {running: true}\n", ""),
		"units that need units": full("units:\n", "  u%[1]d.service: {content: \"[Unit]\\nRequires=v%[1]d.service\\n\"}\n", ""),
		"unknown options":       full("docker: {daemon: {", "v%[1]d: x,", "}}"),
		"missing parts":         full("include: [", "p%[1]d.yaml,", "]"),
		"missing key files":     full("users: {a: {}}\nauthorized_keys: {a: {from: [", "p%[1]d,", "]}}"),
		"missing templates":     full("sudoers:\n", "  s%[1]d: {template: a%[1]d}\n", ""),
		"deep directories":      full("directories:\n", "  /srv/"+strings.Repeat("d/", 1900)+"%[1]d: {owner: u%[1]d}\n", ""),
		"list without an end":   full("a: [", "1,\n", ""),
		"map without an end":    full("a: {", "b,\n", ""),
		"broken at the end":     full("users:\n", "  u%[1]d: {}\n", "\t]"),
		"duplicates":            full("", "a: b\n", ""),
		"documents":             full("", "---\n", ""),
		"aliases":               full("a: &a [x, x, x, x, x, x, x, x]\n", "b%[1]d: [*a, *a, *a, *a, *a, *a]\n", ""),
		"comments":              full("a:\n", "- 1 # c\n# d\n", ""),
		"a long number":         "a: 0x" + strings.Repeat("_1", hostileSize/2-10),
	} {
		t.Run(name, func(t *testing.T) {
			files := []string{"backends/one/backend.yaml"}
			if name == "unknown fields" {
				files = append(files, peopleFile)
			}
			for _, file := range files {
				dir := unpack(t, []txtar.File{{Name: "backends/one/backend.yaml", Data: []byte("users: {}")}, {Name: file, Data: []byte(text)}})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := cpu(t)
				_, err := Load(LoadOptions{Dir: dir, Parts: testParts})
				took := cpu(t) - start
				runtime.ReadMemStats(&after)
				if alloc := after.TotalAlloc - before.TotalAlloc; took > maxLoad || alloc > maxAlloc {
					t.Errorf("%s: took %v and %d MiB", file, took, alloc>>20)
				}
				if err == nil {
					t.Errorf("%s is accepted", file)
				}
			}
		})
	}
}
