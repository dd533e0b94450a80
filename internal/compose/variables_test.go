package compose_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/compose"
)

// TestUnset: whether a variable can do without a value is judged where it stands.
func TestUnset(t *testing.T) {
	set := map[string]string{"SET": "1", "EMPTY": ""}
	for text, want := range map[string]string{
		"${TAG}": "TAG", "$TAG": "TAG", "a$TAG/$SET": "TAG", "${SET}": "", "$EMPTY": "",
		"${TAG:-}": "", "${TAG-}": "", "${TAG:-x}": "", "${TAG-x}": "", "${TAG:+x}": "", "${TAG+x}": "",
		"${TAG:?say it}": "TAG", "${TAG?}": "TAG", "${SET:?$TAG}": "",
		"$$TAG": "", "$${TAG}": "", "$$$TAG": "TAG", "${SET:-$$TAG}": "", "${TAG:-$$B}": "",
		"${TAG:-x}-${TAG}": "TAG", "${TAG}-${TAG:-x}": "TAG", "${TAG:-x} $TAG": "TAG",
		"${TAG:-${B}}": "B", "${TAG:-${B:-}}": "", "${TAG:-${B}} ${C}": "B C", "${TAG:-${TAG}}": "TAG",
		"${SET:-${B}}": "", "${SET-${B}}": "", "${EMPTY:-${B}}": "B", "${EMPTY-${B}}": "",
		"${SET:+${B}}": "B", "${SET+${B}}": "B", "${EMPTY:+${B}}": "", "${EMPTY+$B}": "B", "${TAG:+${B}}": "",
		`${TAG:-{"a": "b"}} ${B}`: "B", "${TAG:-{} $B": "B", "first\n${TAG:-x}\n${TAG}\n": "TAG", "${tag}": "tag", "$ 5": "", "$1": "",
	} {
		t.Run(text, func(t *testing.T) {
			same(t, fmt.Sprintf("services: {web: {image: a, command: [%q]}}\n", text), set, want)
		})
	}
}

// TestUnsetElsewhere: a default elsewhere is none here, and no place is left out.
func TestUnsetElsewhere(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"comment":              {"services:\n  web:\n    # ${TAG:-}\n    image: app:${TAG}\n", "TAG"},
		"label":                {"services: {web: {image: a, command: [--token, \"${TAG}\"], labels: {tag: \"${TAG:-none}\"}}}\n", "TAG"},
		"label, the other way": {"services: {web: {image: a, command: [--token, \"${TAG:-}\"], labels: [\"tag=${TAG}\"]}}\n", "TAG"},
		"other service":        {"services: {one: {image: \"app:${TAG:-1}\"}, two: {image: \"app:${TAG}\"}}\n", "TAG"},
		"of a profile":         {"services: {web: {image: a}, debug: {image: \"app:${TAG}\", profiles: [debug]}}\n", "TAG"},
		"extension":            {"x-image: &image {image: \"app:${TAG}\"}\nservices: {web: {<<: *image}}\n", "TAG"},
		"number for a key":     {"services: {web: {image: a, labels: {1: \"${TAG}\"}}}\n", "TAG"},
		"escaped in YAML":      {"services: {web: {image: \"app:\\u0024{TAG}\"}}\n", "TAG"},
		"key":                  {"services: {web: {image: a, labels: {\"${TAG}\": x}}}\n", ""}, // which stays as it is
	} {
		t.Run(name, func(t *testing.T) { same(t, c.file, nil, c.want) })
	}
}

// TestUnsetReplaced: a file can be read by itself, whatever comes after it.
func TestUnsetReplaced(t *testing.T) {
	got, err := compose.Unset([]compose.File{
		{Name: "app.yaml", Data: []byte("services: {web: {image: \"app:${TAG}\"}}\n")},
		{Name: "override.yaml", Data: []byte("services: {web: {image: !override \"app:${TAG:-1}\", command: !override [\"$ARG\"]}}\n")},
	}, nil)
	if err != nil || !slices.Equal(got, []string{"ARG", "TAG"}) {
		t.Errorf("unset are %v, %v", got, err)
	}
}

// TestKeysStay: keys are not filled in, as compose has it.
func TestKeysStay(t *testing.T) {
	p, err := compose.Load(t.Context(), compose.Source{
		Name: "p", Dir: "/", Variables: map[string]string{"TAG": "1"},
		Files: []compose.File{{Name: "app.yaml", Data: []byte("services: {web: {image: a, environment: {\"${TAG}\": \"${TAG}\"}}}\n")}},
	})
	if err != nil || p.Services[0].Environment["${TAG}"] != "1" {
		t.Errorf("it is %+v, %v", p, err)
	}
}

// TestOneDocument: the library would read a second document, in which neither Check nor
// Unset would have looked.
func TestOneDocument(t *testing.T) {
	f := compose.File{Name: "app.yaml", Data: []byte("services: {web: {image: a}}\n---\nservices: {web: {image: \"a:${TAG}\", build: .}}\n")}
	if got := compose.Check(f); len(got) != 1 || !strings.Contains(got[0].Error(), "app.yaml: has several documents") {
		t.Errorf("it says %v", got)
	}
	if got, err := compose.Unset([]compose.File{f}, nil); err == nil {
		t.Errorf("unset are %v", got)
	}
	if got := compose.Check(compose.File{Name: "app.yaml", Data: []byte("---\nservices: {web: {image: a}}\n...\n")}); len(got) != 0 {
		t.Errorf("it says %v of one document", got)
	}
}

// same compares the variables that a file lacks with those that it should, and what
// the library makes of the file when it lacks none.
func same(t *testing.T, file string, set map[string]string, want string) {
	t.Helper()
	f := []compose.File{{Name: "app.yaml", Data: []byte(file)}}
	got, err := compose.Unset(f, set)
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("unset are %q, %v, want %q in\n%s", got, err, want, file)
	}
	if want != "" {
		return
	}
	if _, err := compose.Load(t.Context(), compose.Source{Name: "p", Dir: "/", Files: f, Variables: set}); err != nil {
		t.Errorf("it cannot be read: %v:\n%s", err, file)
	}
}
