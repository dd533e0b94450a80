package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/journal"
	"opsafe/internal/render"
)

func newHistory(a *App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "history",
		Short: "List the runs that have changed this host",
		Long: `List the runs that have changed this host, the last one at the end: when, who,
what, from which commit of the spec, and what came of it.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.history(o) },
	}
	o.addFormats(c, formatText, formatJSON)
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
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.show(args[0], o) },
	}
	o.addFormats(c, formatText, formatJSON)
	o.addFull(c)
	c.ValidArgsFunction = a.completeRuns
	return c
}

// readHistory reads the records, which only root may.
func (a *App) readHistory() (*journal.History, error) {
	h, err := journal.Read(a.Host)
	if host.IsUnknown(err) && !a.Root {
		return nil, errors.New("the history holds what only root may see: run it with sudo")
	}
	return h, err
}

func (a *App) history(o options) error {
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
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tWHEN\tWHO\tWHAT\tCOMMIT\tCHANGES\tRESULT")
	for _, r := range h.Records {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Run, clock(r.Started), r.By, r.Title(),
			cmp.Or(short(r.Spec.Commit), "-"), counts(r.Summary), outcome(h, r))
	}
	return w.Flush()
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// short is as much of a commit's name as people type.
func short(commit string) string {
	const most = 10
	return commit[:min(len(commit), most)]
}

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
func outcome(h *journal.History, r *journal.Record) string {
	out := string(r.Result)
	if r.Summary.Failed > 0 && r.Result == journal.Failed {
		out = fmt.Sprintf("%d failed", r.Summary.Failed)
	}
	if by := h.By[r.Run]; by != 0 {
		out += fmt.Sprintf(", undone by %d", by)
	}
	return out
}

// findRun finds a run by what somebody has typed.
func (a *App) findRun(word string) (*journal.History, *journal.Record, error) {
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
	rec, err := journal.Load(a.Host, n) // why it could not be read
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
	if r.Result == journal.Running || r.Result == journal.Interrupted && r.Ended.IsZero() {
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
	if lost := r.Lost(); len(lost) > 0 {
		fmt.Fprintln(a.Out, "\nWhat undo cannot bring back, since it was not kept:")
		for _, l := range lost {
			fmt.Fprintf(a.Out, "  %s\n", l)
		}
	}
	return nil
}

// showHead says what is known of a run before its changes.
func (a *App) showHead(h *journal.History, r *journal.Record) {
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
	line("commit", r.Spec.Commit)
	line("digest", r.Spec.Digest)
	line("opsafe", r.Program)
	result := outcome(h, r)
	switch {
	case r.Result == journal.Running:
		result += ": what is below is planned"
	case r.Ended.IsZero():
		result += ": what is below was planned, and a part of it may have been done"
	}
	line("result", result)
	fmt.Fprintln(a.Out)
}

func reportOf(r *journal.Record) *converge.Report {
	rep := &converge.Report{Results: r.Results(), Summary: r.Summary, Interrupted: r.Result == journal.Interrupted}
	if !r.Ended.IsZero() {
		rep.Took = r.Ended.Sub(r.Started)
	}
	return rep
}

// newRunDoc is a run in JSON.
func newRunDoc(h *journal.History, r *journal.Record) render.RunDoc {
	d := render.RunDoc{
		Run: r.Run, Command: r.Command, Subject: r.Subject, Undoes: r.Undoes, UndoneBy: h.By[r.Run], By: r.By, Program: r.Program,
		Backend: r.Backend, Dir: r.Spec.Dir, Commit: r.Spec.Commit, Digest: r.Spec.Digest,
		Started: r.Started, Result: string(r.Result), NotKept: r.Lost(),
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
