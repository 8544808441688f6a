package etcd

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// CompactAll drops every revision but the newest, as the periodic compactor
// does with a store that is not written to for a while.
func CompactAll(ctx context.Context, s *Store) error {
	resp, err := s.client.Get(ctx, Root)
	if err != nil {
		return err
	}
	_, err = s.client.Compact(ctx, resp.Header.Revision, clientv3.WithCompactPhysical())
	return err
}
