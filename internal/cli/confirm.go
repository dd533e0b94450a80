package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// minWindow is the shortest time to confirm: less than it takes to open a second
// session is a mistake.
const minWindow = 5 * time.Second

func newConfirm(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "Keep what manage --confirm has changed",
		Long: `Keep what manage --confirm has changed: without this, the old state comes back when
the time is over. Run it from a new session: that is what proves that you can
still get in.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.needRoot("confirm"); err != nil {
				return err
			}
			return a.runner().Confirm(c.Context())
		},
	}
}

func newRevert(a *App) *cobra.Command {
	var due bool
	c := &cobra.Command{
		Use:   "revert",
		Short: "Bring back now what manage --confirm has changed",
		Long: `Bring back what manage --confirm has changed and nobody has confirmed, without
waiting for the time to be over.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.revert(c.Context(), due) },
	}
	c.Flags().BoolVar(&due, "if-due", false, "only when the time to confirm is over")
	_ = c.Flags().MarkHidden("if-due") // it is for the timer
	return c
}

func (a *App) revert(ctx context.Context, ifDue bool) error {
	if err := a.needRoot("revert"); err != nil {
		return err
	}
	if ifDue {
		return a.runner().RevertWhenDue(ctx)
	}
	return a.runner().Revert(ctx)
}
