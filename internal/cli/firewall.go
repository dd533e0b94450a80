package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/kind/docker"
)

// newFirewall is for the units that opsafe writes, which load firewalls before docker
// starts.
func newFirewall(a *App) *cobra.Command {
	c := &cobra.Command{
		Use:    "firewall",
		Short:  "Load the firewall of a docker network, as docker's start does",
		Hidden: true,
	}
	c.AddCommand(&cobra.Command{
		Use:   "load NETWORK",
		Short: "Put the firewall that manage has set last in force",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.needRoot("firewall load"); err != nil {
				return err
			}
			step, err := docker.LoadFirewall(a.Host, args[0])
			if err != nil {
				return err
			}
			if err := converge.LoadFirewall(c.Context(), a.Host, step); err != nil {
				return fmt.Errorf("cannot load it: %w", err)
			}
			return nil
		},
	})
	return c
}
