package deploy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/queue"
)

// TestLeadsOut tells links that stay in a release from those that may not.
func TestLeadsOut(t *testing.T) {
	for _, tc := range []struct {
		at, target string
		out        bool
	}{
		{"a", "b", false},
		{"a", "b/c", false},
		{"d/a", "../b", false},
		{"d/a", "./../b/./c", false},
		{"d/e/a", "../../b", false},
		{"a", "..", true},
		{"a", "../b", true},
		{"d/a", "../../b", true},
		{"a", "/etc/passwd", true},
		{"a", "b/../c", true},
		{"d/a", "x/../../y", true},
		{"a", "", true},
	} {
		if got := leadsOut(tc.at, tc.target); got != tc.out {
			t.Errorf("%s to %s: %v", tc.at, tc.target, got)
		}
	}
}

// TestHostKey says what to do about a host whose key is not known, or another one, in one
// line: a commit's status has no more.
func TestHostKey(t *testing.T) {
	var w Worker
	w.Config.User = "site"
	const changed = `git ended with exit code 128: @@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:e4c48l8aFK929aJ0wHtO0Gh/mYqm11o2/6EqfXdO15Q.
Please contact your system administrator.
Offending ED25519 key in /home/site/.ssh/known_hosts:1
Host key verification failed.`
	for text, want := range map[string]string{
		changed: "another key than /home/site/.ssh/known_hosts has of it, SHA256:e4c48l8aFK929aJ0wHtO0Gh/mYqm11o2/6EqfXdO15Q:",
		"git ended with exit code 128: Host key verification failed.": "put it into ~site/.ssh/known_hosts",
	} {
		got, _, _ := strings.Cut(w.refusedBy(errors.New(text)).Error(), "\n")
		if !strings.Contains(got, want) {
			t.Errorf("it says %s, not %s", got, want)
		}
	}
}

// without is a machine on which nothing can be made, since nothing is there.
type without struct{ Machine }

func (without) Stat(string) (*host.Node, error) { return nil, nil }

func (without) MakeRelease(string, string) error { return errors.New("no such file or directory") }

// TestGone says how a directory comes back that a run has made.
func TestGone(t *testing.T) {
	w := Worker{Machine: without{}}
	w.Config.Directory = "/srv/site"
	if err := w.makeDir(w.releaseDir("a")); err == nil || err.Error() != "/srv/site/releases is gone: opsafe manage makes it again" {
		t.Errorf("it says %v", err)
	}
}

// TestTogether takes what waits together, but for what asks for something of its own.
func TestTogether(t *testing.T) {
	entry := func(what, ref string) queue.Entry { return queue.Entry{What: what, Ref: ref} }
	push, deploy := entry(queue.Push, "refs/heads/main"), entry(queue.Deploy, "")
	ref, back := entry(queue.Deploy, "v1"), entry(queue.Rollback, "")
	for _, tc := range []struct {
		entries []queue.Entry
		want    []int
	}{
		{[]queue.Entry{push, deploy, push}, []int{3}},
		{[]queue.Entry{push, back, push, push}, []int{1, 1, 2}},
		{[]queue.Entry{back, back, ref, push}, []int{1, 1, 1, 1}},
	} {
		var got []int
		for todo := tc.entries; len(todo) > 0; todo = todo[got[len(got)-1]:] {
			got = append(got, together(todo))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("got %v, want %v", got, tc.want)
		}
	}
}

// TestState keeps what went before within bounds, knows what was handled, and forgets a
// failure once something is deployed.
func TestState(t *testing.T) {
	var s State
	for n := range 3 * maxHistory {
		s.note(Result{What: queue.Push, Revision: "a", Outcome: Failed, Entries: []string{string(rune('a' + n%26))}})
	}
	if len(s.History) != maxHistory || s.Failed == nil || !s.handled("a") || s.handled("none") {
		t.Errorf("%d results, failed %v", len(s.History), s.Failed)
	}
	s.note(Result{What: queue.Rollback, Outcome: Refused})
	if s.Failed.What == queue.Rollback {
		t.Error("a rollback that was refused counts as a failure of what is deployed")
	}
	for range 5 {
		s.note(Result{What: queue.Poll, Outcome: Failed, Reason: "away"})
	}
	if got := s.History[len(s.History)-2]; got.What == queue.Poll {
		t.Error("a remote that is away takes more than one place")
	}
	now := time.Unix(1, 0)
	s.deployed(&Attempt{Revision: "a", Follows: true}, now)
	s.deployed(&Attempt{Revision: "b"}, now)
	s.deployed(&Attempt{Revision: "a"}, now)
	s.note(Result{Outcome: Deployed, Revision: "a"})
	if s.Former != "b" || s.Followed != "a" || len(s.Releases) != 2 || s.revision() != "a" || s.Failed != nil {
		t.Errorf("it is %+v", s)
	}
}

// TestGoneBack goes back further each time, never to what was gone back from, and keeps
// what can still be gone back to.
func TestGoneBack(t *testing.T) {
	var s State
	deployed := func(what, revision, former string) {
		t.Helper()
		s.deployed(&Attempt{What: what, Revision: revision}, time.Unix(1, 0))
		if s.revision() != revision || s.Former != former {
			t.Fatalf("%s %s: %s is in service, and before it was %q, not %q", what, revision, s.revision(), s.Former, former)
		}
	}
	deployed(queue.Push, "a", "")
	deployed(queue.Push, "b", "a")
	deployed(queue.Push, "c", "b")
	deployed(queue.Rollback, "b", "a")
	deployed(queue.Push, "d", "b")
	deployed(queue.Rollback, "b", "a")
	deployed(queue.Rollback, "a", "")
	deployed(queue.Rollback, "c", "a") // b was gone back from
	deployed(queue.Deploy, "d", "c")
	deployed(queue.Deploy, "b", "d")
	deployed(queue.Rollback, "d", "c")
	w := Worker{state: s}
	w.Config.Keep = 2
	if keep := w.keeps(); !keep["d"] || !keep["c"] || len(keep) != 2 {
		t.Errorf("it keeps %v", keep)
	}
}
