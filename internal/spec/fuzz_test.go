package spec

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzDecode loads any text as a backend and as developers.yaml: it ends in a
// value or in problems, each with its place, never in a panic, and soon.
func FuzzDecode(f *testing.F) {
	f.Add(realistic())
	for _, s := range []string{
		"a: &a [x]\nb: [*a, *a]\n", "<<: {}\n", "---\n---\n", "\ufeffa: b\n", "a: b\na: b\n", "[[[[", "? ? ?", "- - -", "!!binary a: b\n",
		"alice: {roles: [a], github_id: 1}\n", "%TAG ! b\n---\na: 1\n", "a: |+\n\n", "users: {a: {uid: 0x10}}", "include: [backend.yaml, ../one/backend.yaml]\n",
	} {
		f.Add([]byte(s))
	}
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(file.Data)
			}
		}
	}
	dir := unpack(f, []txtar.File{{Name: "backends/common/base.yaml", Data: []byte("packages: {vim: installed}\nusers: {app: {}}\n")}})
	if err := os.MkdirAll(filepath.Join(dir, "backends/one"), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, file := range []string{"backends/one/backend.yaml", peopleFile} {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		start := cpu(t)
		r, err := Load(LoadOptions{Dir: dir, Parts: testParts})
		if took := cpu(t) - start; took > maxLoad {
			t.Fatalf("took %v", took)
		}
		if (r == nil) == (err == nil) {
			t.Fatalf("got repository %v and error %v", r, err)
		}
		var ps Problems
		if err != nil && !errors.As(err, &ps) {
			t.Fatalf("not a list of problems: %v", err)
		}
		// A value that is left out at the very end stands after it.
		lines := 2 + bytes.Count(data, []byte("\n"))
		for _, p := range ps {
			if p.Pos.File == "" || p.Pos.Line < 0 || p.Pos.Line > lines || (p.Pos.Line == 0) != (p.Pos.Column == 0) {
				t.Fatalf("of %d lines: %v", lines, p)
			}
		}
	})
}

// isWord reports whether s is made of ASCII letters, digits and what else is
// listed.
func isWord(s, more string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(more, r)
	})
}

// FuzzNames checks of every name that is accepted what the programs rely on that
// it is handed to.
func FuzzNames(f *testing.F) {
	for _, s := range []string{
		"alice", "../x", "..", ".", "a/b", "$(id)", "é", "1234", "0x1", "-rf", "--", "a.b", "a:b", "a b", "a\n", "a\x00", "a$", "_",
		strings.Repeat("a", 32), strings.Repeat("a", 33), "getty@tty1.service", ".service", "a.service\n", "libc6", "+a", "a=b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if accountName(s) == nil && (len(s) > 32 || !isWord(s, "_-") || s[0] == '-' || !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsDigit(r) })) {
			t.Errorf("account %q is accepted", s)
		}
		if backendName(s) == nil && (!isWord(s, "-") || s[0] == '-') {
			t.Errorf("backend %q is accepted", s)
		}
		if PackageName(s) == nil && (!isWord(s, "+.-") || strings.ContainsAny(s[:1], "+.-")) {
			t.Errorf("package %q is accepted", s)
		}
		if UnitName(s) == nil && (!isWord(s, `:_.\@-`) || len(s) > 255 || !strings.Contains(s, ".")) {
			t.Errorf("unit %q is accepted", s)
		}
		for _, program := range []string{"sudo", "sshd", "systemd"} {
			if DropInName(s, program) == nil && (!isWord(s, "_-") || s[0] == '-' || len(s)+len(".conf") > 255) {
				t.Errorf("drop-in %q of %s is accepted", s, program)
			}
		}
	})
}

// FuzzPaths checks that a path that is accepted is the only way to write it, and
// leads nowhere else.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{"/etc/motd", "/", "//", "/a//b", "/a/./b", "/a/../b", "/..", "/...", "/a/", "a", "", "/a\x00", "/a\n", "/é", "/\xff", "/ a", "/-rf", "/a/..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CleanPath(s) == nil {
			if !path.IsAbs(s) || path.Clean(s) != s || s == "/" || strings.ContainsAny(s, "\x00\n\r") || strings.Contains(s+"/", "/../") {
				t.Errorf("path %q is accepted", s)
			}
		}
		if p, err := beside("backends/one/backend.yaml", s); err == nil {
			if !filepath.IsLocal(p) || path.Clean(p) != p || !inside(p) {
				t.Errorf("beside a backend, %q leads to %q", s, p)
			}
		}
	})
}
