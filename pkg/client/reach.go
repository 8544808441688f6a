package client

import (
	"context"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Reach computes whether one end can reach another, and what decides. Nothing is sent.
func (c *Client) Reach(ctx context.Context, r api.ReachRequest) (*api.ReachAnswer, error) {
	return post[api.ReachAnswer](ctx, c, "reach", nil, r)
}

// FirewallMacros returns the macros that rules of firewalls may use, sorted by name.
func (c *Client) FirewallMacros(ctx context.Context) ([]api.Macro, error) {
	return list[api.Macro](ctx, c, "firewall-macros")
}
