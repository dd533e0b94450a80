package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// tarGz packs programs, by pairs of name and content.
func tarGz(t *testing.T, files ...string) (data []byte, sum string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i+1 < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o755, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(b.Bytes())
	return b.Bytes(), hex.EncodeToString(digest[:])
}

// TestArchive goes through the versions of a program: the first, a change by hand, a
// second one, one that does not run, one before which others are pruned, and undo.
func TestArchive(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("mkdir", "-p", "/opt/tool", "/srv/install")
	sums := map[string]string{}
	for version, code := range map[string]string{"1": "0", "2": "0", "bad": "1", "3": "0"} {
		data, sum := tarGz(t, "tool-"+version+"/tool", "#!/bin/sh\necho version "+version+"\nexit "+code+"\n", "tool-"+version+"/share/text", "text\n")
		e.write("/srv/install/tool-"+version+".tar.gz", string(data), 0o600)
		sums[version] = sum
	}
	spec := func(version string) string {
		return fmt.Sprintf(`users:
  tool: {system: true}
archives:
  tool:
    source: /srv/install/tool-%[1]s.tar.gz
    sha256: %[2]s
    path: /opt/tool/tool-%[1]s
    strip: 1
    owner: tool
    group: tool
    mode: "0755"
    link: /opt/tool/current
    commands: {/usr/local/bin/tool: tool}
    check: [/usr/local/bin/tool]
    keep: 1
`, version, sums[version])
	}
	runs := func(version string) {
		t.Helper()
		if got := strings.TrimSpace(e.mustRun("/usr/local/bin/tool")); got != "version "+version {
			t.Errorf("the tool says %q, not version %s", got, version)
		}
	}
	nothing := func() {
		t.Helper()
		e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")
	}
	e.lab(0, spec("1"))
	runs("1")
	nothing()
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/opt/tool/tool-1/share/text"); got != "tool:tool 755" {
		t.Errorf("a file of it is %s", got)
	}

	e.write("/opt/tool/tool-1/share/text", "TEXT\n", 0o644)
	e.mustRun("rm", "/opt/tool/tool-1/tool")
	e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "share/text → as unpacked")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Done")
	runs("1")
	if got := e.mustRun("cat", "/opt/tool/tool-1/share/text"); got != "text" {
		t.Errorf("the changed file holds %q", got)
	}
	nothing()
	e.undoLast()
	if got := e.mustRun("cat", "/opt/tool/tool-1/share/text"); got != "TEXT" {
		t.Errorf("undo leaves %q", got)
	}

	e.lab(0, spec("2"))
	runs("2")
	e.lab(1, spec("bad"))
	runs("2")
	e.lab(0, spec("3"))
	runs("3")
	nothing()
	if e.exists("/opt/tool/tool-1") || !e.exists("/opt/tool/tool-bad") {
		t.Error("of the versions before, the last one is not the only one that is kept")
	}
	e.undoLast()
	runs("2")
	if e.exists("/opt/tool/tool-3") || !e.exists("/opt/tool/tool-1/tool") {
		t.Error("undo has not taken the new version away, or not brought back what it had pruned")
	}
	e.lab(0, "archives: {tool: {state: absent, link: /opt/tool/current, commands: {/usr/local/bin/tool: tool}}}\n")
	if got := e.mustRun("ls", "-A", "/opt/tool"); got != "" {
		t.Errorf("what is absent has left %q", got)
	}
}
