package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/cli"
	"opsafe/internal/kinds"
	"opsafe/internal/render"
	"opsafe/internal/spec"
)

var chapterPattern = regexp.MustCompile("(?m)^## (\\d+)\\. `(\\w+)`: (.*)$")

// TestKinds compares the chapters of the kinds with the law: each kind has one, in
// order, with the title that explain has.
func TestKinds(t *testing.T) {
	titles := map[string]string{}
	for _, topic := range kinds.Language().Topics() {
		titles[topic.Name] = topic.Is
	}
	chapters := chapterPattern.FindAllStringSubmatch(read(t, "docs/reference/kinds.md").text, -1)
	if len(chapters) != len(kinds.Table()) {
		t.Fatalf("there are %d chapters of %d kinds", len(chapters), len(kinds.Table()))
	}
	for i, k := range kinds.Table() {
		have := chapters[i][1:]
		if want := []string{strconv.Itoa(i + 1), k.Name, titles[k.Name]}; !slices.Equal(have, want) {
			t.Errorf("the chapter is called %q, want %q", have, want)
		}
	}
}

// TestJSON looks for the fields of the JSON document in the chapter about it.
func TestJSON(t *testing.T) {
	_, rest, _ := strings.Cut(read(t, "docs/reference/formats.md").text, "\n## JSON\n")
	chapter, _, _ := strings.Cut(rest, "\n## ")
	var words []string // of fields[].within, too
	for _, c := range code(chapter) {
		words = append(words, strings.FieldsFunc(c, func(r rune) bool { return r == '.' || r == '[' || r == ']' })...)
	}
	for _, doc := range []reflect.Type{
		reflect.TypeFor[render.Document](), reflect.TypeFor[render.Item](), reflect.TypeFor[render.Attr](),
		reflect.TypeFor[render.Diff](), reflect.TypeFor[render.SummaryDoc](),
	} {
		for i := range doc.NumField() {
			name, _, _ := strings.Cut(doc.Field(i).Tag.Get("json"), ",")
			if !slices.Contains(words, name) {
				t.Errorf("docs/reference/formats.md does not name the field %q of the JSON document (%s)", name, doc.Name())
			}
		}
	}
	if !strings.Contains(chapter, fmt.Sprintf("`format_version` is %d:", render.FormatVersion)) {
		t.Errorf("docs/reference/formats.md does not say that format_version is %d", render.FormatVersion)
	}
}

// TestConditions takes each condition of the table for what it is.
func TestConditions(t *testing.T) {
	replace := strings.NewReplacer("PATH", "/dev/null", "NAME", "nothing.service")
	facts := map[spec.Fact]bool{}
	for _, r := range table(t, read(t, "docs/spec.md"), "| Condition | |") {
		text := replace.Replace(code(r[0])[0])
		if strings.HasPrefix(text, "release") {
			text = "release bookworm, trixie"
		}
		repo, err := load(t, map[string]string{
			"backends/x/backend.yaml": "files:\n  /etc/x: {content: \"\", when: " + `"` + text + `"` + "}\n",
		})
		if err != nil {
			t.Errorf("condition %s: %v", text, err)
			continue
		}
		facts[repo.Backends["x"].Files["/etc/x"].When[0].Fact] = true
	}
	for _, f := range []spec.Fact{
		spec.FactDevice, spec.FactPath, spec.FactMounted, spec.FactRelease, spec.FactAvailable, spec.FactInstalled, spec.FactUnit,
	} {
		if !facts[f] {
			t.Errorf("docs/spec.md does not list the condition %q", f)
		}
	}
}

// TestFiles looks in opsafe's own code for paths of opsafe's on a host: the list of
// them, from which the reference is generated, has all.
func TestFiles(t *testing.T) {
	var listed []string
	for _, s := range cli.Surroundings() {
		if s.Title == "FILES" {
			for _, item := range s.Items {
				name, _, _ := strings.Cut(item.Name, "NAME")
				listed = append(listed, name)
			}
		}
	}
	// In explain; somebody else puts it there.
	example := regexp.MustCompile(`^/etc/opsafe/(github-token|allowed_signers|hooks/.*)$`)
	own := regexp.MustCompile(`^/(var/lib|etc|run)/opsafe[./]\S+$`)
	n := 0
	for at, text := range literals(t) {
		if !own.MatchString(text) || example.MatchString(text) {
			continue
		}
		n++
		if !slices.ContainsFunc(listed, func(p string) bool { return strings.HasPrefix(text+"/", p) }) {
			t.Errorf("%s: the list of the files on a host does not have %s", at, text)
		}
	}
	if n < 8 {
		t.Errorf("only %d paths were found", n)
	}
}

// literals are the strings in the code of opsafe itself, by their places.
func literals(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join(repository, "internal"), func(at string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go") || strings.Contains(at, "/fault/") {
			return err
		}
		file, err := parser.ParseFile(files, at, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		known := constants(file)
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text := known.text(e); text != "" {
					out[files.Position(e.Pos()).String()] = text
					return false
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// consts are the constants of a file, by name.
type consts map[string]ast.Expr

func constants(file *ast.File) consts {
	out := consts{}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				if v, ok := s.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
					for i, name := range v.Names {
						out[name.Name] = v.Values[i]
					}
				}
			}
		}
	}
	return out
}

// text is the text that an expression of literals and constants of the file comes to;
// empty: it is no such expression.
func (c consts) text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.Ident:
		if value, ok := c[e.Name]; ok {
			return c.text(value)
		}
	case *ast.BinaryExpr:
		if x, y := c.text(e.X), c.text(e.Y); e.Op == token.ADD && x != "" && y != "" {
			return x + y
		}
	}
	return ""
}
