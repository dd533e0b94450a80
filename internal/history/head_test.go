package history

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/host/snapshot"
)

// TestHead: what stands before the entries of a record is the same as in the whole of
// it, whoever has written it; what is no record is refused as a whole.
func TestHead(t *testing.T) {
	rec := Record{
		FormatVersion: format, Run: 7, Command: "manage", By: "alice", Backend: "north", Spec: Spec{Dir: "/srv/opsafe", Commit: "abc"},
		Declared: []string{"user/alice", "key/alice"}, Started: time.Unix(1, 0).UTC(), Result: Failed, Left: []string{"entries"},
		Summary: change.Summary{Failed: 1}, Entries: []Entry{{ID: change.ID{Kind: "file", Name: "/etc/a"}}},
		Kept: []Kept{{Image: before.Image{Path: &before.Path{Path: "/etc/a"}}}},
	}
	whole, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	if short, ok := cutHead(whole); !ok || !json.Valid(short) || len(short) >= len(whole) {
		t.Errorf("the head of a record: %v, %s", ok, short)
	}
	var anyOrder map[string]any
	if err := json.Unmarshal(whole, &anyOrder); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(anyOrder)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"as it is written": whole, "with its keys sorted": sorted} {
		r := recordOf(t, data)
		got, err := head(r, 7)
		want, loadErr := Load(r, 7)
		if err != nil || loadErr != nil {
			t.Fatalf("%s: %v, %v", name, err, loadErr)
		}
		for _, rec := range []*Record{got, want} {
			rec.Entries, rec.Kept = nil, nil
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s: got %s, want %s", name, a, b)
		}
	}
	for _, data := range []string{"", "[", "{", `{"run":`, `{"format_version":2,"process":{},"summary":{},"entries":[]}`} {
		if got, err := head(recordOf(t, []byte(data)), 7); err == nil {
			t.Errorf("%q is a record: %+v", data, got)
		}
	}
}

func recordOf(t *testing.T, data []byte) *snapshot.Reader {
	t.Helper()
	content, err := json.Marshal(string(data))
	if err != nil {
		t.Fatal(err)
	}
	state, err := snapshot.Parse([]byte("files:\n  " + fileOf(7) + ": {content: " + string(content) + "}\ncandidates: {tree: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.New(state)
}

// TestLongHead: what is declared may be more than is read of a record at first.
func TestLongHead(t *testing.T) {
	rec := Record{FormatVersion: format, Run: 7, Backend: "north", Result: Failed}
	for i := range 2 * mostHead / 20 {
		rec.Declared = append(rec.Declared, fmt.Sprintf("key/somebody-%09d", i))
	}
	data, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	got, err := head(recordOf(t, data), 7)
	if err != nil || len(got.Declared) != len(rec.Declared) {
		t.Errorf("%+v, %v", got, err)
	}
}
