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
	page, err := os.ReadFile(filepath.Join(repository, "docs", "threats.md"))
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{} // of tests, by directory
	err = filepath.WalkDir(filepath.Join(repository, "internal"), func(path string, _ os.DirEntry, err error) error {
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
	names := regexp.MustCompile("`((?:Test|Fuzz)[^`]*)`").FindAllStringSubmatch(string(page), -1)
	if len(names) < 50 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, m := range names {
		if !testExists(sources, m[1]) {
			t.Errorf("docs/threats.md names %s, and there is no such test", m[1])
		}
	}
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
		for _, at := range []string{part, part + ".txtar"} {
			if _, err := os.Stat(filepath.Join(dir, "testdata", at)); err == nil {
				return true
			}
		}
	}
	return false
}
