package cli_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/kind/kindtest"
	"opsafe/internal/kinds"
)

var update = flag.Bool("update", false, "write what adopt says into testdata")

// adoption is an archive of testdata/adopt: a host, the arguments, and what
// comes of it. Its file around.yaml is what the fragment needs around it.
type adoption struct {
	*txtar.Archive
	file string
}

func (a *adoption) get(name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// golden compares a file of the archive, or writes it.
func (a *adoption) golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == name })
		if got != "" {
			a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(got)})
		}
		if err := os.WriteFile(a.file, txtar.Format(a.Archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(a.get(name), got); d != "" {
		t.Errorf("%s (-want +got)\n%s", name, d)
	}
}

// TestAdopt adopts what is on hosts in memory, and then plans with it on them:
// nothing is left to do.
func TestAdopt(t *testing.T) {
	files, err := filepath.Glob("testdata/adopt/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kindtest.Find(t, "../kind") {
		// A kind's case can be one of adopting, too.
		if data, err := os.ReadFile(c.File); err == nil && bytes.Contains(data, []byte("\n-- args --\n")) {
			files = append(files, c.File)
		}
	}
	if len(files) < len(kinds.Table()) {
		t.Fatalf("there are only %d cases", len(files))
	}
	adopted := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			parsed, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			at, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			a := &adoption{parsed, at}
			w := newWorld(t, "-- backends/host/backend.yaml --\ndescription: nothing yet\n-- host.yaml --\n"+a.get("host.yaml"))
			if people := a.get("developers.yaml"); people != "" {
				w.write("developers.yaml", people)
				w.write("backends/other/backend.yaml", "roles: {developers: {}}\n")
			}
			t.Chdir(w.dir)
			args := append([]string{"adopt"}, strings.Fields(a.get("args"))...)
			for _, word := range args {
				name, _, _ := strings.Cut(word, "/")
				adopted[name] = true
			}
			code := w.run(args...)
			w.untouched()
			fragment, notes := w.out.String(), w.err.String()
			a.golden(t, "want", fragment)
			a.golden(t, "notes", notes)
			wantCode := "0"
			if strings.Contains(string(a.Comment), "exit code 1") {
				wantCode = "1"
			}
			if strconv.Itoa(code) != wantCode {
				t.Errorf("exit code %d, not %s", code, wantCode)
			}
			plansToNothing(t, w, a, fragment)
		})
	}
	for _, k := range kinds.Table() {
		if !adopted[k.Name] {
			t.Errorf("no case adopts a %s", k.Name)
		}
	}
}

// plansToNothing makes a backend of a fragment and plans it.
func plansToNothing(t *testing.T, w *world, a *adoption, fragment string) {
	t.Helper()
	text := a.get("around.yaml") + "description: what is there\n"
	w.write("backends/host/around.yaml", text)
	includes := "include: [around.yaml]\n"
	if strings.Contains(fragment, "# A plan with it changes nothing.") {
		w.write("backends/host/fragment.yaml", fragment)
		includes = "include: [around.yaml, fragment.yaml]\n"
	}
	w.write("backends/host/backend.yaml", includes)
	beside, err := filepath.Glob(filepath.Join(w.dir, "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range beside {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		w.write("backends/host/files/"+filepath.Base(f), string(data))
		a.golden(t, "files/"+filepath.Base(f), string(data))
	}
	w.want(0, []string{"Nothing to do."}, nil, "plan", "--backend", "host", "--exit-code")
	w.untouched()
}

func TestAdoptRefusals(t *testing.T) {
	w := newWorld(t, repository)
	for _, tt := range []struct{ args, err string }{
		{"adopt", "want opsafe adopt --only KIND: see opsafe adopt --help"},
		{"adopt --only usr", `--only usr: there is no kind "usr": did you mean "user"?`},
		{"adopt --only user/", "--only user/: want KIND or KIND/NAME"},
		{"adopt --only user/nobody1", "cannot adopt user/nobody1: there is no user nobody1"},
		{"adopt --only file", "cannot adopt file: a host has too many: say which, as in --only file/PATH"},
		{"adopt --only chrony/x", "cannot adopt a single chrony: say chrony"},
		{"adopt --only file//etc/none --only group/none", "cannot adopt group/none: there is no group none"},
	} {
		w.want(1, nil, []string{tt.err}, strings.Fields(tt.args)...)
	}
	w.untouched()
	// What is beside the spec already is not replaced.
	w.write("files/etc-hosts", "somebody's own\n")
	w.want(1, nil, []string{"files/etc-hosts: it is there already, with another content: move it away"},
		"adopt", "--only", "file//etc/hosts", "--files", w.dir+"/files")
}
