package receive

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"opsafe/internal/fault"
	"opsafe/internal/queue"
)

// What this binary does when it is run again, under the supervisor of faults.
const (
	helperVariable = "OPSAFE_RECEIVE_TEST"
	answered       = "answered\n"
)

func TestMain(m *testing.M) {
	fault.Stage()
	root := os.Getenv("OPSAFE_RECEIVE_ROOT")
	var err error
	switch os.Getenv(helperVariable) {
	case "":
		os.Exit(m.Run())
	case "forward":
		err = forwarder(root).Run(context.Background())
	case "add":
		if _, err = queue.Open(filepath.Join(root, queue.MainName)).Add(queue.Entry{What: queue.Push, Repository: "durhack/site", Ref: "refs/heads/main"}); err == nil {
			fmt.Print(answered)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func forwarder(root string) Forwarder {
	return Forwarder{Root: root, Hooks: hooks(), Log: slog.New(slog.DiscardHandler), Pause: time.Millisecond, Tries: 1}
}

func forward(t *testing.T, root string) {
	t.Helper()
	if err := forwarder(root).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := inMain(t, root); len(left) > 0 {
		t.Errorf("main still has %+v", left)
	}
}

// digest is one that differs by its number.
func digest(n int) string { return fmt.Sprintf("%064x", n+1) }

// pushed is a push as the receiver queues it.
func pushed(n int, repository, ref string) queue.Entry {
	return queue.Entry{What: queue.Push, Repository: repository, Ref: ref, Event: "push", Digest: digest(n), By: "github"}
}

func put(t *testing.T, root string, entries ...queue.Entry) (names []string) {
	t.Helper()
	d := queue.Open(filepath.Join(root, queue.MainName))
	for _, e := range entries {
		name, err := d.Add(e)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func namesIn(t *testing.T, root, dir string) (names []string) {
	t.Helper()
	for _, e := range entries(t, filepath.Join(root, dir)) {
		names = append(names, e.Name)
	}
	return names
}

// Each entry goes to all deployments that have its repository and branch, or is dropped
// with the reason.
func TestForwardDecides(t *testing.T) {
	deleted := pushed(9, "durhack/site", "refs/heads/main")
	deleted.Deleted = true
	for _, tt := range []struct {
		name  string
		entry queue.Entry
		to    string
		why   string
	}{
		{"two of one branch", pushed(0, "durhack/site", "refs/heads/main"), "site twin", ""},
		{"another branch", pushed(1, "DurHack/Site", "refs/heads/next"), "next", ""},
		{"another repository", pushed(2, "durhack/api", "refs/heads/main"), "api", ""},
		{"a branch of nobody's", pushed(3, "durhack/site", "refs/heads/fix"), "", "no deployment has the branch fix"},
		{"a repository of nobody's", pushed(4, "evil/site", "refs/heads/main"), "", "no deployment has the repository"},
		{"a tag", pushed(5, "durhack/site", "refs/tags/main"), "", "it is a tag"},
		{"no branch", pushed(6, "durhack/site", "main"), "", "it is no branch"},
		{"a branch that is deleted", deleted, "", "it deletes refs/heads/main"},
		{"a ping", queue.Entry{What: queue.Ping, Event: "ping", Digest: digest(10)}, "", "it is a ping"},
		{"another event", queue.Entry{What: queue.Other, Event: "issues", Digest: digest(11)}, "", "only pushes deploy"},
		{"a key", queue.Entry{What: queue.Key, Deployment: "kor"}, "kor", ""},
		{"a key where none is declared", queue.Entry{What: queue.Key, Deployment: "site"}, "", "no deployment"},
		{"a key of nobody's", queue.Entry{What: queue.Key, Deployment: "none"}, "", "no deployment"},
		{"a rollback by the receiver's account", queue.Entry{What: queue.Rollback, Deployment: "kor"}, "", "not taken from here"},
		{"an old commit by the receiver's account", queue.Entry{What: queue.Deploy, Deployment: "kor", Ref: "old"}, "", "not taken from here"},
		{"a question by the receiver's account", queue.Entry{What: queue.Poll, Deployment: "kor"}, "", "not taken from here"},
		{"without a queue", pushed(12, "durhack/broken", "refs/heads/main"), "", "has no queue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := newRoot(t, "")
			name := put(t, root, tt.entry)[0]
			forward(t, root)
			var to []string
			for _, d := range []string{"site", "twin", "next", "api", "kor"} {
				if slices.Contains(namesIn(t, root, d), name) {
					to = append(to, d)
				}
			}
			if got := strings.Join(to, " "); got != tt.to {
				t.Errorf("it went to %q, not to %q", got, tt.to)
			}
			kept := slices.Concat(entries(t, filepath.Join(root, queue.VoidName)), entries(t, filepath.Join(root, queue.AsideName)))
			if tt.why == "" && len(kept) > 0 || tt.why != "" && (len(kept) != 1 || !strings.Contains(kept[0].Reason, tt.why)) {
				t.Errorf("kept is %+v, not for %q", kept, tt.why)
			}
		})
	}
}

// What the receiver's account says of who asked, and of tries, is not taken for true.
func TestForwardPlain(t *testing.T) {
	root := newRoot(t, "")
	forged := pushed(0, "durhack/site", "refs/heads/main")
	forged.By, forged.Tries = "root", 99
	put(t, root, forged)
	forward(t, root)
	if got := entries(t, filepath.Join(root, "site")); len(got) != 1 || got[0].By != byGitHub || got[0].Tries != 0 {
		t.Errorf("site has %+v", got)
	}
}

// The same delivery is handed on once, at once and later, by this process and by the next;
// requests with a key are each by themselves.
func TestForwardOnce(t *testing.T) {
	root := newRoot(t, "")
	push, key := pushed(0, "durhack/site", "refs/heads/main"), queue.Entry{What: queue.Key, Deployment: "kor"}
	names := put(t, root, push, push, key, key)
	forward(t, root)
	put(t, root, push, pushed(1, "durhack/site", "refs/heads/main"))
	forward(t, root)
	if got := namesIn(t, root, "site"); len(got) != 2 || got[0] != names[0] {
		t.Errorf("site has %v", got)
	}
	if got := namesIn(t, root, "kor"); len(got) != 2 {
		t.Errorf("kor has %v", got)
	}
	void := entries(t, filepath.Join(root, queue.VoidName))
	if len(void) != 2 || !strings.Contains(void[0].Reason, "the same as "+names[0]) {
		t.Errorf("void has %+v", void)
	}
}

// What is no entry is put aside and blocks nothing.
func TestForwardBad(t *testing.T) {
	root := newRoot(t, "")
	in := filepath.Join(root, queue.MainName)
	for _, err := range []error{
		os.WriteFile(filepath.Join(in, "0"), []byte("x"), 0o600), os.Mkdir(filepath.Join(in, "1"), 0o700),
		syscall.Mkfifo(filepath.Join(in, fmt.Sprintf("%020d-%016x.json", 2, 2)), 0o600), os.Symlink("/etc/passwd", filepath.Join(in, "3")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	name := put(t, root, pushed(0, "durhack/api", "refs/heads/main"))[0]
	forward(t, root)
	if got := namesIn(t, root, "api"); len(got) != 1 || got[0] != name {
		t.Errorf("api has %v", got)
	}
	aside, err := os.ReadDir(filepath.Join(root, queue.AsideName))
	if err != nil || len(aside) != 5 { // four reasons, and what was in the file
		t.Errorf("aside has %v (%v)", aside, err)
	}
}

// under runs this binary under a fault.
func under(t *testing.T, root, what string, p fault.Plan) fault.Outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := fault.Run(t.Context(), fault.Command{Argv: []string{self}, Env: append(os.Environ(), helperVariable+"="+what, "OPSAFE_RECEIVE_ROOT="+root)}, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sweep has a fault happen at every call of a command, each time on a fresh queue.
func sweep(t *testing.T, what string, prepare func(root string), look func(root string, out fault.Outcome)) {
	t.Helper()
	points := 0
	for _, f := range fault.Faults() {
		step := 4 // all of them were tried once: see docs/testing.md
		if f == fault.Kill {
			step = 1
		}
		for at := 1; ; at += step {
			root := newRoot(t, t.TempDir())
			prepare(root)
			out := under(t, root, what, fault.Plan{Fault: f, At: at})
			if out.Struck == nil {
				break
			}
			points++
			look(root, out)
			if t.Failed() {
				t.Fatalf("%s at call %d (%s): %s", f, at, out.Struck.Name, out.Output)
			}
		}
	}
	t.Logf("%d points", points)
	if points < 10 {
		t.Errorf("only %d points were tried", points)
	}
}

// Whatever stops what hands on, and wherever: nothing is lost, and the next run comes to
// the same.
func TestForwardKilled(t *testing.T) {
	var names []string
	sweep(t, "forward", func(root string) {
		push := pushed(0, "durhack/site", "refs/heads/main")
		names = put(t, root, push, push, queue.Entry{What: queue.Key, Deployment: "kor"}, queue.Entry{What: queue.Ping, Event: "ping", Digest: digest(1)}, pushed(2, "durhack/api", "refs/heads/main"))
		if err := os.WriteFile(filepath.Join(root, queue.MainName, "bad"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}, func(root string, _ fault.Outcome) {
		forward(t, root)
		for dir, want := range map[string][]string{"site": names[:1], "twin": names[:1], "kor": names[2:3], "api": names[4:], queue.VoidName: {names[1], names[3]}} {
			if got := namesIn(t, root, dir); !slices.Equal(got, want) {
				t.Errorf("%s has %v, not %v", dir, got, want)
			}
		}
	})
}

// Whatever stops the receiver, and wherever: there is an entry, whole, or none; and what
// was answered is there.
func TestAddKilled(t *testing.T) {
	sweep(t, "add", func(string) {}, func(root string, out fault.Outcome) {
		all := inMain(t, root)
		if strings.Contains(out.Output, answered) && len(all) != 1 || len(all) > 1 {
			t.Errorf("it said %q, and the queue has %v", out.Output, all)
		}
	})
}
