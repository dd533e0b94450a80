package kind_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/kinds"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind/kindtest"
)

// TestPrivateFromFacts records hosts without what not everybody may read, and holds
// the plan from that to the plan of the host.
func TestPrivateFromFacts(t *testing.T) {
	names := []string{"file/private", "file/privatelinks", "file/envcopies", "sudoers/private", "environment/private", "host/private", "certificate/watched", "certificate/self"}
	for _, c := range kindtest.Find(t, ".") {
		if at := slices.Index(names, c.Name); at >= 0 {
			names = slices.Delete(names, at, at+1)
			t.Run(c.Name, func(t *testing.T) { recordPrivate(t, c.File) })
		}
	}
	if len(names) > 0 {
		t.Errorf("there are no cases %v", names)
	}
}

func recordPrivate(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, h := kindtest.SetUp(t, archive)
	rec := snapshot.NewRecorder(h, kinds.Secrets(in.Backend))
	want := kindtest.Dump(kindtest.Converge(t.Context(), in, overlay.New(rec)))
	if strings.Contains(want, "canary") {
		t.Errorf("the plan shows what not everybody may read:\n%s", want)
	}
	// What lies beside is asked for by whoever looks at the whole.
	for _, dir := range []string{"/etc/sudoers.d", "/etc/ssh/sshd_config.d"} {
		names, err := rec.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if _, err := rec.ReadFile(dir + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	state, err := rec.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "canary") {
		t.Errorf("the facts hold what not everybody may read:\n%s", data)
	}
	if got := kindtest.Dump(kindtest.Converge(t.Context(), in, overlay.New(snapshot.New(state)))); got != want {
		t.Errorf("from facts the plan is\n%s\nwant\n%s", got, want)
	}
}
