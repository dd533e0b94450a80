package sweep

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/fault"
)

func TestMain(m *testing.M) {
	Inside()
	flag.Parse()
	os.Exit(m.Run())
}

// points is how many points the sweep takes of each scenario and fault, so that
// it is done in a few minutes; make soak takes many more.
var points = flag.Int("points", 4, "at most so many points of each scenario and fault")

// TestSweep has something go wrong at points that are spread over all calls of
// all scenarios.
func TestSweep(t *testing.T) {
	o := Options{Order: Order{Points: *points}, Repository: "../../..", Hosts: 2, Log: t.Logf}
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range res.Bad() {
		t.Error(p.String())
	}
	var table strings.Builder
	res.Table(&table)
	t.Log(table.String())
	for _, s := range list() {
		for _, f := range fault.Faults() {
			if res.count(s.name, f) == 0 {
				t.Errorf("%s has not befallen %s at all", f, s.name)
			}
		}
	}
	if res.Missed > len(res.Points)/20 {
		t.Errorf("%d points were not reached, %d were", res.Missed, len(res.Points))
	}
}

// TestSample spreads points over the calls that a fault applies to.
func TestSample(t *testing.T) {
	calls := make([]fault.Call, 100)
	for i := range calls {
		calls[i].Class = fault.Sync
	}
	calls = append(calls, fault.Call{Class: fault.Talk})
	if got := sample(fault.IOError, calls, 4); !slices.Equal(got, []int{13, 38, 63, 88}) {
		t.Errorf("4 of 100: %v", got)
	}
	if got := sample(fault.IOError, calls[:3], 400); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("all of 3: %v", got)
	}
	if got := sample(fault.Kill, calls, 1000); len(got) != 101 || got[0] != 1 || got[100] != 101 {
		t.Errorf("all, for a kill: %v", got)
	}
}

// TestJudgesDatabases tells whole account databases from others.
func TestJudgesDatabases(t *testing.T) {
	const root = "root:x:0:0::/root:/bin/sh\n"
	for content, whole := range map[string]bool{
		root: true, root + "a:x:1:1::/:/bin/sh\n": true,
		"": false, "a:x:1:1::/:/bin/sh\n": false, root + "a:x:1:1::/:/bin": false, root + "a:x:1\n": false, root + root: false,
		strings.Repeat("\x00", 40): false,
	} {
		path := filepath.Join(t.TempDir(), "passwd")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := parseDatabase(path, 7); (err == nil) != whole {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestEssence keeps what is declared of an account database.
func TestEssence(t *testing.T) {
	l := &lab{scenario: scenario{open: []string{"alice"}, husks: []string{"old"}}}
	for name, c := range map[string]struct{ content, want string }{
		"/etc/passwd":  {"bob:x:5:6::/:/bin/sh\nalice:x:7:8::/:/bin/sh\n", "alice:x::::/:/bin/sh bob:x:5:6::/:/bin/sh"},
		"/etc/group":   {"old:x:1:\nb:x:2:z,y\nalice:x:3:\n", "alice:x:: b:x:2:y,z"},
		"/etc/shadow":  {"a:!:19999:0:::::\nb::0:0:::::\n", "a:!::0::::: b::0:0:::::"},
		"/etc/gshadow": {"a:!::bob\n", "a:::"},
		"/etc/subuid":  {"a:1:2\n", ""},
	} {
		if got := strings.Join(l.essence(name, []byte(c.content)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
