package kinds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestVenvProblems says what is wrong with Python environments before a host is looked
// at: also in the list of what is pinned, and in the directory of wheels, that lie beside
// the spec.
func TestVenvProblems(t *testing.T) {
	dir := t.TempDir()
	sum := " --hash=sha256:" + strings.Repeat("0", 64)
	for name, text := range map[string]string{
		"good.txt":                    "# by pip-compile\nTool[extra]==1.2 \\\n   " + sum + " \\\n" + sum + "\n    # via -r x.in\nother_one==2" + sum + " # why\n",
		"nothing.txt":                 "# nothing\n",
		"option.txt":                  "tool==1.2" + sum + "\n--index-url https://pypi.example/simple\n",
		"marker.txt":                  "\ntool==1.2 ; python_version < '3.8'" + sum + "\n",
		"bare.txt":                    "tool==1.2\n",
		"range.txt":                   "tool>=1.2" + sum + "\n",
		"twice.txt":                   "tool==1.2" + sum + "\nTOOL==1.3" + sum + "\n",
		"open.txt":                    "tool==1.2" + sum + " \\",
		"w/tool-1.2-py3-none-any.whl": "", "w/Other.One-2-py3-none-any.whl": "",
		"one/tool-1.2-py3-none-any.whl": "", "one/tool-1.3-py3-none-any.whl": "",
		"backend.yaml": `
venvs:
  good: {path: /opt/good, wheels: w, requirements: good.txt, commands: {/usr/local/bin/t: bin/t}}
  fine: {path: /opt/fine, wheels: /srv/wheels, requirements: /srv/r.txt}
  pinned: {path: /opt/pinned, wheels: w, pins: ["tool==1.2` + sum + `"]}
  gone: {state: absent, path: /opt/gone}
  lacks: {path: /opt/lacks, wheels: one, requirements: good.txt}
  nodir: {path: /opt/nodir, wheels: none, requirements: good.txt}
  nofile: {path: /opt/nofile, wheels: w, requirements: none.txt}
  nothing: {path: /opt/nothing, wheels: w, requirements: nothing.txt}
  option: {path: /opt/option, wheels: w, requirements: option.txt}
  marker: {path: /opt/marker, wheels: w, requirements: marker.txt}
  bare: {path: /opt/bare, wheels: w, requirements: bare.txt}
  range: {path: /opt/range, wheels: w, requirements: range.txt}
  twice: {path: /opt/twice, wheels: w, requirements: twice.txt}
  open: {path: /opt/open, wheels: w, requirements: open.txt}
  both: {path: /opt/both, wheels: w, requirements: good.txt, pins: ["tool==1.2` + sum + `"]}
  neither: {path: /opt/neither, wheels: w}
  nowheels: {path: /opt/nowheels, requirements: good.txt}
  nopath: {wheels: w, requirements: good.txt}
  leads: {path: /opt/leads, wheels: w, requirements: good.txt, commands: {/usr/local/bin/l: bin/../../x}}
  inside: {path: /opt/inside, wheels: w, requirements: good.txt, commands: {/opt/inside/t: bin/t}}
  absent: {state: absent, path: /opt/absent, wheels: w}
  compose: {path: /opt/compose, wheels: w, requirements: good.txt, notify: {restart: [compose/app]}}
`,
	} {
		at := filepath.Join(dir, "backends/x", name)
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
		"venv lacks: wheels: there is no wheel of other-one 2 in one", "venv nodir: wheels: cannot read backends/x/none", "venv nofile: requirements: cannot read backends/x/none.txt",
		"venv nothing: requirements: nothing.txt: it pins nothing", "venv option: requirements: option.txt: line 2: opsafe knows no options", "venv marker: requirements: marker.txt: line 2: opsafe judges no conditions",
		`venv bare: requirements: bare.txt: line 1: "tool==1.2" has no digest`, "venv range: requirements: range.txt: line 1: cannot read", "venv twice: requirements: twice.txt: line 2: tool is in it twice",
		"venv open: requirements: open.txt: line 1: it ends amid a line", "venv both: has requirements, too", "venv neither: has no requirements, and no pins", "venv nowheels: has no wheels",
		"venv nopath: has no path", "venv leads: commands:", "venv inside: commands: /opt/inside/t lies in path", "venv absent: is absent and has wheels", "Python environment compose: notify: restart: only a file has a content",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, good := range []string{"good", "fine", "pinned", "gone"} {
		if strings.Contains(err.Error(), "venv "+good+": ") {
			t.Errorf("it refuses %s, which is right", good)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}
