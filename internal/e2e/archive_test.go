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
// second one, one that does not run, one whose check dies with the run and is owed, one
// before which others are pruned, and undo.
func TestArchive(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("mkdir", "-p", "/opt/tool", "/srv/install")
	sums := map[string]string{}
	const kills = "[ -e /run/killed ] && exit 1\ntouch /run/killed\nkill -9 $PPID"
	for version, ends := range map[string]string{"1": "exit 0", "2": "exit 0", "bad": "exit 1", "kills": kills, "3": "exit 0"} {
		data, sum := tarGz(t, "tool-"+version+"/tool", "#!/bin/sh\necho version "+version+"\n"+ends+"\n", "tool-"+version+"/share/text", "text\n")
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
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/opt/tool/tool-1/share/text"); got != "root:tool 755" {
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
	e.labSpec(spec("kills"))
	if r := e.run("bash", "-c", `"$@"; test $? -eq 137`, "bash", guestBinary, "manage", "--backend", "lab"); r.code != 0 {
		t.Fatalf("the run outlives its check: %s", r)
	}
	if got := e.mustRun("readlink", "/opt/tool/current"); got != "/opt/tool/tool-kills" {
		t.Errorf("the run that died has the link lead to %s", got)
	}
	e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "owed by a run that did not finish")
	e.says(1, e.opsafe("manage", "--backend", "lab"), "does not accept what is in place", "has been put back")
	runs("2")
	e.lab(0, spec("3"))
	runs("3")
	nothing()
	if e.exists("/opt/tool/tool-1") || !e.exists("/opt/tool/tool-kills") {
		t.Error("of the versions before, the last one is not the only one that is kept")
	}
	e.undoLast()
	runs("2")
	if e.exists("/opt/tool/tool-3") || !e.exists("/opt/tool/tool-bad/tool") {
		t.Error("undo has not taken the new version away, or not brought back what it had pruned")
	}
	// Undo above has left the first version as it was changed by hand.
	if got := e.mustRun("cat", "/opt/tool/tool-1/share/text"); got != "TEXT" || e.exists("/opt/tool/tool-1/tool") {
		t.Errorf("undo brings back what was pruned without what was changed in it by hand: the file holds %q", got)
	}
	e.labSpec("")
	e.says(3, e.opsafe("status", "--backend", "lab"), "archive/tool", "/opt/tool/tool-2", "declare it with state: absent")
	e.lab(0, "archives: {tool: {state: absent, link: /opt/tool/current, commands: {/usr/local/bin/tool: tool}}}\n")
	if got := e.mustRun("ls", "-A", "/opt/tool"); got != "" {
		t.Errorf("what is absent has left %q", got)
	}
}
