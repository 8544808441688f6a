package client

import (
	"context"
	"net/http"
	"net/url"
)

// Live queries a node about its present state. Subject is one of api.LiveQueries, object the
// ID of the zone, VNet or fabric that it is about, and empty for queries about the node. Items
// points to a slice of the subject's items. A node that does not answer within ten seconds
// gives an error of type node-silent.
func (c *Client) Live(ctx context.Context, node, subject, object string, items any) error {
	path := root + "nodes/" + url.PathEscape(node) + "/live/" + url.PathEscape(subject)
	if object != "" {
		path += "/" + url.PathEscape(object)
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, into: items})
	return err
}
