package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/render"
)

type historyOptions struct {
	options
	limit int
}

func newHistory(a *App) *cobra.Command {
	var o historyOptions
	c := &cobra.Command{
		Use:   "history",
		Short: "List the runs that have changed this host",
		Long: `List the runs that have changed this host, the last one at the end: when, who,
what, from which commit of the spec, and what came of it.`,
		SuggestFor: []string{"log", "runs", "records"},
		Args:       noArgs,
		RunE:       func(*cobra.Command, []string) error { return a.history(o) },
	}
	o.addFormats(c, formatText, formatJSON)
	c.Flags().IntVar(&o.limit, "limit", 0, "no more than the last `N` runs (0: all)")
	return c
}

func newShow(a *App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "Show what a run has changed",
		Long: `Show what a run has changed: the same lines as the run itself, and what of the
state before it is not kept. Runs are numbered; opsafe history lists them.`,
		Example: "  sudo opsafe show 17",
		Args:    a.oneRun("opsafe show %d"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.show(args[0], o) },
	}
	o.addFormats(c, formatText, formatJSON)
	o.addFull(c)
	c.ValidArgsFunction = a.completeRuns
	return c
}

// readHistory reads the records, which only root may.
func (a *App) readHistory() (*history.History, error) {
	h, err := history.Read(a.Host)
	if host.IsUnknown(err) && !a.Root {
		return nil, errors.New("the history holds what only root may see: run it with sudo")
	}
	return h, err
}

func (a *App) history(o historyOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	h, err := a.readHistory()
	if err != nil {
		return err
	}
	for _, err := range h.Unread {
		note(a.Err, "%v", err)
	}
	if o.limit < 0 {
		return fmt.Errorf("--limit %d: want the number of runs", o.limit)
	}
	if more := len(h.Records) - o.limit; o.limit > 0 && more > 0 {
		h.Records = h.Records[more:]
	}
	if o.format == formatJSON {
		doc := render.HistoryDoc{FormatVersion: render.FormatVersion, Command: "history", Runs: []render.RunDoc{}}
		if doc.Host, err = a.hostname(); err != nil {
			return err
		}
		for _, r := range h.Records {
			doc.Runs = append(doc.Runs, newRunDoc(h, r))
		}
		return writeJSON(a.Out, doc)
	}
	if len(h.Records) == 0 {
		fmt.Fprintln(a.Out, "No run has changed this host, as far as is recorded.")
		return nil
	}
	for _, line := range historyTable(h, a.style(a.Out).Width) {
		fmt.Fprintln(a.Out, line)
	}
	return nil
}

// historyTable is a line for each run. On a terminal, of so many columns, none is wider
// than that, or than a narrow one: what is cut off, show has. Elsewhere, with 0, nothing
// is cut, and what is very long makes its own line longer alone.
func historyTable(h *history.History, terminal int) []string {
	rows := [][]string{{"RUN", "WHEN", "WHO", "WHAT", "COMMIT", "CHANGES", "RESULT"}}
	const mostWho, mostPadded, narrow, apart = 12, 24, 80, 2
	for _, r := range h.Records {
		sum := r.Summary
		if sum.Changes() == 0 {
			sum.Change = len(r.Partly()) // of what failed
		}
		who := r.By
		if terminal > 0 {
			who = cut(who, mostWho)
		}
		rows = append(rows, []string{
			strconv.Itoa(r.Run), clock(r.Started), who, r.Title(), cmp.Or(r.Spec.Short(), "-"), counts(sum), outcome(h, r),
		})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			if n := utf8.RuneCountInString(cell); terminal > 0 || n <= mostPadded {
				widths[i] = max(widths[i], n)
			}
		}
	}
	total := apart * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	over := 0
	if terminal > 0 {
		over = total - max(narrow, terminal)
	}
	// What is told apart by its beginning is cut first.
	for _, c := range []struct{ column, least int }{{3, len("disable-user")}, {4, 8}, {2, 5}, {6, len("undone by 99")}, {5, 9}} {
		less := min(over, widths[c.column]-c.least)
		if less > 0 {
			widths[c.column] -= less
			over -= less
		}
	}
	var out []string
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if terminal > 0 {
				cell = cut(cell, widths[i])
			}
			line.WriteString(cell + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+apart))
		}
		out = append(out, strings.TrimRight(line.String(), " "))
	}
	return out
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// counts says how much was changed.
func counts(s change.Summary) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{s.Add, "+"}, {s.Change, "~"}, {s.Remove, "-"}, {s.Run, "↻"}} {
		if p.n > 0 {
			parts = append(parts, p.what+strconv.Itoa(p.n))
		}
	}
	return cmp.Or(strings.Join(parts, " "), "-")
}

// outcome is what came of a run, and what has become of it since.
func outcome(h *history.History, r *history.Record) string {
	out := string(r.Result)
	if r.Summary.Failed > 0 && r.Result == history.Failed {
		out = fmt.Sprintf("%d failed", r.Summary.Failed)
	}
	if by := h.By[r.Run]; by != 0 {
		undone := fmt.Sprintf("undone by %d", by)
		if r.Result == history.Succeeded {
			return undone
		}
		out += ", " + undone
	}
	return out
}

// findRun finds a run by what somebody has typed.
func (a *App) findRun(word string) (*history.History, *history.Record, error) {
	h, err := a.readHistory()
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.Atoi(word)
	if err != nil {
		return nil, nil, fmt.Errorf("%q is not the number of a run: opsafe history lists them", word)
	}
	if r := h.Find(n); r != nil {
		return h, r, nil
	}
	rec, err := history.Load(a.Host, n) // why it could not be read
	if err == nil && rec == nil {
		err = fmt.Errorf("there is no record of run %d: opsafe history lists those that there are", n)
	}
	return nil, nil, err
}

func (a *App) show(word string, o options) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	h, r, err := a.findRun(word)
	if err != nil {
		return err
	}
	rep := reportOf(r)
	mode := render.Apply
	if r.Result == history.Running || r.Result == history.Interrupted && r.Ended.IsZero() {
		mode = render.Plan // how far it got is not known
	}
	if o.format == formatJSON {
		name, err := a.hostname()
		if err != nil {
			return err
		}
		return writeJSON(a.Out, render.ShownDoc{
			FormatVersion: render.FormatVersion, Command: "show", Host: name, Run: newRunDoc(h, r),
			Changes: render.NewDocument(render.Heading{Command: r.Command, Backend: r.Backend, Host: name}, rep),
		})
	}
	a.showHead(h, r)
	style := a.style(a.Out)
	style.Full = o.full
	text := render.NewText(a.Out, style)
	for _, res := range rep.Results {
		text.Result(res)
	}
	text.Close(rep, mode)
	if partly := r.Partly(); len(partly) > 0 {
		fmt.Fprintln(a.Out, "\nChanged before it failed, and not put back:")
		for _, p := range partly {
			fmt.Fprintf(a.Out, "  %s\n", render.Clean(p))
		}
	}
	if len(r.Left) > 0 {
		fmt.Fprintln(a.Out, "\nWhat stayed of their access, or may have:")
		for _, l := range r.Left {
			fmt.Fprintf(a.Out, "  %s\n", render.Clean(l))
		}
	}
	if lost := r.Lost(); len(lost) > 0 {
		fmt.Fprintln(a.Out, "\nWhat undo cannot bring back, since it was not kept:")
		for _, l := range lost {
			fmt.Fprintf(a.Out, "  %s\n", l)
		}
	}
	return nil
}

// showHead says what is known of a run before its changes.
func (a *App) showHead(h *history.History, r *history.Record) {
	line := func(what, is string) {
		if is != "" {
			fmt.Fprintf(a.Out, "%-9s%s\n", what, is)
		}
	}
	line("run", strconv.Itoa(r.Run))
	line("what", r.Title())
	line("who", r.By)
	when := clock(r.Started)
	if !r.Ended.IsZero() {
		when += ", " + r.Ended.Sub(r.Started).Round(time.Second).String()
	}
	line("when", when)
	line("backend", r.Backend)
	line("spec", r.Spec.Dir)
	line("commit", r.Spec.Name())
	line("digest", r.Spec.Digest)
	line("opsafe", r.Program)
	result := outcome(h, r)
	switch {
	case r.Result == history.Running:
		result += ": what is below is planned"
	case r.Ended.IsZero():
		result += ": what is below was planned, and a part of it may have been done"
	}
	line("result", result)
	fmt.Fprintln(a.Out)
}

func reportOf(r *history.Record) *converge.Report {
	rep := &converge.Report{Results: r.Results(), Summary: r.Summary, Interrupted: r.Result == history.Interrupted}
	if !r.Ended.IsZero() {
		rep.Took = r.Ended.Sub(r.Started)
	}
	return rep
}

// newRunDoc is a run in JSON.
func newRunDoc(h *history.History, r *history.Record) render.RunDoc {
	d := render.RunDoc{
		Run: r.Run, Command: r.Command, Subject: r.Subject, Undoes: r.Undoes, UndoneBy: h.By[r.Run], By: r.By, Program: r.Program,
		Backend: r.Backend, Dir: r.Spec.Dir, Commit: r.Spec.Commit, Dirty: r.Spec.Dirty, Digest: r.Spec.Digest,
		Started: r.Started, Result: string(r.Result), NotKept: r.Lost(), Partly: r.Partly(), Left: r.Left,
	}
	if !r.Ended.IsZero() {
		d.Ended = &r.Ended
	}
	d.Summary = render.NewDocument(render.Heading{}, reportOf(r)).Summary
	return d
}

func writeJSON(out io.Writer, doc any) error {
	if err := render.WriteJSON(out, doc); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}

func (a *App) hostname() (string, error) {
	facts, err := a.Host.Facts()
	return facts.Hostname, err
}

func (a *App) completeRuns(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	h, err := a.readHistory()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, r := range h.Records {
		out = append(out, fmt.Sprintf("%d\t%s by %s, %s", r.Run, r.Title(), r.By, clock(r.Started)))
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
