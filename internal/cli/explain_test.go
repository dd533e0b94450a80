package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"opsafe/internal/kinds"
)

// TestExplain asks questions without a repository, and without a host.
func TestExplain(t *testing.T) {
	w := newWorld(t, "")
	w.env["OPSAFE_DIR"] = "/nowhere"
	w.app.Host, w.app.Root = nil, false
	w.want(0, []string{
		"users.NAME: service accounts\n  uid        number         a fixed number\n",
		"\nopsafe explain user.FIELD says more of a field.\n",
	}, nil, "explain", "user")
	w.want(0, nil, nil, "explain", "file.check")
	if got, want := w.out.String(), `files.PATH.check: a program that has to accept the staged file

A program and its arguments, with % for the staged file. No shell.

  type      list of arguments
  left out  the content is not checked
  example   files:
              /etc/app.conf:
                check: [visudo, -cf, "%"]
`; got != want {
		t.Errorf("explain file.check says\n%s", got)
	}
	w.want(0, []string{"  values    installed, absent, purged\n"}, nil, "explain", "packages.state")
	w.want(0, []string{"keys: ", "\nauthorized_keys.NAME: ", "\nkey_pairs.PATH: "}, nil, "explain", "key")
	w.want(1, nil, []string{`opsafe: there is no kind "usr": did you mean "user"?`}, "explain", "usr")
	w.want(1, nil, []string{`opsafe: user has no field "shel": did you mean "shell"?`}, "explain", "user.shel")
	w.want(1, nil, []string{"want opsafe explain [KIND[.FIELD]]: see opsafe explain --help"}, "explain", "user", "shell")
}

// TestExplainEverything explains each field of each kind, on lines that fit a
// terminal.
func TestExplainEverything(t *testing.T) {
	w := newWorld(t, "")
	n := 0
	for _, topic := range kinds.Language().Topics() {
		for _, place := range topic.Places {
			for _, f := range place.Fields() {
				n++
				w.want(0, []string{f.Is, "  type      " + f.Type(), "  left out  ", "  example   "}, nil, "explain", topic.Name+"."+f.Name)
				text, _, _ := strings.Cut(w.out.String(), "  example")
				for line := range strings.Lines(text) {
					if len(line) > 81 {
						t.Errorf("%s.%s: a line of %d columns: %s", topic.Name, f.Name, len(line)-1, line)
					}
				}
			}
		}
	}
	if n < 120 {
		t.Errorf("only %d fields were found", n)
	}
}

// TestExplainKinds compares the list with the table of the kinds.
func TestExplainKinds(t *testing.T) {
	w := newWorld(t, "")
	w.want(0, []string{"opsafe explain KIND lists", "keys, authorized_keys, key_pairs", " packages "}, nil, "explain")
	lines := strings.Split(w.out.String(), "\n")[1:] // below the heads
	for i, k := range kinds.Table() {
		if name, _, _ := strings.Cut(lines[i], " "); name != k.Name {
			t.Errorf("line %d is %q, want %s", i+1, lines[i], k.Name)
		}
	}
}

// TestWriteSchema looks for both schemas; what is in them is tested where they
// are made.
func TestWriteSchema(t *testing.T) {
	w := newWorld(t, "")
	w.app.Host, w.app.Root = nil, false
	for name, property := range map[string]string{"backend": "users", "developers": ""} {
		w.want(0, nil, nil, "schema", name)
		var doc struct {
			Schema     string         `json:"$schema"`
			Properties map[string]any `json:"properties"`
		}
		if err := json.Unmarshal(w.out.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Schema == "" || property != "" && doc.Properties[property] == nil {
			t.Errorf("%s: %.200s", name, w.out.String())
		}
	}
	w.want(0, []string{"opsafe schema [command]"}, nil, "schema")
	w.want(1, nil, []string{"there is no command opsafe schema backends: did you mean opsafe schema backend?"}, "schema", "backends")
}
