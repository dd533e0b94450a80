package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"opsafe/internal/render"
)

func newSchemaOutput(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "output",
		Short: "Write the JSON Schema of the document that --format json writes",
		Long: `Write the JSON Schema (draft 2020-12) of the document that --format json writes,
for programs that read it. It is the one of this opsafe, and knows no other fields
than this one writes.`,
		Example: "  opsafe schema output > opsafe-output.schema.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := fmt.Fprint(a.Out, render.Schema()); err != nil {
				return fmt.Errorf("cannot write the schema: %w", err)
			}
			return nil
		},
	}
}
