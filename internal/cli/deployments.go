package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/deploy"
	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
	"opsafe/internal/render"
)

// deploymentDoc is a deployment as JSON.
type deploymentDoc struct {
	Name string `json:"name"`
	// What is the declared repository, host or projects.
	What     string          `json:"what"`
	Ref      string          `json:"ref,omitempty"`
	Deployed *deploy.Release `json:"deployed,omitempty"`
	// Former is the release that a rollback goes to.
	Former string `json:"former,omitempty"`
	// Kept are the other releases that it can go to, newest first.
	Kept []deploy.Release `json:"kept,omitempty"`
	// Trying is what is being deployed right now.
	Trying *deploy.Attempt `json:"trying,omitempty"`
	Queued []queuedDoc     `json:"queued"`
	// QueueUnseen says why the queue cannot be told.
	QueueUnseen string         `json:"queue_unseen,omitempty"`
	Last        *deploy.Result `json:"last,omitempty"`
	Failed      *deploy.Result `json:"failed,omitempty"`
	// notes are those of the last; of compose projects, those of the last that had any:
	// from which images the running ones have come.
	notes []string
}

type queuedDoc struct {
	What     string    `json:"what"`
	By       string    `json:"by,omitempty"`
	Received time.Time `json:"received"`
	Tries    int       `json:"tries,omitempty"`
}

func newDeployments(a *App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "deployments",
		Short: "List what is deployed on this host, running, queued, and last failed",
		Long: `List the deployments of this host: what each deploys, which commit is in service and
since when, what is being deployed, what waits, and what failed last, with the reason.

Exits with 1 if the last that was tried of any has failed.`,
		Example: "  sudo opsafe deployments\n  sudo opsafe deployments --format json",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.deployments(o) },
	}
	o.addFormats(c, formatText, formatJSON)
	return c
}

func (a *App) deployments(o options) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	list, err := deploymentsOn(a.Host)
	if err != nil {
		return err
	}
	if o.format == formatJSON {
		data, err := json.MarshalIndent(map[string]any{"format_version": render.FormatVersion, "command": "deployments", "made": a.Now(), "deployments": list}, "", "  ")
		if err != nil {
			return fmt.Errorf("cannot write the result: %w", err)
		}
		fmt.Fprintln(a.Out, string(data))
	} else {
		a.deploymentsText(list)
	}
	for _, d := range list {
		if d.Failed != nil {
			return said(exitFailed)
		}
	}
	return nil
}

// deploymentsOn are those of a host, as they are.
func deploymentsOn(r host.Files) ([]deploymentDoc, error) {
	names, err := deployment.Names(r)
	if err != nil {
		return nil, err
	}
	out := []deploymentDoc{}
	for _, name := range names {
		config, err := deployment.Read(r, name)
		if err != nil {
			return nil, err
		}
		state, err := deploy.ReadState(r, name)
		if err != nil {
			return nil, err
		}
		d := deploymentDoc{
			Name: name, What: config.What(), Ref: config.Ref, Deployed: state.Deployed, Former: state.Former, Trying: state.Trying,
			Last: state.Last, Failed: state.Failed, Queued: []queuedDoc{},
		}
		for _, r := range slices.Backward(state.Releases) {
			if state.Deployed == nil || r.Revision != state.Deployed.Revision {
				d.Kept = append(d.Kept, r)
			}
		}
		for _, r := range slices.Backward(state.History) {
			if d.notes = r.Notes; len(d.notes) > 0 || len(config.Compose) == 0 {
				break
			}
		}
		entries, _, err := queue.Open(filepath.Join(notes.Queue, name)).List()
		if err != nil {
			d.QueueUnseen = err.Error()
		}
		for _, e := range entries {
			d.Queued = append(d.Queued, queuedDoc{What: e.What, By: e.By, Received: e.Received, Tries: e.Tries})
		}
		out = append(out, d)
	}
	return out, nil
}

func (a *App) deploymentsText(list []deploymentDoc) {
	if len(list) == 0 {
		fmt.Fprintln(a.Out, "No deployment is declared on this host.")
	}
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		fmt.Fprintf(a.Out, "%s\n  declared  %s\n", d.Name, strings.TrimSpace(render.Clean(d.What)+" "+d.Ref))
		switch {
		case d.Deployed != nil:
			fmt.Fprintf(a.Out, "  deployed  %s since %s\n", d.Deployed.Revision, clock(d.Deployed.Since))
		case d.Last != nil && d.Last.Outcome == deploy.Deployed:
			fmt.Fprintf(a.Out, "  deployed  %s\n", clock(d.Last.Ended))
		default:
			fmt.Fprintln(a.Out, "  deployed  nothing yet")
		}
		for _, r := range d.Kept {
			how := ""
			switch {
			case r.Revision == d.Former:
				how = ", which rollback goes to"
			case r.Left:
				how = ", which was gone back from"
			}
			fmt.Fprintf(a.Out, "  kept      %s since %s%s\n", r.Revision, clock(r.Since), how)
		}
		for _, n := range d.notes {
			fmt.Fprintf(a.Out, "  note      %s\n", render.Clean(n))
		}
		if t := d.Trying; t != nil {
			fmt.Fprintf(a.Out, "  running   %s since %s: %s\n", cmp.Or(t.Revision, t.What), clock(t.Began), t.Phase)
		}
		switch {
		case d.QueueUnseen != "":
			fmt.Fprintln(a.Out, "  queued    only root may see it")
		case len(d.Queued) > 0:
			fmt.Fprintf(a.Out, "  queued    %d, the first since %s\n", len(d.Queued), clock(d.Queued[0].Received))
		}
		if f := d.Failed; f != nil {
			fmt.Fprintf(a.Out, "  %-9s %s %s: %s\n", f.Outcome, cmp.Or(f.Revision, f.What), clock(f.Ended), indented(f.Reason))
		}
	}
}

// indented is a text whose further lines stand below the first.
func indented(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		out = append(out, render.Clean(line))
	}
	return strings.Join(out, "\n    ")
}
