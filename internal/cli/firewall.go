package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) firewallCommand() *cobra.Command {
	return accessGroup("firewall", "Show what rules of firewalls may use", "Firewalls, security groups, IP sets and aliases are objects: viaduct get firewalls.", a.macrosCommand())
}

func (a *app) macrosCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "macros", Short: "List macros of firewall rules with their protocols and ports", Args: args(0, 0, "")}, listing[api.Macro]{
		header: []string{"MACRO", "MATCHES", "FOR"},
		row:    func(m api.Macro) []string { return []string{m.Name, strings.Join(m.Matches, ", "), m.Description} },
		name:   func(m api.Macro) string { return "macro/" + m.Name },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Macro, error) {
		return c.FirewallMacros(ctx)
	})
}
