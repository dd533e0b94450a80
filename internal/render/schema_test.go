package render_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	ofMany "opsafe/internal/report"
)

// TestSchemaHasAllFields compares the schema with the types, field by field:
// which there are, and which are always there.
func TestSchemaHasAllFields(t *testing.T) {
	type object struct {
		Properties map[string]json.RawMessage
		Required   []string
	}
	var schema struct {
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(render.Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		doc  reflect.Type
		have object
	}{
		{"document", reflect.TypeFor[render.Document](), schema.Defs["run"]},
		{"item", reflect.TypeFor[render.Item](), schema.Defs["item"]},
		{"attribute", reflect.TypeFor[render.Attr](), schema.Defs["attribute"]},
		{"diff", reflect.TypeFor[render.Diff](), schema.Defs["diff"]},
		{"summary", reflect.TypeFor[render.SummaryDoc](), schema.Defs["summary"]},
		{"access", reflect.TypeFor[render.AccessDoc](), schema.Defs["access"]},
		{"people", reflect.TypeFor[render.PeopleDoc](), schema.Defs["people"]},
		{"status", reflect.TypeFor[render.StatusDoc](), schema.Defs["status"]},
		{"drifted", reflect.TypeFor[render.DriftedDoc](), schema.Defs["drifted"]},
		{"orphan", reflect.TypeFor[render.OrphanDoc](), schema.Defs["orphan"]},
		{"history", reflect.TypeFor[render.HistoryDoc](), schema.Defs["history"]},
		{"show", reflect.TypeFor[render.ShownDoc](), schema.Defs["show"]},
		{"record", reflect.TypeFor[render.RunDoc](), schema.Defs["record"]},
		{"person", reflect.TypeFor[render.Person](), schema.Defs["person"]},
		{"report", reflect.TypeFor[ofMany.Report](), schema.Defs["report"]},
		{"reported", reflect.TypeFor[ofMany.Host](), schema.Defs["reported"]},
		{"finding", reflect.TypeFor[ofMany.Finding](), schema.Defs["finding"]},
		{"rights", reflect.TypeFor[ofMany.Table](), schema.Defs["rights"]},
		{"since", reflect.TypeFor[ofMany.Since](), schema.Defs["since"]},
	} {
		var fields, required, have []string
		for i := range tt.doc.NumField() {
			name, options, _ := strings.Cut(tt.doc.Field(i).Tag.Get("json"), ",")
			fields = append(fields, name)
			if options != "omitempty" {
				required = append(required, name)
			}
		}
		for name := range tt.have.Properties {
			have = append(have, name)
		}
		slices.Sort(fields)
		slices.Sort(have)
		if d := cmp.Diff(fields, have); d != "" {
			t.Errorf("%s has other properties (-type +schema):\n%s", tt.name, d)
		}
		if d := cmp.Diff(required, tt.have.Required); d != "" {
			t.Errorf("%s requires something else (-type +schema):\n%s", tt.name, d)
		}
	}
}
