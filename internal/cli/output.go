package cli

import (
	"fmt"
	"io"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/render"
)

// output shows a run: as text while it goes on, or as one document in the end.
// What is not the result itself goes to the error stream.
type output struct {
	app    *App
	format string
	run    render.Heading
	style  render.Style
	text   *render.Text // nil in other formats
	busy   bool         // a line of progress stands on the terminal
}

func (a *App) newOutput(command string, opts options, backend, hostname string, mode render.Mode) *output {
	o := &output{
		app: a, format: opts.format, style: a.style(a.Out),
		run: render.Heading{Command: command, Backend: backend, Host: hostname, Mode: mode},
	}
	o.style.Full = opts.full
	if opts.format == formatText {
		o.text = render.NewText(a.Out, o.style)
	}
	return o
}

// Begin says what is being done, if it takes long.
func (o *output) Begin(_ []change.ID, c change.Change) {
	what := slow(c.Steps)
	if what == "" || o.run.Mode == render.Plan {
		return
	}
	if !o.progress(what) {
		fmt.Fprintf(o.app.Err, "… %s\n", what)
	}
}

// Done shows a result.
func (o *output) Done(r change.Result) {
	o.cleared()
	if o.text == nil {
		return
	}
	o.text.Result(r)
	if n := o.text.Folded(); n > 0 && o.run.Mode == render.Apply {
		o.progress(fmt.Sprintf("%d more of kind %s", n, r.ID.Kind))
	}
}

// access shows who gains and who loses what, before the changes that do it.
func (o *output) access(a *change.Access) {
	if o.text != nil {
		o.text.Access(a)
	}
}

// all shows a run that is over.
func (o *output) all(rep *converge.Report) error {
	o.access(rep.Access)
	for _, r := range rep.Results {
		o.Done(r)
	}
	return o.close(rep)
}

// cleared takes a line of progress away.
func (o *output) cleared() {
	if o.busy {
		fmt.Fprint(o.app.Err, "\r\x1b[K")
		o.busy = false
	}
}

// progress shows on a terminal what is going on, until there is something else to
// show. It reports whether there is one.
func (o *output) progress(text string) bool {
	width := o.app.style(o.app.Err).Width
	if width > 0 {
		fmt.Fprintf(o.app.Err, "\r\x1b[K… %s", cut(text, width-3))
		o.busy = true
	}
	return width > 0
}

// close shows what is left to say.
func (o *output) close(rep *converge.Report) error {
	o.cleared()
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
			what = append(what, fmt.Sprintf("installing %d packages: %s", len(names), strings.Join(names, " ")))
		case host.RemovePackages:
			what = append(what, "removing "+strings.Join(s.Names, " "))
		case host.FixTree:
			what = append(what, "correcting all below "+s.Rule.Root)
		case host.EndSessions:
			what = append(what, "ending the sessions of "+s.User)
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

// say writes lines, on a terminal none that is wider.
func say(out io.Writer, text string) {
	fmt.Fprintln(out, render.Style{Width: width(out)}.Broken(text))
}
