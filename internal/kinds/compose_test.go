package kinds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestComposeProblems says what is wrong with a compose project before a host is looked
// at, in one go.
func TestComposeProblems(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"backends/x/backend.yaml": `
compose:
  made: {files: [made.yaml]}
  wishes: {files: [wishes.yaml], services: {web: {recreate_on: [/etc/a]}, debug: {recreate_on: [/etc/a]}, gone: {recreate_on: [/etc/a]}}}
  unset: {files: [unset.yaml]}
`,
		"backends/x/made.yaml":   "services: {web: {build: .}}\n",
		"backends/x/wishes.yaml": "services: {web: {image: app}, debug: {image: app, profiles: [debug]}}\n",
		"backends/x/unset.yaml":  "services: {web: {image: \"app:${TAG}\"}}\n",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err == nil {
		t.Fatal("there is no problem")
	}
	for _, want := range []string{
		"made.yaml: service web: build: opsafe makes no images",
		"service debug belongs to a profile, and is left as it is",
		"there is no service gone in its files",
		"nothing sets TAG: say it under variables",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "service web belongs") || strings.Contains(err.Error(), "no service web") {
		t.Errorf("it refuses a service that is there:\n%v", err)
	}
}
