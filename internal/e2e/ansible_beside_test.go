//go:build release && bench

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"opsafe/internal/bench/workload"
	"opsafe/internal/testhost"
)

var besidePeople = flag.Int("people", 20, "how many `people` each host has that Ansible is measured on")

// besideRounds counts the runs of each; the first is from nothing.
var besideRounds = flag.Int("rounds", 3, "how many `rounds` Ansible is measured")

// TestBesideAnsible measures the collection beside Ansible's own modules for the same
// state, on five hosts each: from nothing, and once nothing is left to do.
func TestBesideAnsible(t *testing.T) {
	state, err := workload.New(*besidePeople)
	if err != nil {
		t.Fatal(err)
	}
	const n = 5
	ours, theirs := newFleet(t, n, testhost.Full), newFleet(t, n, testhost.Full)
	if err := state.WriteSpec(filepath.Join(ours.dir, "spec")); err != nil {
		t.Fatal(err)
	}
	if err := state.WritePlaybook(theirs.dir); err != nil {
		t.Fatal(err)
	}
	for round := range *besideRounds {
		changed := "changed=0"
		if round == 0 {
			changed = ""
		}
		for _, by := range []struct {
			name string
			*fleet
			args []string
		}{
			{"opsafe", ours, []string{"site.yml", "-e", "opsafe_backend=" + workload.Backend}},
			{"modules", theirs, []string{"playbook.yml", "-e", "ansible_pipelining=true"}},
		} {
			s := by.measured(t, changed, by.args)
			t.Logf("round %d, %-7s  %6.1f s in all, %6.1f s a host; of processors, %5.1f s on each host and %5.1f s for it on the controller",
				round+1, by.name, s.took, s.took/n, s.hosts/n, s.controller/n)
		}
	}
	for _, f := range []*fleet{ours, theirs} {
		f.alike(t, ours)
	}
}

// spent is what a run took, in seconds: by the clock, and of processors.
type spent struct{ took, hosts, controller float64 }

// measured has Ansible converge the hosts, at once.
func (f *fleet) measured(t *testing.T, changed string, args []string) spent {
	t.Helper()
	before, began := f.processors(t), time.Now()
	said, counts, ended := f.playbook(0, append(args, "--forks", strconv.Itoa(len(f.names)))...)
	s := spent{time.Since(began).Seconds(), 0, (ended.UserTime() + ended.SystemTime()).Seconds()}
	s.hosts = f.processors(t) - before
	counts.want(t, f.names, "failed=0", "unreachable=0")
	if changed != "" {
		counts.want(t, f.names, changed)
	}
	if t.Failed() {
		t.Fatal(said)
	}
	return s
}

// processors is how long the hosts have had a processor so far, in seconds: by their control
// groups, in the hierarchy that is by itself or beside others.
func (f *fleet) processors(t *testing.T) (sum float64) {
	t.Helper()
	for _, name := range f.names {
		data, err := os.ReadFile("/sys/fs/cgroup/unified/opsafe-test/" + name + "/cpu.stat")
		if errors.Is(err, fs.ErrNotExist) {
			data, err = os.ReadFile("/sys/fs/cgroup/opsafe-test/" + name + "/cpu.stat")
		}
		if err != nil {
			t.Fatal(err)
		}
		var µs float64
		if _, err := fmt.Sscanf(string(data), "usage_usec %g", &µs); err != nil {
			t.Fatal(err)
		}
		sum += µs * time.Microsecond.Seconds()
	}
	return sum
}

// alike demands that opsafe finds nothing to do on each host, by the other fleet's spec.
func (f *fleet) alike(t *testing.T, of *fleet) {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range f.hosts {
		e = e.on(t)
		if !e.exists("/srv/opsafe") {
			if err := e.Install(t.Context(), filepath.Join(of.dir, "spec"), "/srv/opsafe"); err != nil {
				t.Fatal(err)
			}
			if err := e.Install(t.Context(), program, "/usr/local/bin/opsafe"); err != nil {
				t.Fatal(err)
			}
		}
		if r := e.run("opsafe", "plan", "--dir", "/srv/opsafe", "--backend", workload.Backend, "--exit-code"); r.code != 0 {
			t.Errorf("%s is not as declared: %s", f.names[i], r)
		}
	}
}
