package cli

import "github.com/spf13/cobra"

// Command is the tree of all commands with their flags, for whoever describes
// it. It is not to be run: it has no host.
func Command() *cobra.Command {
	root := (&App{}).command()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}
