package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"opsafe/internal/report"
)

// TestParse: what is no document that the report can rest on is refused, with a way
// out where there is one.
func TestParse(t *testing.T) {
	marshal := func(doc any, from, to string) string {
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		out := strings.Replace(string(data), from, to, 1)
		if from != to && out == string(data) {
			t.Fatalf("there is no %s", from)
		}
		return out
	}
	plan := marshal(planOf("h", motd()), "", "")
	for _, tt := range []struct{ name, data, want string }{
		{"empty", "", "it is empty"},
		{"empty line", "\n", "it is empty"},
		{"cut off", plan[:len(plan)/2], "it is cut off after"},
		{"no JSON", "opsafe: not root", "it is no JSON"},
		{"a list", "[]", "no document of opsafe's"},
		{"of something else", `{"a": 1}`, "no document of opsafe's"},
		{"of another version that is text", `{"format_version": "2"}`, "no document of opsafe's"},
		{"two documents", plan + plan, "something stands behind"},
		{"newer", marshal(planOf("h"), `"format_version":1`, `"format_version":2`), "format_version 2, and this opsafe knows up to 1"},
		{"of another command", marshal(planOf("h"), `"plan"`, `"manage"`), `a document of "manage"`},
		{"of no host", marshal(planOf(""), "", ""), "of which host"},
		{"without a list", marshal(planOf("h"), `"failed":[]`, `"failed":null`), "failed, notes is missing"},
		{"of another type", marshal(planOf("h"), `"changes":[]`, `"changes":{}`), "no document of opsafe plan"},
		{"a change of nothing", marshal(planOf("h", motd()), `"kind":"file"`, `"kind":""`), "no kind"},
		{"status without a plan", marshal(statusOf("h", "as declared"), `"plan":{`, `"was":{`), "is missing"},
		{"status without a state", marshal(statusOf("h", ""), "", ""), "is missing"},
		{"access without people", marshal(accessOf("h"), "", ""), "people is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := report.Parse("f", []byte(tt.data), now()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v does not say %q", err, tt.want)
			}
		})
	}
	more := marshal(planOf("h"), `"command"`, `"later":[1],"command"`)
	if _, err := report.Parse("f", []byte(more), now()); err != nil {
		t.Errorf("a field that a later opsafe has: %v", err)
	}
	if _, err := report.ParseEarlier([]byte(plan)); err == nil || !strings.Contains(err.Error(), "opsafe report --format json") {
		t.Errorf("a plan for an earlier report: %v", err)
	}
}

// TestTwice: two documents of one kind about one host are refused, all of them.
func TestTwice(t *testing.T) {
	_, err := report.New([]*report.Document{
		parsed(t, "a", planOf("h")), parsed(t, "b", planOf("h")), parsed(t, "c", accessOf("i", people()...)), parsed(t, "d", accessOf("i", people()...)),
		parsed(t, "e", statusOf("h", "as declared")),
	}, report.Options{Now: now()})
	if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "b: it is of plan h, and so is a") {
		t.Errorf("%v", err)
	}
}
