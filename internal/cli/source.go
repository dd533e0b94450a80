package cli

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/history"
	"opsafe/internal/render"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// source is what a run goes by, in words and as data: the directory, the commit, and
// what is to be known of it.
func (a *App) source(ctx context.Context, dir string) *render.SourceDoc {
	c := a.checkout(ctx, dir)
	doc := &render.SourceDoc{Dir: dir, Commit: c.Commit, Branch: c.Branch, Changed: c.Changed}
	if c.Commit == "" {
		return doc
	}
	if c.Remote != "" && c.Remote != c.Commit {
		doc.Upstream = c.Upstream
		doc.Behind = a.behind(ctx, dir, c.Commit, c.Remote)
	}
	if last := a.lastManage(); last != nil && last.Spec.Commit != "" && last.Spec.Commit != c.Commit {
		// What the last run had and this one has not: it is not built upon it.
		if doc.Lacks = a.behind(ctx, dir, c.Commit, last.Spec.Commit); doc.Lacks > 0 {
			doc.LastRun = last.Run
		}
	}
	return doc
}

// checkout is what git says of a repository. Git itself is asked for what may be staged
// and not committed.
func (a *App) checkout(ctx context.Context, dir string) spec.Checkout {
	c := spec.LookAtCheckout(dir)
	if c.Unsure && a.Staged != nil {
		if files, err := a.Staged(ctx, dir, spec.Parts()...); err == nil {
			c.AddStaged(files)
		}
	}
	return c
}

// behind counts the commits that are missing; none where it cannot be told.
func (a *App) behind(ctx context.Context, dir, have, want string) int {
	if a.Behind == nil {
		return 0
	}
	n, err := a.Behind(ctx, dir, have, want)
	if err != nil {
		return 0
	}
	return n
}

// lastManage is the last run of manage; nil if there is none, or it may not be seen.
func (a *App) lastManage() *history.Record {
	if a.record != nil {
		return nil
	}
	rec, err := history.LastOf(a.Host, func(r *history.Record) bool { return r.Command == "manage" })
	if err != nil {
		return nil
	}
	return rec
}

// saySource says what a run goes by, in one line, and warns of an older commit.
func (a *App) saySource(s *render.SourceDoc) {
	if s.Commit == "" {
		return
	}
	line := "spec " + s.Dir + " at " + history.Spec{Commit: s.Commit, Dirty: s.Changed > 0}.Short()
	var more []string
	if s.Branch != "" {
		more = append(more, s.Branch)
	}
	if s.Changed > 0 {
		more = append(more, fmt.Sprintf("%s changed since", words.Count(s.Changed, "file")))
	}
	text := strings.Join(more, ", ")
	if s.Behind > 0 {
		text += fmt.Sprintf("; %d behind %s", s.Behind, s.Upstream)
	}
	if text = strings.TrimPrefix(text, "; "); text != "" {
		line += " (" + text + ")"
	}
	say(a.Err, line)
	if s.Lacks > 0 {
		note(a.Err, "run %d applied %s that this commit does not have: what they declare is taken back", s.LastRun, words.Count(s.Lacks, "commit"))
	}
}
