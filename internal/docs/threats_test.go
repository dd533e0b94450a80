package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreats holds docs/threats.md to the tests that there are: it is what
// somebody reads who asks whether a failure has been thought of.
func TestThreats(t *testing.T) {
	p, sources := read(t, "docs/threats.md"), testSources(t)
	names := namedTests(p.text)
	if len(names) < 50 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, name := range names {
		if !testExists(sources, name) {
			t.Errorf("%s names %s, and there is no such test", p.name, name)
		}
	}
}

var testPattern = regexp.MustCompile("`((?:Test|Fuzz)[^`]*)`")

// namedTests are the tests that a text names.
func namedTests(text string) []string {
	var out []string
	for _, m := range testPattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// testSources are the sources of all tests, by directory.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	err := filepath.WalkDir(filepath.Join(repository, "internal"), func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			data, err := os.ReadFile(path)
			sources[filepath.Dir(path)] += string(data)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// testExists looks for a function, and for the part behind a slash: a name in the
// same directory's tests, or a case in its testdata.
func testExists(sources map[string]string, name string) bool {
	function, part, _ := strings.Cut(name, "/")
	for dir, text := range sources {
		if !strings.Contains(text, "func "+function+"(") {
			continue
		}
		if part == "" || strings.Contains(text, `"`+part+`"`) {
			return true
		}
		// What is in the testdata of one kind's folder is called by that.
		ofKind := strings.TrimPrefix(part, filepath.Base(dir)+"/")
		for _, at := range []string{part, part + ".txtar", ofKind + ".txtar"} {
			if _, err := os.Stat(filepath.Join(dir, "testdata", at)); err == nil {
				return true
			}
		}
	}
	return false
}
