package docs

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestRequirements holds docs/requirements.md to the files and tests that it names,
// and its figures to its rows.
func TestRequirements(t *testing.T) {
	p, sources := read(t, "docs/requirements.md"), testSources(t)
	rows := requirements(p)
	count := map[string]int{}
	for _, r := range rows {
		if len(r) != 3 {
			t.Errorf("%s: a row has %d cells: %s", p.name, len(r), strings.Join(r, " | "))
			continue
		}
		for _, problem := range judge(t, r, sources) {
			t.Errorf("%s: %s: %s", p.name, r[0], problem)
		}
		count[state(r)]++
	}
	want := fmt.Sprintf("**%d statements: %d declared and checked by tests, %d declared and checked by hand, %d not yet.**",
		len(rows), count["tests"], count["by hand"], count["not yet"])
	if len(rows) < 50 || !strings.Contains(p.text, want) {
		t.Errorf("%s has to say %s", p.name, want)
	}
}

// TestRequirementsAreJudged shows rows that are not true.
func TestRequirementsAreJudged(t *testing.T) {
	const base, conf = "[x](../backends/common/base.yaml)", "[x](../backends/common/files/sshd.conf)"
	for _, tc := range []struct {
		declared, checked string
		sound             bool
	}{
		{base + " `sudoers/opensafely`", "`TestThreats`", true},
		{base + " `sudoers/opensafly`", "`TestThreats`", false},
		{base + " `directories//srv/high_privacy/workspaces: {mode: \"0750\", recurse: {files: \"0640\"}}`", "by hand", true},
		{base + " `directories//srv/high_privacy/workspaces: {mode: \"0700\"}`", "by hand", false},
		{base + " `groups/reviewers/gid: 10010`", "`TestThreats`", true},
		{base + " `groups/reviewers/gid: 10011`", "`TestThreats`", false},
		{"[x](../backends/emis/backend.yaml) `files//home/opensafely/config/03_backend.env/content: MAX_WORKERS=`", "by hand", true},
		{"[x](../backends/emis/backend.yaml) `files//home/opensafely/config/03_backend.env/content: MAX_WORK`", "by hand", false},
		{conf + " `MaxAuthTries 4` " + base + " `sshd/00-opensafely`", "`TestThreats`", true},
		{conf + " `MaxAuthTries 5`", "`TestThreats`", false},
		{"`sudoers/opensafely`", "`TestThreats`", false},
		{"—", "`TestThreats`", false},
		{base + " `sudoers/opensafely`", "`TestNothing`", false},
		{base + " `sudoers/opensafely`", "surely", false},
		{"—", "by hand", false},
		{"—", "not yet: do it by hand", true},
		{"—", "not yet", false},
	} {
		r := row{"It is needed", tc.declared, tc.checked}
		if problems := judge(t, r, testSources(t)); (len(problems) == 0) != tc.sound {
			t.Errorf("%s | %s: %q", tc.declared, tc.checked, problems)
		}
	}
}

// requirements are the rows of all tables of the page.
func requirements(p page) []row {
	var out []row
	for line := range strings.Lines(p.text) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| What is needed |") {
			continue
		}
		out = append(out, strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | "))
	}
	return out
}

// state is what a row says of its statement: whether tests check it, people, or nobody
// because it is not met.
func state(r row) string {
	for _, s := range []string{"not yet", "by hand"} {
		if strings.HasPrefix(r[2], s) {
			return s
		}
	}
	return "tests"
}

// judge lists what is not true of a row.
func judge(t *testing.T, r row, sources map[string]string) []string {
	t.Helper()
	var problems []string
	tests, items := namedTests(r[2]), declarations(r[1])
	for _, name := range tests {
		if !testExists(sources, name) {
			problems = append(problems, "there is no test "+name)
		}
	}
	for _, d := range items {
		if problem := d.missing(t); problem != "" {
			problems = append(problems, problem)
		}
	}
	switch s := state(r); {
	case s == "not yet" && !strings.HasPrefix(r[2], "not yet: "):
		problems = append(problems, "it does not say what to do instead")
	case s == "tests" && len(tests) == 0:
		problems = append(problems, "no test is named")
	case s != "not yet" && len(items) == 0:
		problems = append(problems, "nothing says where it is declared")
	}
	return problems
}

// declaration is what stands in a file, as the page says.
type declaration struct{ file, item string }

// declarations are the items of a cell, each of the file that is linked to before it.
func declarations(cell string) []declaration {
	var out []declaration
	file := ""
	for _, m := range regexp.MustCompile("\\]\\(([^)]+)\\)|`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		if m[1] != "" {
			file, _, _ = strings.Cut(m[1], "#")
			continue
		}
		out = append(out, declaration{file, m[2]})
	}
	return out
}

// missing says what is wrong with a declaration; empty: it is there. In a file of YAML
// it is a path of keys, SECTION/NAME or deeper, with ": VALUE" for what has to be there;
// in others a text.
func (d declaration) missing(t *testing.T) string {
	t.Helper()
	if d.file == "" {
		return fmt.Sprintf("%q belongs to no file", d.item)
	}
	name := path.Join("docs", d.file)
	text := read(t, name).text
	if !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
		if !strings.Contains(text, d.item) {
			return fmt.Sprintf("%s does not say %q", name, d.item)
		}
		return ""
	}
	keys, value, valued := strings.Cut(d.item, ": ")
	have, found := find(decoded(t, name, text), keys)
	if !found {
		return fmt.Sprintf("%s has no %s", name, keys)
	}
	if valued && !includes(have, decoded(t, d.item, value)) {
		return fmt.Sprintf("%s does not have %s", name, d.item)
	}
	return ""
}

// decoded is the value of a text of YAML.
func decoded(t *testing.T, name, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// find follows keys with slashes between them, which keys may also have in themselves.
func find(v any, keys string) (any, bool) {
	m, _ := v.(map[string]any)
	if found, ok := m[keys]; ok {
		return found, true
	}
	for key, below := range m {
		if rest, ok := strings.CutPrefix(keys, key+"/"); ok {
			if found, ok := find(below, rest); ok {
				return found, true
			}
		}
	}
	return nil, false
}

// includes reports whether a value is as wanted: a map has at least those entries, a
// text of several lines has that line.
func includes(have, want any) bool {
	if w, ok := want.(map[string]any); ok {
		h, ok := have.(map[string]any)
		for key, value := range w {
			ok = ok && includes(h[key], value)
		}
		return ok
	}
	if text, ok := have.(string); ok && strings.Contains(text, "\n") {
		return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return line == want })
	}
	return reflect.DeepEqual(have, want)
}
