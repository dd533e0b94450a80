package docs

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goPackage is a package of the sources.
type goPackage struct {
	synopsis string   // the first sentence of its comment
	imports  []string // of opsafe's own, not by tests
}

// packages are those of the sources, by their directories.
func packages() (map[string]*goPackage, error) {
	out := map[string]*goPackage{}
	err := filepath.WalkDir(repository, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".git")):
			return filepath.SkipDir
		case !strings.HasSuffix(at, ".go"):
			return nil
		}
		dir, err := filepath.Rel(repository, filepath.Dir(at))
		if err != nil {
			return err
		}
		p := out[filepath.ToSlash(dir)]
		if p == nil {
			p = &goPackage{}
			out[filepath.ToSlash(dir)] = p
		}
		return p.read(at)
	})
	return out, err
}

// read takes what is said of a package in one of its files.
func (p *goPackage) read(at string) error {
	file, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	if file.Doc != nil && p.synopsis == "" {
		p.synopsis = new(doc.Package).Synopsis(file.Doc.Text())
	}
	if strings.HasSuffix(at, "_test.go") {
		return nil
	}
	for _, spec := range file.Imports {
		p.add(spec)
	}
	return nil
}

func (p *goPackage) add(spec *ast.ImportSpec) {
	path, err := strconv.Unquote(spec.Path.Value)
	if dir, ok := strings.CutPrefix(path, "opsafe/"); ok && err == nil && !slices.Contains(p.imports, dir) {
		p.imports = append(p.imports, dir)
	}
}

// packageTable says of each package what its comment begins with.
func packageTable() (string, error) {
	all, err := packages()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString("| Package | What it is for |\n|---|---|\n")
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		words := regexp.MustCompile(`^(Package \w+|Command [\w-]+) `).ReplaceAllString(all[dir].synopsis, "")
		if words == "" {
			return "", fmt.Errorf("the package %s has no comment that says what it is for", dir)
		}
		fmt.Fprintf(&out, "| [`%s`](../%[1]s) | %s |\n", dir, cell(words))
	}
	return out.String(), nil
}

// picturePattern is the picture of the packages: each line is a floor.
var picturePattern = regexp.MustCompile("(?ms)^```text packages\n(.*?)^```$")

// floors are the numbers of the packages' floors in the picture, from the roof. A
// star stands for any name.
func floors(t *testing.T) map[string]int {
	t.Helper()
	m := picturePattern.FindStringSubmatch(read(t, "docs/architecture.md").text)
	if m == nil {
		t.Fatal("docs/architecture.md has no picture of the packages")
	}
	out := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(m[1]), "\n") {
		for _, name := range strings.Fields(strings.Trim(line, "│ ")) {
			if _, twice := out[name]; twice {
				t.Errorf("the picture has %s twice", name)
			}
			out[name] = i
		}
	}
	return out
}

// floorOf finds a package in the picture.
func floorOf(floors map[string]int, dir string) (int, bool) {
	name := strings.TrimPrefix(dir, "internal/")
	if i, ok := floors[name]; ok {
		return i, true
	}
	i, ok := floors[filepath.Dir(name)+"/*"]
	return i, ok
}

// TestPicture compares the picture of the packages with their imports: each package
// of the program is on a floor, and imports only from the floors below.
func TestPicture(t *testing.T) {
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	picture := floors(t)
	program := map[string]bool{}
	var reach func(dir string)
	reach = func(dir string) {
		if program[dir] {
			return
		}
		program[dir] = true
		for _, below := range all[dir].imports {
			reach(below)
		}
	}
	reach("cmd/opsafe")
	for _, dir := range slices.Sorted(maps.Keys(program)) {
		floor, ok := floorOf(picture, dir)
		if !ok {
			t.Errorf("the picture in docs/architecture.md lacks %s: it belongs above all that it imports, %v", dir, all[dir].imports)
			continue
		}
		for _, below := range all[dir].imports {
			if to, ok := floorOf(picture, below); ok && to <= floor {
				t.Errorf("%s imports %s, which the picture does not have below it", dir, below)
			}
		}
	}
	for name := range picture {
		if strings.HasSuffix(name, "/*") {
			continue
		}
		if !program[name] && !program["internal/"+name] {
			t.Errorf("the picture has %s, which is no package of the program", name)
		}
	}
	if _, err := os.Stat(filepath.Join(repository, ".golangci.yaml")); err != nil {
		t.Errorf("the linter that holds imports has no rules: %v", err)
	}
}
