package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/words"
)

const (
	// redraw is how often it is looked whether there is something to show.
	redraw = time.Second
	// patient is how long something takes before a line is written of it where there
	// is no terminal.
	patient = 10 * time.Second
)

// progress shows what is going on while it goes on: on a terminal as one line that
// is kept up to date, and gone when there is something else to show; elsewhere, as in
// a log, as a line of whatever takes longer than patient. What is over soon is not
// shown. It is safe for use by several goroutines.
type progress struct {
	out   io.Writer
	width int // of the terminal; 0: there is none
	now   func() time.Time
	wait  func(context.Context, time.Duration) error

	mu     sync.Mutex
	what   func() string // nil: nothing is going on
	how    func() string // how far it has come, for a terminal; nil: nobody has said
	since  time.Time
	said   bool               // a line has been written of it, where there is no terminal
	stands bool               // the line stands on the terminal
	stop   context.CancelFunc // ends what looks; nil: nothing does
}

// show says what is going on from now on.
func (p *progress) show(what string) { p.showing(func() string { return what }) }

// showing is show for what is over before anybody sees it, as a rule: the text is
// made when it is shown.
func (p *progress) showing(what func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.what, p.since = what, p.now()
	if p.stop == nil {
		var ctx context.Context
		ctx, p.stop = context.WithCancel(context.Background())
		go p.follow(ctx)
	}
}

// far says by what it can be told how far that has come which is going on. On a terminal
// it is shown, elsewhere not: a line of a log is written once.
func (p *progress) far(how func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.what != nil {
		p.how = how
	}
}

// over says that it is over.
func (p *progress) over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// close ends it all.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// clear takes the line away. The caller holds the lock, as with draw.
func (p *progress) clear() {
	if p.stands {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.what, p.how, p.said, p.stands = nil, nil, false, false
}

func (p *progress) follow(ctx context.Context) {
	for p.wait(ctx, redraw) == nil {
		p.mu.Lock()
		if p.what != nil && ctx.Err() == nil {
			p.draw()
		}
		p.mu.Unlock()
	}
}

func (p *progress) draw() {
	took := p.now().Sub(p.since)
	what, since := "… "+p.what(), ", "+took.Truncate(time.Second).String()
	switch {
	case p.width > 0:
		fmt.Fprint(p.out, "\r\x1b[K"+cut(p.withHow(what, since), p.width-1))
		p.stands = true
	case took >= patient && !p.said:
		fmt.Fprintln(p.out, what+since)
		p.said = true
	}
}

// withHow is a line with how far it has come, for which what is too long makes room.
func (p *progress) withHow(what, since string) string {
	if p.how == nil {
		return what + since
	}
	how := p.how()
	if how == "" {
		return what + since
	}
	rest := ", " + how + since
	const least = 20 // of what is going on
	return cut(what, max(least, p.width-1-utf8.RuneCountInString(rest))) + rest
}

// liveLine is the line of the run that goes on, as the machine knows it that the run is
// on; the zero value has none.
type liveLine struct{ shown atomic.Pointer[progress] }

// far passes on how far a step or a look has come.
func (l *liveLine) far(how func() string) {
	if p := l.shown.Load(); p != nil {
		p.far(how)
	}
}

// looking is told of a plan, of which nothing else is shown before it is complete.
type looking struct {
	*progress
	total, done int
}

// Begin says nothing: a plan takes as long as its looks.
func (l *looking) Begin([]change.ID, change.Change) {}

// Done counts what has been looked at.
func (l *looking) Done(r change.Result) {
	l.done++
	done, id := l.done, r.ID
	l.showing(func() string { return fmt.Sprintf("looking: %d of %d, after %s", done, l.total, id) })
}

// doing is what the line says of a change that is being made.
func doing(n, of int, ids []change.ID, c change.Change) string {
	text := slow(c.Steps)
	if text == "" {
		names := make([]string, len(ids))
		for i, id := range ids {
			names[i] = id.Words()
		}
		text = strings.Join(names, ", ")
	}
	if of == 0 {
		return text
	}
	return fmt.Sprintf("step %s of %s: %s", words.Number(n), words.Number(of), text)
}
