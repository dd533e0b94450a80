package drift_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/drift"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/render"
	"opsafe/internal/spec"
)

// TestCategoriesInSchema: the schema of what status writes knows all sorts.
func TestCategoriesInSchema(t *testing.T) {
	var schema struct {
		Defs struct {
			Orphan struct {
				Properties struct {
					Sort struct {
						Enum []drift.Category `json:"enum"`
					} `json:"sort"`
				} `json:"properties"`
			} `json:"orphan"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(render.Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	if got, want := schema.Defs.Orphan.Properties.Sort.Enum, drift.Categories(); !slices.Equal(got, want) {
		t.Errorf("the schema knows %q, not %q", got, want)
	}
}

// TestArchivesOffList: trees of archives that the spec has stopped declaring are named,
// and not those that it declares, if only absent, or of which nothing is left.
func TestArchivesOffList(t *testing.T) {
	text := `
files:
  /var/lib/opsafe/unpacked: {type: directory, mode: "0755"}
`
	for _, name := range []string{"absent", "declared", "former", "gone"} {
		text += fmt.Sprintf("  /var/lib/opsafe/unpacked/%s: {type: directory, mode: \"0755\"}\n", name)
	}
	text += "unpacked:\n"
	for _, name := range []string{"absent", "declared", "former", "gone"} {
		for _, version := range []string{"1", "2"} {
			if version == "1" {
				text += "  " + name + ":\n"
			}
			text += fmt.Sprintf("    - {archive: {name: %[1]s, path: /opt/%[1]s-%[2]s, mode: 0o755}, gone: %[3]v}\n", name, version, name == "gone")
		}
	}
	state, err := snapshot.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "backends", "case", "backend.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	declared := fmt.Sprintf("archives:\n  absent: {state: absent}\n  declared: {source: /a.tar, path: /opt/declared-2, sha256: %q}\n", strings.Repeat("0", 64))
	if err := os.WriteFile(file, []byte(declared), 0o600); err != nil {
		t.Fatal(err)
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := repo.Backend("case")
	if err != nil {
		t.Fatal(err)
	}
	found, unknown, err := drift.Find(t.Context(), snapshot.New(state), &kind.Input{Backend: b, Repo: repo}, at(12))
	if err != nil || len(unknown) > 0 {
		t.Fatalf("%v, unknown %q", err, unknown)
	}
	var got []string
	for _, o := range found {
		got = append(got, o.String()+" "+o.What)
	}
	if want := []string{"archive/former /opt/former-1, /opt/former-2: unpacked by opsafe, and on no list"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
