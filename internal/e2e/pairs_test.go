package e2e

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"

	"opsafe/internal/change"
	"opsafe/internal/pairs"
	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// roundsOnHost is how many specs are made up for each real host: each meets what
// those before it have left behind.
const roundsOnHost = 6

// TestPairsOnHosts makes up specs for real hosts. Each time, manage does what plan
// says, and takes its kept plan; the plan by recorded facts, far from the host, is
// the same; and a second run has nothing left to do.
func TestPairsOnHosts(t *testing.T) {
	t.Parallel()
	for i, suite := range []string{"bookworm", "bullseye", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			e := newHost(t, testhost.Full, suite)
			keys := labKeys(t)
			seed := uint64(i) * 1e6
			for round := range roundsOnHost {
				for !e.madeUp(seed, keys) {
					seed++
				}
				t.Run(fmt.Sprint(round), func(t *testing.T) { e.on(t).pair(seed) })
				seed++
			}
		})
	}
}

func labKeys(t *testing.T) []string {
	t.Helper()
	var keys []string
	for i := range byte(4) {
		public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), i)).Public())
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))))
	}
	return keys
}

// madeUp puts a made up spec on the host, and reports whether it is valid.
func (e *env) madeUp(seed uint64, keys []string) bool {
	e.t.Helper()
	m := pairs.New(seed)
	m.Real = true
	s := m.Spec(keys)
	e.mustRun("rm", "-rf", guestRepository+"/backends", guestRepository+"/keys")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/lab", guestRepository+"/keys")
	e.write(guestRepository+"/backends/lab/backend.yaml", yamlText(e.t, s.Backend), 0o644)
	e.write(guestPeople, yamlText(e.t, s.People), 0o644)
	for name, key := range s.Keys {
		e.write(guestRepository+"/keys/"+name, key, 0o644)
	}
	return e.opsafe("validate").code == 0
}

func yamlText(t *testing.T, v any) string {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pair puts the spec that is on the host to the test.
func (e *env) pair(seed uint64) {
	e.t.Helper()
	const kept = "/root/plan.json"
	here := e.opsafe("plan", "--backend", "lab", "--format", "json", "--out", kept)
	planned := document(e.t, here)
	facts := filepath.Join(e.t.TempDir(), "facts.json")
	e.recordTo("lab", facts)
	there := e.away("plan", "--backend", "lab", "--format", "json", "--facts", facts)
	if d := cmp.Diff(here.stdout, factless(there.stdout)); d != "" {
		e.t.Errorf("the plan by the facts (+) is not the one on the host (-):\n%s\n%s", d, there.stderr)
	}
	r := e.opsafe("manage", "--plan", kept, "--format", "json", "--"+lockOutFlag)
	made := document(e.t, r)
	if d := cmp.Diff(alikeRuns(planned), alikeRuns(came(made, planned))); d != "" {
		e.t.Errorf("manage does something else than planned (-planned +made):\n%s\n%s", d, r)
	}
	again := document(e.t, e.opsafe("manage", "--backend", "lab", "--format", "json", "--"+lockOutFlag))
	for _, c := range again.Changes {
		if len(made.Failed) == 0 {
			e.t.Errorf("the second run changes something: %s %s/%s %+v", c.Action, c.Kind, c.Name, c.Attrs)
		}
	}
	if e.t.Failed() {
		e.t.Logf("seed %d:\n%s", seed, e.read(guestRepository+"/backends/lab/backend.yaml"))
	}
}

// lockOutFlag lets a spec be that makes nobody an admin.
const lockOutFlag = "allow-locking-out-every-admin"

// came is a run of which what its plan could not know is not said either: a number
// that packages may take first.
func came(made, planned render.Document) render.Document {
	made.Changes = slices.Clone(made.Changes)
	for _, p := range planned.Changes {
		for i, c := range made.Changes {
			if c.Kind != p.Kind || c.Name != p.Name || len(c.Attrs) != len(p.Attrs) {
				continue
			}
			c.Attrs = slices.Clone(c.Attrs)
			for k, a := range p.Attrs {
				if a.Special == string(change.AfterApply) && a.Name == c.Attrs[k].Name {
					c.Attrs[k] = a
				}
			}
			made.Changes[i] = c
		}
	}
	return made
}

// alikeRuns leaves out what a plan and a run do not share.
func alikeRuns(d render.Document) render.Document {
	d.Command, d.Summary.Seconds, d.Refused = "", 0, ""
	d.HostNotes = slices.DeleteFunc(slices.Clone(d.HostNotes), func(n string) bool {
		return strings.HasPrefix(n, "whether an admin can get in afterwards cannot be told")
	})
	return d
}
