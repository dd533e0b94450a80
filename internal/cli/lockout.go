package cli

import (
	"github.com/spf13/cobra"

	"opsafe/internal/run"
)

// lockOut lets a change be made after which nobody can get in and become root.
type lockOut struct{ allowed bool }

func (l *lockOut) addLockOut(c *cobra.Command) {
	c.Flags().BoolVar(&l.allowed, run.LockOutFlag, false, "go on even if nobody could log in with a key and become root afterwards")
}
