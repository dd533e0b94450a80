package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
)

// replacing is a plan that puts something else in the place of some paths. It counts
// what it is asked.
type replacing struct {
	host.Reader
	paths []string
	files int      // contents that were asked for
	stats []string // paths that were looked at
}

func (p *replacing) Before() host.Reader { return p.Reader }
func (p *replacing) Replaced() []string  { return p.paths }

func (p *replacing) Stat(at string) (*host.Node, error) {
	p.stats = append(p.stats, at)
	return p.Reader.Stat(at)
}

func (p *replacing) ReadFile(at string) ([]byte, error) {
	p.files++
	return p.Reader.ReadFile(at)
}

// TestManyJudged: who judges 1,000 people on a plan that makes their homes looks neither at
// each home for each of them, nor anew at what is the same for all. A first run took
// 20 s of processor time for that.
func TestManyJudged(t *testing.T) {
	judged := func(people int) *replacing {
		w := newWorld()
		p := &replacing{}
		for i := range people {
			name := fmt.Sprintf("p%d", i)
			w.person(name, 2000+i, aliceKey, "sudo")
			p.paths = append(p.paths, "/home/"+name, "/srv/theirs/"+name)
		}
		slices.Sort(p.paths)
		p.Reader = w.reader()
		r := Cache(p)
		for i := range people {
			way, err := Judge(t.Context(), r, fmt.Sprintf("p%d", i), time.Now())
			if err != nil || len(way.Trusted) == 0 {
				t.Fatalf("%+v, %v", way, err)
			}
		}
		return p
	}
	few, many := judged(2), judged(20)
	if i := slices.IndexFunc(many.stats, func(at string) bool { return strings.HasPrefix(at, "/srv/theirs/") }); i >= 0 {
		t.Errorf("%s is looked at, on which nobody's way rests", many.stats[i])
	}
	const own = 2 // files of a person's own that are read
	if each := (many.files - few.files) / 18; each > own {
		t.Errorf("%d files are read for each person", each)
	}
}

// TestReplacedShell: a shell counts wherever it is.
func TestReplacedShell(t *testing.T) {
	for at, rests := range map[string]bool{"/opt/sh": true, "/opt/other": false, "/usr/bin/bash": false} {
		w := newWorld()
		w.person("alice", 1000, aliceKey, "sudo")
		w.Users[len(w.Users)-1].Shell = "/opt/sh"
		w.Files["/opt/sh"] = w.Files["/bin/sh"]
		w.Files[at] = w.Files["/bin/sh"]
		way, err := Judge(t.Context(), Cache(&replacing{Reader: w.reader(), paths: []string{at}}), "alice", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(way.Login, at+" is replaced or goes, on which it rests"); got != rests {
			t.Errorf("%s: %t, not %t: %q", at, got, rests, way.Login)
		}
	}
}

// TestSeenTellsEmpty: a judgement rests on whether a file is there, also if it is empty.
func TestSeenTellsEmpty(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, there := range []bool{false, true} {
		w := newWorld()
		if there {
			w.file("/etc/revoked", "")
		}
		r := newTraced(w.reader())
		if _, err := r.ReadFile("/etc/revoked"); err != nil {
			t.Fatal(err)
		}
		seen[r.digest()] = true
	}
	if len(seen) != 2 {
		t.Error("an empty file and none are taken for the same")
	}
}
