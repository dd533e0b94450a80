// Command throwaway boots, enters, lists and deletes throwaway Debian hosts, to
// try opsafe by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newCommand().ExecuteContext(ctx)
	var exit exitStatus
	switch {
	case errors.As(err, &exit):
		os.Exit(int(exit))
	case err != nil:
		fmt.Fprintln(os.Stderr, "throwaway:", err)
		os.Exit(1)
	}
}

// exitStatus is that of a program in the host, which has said why itself.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// passOn runs the program and makes its exit status ours.
func passOn(c *exec.Cmd) error {
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitStatus(max(1, exit.ExitCode()))
	}
	return err
}

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "throwaway",
		Short: "Throwaway Debian hosts with a real systemd",
		Long: `Boots Debian hosts that cost a second and leave nothing behind.
They have no network; apt inside reads an archive of their own.`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(newBoot(), newEnter(), newRun(), newCopy(), newList(), newDelete(), newPrepare())
	return cmd
}
