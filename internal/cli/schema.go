package cli

import "github.com/spf13/cobra"

func newSchema(a *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema of a file or a document",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSchemaOutput(a))
	return c
}
