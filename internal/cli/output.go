package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/render"
	"opsafe/internal/run"
	"opsafe/internal/words"
)

// output shows a run: as text while it goes on, or as one document in the end.
// What is not the result itself goes to the error stream.
type output struct {
	app    *App
	format string
	run    render.Heading
	style  render.Style
	text   *render.Text // nil in other formats
	live   *progress    // nil: nothing is shown of what is going on
	steps  int          // how many changes have begun, of
	total  int          // so many; 0: nobody has counted

	// brief has, for what is opsafe's own and long, what is said in place of its content.
	brief map[change.ID]string

	timings bool
	reading time.Duration // what it took until there was something to look for
}

func (a *App) newOutput(command string, opts options, backend, hostname string, mode render.Mode) *output {
	o := &output{
		app: a, format: opts.format, style: a.style(a.Out), timings: opts.timings,
		run: render.Heading{Command: command, Backend: backend, Host: hostname, Mode: mode, Only: opts.only, Skip: opts.skip, Facts: a.byFacts},
	}
	o.style.Full = opts.full
	if opts.format != formatJSON {
		o.live = &progress{out: a.Err, width: width(a.Err), now: a.Now, wait: a.pause}
		if a.live != nil {
			a.live.shown.Store(o.live)
		}
	}
	if opts.format == formatText {
		o.text = render.NewText(a.Out, o.style)
	}
	return o
}

// goesBy says from which checkout the run is.
func (o *output) goesBy(ctx context.Context, dir string) {
	if s := o.app.source(ctx, dir); s.Commit != "" {
		o.run.Spec = s
		o.app.saySource(s)
	}
}

// Looks is who is told of the looks of a plan. Nil: nobody wants to know.
func (o *output) Looks(kinds []converge.Kind) converge.Sink {
	if o.live == nil {
		return nil
	}
	l := &looking{progress: o.live}
	for _, k := range kinds {
		l.total += len(k.Resources)
	}
	l.show("looking at this host")
	return l
}

// Planned takes over how much there is to do.
func (o *output) Planned(plan *converge.Report) {
	o.total = plan.Summary.Changes()
	o.cleared()
}

// Begin says what is being done, if it takes long.
func (o *output) Begin(ids []change.ID, c change.Change) {
	o.steps += len(ids)
	if o.live != nil {
		o.live.show(doing(min(o.steps, o.total), o.total, ids, c))
	}
}

// Done shows a result.
func (o *output) Done(r change.Result) {
	o.cleared()
	if o.text == nil {
		return
	}
	if why := o.brief[r.ID]; why != "" && !o.style.Full {
		r.Change.Diff, r.Change.Why = nil, why
	}
	o.text.Result(r)
	if n := o.text.Folded(); n > 0 && o.run.Mode == render.Apply && o.live != nil {
		o.live.show(fmt.Sprintf("%s more of kind %s", words.Number(n), r.ID.Kind))
	}
}

// Access shows who gains and who loses what, before the changes that do it.
func (o *output) Access(a *change.AccessDiff) {
	if o.text != nil {
		o.text.Access(a)
	}
}

// Refused shows why a plan would not be carried out.
func (o *output) Refused(why string) {
	if o.text != nil {
		o.text.Refused(why)
	}
}

// told is an error, without its words where the text has them already. A document goes
// somewhere else, and who looks at the exit code wants to know what it is about.
func (o *output) told(err error) error {
	var refused *run.Refused
	if o.text != nil && errors.As(err, &refused) {
		return said(exitFailed)
	}
	return err
}

// cleared takes a line of progress away.
func (o *output) cleared() {
	if o.live != nil {
		o.live.over()
	}
}

// Close shows what is left to say.
func (o *output) Close(rep *converge.Report) error {
	if o.live != nil {
		o.live.close()
	}
	if o.timings {
		o.run.Times = rep.Times.With(converge.Time{Kind: converge.TimeSpec, Took: o.reading})
	}
	var err error
	switch o.format {
	case formatJSON:
		err = render.WriteJSON(o.app.Out, render.NewDocument(o.run, rep))
	case formatMarkdown:
		err = render.WriteMarkdown(o.app.Out, o.run, rep, o.style)
	default:
		o.text.Close(rep, o.run.Mode)
	}
	if err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	if o.timings && o.format != formatJSON {
		render.WriteTimes(o.app.Err, o.run.Times)
	}
	return nil
}

// slow names steps that a person has to wait for.
func slow(steps []host.Step) string {
	var what []string
	for _, s := range steps {
		switch s := s.(type) {
		case host.InstallPackages:
			names := make([]string, len(s.Packages))
			for i, p := range s.Packages {
				names[i] = p.Name
			}
			what = append(what, fmt.Sprintf("installing %s: %s", words.Count(len(names), "package"), strings.Join(names, " ")))
		case host.UpgradePackages:
			what = append(what, "upgrading "+words.Count(len(s.Packages), "package"))
		case host.RemovePackages:
			what = append(what, "removing "+strings.Join(s.Names, " "))
		case host.FixTree:
			what = append(what, "correcting all below "+s.Rule.Root)
		case host.EndSessions:
			what = append(what, "ending the sessions of "+s.User)
		case host.AwaitUnits:
			verb := " keep running"
			if len(s.Names) == 1 {
				verb = " keeps running"
			}
			what = append(what, "watching whether "+strings.Join(s.Names, ", ")+verb)
		default: // the others take no time
		}
	}
	return strings.Join(what, ", ")
}

func cut(text string, width int) string {
	r := []rune(text)
	if width > 0 && len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return text
}

// note says something beside the result.
func note(out io.Writer, format string, args ...any) {
	say(out, "note: "+fmt.Sprintf(format, args...))
}

// say writes lines, on a terminal none that is wider. What they quote may be any bytes:
// names of files and accounts, and words of other programs.
func say(out io.Writer, text string) {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = render.Clean(lines[i])
	}
	text = strings.Join(lines, "\n")
	fmt.Fprintln(out, render.Style{Width: width(out)}.Broken(text))
}
