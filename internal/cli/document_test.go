package cli_test

import (
	"slices"
	"testing"
)

// TestDocumentsSayWhatTheyAreOf: whoever reads a document without having seen the
// command knows when it was so, and whether it is of all that there is.
func TestDocumentsSayWhatTheyAreOf(t *testing.T) {
	const when = "2026-01-02T03:04:05Z"
	w := newWorld(t, repository)
	w.run("status", "--backend", "one", "--format", "json")
	if doc := w.document(); doc["made"] != when {
		t.Errorf("status was made %v", doc["made"])
	}
	w.run("plan", "--backend", "one", "--format", "json", "--only", "file", "--skip", "file//etc/b")
	if doc := w.document(); doc["only"] == nil || doc["skip"] == nil {
		t.Errorf("the plan says that only %v and not %v was looked at", doc["only"], doc["skip"])
	}
	w.run("plan", "--backend", "one", "--format", "json")
	if doc := w.document(); doc["only"] != nil || doc["skip"] != nil {
		t.Error("a plan of everything pretends to be one of a part")
	}
	everybody := func(doc map[string]any) bool {
		return slices.ContainsFunc(doc["people"].([]any), func(p any) bool { return p.(map[string]any)["name"] == "everybody" })
	}
	w.run("access", "--backend", "one", "--format", "json")
	if doc := w.document(); doc["made"] != when || doc["asked"] != nil || !everybody(doc) {
		t.Errorf("made %v, asked for %v, everybody %v", doc["made"], doc["asked"], everybody(doc))
	}
	w.run("access", "--backend", "one", "--format", "json", "--user", "root")
	if doc := w.document(); doc["asked"] == nil || everybody(doc) {
		t.Errorf("asked for %v, everybody %v", doc["asked"], everybody(doc))
	}
}
