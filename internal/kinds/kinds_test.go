package kinds_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		question string
		want     []string // places with their fields
		err      string
	}{
		{question: "user", want: []string{"users.NAME."}},
		{question: "users", want: []string{"users.NAME."}},
		{question: "user.shell", want: []string{"users.NAME.shell"}},
		{question: "users.NAME.shell", want: []string{"users.NAME.shell"}},
		{question: "file.notify.restart", want: []string{"files.PATH.notify.restart"}},
		{question: "docker.networks.subnet", want: []string{"docker.networks.NAME.subnet"}},
		{question: "key", want: []string{"keys.", "authorized_keys.NAME.", "key_pairs.PATH."}},
		{question: "key.type", want: []string{"key_pairs.PATH.type"}},
		{question: "keys.github.mode", want: []string{"keys.github.mode"}},
		{question: "source.keys", want: []string{"apt.keys"}},
		{question: "password", want: []string{"users.NAME.password", "roles.NAME.password"}},
		{question: "person.roles", want: []string{"NAME.roles"}},
		{question: "include", want: []string{".include"}},
		{question: "acls.default", want: []string{"acls.PATH.default"}},
		{question: "usr", err: `there is no kind "usr": did you mean "user"? (there is: host, source, package,`},
		{question: "", err: `there is no kind "" (`},
		{question: "user.shel", err: `user has no field "shel": did you mean "shell"? (opsafe explain user lists them)`},
		{question: "user.shell.x", err: `user.shell holds values, and has no field "x"`},
		{question: "file.notify.restrt", err: `file.notify has no field "restrt": did you mean "restart"?`},
	} {
		answers, err := kinds.Language().Explain(tc.question)
		if tc.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
				t.Errorf("%s: got %v, want %s", tc.question, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.question, err)
		}
		var got []string
		for _, a := range answers {
			if a.Field == nil {
				a.Field = &spec.Field{}
			}
			got = append(got, a.Place.Path+"."+a.Field.Name)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.question, got, tc.want)
		}
	}
}

// TestSample compares examples byte by byte: they are what people copy. Of a type that
// several sections share, each has an example of that section's.
func TestSample(t *testing.T) {
	for question, want := range map[string]string{
		"file.content":          "files:\n  /etc/app.conf:\n    content: |\n      workers = 4\n",
		"sudoers.content":       "sudoers:\n  developers:\n    content: |\n      %developers ALL=(ALL:ALL) ALL\n",
		"sudoers.source":        "sudoers:\n  operators:\n    source: files/sudo-operators\n",
		"sshd.template":         "sshd:\n  20-listen:\n    template: files/sshd-listen.tmpl\n",
		"unit.content":          "units:\n  backup.service:\n    content: |\n      [Service]\n      Type=oneshot\n      ExecStart=/usr/local/bin/backup\n",
		"unit.drop_ins.content": "units:\n  nginx.service:\n    drop_ins:\n      limits:\n        content: |\n          [Service]\n          MemoryMax=1G\n",
		"unit.masked":           "units:\n  backup.timer:\n    masked: true\n",
		"docker.daemon":         "docker:\n  daemon: {log-driver: local}\n",
	} {
		answers, err := kinds.Language().Explain(question)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := answers[0].Sample(); err != nil || got != want {
			t.Errorf("%s: got %q, %v", question, got, err)
		}
	}
}

// TestTable holds the entries to what everybody asks of them.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range kinds.Table() {
		if k.Name == "" || k.Plural == "" || k.Is == "" || len(k.Sections) == 0 || k.Stage == "" || k.Declare == nil {
			t.Errorf("the entry of kind %q is not complete", k.Name)
		}
		if seen[k.Name] {
			t.Errorf("there are two kinds %s", k.Name)
		}
		seen[k.Name] = true
		for _, name := range []string{k.Name, k.Plural} {
			if found, ok := kinds.Find(name); !ok || found.Name != k.Name {
				t.Errorf("%s: found %q", name, found.Name)
			}
		}
	}
	if _, ok := kinds.Find("usr"); ok {
		t.Error("a kind usr was found")
	}
}

// schema is that of backend.yaml, as a real validator reads it.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := kinds.Language().BackendSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// TestSchemaTakesRepository shows the real repository to the schema.
func TestSchemaTakesRepository(t *testing.T) {
	s, root, n := schema(t), "../..", 0
	err := fs.WalkDir(os.DirFS(root), "backends", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		n++
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := s.Validate(parsed(t, string(data))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	})
	if err != nil || n < 3 {
		t.Fatalf("%d files: %v", n, err)
	}
}

// TestSchemaTakesDocuments shows the examples of docs to the schema.
func TestSchemaTakesDocuments(t *testing.T) {
	pattern := regexp.MustCompile("(?ms)^```yaml spec=(include|backend)\n(.*?)^```$")
	var examples [][]string
	err := filepath.WalkDir("../../docs", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(at)
		examples = append(examples, pattern.FindAllStringSubmatch(string(data), -1)...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(examples) < 12 {
		t.Fatalf("only %d examples were found", len(examples))
	}
	for s, i := schema(t), 0; i < len(examples); i++ {
		if err := s.Validate(parsed(t, examples[i][2])); err != nil {
			t.Errorf("%v in\n%s", err, examples[i][2])
		}
	}
}
