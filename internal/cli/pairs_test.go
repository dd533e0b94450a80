package cli_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"

	"opsafe/internal/change"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/pairs"
	"opsafe/internal/render"
)

// How many pairs of a spec and a host are made up, in so many parts; and how many with
// -short, which are the first of each part.
const (
	madeUp = 1040
	few    = 64
	parts  = 8
)

// TestPairs makes up specs and hosts, and finds each time that manage does what
// plan says, that the plan by recorded facts is the plan on the host, and that a
// second run has nothing left to do.
func TestPairs(t *testing.T) {
	pairs := madeUp
	if testing.Short() {
		pairs = few
	}
	var mu sync.Mutex
	seen := map[string]int{} // KIND STATUS of all results
	t.Run("all", func(t *testing.T) {
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				seed := uint64(part) * 1e6
				for range pairs / parts {
					w, next := makeWorld(t, seed)
					seed = next
					got := w.pair(seed - 1)
					mu.Lock()
					for what := range got {
						seen[what]++
					}
					mu.Unlock()
				}
			})
		}
	})
	if testing.Short() {
		return // a few do not have all sorts of things in them
	}
	// The pairs are worth something only if they have all sorts of things in them.
	for _, what := range []string{
		"source change", "package add", "package change", "package remove", "package failed", "group add", "group change", "group remove",
		"user add", "user change", "user remove", "key add", "key change", "directory add", "directory change", "acl change",
		"file add", "file change", "file remove", "file unknown", "file not applicable", "sudoers add", "sudoers remove", "sshd add", "sshd change",
		"password change", "docker add", "docker change", "docker failed", "chrony change", "unit add", "unit change", "unit remove", "restart run", "reload run",
	} {
		if seen[what] < 5 {
			t.Errorf("%q occurs in %d pairs only", what, seen[what])
		}
	}
	if t.Failed() {
		t.Logf("%v", seen)
	}
}

// makeWorld makes up a pair whose spec is valid, and gives the next seed.
func makeWorld(t *testing.T, seed uint64) (*world, uint64) {
	t.Helper()
	keys := publicKeys()
	for ; ; seed++ {
		m := pairs.New(seed)
		spec := m.Spec(keys)
		w := newWorld(t, "")
		w.write("backends/one/backend.yaml", yamlOf(t, spec.Backend))
		w.write("developers.yaml", yamlOf(t, spec.People))
		for name, key := range spec.Keys {
			w.write("keys/"+name, key)
		}
		if w.run("validate") != 0 {
			if strings.Contains(w.err.String(), "unknown field") {
				t.Fatalf("seed %d: %s", seed, w.err.String())
			}
			continue
		}
		state, err := snapshot.Parse([]byte(yamlOf(t, m.Host(keys))))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w.settle(state)
		return w, seed + 1
	}
}

// publicKeys are four keys, always the same.
func publicKeys() []string {
	var keys []string
	for i := range byte(4) {
		seed := bytes.Repeat([]byte{i + 1}, ed25519.SeedSize)
		public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
		if err != nil {
			panic(err)
		}
		keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))))
	}
	return keys
}

func yamlOf(t *testing.T, v any) string {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pair puts one pair to the test, and tells which results it had.
func (w *world) pair(seed uint64) map[string]bool {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "facts.json")
	w.planAlike("one", file, "json")
	planned := w.runDocument("plan", "--backend", "one")
	made := w.runDocument("manage", "--backend", "one", "--allow-locking-out-every-admin")
	wanted, done := spared(planned, made)
	if d := cmp.Diff(shared(wanted), shared(done)); d != "" {
		w.t.Errorf("manage does something else than planned (-planned +made):\n%s\n%s", d, w.err.String())
	}
	for _, f := range made.Failed {
		// It may refuse, but not do what it then undoes.
		if strings.Contains(f.Error, "did not last") || strings.Contains(f.Error, "still differs") {
			w.t.Errorf("it contradicts itself: %s/%s: %s", f.Kind, f.Name, f.Error)
		}
	}
	w.comesToRest(len(made.Failed) > 0)
	if w.t.Failed() {
		spec, _ := os.ReadFile(filepath.Join(w.dir, "backends/one/backend.yaml"))
		w.t.Fatalf("seed %d:\n%s", seed, spec)
	}
	seen := map[string]bool{}
	for _, c := range planned.Changes {
		seen[c.Kind+" "+c.Action] = true
	}
	for _, list := range [][]render.Item{planned.Unknown, planned.NotApplicable, planned.Failed} {
		for _, i := range list {
			seen[i.Kind+" "+i.Status] = true
		}
	}
	return seen
}

// comesToRest demands that the next run changes nothing. After one that failed,
// what was in the way of something may be gone, and be done by then: only after a
// few more has nothing to be left.
func (w *world) comesToRest(failed bool) {
	w.t.Helper()
	runs := 1
	if failed {
		runs = 4
	}
	var left []string
	for range runs {
		left = nil
		again := w.runDocument("manage", "--backend", "one", "--allow-locking-out-every-admin")
		for _, c := range again.Changes {
			// What fails is owed a restart each time.
			if c.Deferred == "" && (c.Action != "run" || len(again.Failed) == 0) {
				left = append(left, fmt.Sprintf("%s %s/%s", c.Action, c.Kind, c.Name))
			}
		}
		if left == nil {
			return
		}
	}
	w.t.Errorf("it does not come to rest: %v", left)
}

// runDocument runs a command for its document.
func (w *world) runDocument(args ...string) render.Document {
	w.t.Helper()
	w.run(append(args, "--format", "json")...)
	var doc render.Document
	if err := json.Unmarshal(w.out.Bytes(), &doc); err != nil {
		w.t.Fatalf("%v: %v\n%s", args, err, w.err.String())
	}
	return doc
}

// shared leaves out of a document what a plan and a run do not share.
func shared(d render.Document) render.Document {
	d.Command, d.Summary.Seconds, d.Refused = "", 0, ""
	d.HostNotes = slices.DeleteFunc(slices.Clone(d.HostNotes), func(n string) bool {
		return strings.HasPrefix(n, "whether an admin can get in afterwards cannot be told")
	})
	return d
}

// spared leaves out what was to be known after apply, and then was not to be done: it
// did not apply, or was as declared.
func spared(planned, made render.Document) (render.Document, render.Document) {
	among := func(items []render.Item, i render.Item) bool {
		return slices.ContainsFunc(items, func(j render.Item) bool { return i.Kind == j.Kind && i.Name == j.Name })
	}
	later := func(i render.Item) bool {
		return i.Deferred != "" && i.Action == string(change.Modify) && !among(slices.Concat(made.Changes, made.Failed, made.Unknown), i)
	}
	for _, i := range planned.Changes {
		if !later(i) {
			continue
		}
		planned.Summary.Change--
		if among(made.NotApplicable, i) {
			made.Summary.NotApplicable--
			made.NotApplicable = slices.DeleteFunc(slices.Clone(made.NotApplicable), func(j render.Item) bool { return i.Kind == j.Kind && i.Name == j.Name })
		} else {
			made.Summary.Unchanged--
		}
	}
	planned.Changes = slices.DeleteFunc(slices.Clone(planned.Changes), later)
	return planned, made
}
