package cli

import (
	"github.com/spf13/cobra"

	"opsafe/internal/kinds"
)

func newSchemaBackend(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "backend",
		Short: "Write the JSON Schema of backend.yaml",
		Long: `Write the JSON Schema of backend.yaml, and of what it includes, to standard
output: an editor completes and checks a spec with it as it is typed. What needs
more than one file, or a name that is declared elsewhere, is for validate.`,
		Example: "  opsafe schema backend > .backend.schema.json",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.writeSchema(kinds.Language().BackendSchema) },
	}
}

func newSchemaDevelopers(a *App) *cobra.Command {
	return &cobra.Command{
		Use:     "developers",
		Short:   "Write the JSON Schema of developers.yaml",
		Long:    `Write the JSON Schema of developers.yaml to standard output, for editors.`,
		Example: "  opsafe schema developers > .developers.schema.json",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.writeSchema(kinds.Language().PeopleSchema) },
	}
}

func (a *App) writeSchema(schema func() ([]byte, error)) error {
	data, err := schema()
	if err != nil {
		return err
	}
	_, err = a.Out.Write(data)
	return err
}
