// Package docs holds README.md and what is in docs/ to the truth: their examples
// are valid and plan without a failure, what they show is what opsafe says, their
// links lead somewhere, and what is generated in them is not stale.
//
// go test ./internal/docs -update writes the generated parts anew.
package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// repository is the root of the sources, seen from here.
const repository = "../.."

// page is a document that people read.
type page struct {
	name string // its path in the repository
	text string
}

// pages are all documents: those in the root of the repository and those in docs.
func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(repository, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(repository, "docs"), func(at string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(at, ".md") {
			names = append(names, at)
		}
		return err
	})
	if err != nil || len(names) < 10 {
		t.Fatalf("%d documents: %v", len(names), err)
	}
	out := make([]page, 0, len(names))
	for _, at := range names {
		rel, err := filepath.Rel(repository, at)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, read(t, filepath.ToSlash(rel)))
	}
	return out
}

// read reads one document.
func read(t *testing.T, name string) page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return page{name: name, text: string(data)}
}

// manual are the documents that say how opsafe is used, one after the other.
func manual(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, p := range pages(t) {
		if p.name == "README.md" || strings.HasPrefix(p.name, "docs/") {
			out.WriteString(p.text)
		}
	}
	return out.String()
}

var codePattern = regexp.MustCompile("`([^`]+)`")

// code lists what stands in backquotes.
func code(text string) []string {
	var out []string
	for _, m := range codePattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// row is one line of a table, cell by cell.
type row []string

// table finds the table with these words as its heading, up to its end.
func table(t *testing.T, p page, heading string) []row {
	t.Helper()
	_, rest, found := strings.Cut(p.text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no table %s", p.name, heading)
	}
	var rows []row
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) > 0 && strings.HasPrefix(rows[0][0], "--") {
		rows = rows[1:] // the line below the headings
	}
	return rows
}

// blockPattern are blocks of code.
var blockPattern = regexp.MustCompile("(?ms)^ *```.*?^ *```$")

var (
	headingPattern = regexp.MustCompile(`(?m)^#+ (.*)$`)
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// anchors are what links into a document can lead to.
func (p page) anchors() map[string]bool {
	out := map[string]bool{}
	for _, m := range headingPattern.FindAllStringSubmatch(blockPattern.ReplaceAllString(p.text, ""), -1) {
		out[anchor(m[1])] = true
	}
	return out
}

// anchor is how a heading is linked to.
func anchor(heading string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == ' ', r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(heading))
	return strings.ReplaceAll(kept, " ", "-")
}

// TestLinks follows every link in every document: to a file, and to a heading.
func TestLinks(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, m := range linkPattern.FindAllStringSubmatch(blockPattern.ReplaceAllString(p.text, ""), -1) {
			n++
			if problem := follow(t, p, m[1]); problem != "" {
				t.Errorf("%s has a link to %s: %s", p.name, m[1], problem)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d links were found", n)
	}
}

// follow says what is wrong with a link; empty: nothing, or it leads out of the
// repository.
func follow(t *testing.T, from page, link string) string {
	t.Helper()
	file, heading, _ := strings.Cut(link, "#")
	if strings.Contains(file, "://") {
		return ""
	}
	to := from
	if file != "" {
		name := path.Join(path.Dir(from.name), file)
		if _, err := os.Stat(filepath.Join(repository, name)); err != nil {
			return "there is no such file"
		}
		if heading == "" {
			return ""
		}
		to = read(t, name)
	}
	if !to.anchors()[heading] {
		return "there is no such heading"
	}
	return ""
}

// TestLinksAreFollowed shows links that lead nowhere.
func TestLinksAreFollowed(t *testing.T) {
	from := page{name: "docs/guides/x.md", text: "# One\n\n```\n# two\n```\n"}
	for link, sound := range map[string]bool{
		"#one": true, "#two": false, "../limits.md": true, "limits.md": false, "../limits.md#limits": true, "../limits.md#none": false,
	} {
		if problem := follow(t, from, link); (problem == "") != sound {
			t.Errorf("%s: %q", link, problem)
		}
	}
}

// TestTargets looks for the targets of make that documents name.
func TestTargets(t *testing.T) {
	makefile := read(t, "Makefile").text
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile("`make ([a-z]+)").FindAllStringSubmatch(p.text, -1) {
			if !regexp.MustCompile("(?m)^" + m[1] + ":").MatchString(makefile) {
				t.Errorf("%s names make %s, and the Makefile has no such target", p.name, m[1])
			}
		}
	}
}

// TestReadmeIsShort keeps README.md to what is read in ten minutes.
func TestReadmeIsShort(t *testing.T) {
	const most = 150
	if n := strings.Count(read(t, "README.md").text, "\n"); n > most {
		t.Errorf("README.md has %d lines: at most %d; the rest belongs in docs", n, most)
	}
}

// TestFigures holds the figures of README.md to what they rest on: docs/testing.md has
// them in its tables, and those of the threats are counted.
func TestFigures(t *testing.T) {
	rows := table(t, read(t, "README.md"), "| | |\n|--:|---|")
	tried := read(t, "docs/testing.md").text
	threats := 0
	for line := range strings.Lines(read(t, "docs/threats.md").text) {
		if strings.HasPrefix(line, "| ") && strings.Contains(line, "`Test") {
			threats++
		}
	}
	if len(rows) != 5 {
		t.Errorf("there are %d figures", len(rows))
	}
	for _, r := range rows {
		figure := r[0]
		switch {
		case strings.Contains(r[1], "threats.md"):
			if least, err := strconv.Atoi(figure); err != nil || threats < least {
				t.Errorf("README.md says that there are %s threats and more, and there are %d", figure, threats)
			}
		case !regexp.MustCompile(`(^|[^\d,])` + figure + `($|[^\d,])`).MatchString(tried):
			t.Errorf("docs/testing.md does not have the figure %s", figure)
		}
	}
}
