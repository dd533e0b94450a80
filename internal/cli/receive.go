package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
	"opsafe/internal/receive"
)

func newReceive(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "receive",
		Short: "Take webhooks, and queue what they ask for",
		Long: `Take GitHub's webhooks and requests with a deployment's key, and put what they ask for
into the queue. opsafe-receive.service runs it as soon as something comes to
opsafe-receive.socket; it ends by itself when nothing does.

It runs as an account that can do nothing but add to the queue, without a network and
without a way to write anything else. What a request says only wakes a deployment: what is
deployed is what the remote's branch says then.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.receive(c) },
	}
}

func (a *App) receive(c *cobra.Command) error {
	listeners, err := receive.Listeners()
	if err != nil {
		return err
	}
	if len(listeners) == 0 {
		return errors.New("no socket was handed over: systemd starts it, when something comes to opsafe-receive.socket")
	}
	log := receive.NewLog(a.Err)
	s, err := newReceiver(a.Env("CREDENTIALS_DIRECTORY"), log)
	if err != nil {
		// Not to answer would have systemd start it again and again.
		log.Error("nothing can be queued", "why", err.Error())
		return errors.Join(err, receive.Refuse(c.Context(), listeners[0], receive.DefaultLimits()))
	}
	return s.Serve(c.Context(), listeners[0])
}

// newReceiver is the receiver of this host.
func newReceiver(credentials string, log *slog.Logger) (*receive.Server, error) {
	note, err := readReceiver()
	if err != nil {
		return nil, err
	}
	kept, err := os.ReadFile(notes.Ranges)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	published, err := receive.Published(kept, time.Now())
	if err != nil && note.Published {
		log.Warn(err.Error())
	}
	return receive.New(receive.Options{
		Note: note, Published: published, Limits: receive.DefaultLimits(), Log: log,
		Secrets: receive.ReadSecrets(credentials, note.Hooks, log), Queue: queue.Open(path.Join(notes.Queue, queue.MainName)),
	})
}

// readReceiver reads what a run has written. Nobody but root can have put something else
// there; the way of hosts to read, by openat2(2), systemd's sandbox does not let through.
func readReceiver() (deployment.Note, error) {
	data, err := os.ReadFile(notes.Receiver)
	if err != nil {
		return deployment.Note{}, fmt.Errorf("cannot read what is declared: %w: run opsafe manage, which writes it", err)
	}
	return deployment.ParseNote(data)
}

// newForward is for the unit that hands on what the receiver has queued.
func newForward(a *App) *cobra.Command {
	return &cobra.Command{
		Use:    "forward",
		Short:  "Hand what has come in on to the deployments that it is for",
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.needRoot("forward"); err != nil {
				return err
			}
			note, err := readReceiver()
			if err != nil {
				return err
			}
			const pause, tries = 5 * time.Second, 12
			return receive.Forwarder{Root: notes.Queue, Hooks: note.Hooks, Log: receive.NewLog(a.Err), Pause: pause, Tries: tries}.Run(c.Context())
		},
	}
}

// newGitHubRanges is for the unit that asks GitHub once a day.
func newGitHubRanges(a *App) *cobra.Command {
	api := "https://api.github.com/"
	c := &cobra.Command{
		Use:    "github-ranges",
		Short:  "Ask GitHub from which addresses it sends webhooks",
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.needRoot("github-ranges"); err != nil {
				return err
			}
			data, err := receive.FetchRanges(c.Context(), api)
			if err != nil {
				return err
			}
			if err := converge.WriteNote(c.Context(), a.Host, notes.Ranges, data); err != nil {
				return fmt.Errorf("cannot keep the ranges of GitHub's webhooks: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&api, "api", api, "the `ADDRESS` of GitHub's REST API")
	return c
}
