package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/host/local"
	"opsafe/internal/render"
	"opsafe/internal/report"
	"opsafe/internal/words"
)

const formatHTML = "html"

type reportOptions struct {
	options
	since  string
	out    string
	expect []string
	maxAge time.Duration
}

func newReport(a *App) *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report FILE...",
		Short: "Make one page of the documents of many hosts",
		Long: `Make one page of the documents of many hosts: which are in order, what differs
where, the same on many hosts said once, who is root and who may read what.

Each FILE is what opsafe plan, status or access wrote with --format json, on one
host. It looks at no host itself, and needs neither root nor a spec. Of a host there
can be one document of each; where there is both a plan and a status, what either of
them names is shown. A host counts as in order by its
status alone: a plan does not say of when it is. If any file
cannot be used, nothing is written, and all that is wrong is said. Hosts of which a
document is missing are named on the page.

With --since, it says what has changed since an earlier report in JSON.`,
		Example: "  opsafe report hosts/*.json\n  opsafe report --format html --out report.html hosts/*.json\n  opsafe report --format json --out october.json hosts/*.json\n  opsafe report --since september.json --format markdown hosts/*.json",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.report(c.Context(), o, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	o.addFormats(c, formatText, formatJSON, formatMarkdown, formatHTML)
	o.addFull(c)
	c.Flags().StringVar(&o.out, "out", "", "write to this `FILE`, which only its owner can read")
	c.Flags().StringVar(&o.since, "since", "", "say what has changed since the report in this `FILE`, which --format json has written")
	_ = c.MarkFlagFilename("since", "json")
	c.Flags().Var((*list)(&o.expect), "expect", "these `HOSTS`, with commas or repeated, have to be among them: one without documents is named as one of which nothing is known")
	_ = c.RegisterFlagCompletionFunc("expect", cobra.NoFileCompletions)
	const day = 24 * time.Hour
	c.Flags().DurationVar(&o.maxAge, "max-age", day, "count a document of this `AGE` or older, such as 720h, as unknown; 0: none is too old (default a day)")
	c.Flags().Lookup("max-age").DefValue = "" // the words above say it
	return c
}

func (a *App) report(ctx context.Context, o reportOptions, files []string) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if o.maxAge < 0 {
		return fmt.Errorf("cannot make a report: --max-age %s is less than nothing", o.maxAge)
	}
	r, err := a.readReport(o, files)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := a.writeReport(&b, o, r); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	if o.out == "" {
		_, err = a.Out.Write(b.Bytes())
		return err
	}
	if err := local.WriteOut(ctx, o.out, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

// readReport reads all files, and says of all of them together what is wrong.
func (a *App) readReport(o reportOptions, files []string) (*report.Report, error) {
	var docs []*report.Document
	var problems report.Problems
	for _, name := range files {
		data, written, err := readDocument(name)
		if err == nil {
			var d *report.Document
			if d, err = report.Parse(name, data, written); err == nil {
				docs = append(docs, d)
			}
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		}
	}
	r, err := report.New(docs, report.Options{Now: a.Now(), Old: o.maxAge, Expect: o.expect})
	var twice report.Problems
	if errors.As(err, &twice) {
		problems = append(problems, twice...)
	}
	var then *report.Report
	if o.since != "" {
		data, _, err := readDocument(o.since)
		if err == nil {
			then, err = report.ParseEarlier(data)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("--since %s: %v", o.since, err))
		}
	}
	if problems != nil {
		return nil, fmt.Errorf("cannot make a report, the files have %s; nothing has been written\n%w", words.Count(len(problems), "problem"), problems)
	}
	if then != nil {
		r.Compare(then)
	}
	return r, nil
}

// maxDocument is how large a file may be. A document with the contents of all files
// of a host is far smaller.
const maxDocument = 256 << 20

// readDocument reads a file, or a pipe that a shell has put in the place of one.
func readDocument(name string) (data []byte, written time.Time, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, written, errors.Unwrap(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, written, errors.Unwrap(err)
	}
	if data, err = io.ReadAll(io.LimitReader(f, maxDocument+1)); err != nil {
		return nil, written, errors.Unwrap(err)
	}
	if len(data) > maxDocument {
		return nil, written, fmt.Errorf("it is larger than %d MiB, which no document is", maxDocument>>20)
	}
	return data, st.ModTime(), nil
}

func (a *App) writeReport(out io.Writer, o reportOptions, r *report.Report) error {
	switch o.format {
	case formatJSON:
		return render.WriteJSON(out, r)
	case formatMarkdown:
		return report.WriteMarkdown(out, r)
	case formatHTML:
		return report.WriteHTML(out, r)
	}
	style := a.style(a.Out)
	if o.out != "" {
		style = render.Style{}
	}
	style.Full = o.full
	return report.WriteText(out, r, style)
}
