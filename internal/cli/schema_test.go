package cli_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// outputSchema is what opsafe itself prints. Compiling it holds it against the
// schema of schemas.
func (w *world) outputSchema() *jsonschema.Schema {
	w.t.Helper()
	var out strings.Builder
	app := *w.app
	app.Out = &out
	if code := app.Run(w.t.Context(), []string{"schema", "output"}); code != 0 {
		w.t.Fatalf("schema output: exit code %d", code)
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(out.String()))
	if err != nil {
		w.t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const name = "output.schema.json"
	if err := c.AddResource(name, schema); err != nil {
		w.t.Fatal(err)
	}
	compiled, err := c.Compile(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return compiled
}

// everyStatus is a host on which a run comes upon everything that can become of
// a resource, and all sorts of actions and values.
const everyStatus = `
-- developers.yaml --
keyless: {roles: [r]}
-- backends/x/backend.yaml --
people: [r]
roles: {r: {keys: [repository], shell: /bin/bash}}
packages: {bag: {state: installed, provides: {files: [/etc/brought]}}}
groups:
  old: {state: absent}
users:
  app: {shell: /usr/sbin/nologin}
  taken: {uid: 4000}
directories:
  /srv/taken: {owner: taken}
  /etc/isfile: {}
files:
  /etc/same: {content: "x\n"}
  /etc/brought: {content: "x\n"}
  /etc/other: {content: "y\n"}
  /etc/new: {content: "y\n"}
  /etc/secret: {content: "hunter2\n", secret: true}
  /etc/gone: {state: absent}
  /etc/unseen: {content: "x\n"}
  /etc/when: {content: "x\n", when: path /nowhere exists}
units:
  app.service: {content: "[Service]\nExecStart=/bin/true\n"}
-- host.yaml --
groups:
  - {name: old, gid: 900}
users:
  - {name: app, uid: 1000, gid: 900, home: /home/app, shell: /bin/bash}
  - {name: has, uid: 4000, gid: 900, home: /home/has, shell: /bin/bash}
files:
  /etc/isfile: {content: "x\n"}
  /etc/systemd/system/app.service: {content: "[Service]\nExecStart=/bin/false\n"}
  /etc/same: {content: "x\n"}
  /etc/other: {content: "x\n"}
  /etc/secret: {content: "hunter3\n"}
  /etc/gone: {content: "x\n"}
  /etc/unseen: {content: "y\n", unread: permission denied}
units:
  app.service: {active: active, file: static, fragment: /etc/systemd/system/app.service}
candidates: {bag: true}
`

// TestOutputKeepsToSchema holds real documents, in which everything occurs that
// can become of a resource, against the schema.
func TestOutputKeepsToSchema(t *testing.T) {
	w := newWorld(t, everyStatus)
	seen := map[string]bool{}
	for _, args := range [][]string{{"plan"}, {"manage", "--allow-locking-out-every-admin"}} {
		w.want(1, nil, nil, append(args, "--backend", "x", "--format", "json")...)
		for what := range occurring(w.document()) { // which holds it against the schema
			seen[what] = true
		}
	}
	have := slices.Sorted(maps.Keys(seen))
	want := []string{
		"action add", "action change", "action remove", "action run", "diff",
		"special known after apply", "special secret",
		"status blocked", "status changed", "status failed", "status not applicable", "status unchanged", "status unknown",
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("not everything that can occur has been seen (-want +seen):\n%s", d)
	}
}

// occurring is what occurs in a document, of what is different in the schema.
func occurring(doc map[string]any) map[string]bool {
	seen := map[string]bool{}
	for _, list := range []string{"changes", "unknown", "not_applicable", "failed", "notes"} {
		for _, i := range doc[list].([]any) {
			item := i.(map[string]any)
			seen["status "+item["status"].(string)] = true
			if action, ok := item["action"].(string); ok {
				seen["action "+action] = true
			}
			if item["diff"] != nil {
				seen["diff"] = true
			}
			attrs, _ := item["attributes"].([]any)
			for _, a := range attrs {
				if special, ok := a.(map[string]any)["special"].(string); ok {
					seen["special "+special] = true
				}
			}
		}
	}
	return seen
}

// TestSchemaRefuses spoils a document that is right, each time in one place.
func TestSchemaRefuses(t *testing.T) {
	w := newWorld(t, everyStatus)
	schema := w.outputSchema()
	object := func(v any) map[string]any { return v.(map[string]any) }
	first := func(doc map[string]any, list string) map[string]any { return object(doc[list].([]any)[0]) }
	attribute := func(doc map[string]any) map[string]any {
		for _, c := range doc["changes"].([]any) {
			if attrs, ok := object(c)["attributes"].([]any); ok {
				return object(attrs[0])
			}
		}
		return nil
	}
	for _, tt := range []struct {
		name  string
		spoil func(doc map[string]any)
	}{
		{"additional field", func(doc map[string]any) { doc["extra"] = 1 }},
		{"additional field of a change", func(doc map[string]any) { first(doc, "changes")["extra"] = "x" }},
		{"additional field of an attribute", func(doc map[string]any) { attribute(doc)["extra"] = "x" }},
		{"additional count", func(doc map[string]any) { object(doc["summary"])["extra"] = 1 }},
		{"missing field", func(doc map[string]any) { delete(doc, "host") }},
		{"missing list", func(doc map[string]any) { delete(doc, "notes") }},
		{"missing count", func(doc map[string]any) { delete(object(doc["summary"]), "failed") }},
		{"change without an action", func(doc map[string]any) { delete(first(doc, "changes"), "action") }},
		{"unknown without a reason", func(doc map[string]any) { delete(first(doc, "unknown"), "reason") }},
		{"failed without an error", func(doc map[string]any) { delete(first(doc, "failed"), "error") }},
		{"attribute without a value", func(doc map[string]any) { delete(attribute(doc), "before") }},
		{"wrong type", func(doc map[string]any) { object(doc["summary"])["add"] = "1" }},
		{"negative count", func(doc map[string]any) { object(doc["summary"])["add"] = -1 }},
		{"null for a list", func(doc map[string]any) { doc["changes"] = nil }},
		{"another version", func(doc map[string]any) { doc["format_version"] = 2 }},
		{"no such action", func(doc map[string]any) { first(doc, "changes")["action"] = "replace" }},
		{"status of another list", func(doc map[string]any) { first(doc, "changes")["status"] = "unknown" }},
		{"no such special", func(doc map[string]any) { attribute(doc)["special"] = "hidden" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.want(1, nil, nil, "plan", "--backend", "x", "--format", "json")
			doc := w.document()
			tt.spoil(doc)
			if err := schema.Validate(doc); err == nil {
				t.Error("the schema takes it")
			}
		})
	}
}
