package queue

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// newQueue makes a queue with its directories, and returns main.
func newQueue(t *testing.T, more ...string) Dir {
	t.Helper()
	at := t.TempDir()
	for _, name := range append([]string{MainName, AsideName, VoidName}, more...) {
		if err := os.Mkdir(filepath.Join(at, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return Open(filepath.Join(at, MainName))
}

func add(t *testing.T, d Dir, e Entry) Entry {
	t.Helper()
	name, err := d.Add(e)
	if err != nil {
		t.Fatal(err)
	}
	e.Name = name
	return e
}

// list lists entries, of which none may be bad.
func list(t *testing.T, d Dir) []Entry {
	t.Helper()
	all, bad, err := d.List()
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	return all
}

func TestAddListDone(t *testing.T) {
	d := newQueue(t)
	at := time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC)
	want := Entry{What: Push, Repository: "durhack/site", Ref: "refs/heads/main", Commit: strings.Repeat("a", 40), Event: "push", Digest: digest, Received: at, By: "github"}
	want = add(t, d, want)
	second := add(t, d, Entry{What: Deploy, Deployment: "site", By: "root via sudo by alice"})
	all := list(t, d)
	if len(all) != 2 || all[0] != want || all[1].Name != second.Name || all[1].Received.IsZero() {
		t.Fatalf("the queue has %+v, not %+v and %+v", all, want, second)
	}
	if !strings.HasSuffix(want.Name, "-0123456789abcdef.json") {
		t.Errorf("the name %s does not hold the digest", want.Name)
	}
	for range 2 { // one that is done already is done
		if err := d.Done(want); err != nil {
			t.Fatal(err)
		}
	}
	if all := list(t, d); len(all) != 1 {
		t.Errorf("the queue has %+v after one of two is done", all)
	}
	if all, bad, err := Open(filepath.Join(d.Path(), "none")).List(); err != nil || len(all)+len(bad) > 0 {
		t.Errorf("no directory has %v, %v, %v", all, bad, err)
	}
}

// Many add at once, through one Dir and through others: nothing is lost, and what one
// adds later sorts later.
func TestAddAtOnce(t *testing.T) {
	d := newQueue(t)
	const writers, each = 16, 25
	var wg sync.WaitGroup
	for w := range writers {
		into := d
		if w%2 == 1 {
			into = Open(d.Path())
		}
		wg.Go(func() {
			for i := range each {
				if _, err := into.Add(Entry{What: Key, Deployment: fmt.Sprint("w", w), Tries: i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for _, e := range list(t, d) {
		if e.Tries != next[e.Deployment] {
			t.Fatalf("%s added %d before %d", e.Deployment, e.Tries, next[e.Deployment])
		}
		next[e.Deployment]++
	}
	for w := range writers {
		if n := next[fmt.Sprint("w", w)]; n != each {
			t.Errorf("%d of writer %d's %d entries are there", n, w, each)
		}
	}
}

// What is added after the clock was set back sorts after what was added before.
func TestClockSetBack(t *testing.T) {
	d := newQueue(t)
	d.last.Store(time.Now().Add(24 * time.Hour).UnixNano()) // as it was a moment ago
	first := add(t, d, Entry{What: Push})
	second := add(t, d, Entry{What: Push})
	if all := list(t, d); len(all) != 2 || all[0].Name != first.Name || all[1].Name != second.Name {
		t.Errorf("the queue has %v, not %s before %s", all, first.Name, second.Name)
	}
	if name := NameOf(time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC), ""); !namePattern().MatchString(name) {
		t.Errorf("a clock before 1970 makes the name %s", name)
	}
}

func TestBegin(t *testing.T) {
	d := newQueue(t)
	e := add(t, d, Entry{What: Push})
	for try := 1; try <= 3; try++ {
		var err error
		if e, err = d.Begin(e); err != nil {
			t.Fatal(err)
		}
		if all := list(t, d); len(all) != 1 || all[0].Tries != try {
			t.Fatalf("the queue has %+v after try %d", all, try)
		}
	}
}

func TestForward(t *testing.T) {
	d := newQueue(t, "site", "api")
	e := add(t, d, Entry{What: Push, Digest: digest})
	site, api, gone := d.beside("site"), d.beside("api"), d.beside("gone")
	if err := d.Forward(e, site, gone); err == nil {
		t.Fatal("an entry was forwarded to a directory that is not there")
	}
	if all := list(t, d); len(all) != 1 {
		t.Fatal("an entry was removed that is not on the disk where it was forwarded to")
	}
	if err := d.Forward(e, site, api); err != nil {
		t.Fatal(err)
	}
	for _, to := range []Dir{site, api} {
		if all := list(t, to); len(all) != 1 || all[0].Name != e.Name {
			t.Errorf("%s has %+v", to.Path(), all)
		}
	}
	if all := list(t, d); len(all) != 0 {
		t.Errorf("main still has %+v", all)
	}
}

// Of what is kept, the oldest go; what a clock that was set back since calls to come is
// older than all else.
func TestKeptIsBounded(t *testing.T) {
	d := newQueue(t)
	void := d.beside(VoidName)
	future := Entry{Name: NameOf(time.Now().Add(48*time.Hour), ""), What: Push}
	if err := void.Put(future); err != nil {
		t.Fatal(err)
	}
	var last Entry
	for range MaxKept {
		last = add(t, d, Entry{What: Ping})
		if err := d.Void(last, "it is a ping"); err != nil {
			t.Fatal(err)
		}
	}
	all := list(t, void)
	if len(all) != MaxKept {
		t.Fatalf("void has %d entries, not %d", len(all), MaxKept)
	}
	if newest := all[len(all)-1]; newest.Name != last.Name || newest.Reason != "it is a ping" {
		t.Errorf("void ends with %+v, not with %s", newest, last.Name)
	}
}

// Whatever is put into the directory, it is told from entries, blocks none, and is kept
// aside with the reason.
func TestBad(t *testing.T) {
	d := newQueue(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(`{"what":"push","by":`+outsideText+`}`), 0o600); err != nil {
		t.Fatal(err)
	}
	good := add(t, d, Entry{What: Push})
	in := func(name string) string { return filepath.Join(d.Path(), name) }
	file := func(name, content string) {
		if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name := func(n int) string { return fmt.Sprintf("%020d-%016x.json", n, n) }
	file("README", "not an entry")
	file(name(1), "")
	file(name(2), "{")
	file(name(3), `{"what":"push"} {"what":"push"}`)
	file(name(4), `{"what":"format the disk"}`)
	file(name(5), `{"what":"push","ref":"`+strings.Repeat("x", maxEntry)+`"}`)
	file(name(6), `{"what":"push","ref":"\u001b[2J"}`)
	file(name(7), `{"what":"push","digest":"../../etc/passwd"}`)
	file(name(8), `{"what":"push","tries":-1}`)
	for _, err := range []error{
		os.Mkdir(in(name(20)), 0o700), os.WriteFile(in(name(20)+"/x"), nil, 0o600), os.Symlink(outside, in(name(21))), os.Symlink("none", in(name(22))),
		syscall.Mkfifo(in(name(23)), 0o600), syscall.Mknod(in(name(24)), syscall.S_IFSOCK|0o600, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all, bad, err := d.List()
	if err != nil || len(all) != 1 || all[0].Name != good.Name || len(bad) != 14 {
		t.Fatalf("the queue has %v, bad %v, %v", all, bad, err)
	}
	for _, b := range bad {
		if err := d.AsideBad(b); err != nil {
			t.Error(err)
		}
	}
	if all, bad, err := d.List(); err != nil || len(all) != 1 || len(bad) > 0 {
		t.Errorf("after what is bad is put aside, the queue has %v, bad %v, %v", all, bad, err)
	}
	aside(t, d, bad, 8)
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

// aside looks at what was put aside: the reason of each, and so many as they were.
func aside(t *testing.T, d Dir, bad []Bad, raw int) {
	t.Helper()
	at := d.beside(AsideName).Path()
	files, err := os.ReadDir(at)
	if err != nil {
		t.Fatal(err)
	}
	var reasons, kept []string
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(at, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f.Name(), rawSuffix) {
			kept = append(kept, string(data))
			continue
		}
		var e Entry
		if err := json.Unmarshal(data, &e); err != nil || e.What != Unreadable {
			t.Errorf("aside has %s (%v)", data, err)
		}
		reasons = append(reasons, e.Reason)
	}
	for _, b := range bad {
		if !strings.Contains(strings.Join(reasons, "\n"), fmt.Sprintf("%q is no entry: %v", b.Name, b.Err)) {
			t.Errorf("aside does not say why %s was put there: %q", b.Name, reasons)
		}
	}
	if len(kept) != raw || strings.Contains(strings.Join(kept, ""), outsideText) {
		t.Errorf("aside has %d files as they were, not %d: %q", len(kept), raw, kept)
	}
}

const outsideText = `"somebody else"`

// What a killed writer has left is no entry, and goes after an hour; what is being written
// stays.
func TestSweep(t *testing.T) {
	d := newQueue(t)
	begun := func(at time.Time) string {
		name := filepath.Join(d.Path(), hidden+strings.TrimSuffix(NameOf(at, ""), suffix))
		if err := os.WriteFile(name, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	old, future, now := begun(time.Now().Add(-2*time.Hour)), begun(time.Now().Add(2*time.Hour)), begun(time.Now())
	if all := list(t, d); len(all) > 0 {
		t.Errorf("what is being written is listed: %v", all)
	}
	if err := d.Sweep(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{old, future} {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := os.Lstat(now); err != nil {
		t.Errorf("a file that is being written was removed: %v", err)
	}
}

// What could not be read again is not written.
func TestPutRefuses(t *testing.T) {
	d := newQueue(t)
	for _, e := range []Entry{{What: "x"}, {What: Push, Ref: "a\nb"}, {What: Push, Ref: strings.Repeat("x", maxField+1)}, {What: Push, Digest: "x"}} {
		if _, err := d.Add(e); err == nil {
			t.Errorf("%+v was written", e)
		}
	}
	files, err := os.ReadDir(d.Path())
	if err != nil || len(files) > 0 {
		t.Errorf("the directory has %v (%v)", files, err)
	}
}
