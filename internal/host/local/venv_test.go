package local

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// wheels is an environment of one wheel, whose members are by pairs of name and content,
// with METADATA and WHEEL unless they say them.
func (r archiveRoom) wheels(files ...string) host.Archive {
	r.Helper()
	dir := filepath.Join(r.dir, "wheels")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.Fatal(err)
	}
	all := map[string]string{
		"tool-1.0.dist-info/METADATA": "Name: tool\nVersion: 1.0\n",
		"tool-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\n",
	}
	for i := 0; i+1 < len(files); i += 2 {
		all[files[i]] = files[i+1]
	}
	data := zippedFiles(r.T, all)
	if err := os.WriteFile(filepath.Join(dir, "tool-1.0-py3-none-any.whl"), data, 0o600); err != nil {
		r.Fatal(err)
	}
	return host.Archive{
		Name: "tool", Path: filepath.Join(r.dir, "venv"), Source: dir, SHA256: host.NewContent(data).Digest(), Python: "3.11",
		Wheels: []host.Wheel{{Name: "tool", Version: "1.0", SHA256: []string{host.NewContent(data).Digest()}}},
		Owner:  "root", Group: "root", Mode: 0o755,
	}
}

func zippedFiles(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		to, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(to, files[name])
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// TestVenvRefused: what would leave the environment, take the place of what is in it, or
// is not what it says, is refused, and nothing is made.
func TestVenvRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files []string
		says  string
	}{
		"leads out":              {[]string{"../../../x", ""}, `has ".." in its name`},
		"data leads out":         {[]string{"tool-1.0.data/data/../x", ""}, `has ".." in its name`},
		"absolute":               {[]string{"/x", ""}, "absolute"},
		"absolute data":          {[]string{"tool-1.0.data/scripts//x", ""}, ""}, // it stays inside
		"takes the interpreter":  {[]string{"tool-1.0.data/scripts/python3", ""}, "is in it twice"},
		"takes the settings":     {[]string{"tool-1.0.data/data/pyvenv.cfg", "home = /tmp\n"}, "is in it twice"},
		"below the interpreter":  {[]string{"tool-1.0.data/scripts/python3/x", ""}, "no directory"},
		"an unknown part":        {[]string{"tool-1.0.data/else/x", ""}, "does not know"},
		"a command leads out":    {[]string{"tool-1.0.dist-info/entry_points.txt", "[console_scripts]\n../x = tool:main\n"}, "names no program"},
		"a command holds code":   {[]string{"tool-1.0.dist-info/entry_points.txt", "[console_scripts]\nx = os; os.system('x'):main\n"}, "names no program"},
		"another version":        {[]string{"tool-1.0.dist-info/METADATA", "Name: tool\nVersion: 2.0\n"}, "its version is 2.0"},
		"another format":         {[]string{"tool-1.0.dist-info/WHEEL", "Wheel-Version: 2.0\n"}, "its format is 1"},
		"a newer Python":         {[]string{"tool-1.0.dist-info/METADATA", "Version: 1.0\nRequires-Python: >=3.12, <4\n"}, "it needs Python >=3.12"},
		"what is not there":      {[]string{"tool-1.0.dist-info/METADATA", "Version: 1.0\nRequires-Dist: Other.One>=2\n"}, "tool needs other-one"},
		"only under a condition": {[]string{"tool-1.0.dist-info/METADATA", "Version: 1.0\nRequires-Dist: other; extra == 'x'\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newArchiveRoom(t)
			a := r.wheels(tt.files...)
			err := r.Do(t.Context(), host.Unpack{Archive: a})
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("it does not say %q: %v", tt.says, err)
			}
			left, err := os.ReadDir(r.dir)
			if err != nil || len(left) != 2 { // the wheels, and the notes
				t.Errorf("it leaves %v, %v", left, err)
			}
		})
	}
}

// TestVenvExact: what an environment holds.
func TestVenvExact(t *testing.T) {
	t.Parallel()
	r := newArchiveRoom(t)
	a := r.wheels("tool.py", "x", "tool-1.0.data/purelib/more.py", "x", "tool-1.0.data/headers/tool.h", "h", "tool-1.0.data/scripts/run", "#!python -s\n",
		"tool-1.0.dist-info/RECORD", "its own", "tool-1.0.dist-info/entry_points.txt", "[other]\nx = y\n[console_scripts]\ntool = tool.cli : Main.run [extra]\n")
	if err := r.Do(t.Context(), host.Unpack{Archive: a}); err != nil {
		t.Fatal(err)
	}
	const want = `. drwxr-xr-x
bin drwxr-xr-x
bin/python Lrwxrwxrwx python3
bin/python3 Lrwxrwxrwx /usr/bin/python3.11
bin/python3.11 Lrwxrwxrwx python3
bin/run -rwxr-xr-x #!VENV/bin/python3

bin/tool -rwxr-xr-x #!VENV/bin/python3
# -*- coding: utf-8 -*-
import re
import sys
from tool.cli import Main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(Main.run())

include drwxr-xr-x
include/site drwxr-xr-x
include/site/python3.11 drwxr-xr-x
include/site/python3.11/tool drwxr-xr-x
include/site/python3.11/tool/tool.h -rw-r--r-- h
lib drwxr-xr-x
lib/python3.11 drwxr-xr-x
lib/python3.11/site-packages drwxr-xr-x
lib/python3.11/site-packages/more.py -rw-r--r-- x
lib/python3.11/site-packages/tool.py -rw-r--r-- x
lib/python3.11/site-packages/tool-1.0.dist-info drwxr-xr-x
`
	got := strings.ReplaceAll(r.content(a.Path), a.Path, "VENV")
	for line := range strings.Lines(want) {
		if !strings.Contains(got, line) {
			t.Errorf("it lacks %q", line)
		}
	}
	if strings.Contains(got, "its own") || !strings.Contains(got, "tool-1.0.dist-info/RECORD,,\n") || !strings.Contains(got, "../../../bin/tool,sha256=") {
		t.Error("its RECORD is not its own")
	}
	if t.Failed() {
		t.Log(got)
	}
	if u := r.tree(a.Path); !u.Whole() || len(u.Added) > 0 {
		t.Errorf("it is not as it was made: %+v", u)
	}
}
