package archive_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kind/kindtest"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestArchiveCheckTrusted: nothing is run as root that another account may write.
func TestArchiveCheckTrusted(t *testing.T) {
	t.Parallel()
	for item, who := range map[string]string{
		`check: [/opt/tool/x]`:                            "",
		`check: [/opt/tool/x], owner: root, mode: "0755"`: "",
		`check: [/opt/tool/x], group: app, mode: "0750"`:  "",
		`check: [/opt/tool/x], owner: app`:                "app",
		`check: [/opt/tool/x], group: app, mode: "0770"`:  "group app",
		`check: [/opt/tool/x], mode: "0775"`:              "group root",
		`check: [/opt/tool/x], mode: "0757"`:              "everybody",
		`owner: app, mode: "0777"`:                        "",
	} {
		text := fmt.Sprintf("source: /a.tar, sha256: %q, path: /opt/tool, %s", strings.Repeat("0", 64), item)
		dir := t.TempDir()
		kindtest.WriteFile(t, filepath.Join(dir, "backends", "case", "backend.yaml"), []byte("users: {app: {system: true}}\narchives: {tool: {"+text+"}}\n"))
		_, err := kinds.Load(spec.LoadOptions{Dir: dir})
		said := fmt.Sprint(err)
		if want := "archive tool: check: it is run as root, and " + who + " could write what it runs"; who == "" && err != nil || who != "" && !strings.Contains(said, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
