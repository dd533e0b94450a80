package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/notes"
)

// machine is a host in memory that records what it was told, and can fail.
type machine struct {
	host.Host
	did  []string
	fail func(host.Step) error
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	state, err := snapshot.Parse([]byte(`
files:
  /etc/a: {content: "old a\n"}
  /etc/b: {content: "old b\n", mode: "0600"}
candidates: {tree: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	return &machine{Host: overlay.New(snapshot.New(state))}
}

func (m *machine) Do(ctx context.Context, s host.Step) error {
	if m.fail != nil {
		if err := m.fail(s); err != nil {
			return err
		}
	}
	if w, ok := s.(host.WriteFile); ok {
		m.did = append(m.did, w.Path)
	}
	return m.Host.Do(ctx, s)
}

func write(path, content string) host.WriteFile {
	return host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
}

func planned(steps ...host.Step) []change.Result {
	return []change.Result{{
		ID: change.ID{Kind: "file", Name: "/etc/a"}, Status: change.Changed,
		Change: change.Change{
			Action: change.Modify, Steps: steps, Notify: []change.Notification{{Unit: "a.service", Verb: host.Restart}},
			Attrs: []change.Attr{{Name: "mode", Before: change.Text("0600"), After: change.Text("0644")}},
		},
	}}
}

func begin(t *testing.T, m *machine, plan []change.Result, log func(history.Event)) *history.Book {
	t.Helper()
	b, err := history.Open(context.Background(), history.Options{
		Host: m, Record: history.Record{Command: "manage", By: "alice", Backend: "north"}, PID: 7, Log: log,
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}, plan)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// step does what the loop does for a step.
func step(ctx context.Context, b *history.Book, m *machine, s host.Step) error {
	if err := b.Before(ctx, s); err != nil {
		return err
	}
	return m.Do(ctx, s)
}

func load(t *testing.T, r host.Reader, run int) *history.Record {
	t.Helper()
	rec, err := history.Load(r, run)
	if err != nil || rec == nil {
		t.Fatalf("run %d: %v, %v", run, rec, err)
	}
	return rec
}

func kept(t *testing.T, rec *history.Record, path string) history.Kept {
	t.Helper()
	for _, k := range rec.Kept {
		if k.Path != nil && k.Path.Path == path {
			return k
		}
	}
	t.Fatalf("there is no image of %s", path)
	return history.Kept{}
}

// TestBefore: what was there is on disk before it is replaced, be it planned or
// not; a run that dies there can be seen.
func TestBefore(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t)
	b := begin(t, m, planned(write("/etc/a", "new a\n")), nil)
	check := func(path, want string) {
		t.Helper()
		rec := load(t, m, b.Run())
		if k := kept(t, rec, path); string(k.Path.Content) != want || rec.Result != history.Interrupted {
			t.Errorf("%s: %q of a run that is %s", path, k.Path.Content, rec.Result)
		}
	}
	check("/etc/a", "old a\n")
	for _, path := range []string{"/etc/a", "/etc/b"} {
		m.fail = func(s host.Step) error {
			if w, ok := s.(host.WriteFile); ok && w.Path == path {
				check(path, "old "+path[5:]+"\n")
			}
			return nil
		}
		if err := step(ctx, b, m, write(path, "new\n")); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"/var/lib/opsafe/history/000001.json", "/etc/a", "/var/lib/opsafe/history/000001.json", "/etc/b"}; !slices.Equal(m.did, want) {
		t.Errorf("it wrote %q, not %q", m.did, want)
	}
	n, err := m.Stat("/var/lib/opsafe/history/000001.json")
	if err != nil || n.Access.Mode() != 0o600 || n.Owner != "root" {
		t.Errorf("the record is %+v, %v", n, err)
	}
	if n, err := m.Stat(notes.History); err != nil || n.Access.Mode() != 0o700 {
		t.Errorf("the directory is %+v, %v", n, err)
	}
}

// TestUnrecorded: what cannot be recorded is not changed.
func TestUnrecorded(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t)
	full := errors.New("no space left on device")
	refuse := func(s host.Step) error {
		if w, ok := s.(host.WriteFile); ok && strings.HasPrefix(w.Path, notes.History) {
			return full
		}
		return nil
	}
	m.fail = refuse
	_, err := history.Open(ctx, history.Options{Host: m, Now: time.Now}, planned(write("/etc/a", "x")))
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "nothing has been changed") {
		t.Errorf("the run begins: %v", err)
	}
	m.fail = nil
	b := begin(t, m, planned(write("/etc/a", "x")), nil)
	m.fail = refuse
	if err := step(ctx, b, m, write("/etc/b", "x")); !errors.Is(err, full) {
		t.Errorf("what was not planned: %v", err)
	}
	if data, err := m.ReadFile("/etc/b"); err != nil || string(data) != "old b\n" {
		t.Errorf("it has been changed: %q, %v", data, err)
	}
	if err := step(ctx, b, m, write("/etc/a", "x")); err != nil {
		t.Errorf("what was planned is recorded: %v", err)
	}
}

// TestClose: a record that is complete has what the run did and how it left
// things; one of a run that changed nothing is gone.
func TestClose(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t)
	idle := begin(t, m, planned(write("/etc/a", "new\n")), nil)
	if err := step(ctx, idle, m, host.Settle{Unit: "a.service"}); err != nil {
		t.Fatal(err)
	}
	if err := idle.Close(ctx, nil, history.Succeeded); err != nil {
		t.Fatal(err)
	}
	if rec, err := history.Load(m, idle.Run()); rec != nil || err != nil {
		t.Errorf("a run that changed nothing has left %v, %v", rec, err)
	}
	var events []history.Event
	plan := planned(write("/etc/a", "new\n"))
	b := begin(t, m, plan, func(e history.Event) { events = append(events, e) })
	if err := step(ctx, b, m, write("/etc/a", "new\n")); err != nil {
		t.Fatal(err)
	}
	failed := change.Result{ID: change.ID{Kind: "file", Name: "/etc/b"}, Status: change.Failed, Err: errors.New("it broke")}
	b.Sink(nil).Done(plan[0])
	b.Sink(nil).Done(failed)
	if err := b.Close(ctx, append(plan, failed, change.Result{Status: change.Unchanged}), history.Failed); err != nil {
		t.Fatal(err)
	}
	rec := load(t, m, b.Run())
	if rec.Result != history.Failed || rec.Ended.IsZero() || len(rec.Entries) != 2 || rec.Entries[1].Error != "it broke" {
		t.Errorf("the record is %+v", rec)
	}
	k := kept(t, rec, "/etc/a")
	if k.After == nil || k.After.Path.Content != nil || !k.Touched() || k.Notify[0].Unit != "a.service" || k.Of.Name != "/etc/a" {
		t.Errorf("the image is %+v", k)
	}
	if s := rec.Summary; s.Change != 1 || s.Failed != 1 {
		t.Errorf("it counts %+v", s)
	}
	var said []string
	for _, e := range events {
		said = append(said, e.Message)
		if e.Fields["OPSAFE_RUN"] != fmt.Sprint(b.Run()) || e.Fields["OPSAFE_OPERATOR"] != "alice" || e.Fields["OPSAFE_BACKEND"] != "north" || len(e.Fields["MESSAGE_ID"]) != 32 {
			t.Errorf("fields %v", e.Fields)
		}
		for name, value := range e.Fields {
			if strings.Contains(value, "old") || strings.Contains(value, "new") || strings.Contains(value, "broke") {
				t.Errorf("%s gives content away: %s", name, value)
			}
		}
	}
	want := []string{
		"run 1: manage by alice begins: 1 change is planned", "run 1: changed file//etc/a",
		"run 1: file//etc/b failed", "run 1: manage by alice failed",
	}
	if !slices.Equal(said, want) {
		t.Errorf("the system journal has %q, not %q", said, want)
	}
	if e := events[2]; !e.Failed || e.Fields["OPSAFE_KIND"] != "file" || e.Fields["OPSAFE_NAME"] != "/etc/b" || e.Fields["OPSAFE_RESULT"] != "failed" {
		t.Errorf("the failure is %+v", e)
	}
}

// TestBounds: the oldest records go, the newest never, and numbers do not come
// again.
func TestBounds(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t)
	large := strings.Repeat("x", before.MaxContent)
	for i := range 8 {
		if err := m.Do(ctx, write(fmt.Sprintf("/srv/%d", i), large)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(steps ...host.Step) int {
		b := begin(t, m, planned(steps...), nil)
		for _, s := range steps {
			if err := step(ctx, b, m, s); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(ctx, nil, history.Succeeded); err != nil {
			t.Fatal(err)
		}
		return b.Run()
	}
	for i := range history.MaxRuns + 10 {
		if got := run(write("/etc/a", fmt.Sprint(i))); got != i+1 {
			t.Fatalf("run %d is called %d", i+1, got)
		}
	}
	count := func() (n int, size int64) {
		names, err := m.ReadDir(notes.History)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			st, err := m.Stat(notes.History + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			size += st.Size
		}
		return len(names), size
	}
	if n, _ := count(); n != history.MaxRuns {
		t.Errorf("%d records are kept", n)
	}
	for i := range 10 {
		var steps []host.Step
		for j := range 8 {
			steps = append(steps, write(fmt.Sprintf("/srv/%d", j), fmt.Sprint(i)+large[1:]))
		}
		last := run(steps...)
		if n, size := count(); size > history.MaxBytes || n < 2 {
			t.Errorf("%d records have %d bytes", n, size)
		}
		load(t, m, last)
	}
}

// TestBoundsByWorth: records of runs that left all as it was, as one that puts back what
// it wrote does, go before those that can bring something back, though these are older.
func TestBoundsByWorth(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t)
	run := func(texts ...string) int {
		b := begin(t, m, planned(write("/etc/a", texts[0])), nil)
		for _, text := range texts {
			if err := step(ctx, b, m, write("/etc/a", text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(ctx, nil, history.Succeeded); err != nil {
			t.Fatal(err)
		}
		return b.Run()
	}
	there := func(run int) bool {
		rec, err := history.Load(m, run)
		if err != nil {
			t.Fatal(err)
		}
		return rec != nil
	}
	old := []int{run("1"), run("2"), run("3")}
	var last int
	for range history.MaxRuns {
		last = run("tried", "3")
	}
	for _, n := range old {
		if !there(n) {
			t.Errorf("run %d can bring something back, and is gone", n)
		}
	}
	for n := old[2] + 1; n <= old[2]+3; n++ {
		if there(n) {
			t.Errorf("run %d left all as it was, and is kept", n)
		}
	}
	if !there(last) {
		t.Error("the last is gone")
	}
	// Where all can bring something back, the oldest goes.
	for i := range history.MaxRuns {
		last = run(fmt.Sprint("new ", i))
	}
	if there(old[0]) || !there(last) || !there(last-history.MaxRuns+1) {
		t.Error("it is not the oldest that goes")
	}
}

// TestBrought: what packages bring along without being told is in the record, too.
func TestBrought(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t)
	install := host.InstallPackages{Packages: []host.PackageInstall{{Name: "tree"}}}
	b := begin(t, m, planned(install), nil)
	if err := step(ctx, b, m, install); err != nil {
		t.Fatal(err)
	}
	// By a script of the package, which no step names.
	for _, s := range []host.Step{host.AddGroup{Name: "_tree", GID: 900}, host.DeleteUser{Name: "games"}} {
		if err := m.Host.Do(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(ctx, nil, history.Succeeded); err != nil {
		t.Fatal(err)
	}
	rec := load(t, m, b.Run())
	var found []string
	for _, k := range rec.Kept {
		found = append(found, k.String())
	}
	if want := []string{"package tree", "group _tree", "group games", "account games"}; !slices.Equal(found, want) || rec.Inventory != nil {
		t.Errorf("it has images of %q, not %q", found, want)
	}
	if u := rec.Kept[3].User; u.User == nil || u.User.UID != 5 {
		t.Errorf("games was %+v", u)
	}
}
