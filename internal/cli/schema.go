package cli

import "github.com/spf13/cobra"

func newSchema(a *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "Write a JSON Schema of what opsafe reads or writes",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSchemaBackend(a), newSchemaDevelopers(a), newSchemaOutput(a))
	return c
}
