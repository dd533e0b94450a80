package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// wheel packs a distribution, by pairs of name and content, and gives its pin.
func wheel(t *testing.T, name, version string, needs []string, files ...string) (data, pin string) {
	t.Helper()
	info := strings.ReplaceAll(name, "-", "_") + "-" + version + ".dist-info/"
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nRequires-Python: >=3.8\n", name, version)
	for _, n := range needs {
		metadata += "Requires-Dist: " + n + "\n"
	}
	files = append(files, info+"METADATA", metadata+"\nWhat it is.\n", info+"WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", info+"RECORD", "")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	return b.String(), name + "==" + version + " --hash=sha256:" + hex.EncodeToString(sum[:]) + "\n"
}

// toolWheels puts the wheels of a tool and of what it needs into a directory, with the
// list of them.
func (e *env) toolWheels(dir, tool, version string) {
	e.t.Helper()
	e.mustRun("mkdir", "-p", dir)
	code := "import greeting\nfrom importlib import metadata\ndef main():\n    print(greeting.WORD, metadata.version('" + tool + "'))\n"
	one, pin := wheel(e.t, tool, version, []string{"greeting (>=1)", "colour ; extra == 'colour'"},
		tool+"/__init__.py", code, tool+"-"+version+".dist-info/entry_points.txt", "[console_scripts]\n"+tool+" = "+tool+":main\n",
		tool+"-"+version+".data/scripts/"+tool+"-raw", "#!python\nimport sys\nprint(sys.prefix)\n", tool+"-"+version+".data/data/share/"+tool+".txt", version+"\n")
	other, also := wheel(e.t, "greeting", "1.0", nil, "greeting.py", "WORD = 'hello'\n")
	e.write(dir+"/"+tool+"-"+version+"-py3-none-any.whl", one, 0o644)
	e.write(dir+"/greeting-1.0-py3-none-any.whl", other, 0o644)
	e.write(dir+"/requirements.txt", pin+also, 0o644)
}

// TestVenv makes a Python environment on a host that has no Python before, and no
// network: a first version, a change by hand, a second one, some that are refused, undo,
// and its end.
func TestVenv(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	const dir = "/srv/install"
	e.toolWheels(dir, "tool", "1.0")
	const spec = `users: {tool: {system: true}, app: {}}
packages: {python3: installed}
venvs:
  tool: {path: /opt/tool, wheels: /srv/install, requirements: /srv/install/requirements.txt, owner: tool, group: app, mode: "0750", commands: {/usr/local/bin/tool: bin/tool}}
`
	runs := func(want string) {
		t.Helper()
		// As app, who is of the group alone.
		if got := strings.TrimSpace(e.mustRun("setpriv", "--reuid", "app", "--regid", "app", "--clear-groups", "/usr/local/bin/tool")); got != want {
			t.Errorf("the tool says %q, not %q", got, want)
		}
	}
	nothing := func() {
		t.Helper()
		e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")
	}
	e.labSpec(spec)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "venv", "known after apply", "/usr/bin/python3")
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Done")
	runs("hello 1.0")
	nothing()
	if got := e.mustRun("/opt/tool/bin/tool-raw"); strings.TrimSpace(got) != "/opt/tool" {
		t.Errorf("a script of the wheel runs in %q", got)
	}
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/opt/tool/share/tool.txt", "/opt/tool/bin/tool"); strings.Join(strings.Fields(got), " ") != "tool:app 640 tool:app 750" {
		t.Errorf("files of it are %s", got)
	}
	// What Python itself says is there, and is as it was recorded.
	const files = "from importlib import metadata as m\nimport hashlib, base64\nfor d in m.distributions():\n for f in d.files:\n  if f.hash and base64.urlsafe_b64encode(hashlib.sha256(f.locate().read_bytes()).digest()).rstrip(b'=').decode() != f.hash.value: raise SystemExit(str(f))\n print(d.name, d.version, d.read_text('INSTALLER').strip(), len(d.files))\n"
	if got := e.mustRun("sh", "-c", "/opt/tool/bin/python -c \"$1\" | sort", "sh", files); strings.TrimSpace(got) != "greeting 1.0 opsafe 5\ntool 1.0 opsafe 9" {
		t.Errorf("Python finds\n%s", got)
	}
	nothing() // also with what Python has compiled

	e.write("/opt/tool/bin/tool", "#!/bin/sh\necho mine\n", 0o755)
	e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "/opt/tool/bin/tool → as unpacked")
	e.lab(0, spec)
	runs("hello 1.0")

	e.toolWheels(dir, "tool", "2.0")
	e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "1.0 → 2.0")
	e.lab(0, spec)
	runs("hello 2.0")
	nothing()
	e.undoLast()
	runs("hello 1.0")
	e.lab(0, spec)

	for name, refused := range map[string]struct{ prepare, says string }{
		"another digest": {"sed -i 's/^tool.*/tool==2.0 --hash=sha256:" + strings.Repeat("0", 64) + "/' requirements.txt", "it is another archive than the declared one"},
		"not pinned":     {"sed -i /greeting/d requirements.txt", "tool needs greeting, which is not among what is pinned"},
		"missing":        {"rm greeting-*", "there is no wheel of greeting 1.0 in /srv/install"},
		"for another":    {"mv greeting-1.0-py3-none-any.whl greeting-1.0-cp39-cp39-linux_x86_64.whl", "is not for this host: it is for cp39"},
		"added to":       {"touch /opt/tool/added", "and holds /opt/tool/added"},
	} {
		e.toolWheels(dir, "tool", "2.0")
		e.mustRun("sh", "-c", "cd "+dir+" && "+refused.prepare+" && echo '# other' >>requirements.txt && rm -f /opt/tool/bin/tool")
		if name == "added to" {
			e.toolWheels(dir, "tool", "3.0")
		}
		e.lab(1, spec, refused.says)
		if got := e.mustRun("/opt/tool/bin/python", "-c", "from importlib import metadata as m; print(m.version('tool'))"); strings.TrimSpace(got) != "2.0" {
			t.Errorf("%s: what was there is %q", name, got)
		}
		e.mustRun("sh", "-c", "cd "+dir+" && rm -f * /opt/tool/added")
	}
	e.toolWheels(dir, "tool", "2.0")
	e.lab(0, strings.Replace(spec, "path: /opt/tool,", "path: /opt/moved,", 1))
	runs("hello 2.0")
	if e.exists("/opt/tool") {
		t.Error("the environment is still at its path of before, too")
	}
	e.labSpec("")
	e.says(3, e.opsafe("status", "--backend", "lab"), "venv/tool", "/opt/moved", "declare it with state: absent")
	e.lab(0, "venvs: {tool: {state: absent, commands: {/usr/local/bin/tool: bin/tool}}}\n")
	if e.exists("/opt/moved") || e.exists("/usr/local/bin/tool") || e.exists("/var/lib/opsafe/unpacked/venv:tool") {
		t.Error("what is absent has left something")
	}
}
