package spec

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestBytes(t *testing.T) {
	for _, tc := range []struct{ name, data, want string }{
		{"byte order mark", "\ufeffusers: {}\n", `f:1:1: begins with a byte order mark: save the file as UTF-8 without it`},
		{"UTF-16", "\xff\xfeu\x00", `f:1:1: is UTF-16: save the file as UTF-8`},
		{"NUL", "users:\n  a\x00: {}\n", `f:2:4: NUL character`},
		{"escaped NUL", `values: {A: "\0"}`, `f:1:13: text holds a NUL character`},
		{"not UTF-8", "a: \xff\n", `f:1:4: byte 0xff is not UTF-8`},
		{"control", "a: é\x1b\n", `f:1:5: control character U+001B`},
		{"too large", "a: " + strings.Repeat("x", maxYAML), `f: it holds 1025 KiB: a spec file holds at most 1 MiB`},
		{"carriage returns", "users:\r\n  a: {}\r\n", ""},
		{"carriage return alone", "a: b\rc: d\n", `f:1:5: control character U+000D`},
		{"line separator", "a: b\u2028c: d\n", `f:1:5: line separator U+2028: write "\u2028" if it is meant`},
		{"tab in a text", "a: |\n  x\n  \ty\n", ""},
		{"no final newline", "a: b", ""},
		{"only a comment", "# nothing\n", ""},
		{"32 levels", "a: " + strings.Repeat("[", 30) + strings.Repeat("]", 30), ""},
		{"nested", "a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), `f:1:35: nested more than 32 deep: nothing in a spec needs that`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var ps Problems
			parse("f", []byte(tc.data), &ps)
			got := ""
			if err := ps.Err(); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestDeepNesting proves that hostile nesting is refused at once: one library
// needed 56 s and 14.7 GB for the first of these.
func TestDeepNesting(t *testing.T) {
	for _, unit := range []string{"[", "[a,", "{a: ", "- ", "? ", "-\n ", "[\n", "'a': ["} {
		for _, size := range []int{9000, 100_000, maxYAML - 100} {
			start := cpuTime(t)
			var ps Problems
			parse("f", []byte(strings.Repeat(unit, size/len(unit))), &ps)
			if took := cpuTime(t) - start; took > 2*time.Second {
				t.Errorf("%q to %d bytes took %v", unit, size, took)
			}
			if len(ps) == 0 && unit != "-\n " {
				t.Errorf("%q to %d bytes was accepted", unit, size)
			}
		}
	}
}

// cpuTime is what the process has used: other work on the machine is not in it.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// realistic is a backend of 60 items.
func realistic() []byte {
	var b strings.Builder
	b.WriteString("packages:\n")
	for i := range 20 {
		b.WriteString("  package-" + strconv.Itoa(i) + ": installed\n")
	}
	b.WriteString("groups: {a: {gid: 1000}, b: {}}\nusers:\n  app: {uid: 1001, groups: [a, b], shell: /bin/bash}\ndirectories:\n")
	for i := range 12 {
		b.WriteString("  /srv/d" + strconv.Itoa(i) + ":\n    owner: app\n    group: a\n    mode: \"0750\"\n    recurse: {files: \"0640\"}\n")
	}
	b.WriteString("files:\n")
	for i := range 15 {
		b.WriteString("  /etc/f" + strconv.Itoa(i) + ":\n    content: |\n      one\n      two\n    mode: \"0644\"\n    owner: root\n")
	}
	b.WriteString("units:\n")
	for i := range 10 {
		b.WriteString("  u" + strconv.Itoa(i) + ".service:\n    content: |\n      [Service]\n      ExecStart=/bin/true\n    enabled: true\n")
	}
	return []byte(b.String())
}

func BenchmarkLoad(b *testing.B) {
	dir := unpack(b, []txtar.File{{Name: "backends/one/backend.yaml", Data: realistic()}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(LoadOptions{Dir: dir, Parts: testParts}); err != nil {
			b.Fatal(err)
		}
	}
}
