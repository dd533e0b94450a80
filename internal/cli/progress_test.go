package cli

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/render"
)

// testClock is time that passes when the test says so.
type testClock struct {
	mu   sync.Mutex
	now  time.Time
	asks chan chan struct{} // one for each wait, closed when it is over
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) wait(ctx context.Context, _ time.Duration) error {
	over := make(chan struct{})
	select {
	case c.asks <- over:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass lets time pass, once whoever waits has begun to; it returns when they have
// done what they do and wait again.
func (c *testClock) pass(waiting chan struct{}, d time.Duration) chan struct{} {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	close(waiting)
	return <-c.asks
}

func newProgress(width int) (*progress, *testClock, *bytes.Buffer) {
	var out bytes.Buffer
	c := &testClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), asks: make(chan chan struct{})}
	return &progress{out: &out, width: width, now: c.Now, wait: c.wait}, c, &out
}

// TestProgressOnTerminal keeps one line up to date, and takes it away.
func TestProgressOnTerminal(t *testing.T) {
	p, c, out := newProgress(40)
	p.show("step 1 of 2: user/alice")
	w := c.pass(<-c.asks, time.Second)
	w = c.pass(w, time.Second)
	p.over()
	w = c.pass(w, time.Second)
	p.show("step 2 of 2: installing 1 package: a-long-name")
	c.pass(w, 61*time.Second)
	p.close()
	want := "\r\x1b[K… step 1 of 2: user/alice, 1s" +
		"\r\x1b[K… step 1 of 2: user/alice, 2s\r\x1b[K" +
		"\r\x1b[K… step 2 of 2: installing 1 package: a…\r\x1b[K"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

// TestProgressFar shows on a terminal how far something has come, also where what it is
// has to be cut for that, and in a log not at all.
func TestProgressFar(t *testing.T) {
	for width, want := range map[int]string{
		60: "\r\x1b[K… step 2 of 2: installing 1 package: vim-…, 40 % (vim), 12s\r\x1b[K\r\x1b[K… the next, 13s\r\x1b[K",
		0:  "… step 2 of 2: installing 1 package: vim-with-a-long-name, 12s\n… the next, 13s\n",
	} {
		p, c, out := newProgress(width)
		live := &liveLine{}
		live.far(func() string { return "nobody is shown that" })
		live.shown.Store(p)
		live.far(func() string { return "nothing goes on" })
		p.show("step 2 of 2: installing 1 package: vim-with-a-long-name")
		live.far(func() string { return "40 % (vim)" })
		w := c.pass(<-c.asks, 12*time.Second)
		p.show("the next")
		c.pass(w, 13*time.Second)
		p.close()
		if out.String() != want {
			t.Errorf("width %d:\ngot  %q\nwant %q", width, out.String(), want)
		}
	}
}

// TestProgressInLog writes a line of what takes ten seconds, once, and no control
// characters.
func TestProgressInLog(t *testing.T) {
	p, c, out := newProgress(0)
	p.show("step 1 of 2: quick")
	w := c.pass(<-c.asks, 9*time.Second)
	p.show("step 2 of 2: slow")
	w = c.pass(w, 9*time.Second)
	w = c.pass(w, time.Second)
	c.pass(w, time.Hour)
	p.close()
	if want := "… step 2 of 2: slow, 10s\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestProgressNotInJSON has nothing that could show anything.
func TestProgressNotInJSON(t *testing.T) {
	var out bytes.Buffer
	a := &App{Out: &out, Err: &out, Env: func(string) string { return "" }, Now: time.Now}
	for format, shows := range map[string]bool{formatText: true, formatMarkdown: true, formatJSON: false} {
		if o := a.newOutput("manage", options{format: format}, "x", "host", render.Apply); (o.live != nil) != shows || (o.Looks(nil) != nil) != shows {
			t.Errorf("%s: %v", format, !shows)
		}
	}
}

// TestProgressOfLooking says how far a plan is.
func TestProgressOfLooking(t *testing.T) {
	p, c, out := newProgress(0)
	l := &looking{progress: p, total: 300}
	for range 120 {
		l.Done(change.Result{ID: change.ID{Kind: "user", Name: "alice"}})
	}
	c.pass(<-c.asks, 12*time.Second)
	p.close()
	if !strings.HasPrefix(out.String(), "… looking: 120 of 300, after user/alice, 12s") {
		t.Errorf("%q", out.String())
	}
}
