package client

import (
	"context"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Reach computes whether one end can reach another, and what decides. Nothing is sent.
func (c *Client) Reach(ctx context.Context, r api.ReachRequest) (*api.ReachAnswer, error) {
	return post[api.ReachAnswer](ctx, c, "reach", nil, r)
}
