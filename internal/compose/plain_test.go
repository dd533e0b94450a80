package compose

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"go.yaml.in/yaml/v4"
)

// TestPlainIsAllowed makes up services: whatever is taken for plain, the format's own
// schema allows, file by file and merged.
func TestPlainIsAllowed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fields := []string{"build", "ports", "privileged", "x-note"}
	for f := range plainFields() {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	values := []any{
		"a", "a", "a b", "", "${X}", 1, true, 1.5, nil,
		[]any{},
		[]any{"a"},
		[]any{"a", "a"},
		[]any{"b", 1},
		[]any{map[string]any{"path": "a"}},
		map[string]any{},
		map[string]any{"a": "b"},
		map[string]any{"a": 1, "b": nil, "c": true},
		map[string]any{"a": []any{}},
		map[string]any{"": "a"},
		map[string]any{"driver": "a"},
		map[string]any{"driver": 1},
		map[string]any{"options": map[string]any{"a": "b"}},
		map[string]any{"options": map[string]any{"a": true}},
		map[string]any{"driver": "a", "other": "b"},
	}
	plains := 0
	for range 40_000 {
		service := map[string]any{}
		for range 1 + random.IntN(2) {
			service[fields[random.IntN(len(fields))]] = values[random.IntN(len(values))]
		}
		name := []string{"web", "web", "a.b_c-1", "a b", ""}[random.IntN(5)]
		m := map[string]any{"services": map[string]any{name: service}}
		data, err := yaml.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !plain([]File{{Name: "made up", Data: data}}) {
			continue
		}
		plains++
		if err := schema.Validate(m); err != nil {
			t.Errorf("taken for plain, and not allowed: %v\n%s", err, data)
		}
	}
	if plains < 1000 {
		t.Errorf("only %d of what was made up is plain", plains)
	}
}

// TestPlainLists: what is twice in a list only once files are merged is for the schema.
func TestPlainLists(t *testing.T) {
	file := func(volume string) File {
		return File{Name: volume, Data: fmt.Appendf(nil, "services: {web: {image: a, volumes: [%q]}}", volume)}
	}
	if !plain([]File{file("/a:/a"), file("/b:/b")}) || plain([]File{file("/a:/a"), file("/a:/a")}) {
		t.Error("volumes of two files are not counted together")
	}
}

// TestCommittedProjectsArePlain: of the backends' own projects, a run reads no schema.
func TestCommittedProjectsArePlain(t *testing.T) {
	names, err := filepath.Glob("../../backends/*/files/compose/*.yml")
	more, _ := filepath.Glob("../../backends/*/files/release-hatch.yml")
	if err != nil || len(names) == 0 || len(more) == 0 {
		t.Fatalf("there are no compose files (%v)", err)
	}
	for _, name := range append(names, more...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !plain([]File{{Name: name, Data: data}}) {
			t.Errorf("%s is not plain", name)
		}
	}
}
