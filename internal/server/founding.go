package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// StoreFormat is the number of the store's format that this release reads and writes.
// A release that changes the meaning of what is stored raises it, and describes in
// docs/architecture/overview.md how to upgrade a store of the previous format.
//
// History:
//  1. the first numbered one; stores without a number have this format.
const StoreFormat = 1

const keyFormat = "format"

// formatDoc is the value of the key format.
type formatDoc struct {
	Format int `json:"format"`
	// Release is the release that wrote it.
	Release string `json:"release"`
}

// ErrFounding is the error for a store that does not belong to the data directory.
var ErrFounding = errors.New("the store is not the one of this data directory")

// checkStore ensures that the store belongs to the data directory before any other
// access: if a store was lost, an empty one must not be initialized, which would give the
// cluster a new authority that no node trusts.
func (s *Server) checkStore(ctx context.Context) error {
	if err := s.checkFormat(ctx); err != nil {
		return err
	}
	authority, err := pki.StoredCA(ctx, s.cfg.Store)
	if err != nil {
		return err
	}
	known, err := os.ReadFile(filepath.Join(s.cfg.Data, "ca.crt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the authority's certificate: %w", err)
	}
	const restore = "restore a copy of the store (the newest ones are in %s), or start with --new-cluster to begin a new, empty cluster that all nodes have to join anew"
	copies := filepath.Join(s.cfg.Data, "copies")
	switch {
	case authority == "":
		if err := s.checkEmpty(ctx); err != nil {
			return err
		}
		if len(known) > 0 && !s.cfg.NewCluster {
			return fmt.Errorf("%w: the data directory %s is that of a cluster, and the store is empty: it was lost, or is another one; nothing was changed: "+restore, ErrFounding, s.cfg.Data, copies)
		}
	case len(known) > 0 && string(known) != authority && !s.cfg.NewCluster:
		return fmt.Errorf("%w: the data directory %s is that of a cluster with another certificate authority than the store's; nothing was changed: "+
			"name the data directory or the store that belongs to it, or start with --new-cluster to let the directory follow the store", ErrFounding, s.cfg.Data)
	}
	return s.writeFormat(ctx)
}

// checkEmpty refuses a store that has lost its authority but has other data.
func (s *Server) checkEmpty(ctx context.Context) error {
	for _, prefix := range []string{"config/running", "history/", "access/", pki.PrefixMember} {
		found, _, err := s.cfg.Store.List(ctx, prefix, "")
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fmt.Errorf("%w: it holds %s and no certificate authority, so it is damaged or was restored in part; nothing was changed: restore a whole copy of it",
				ErrFounding, found[0].Key)
		}
	}
	return nil
}

func (s *Server) checkFormat(ctx context.Context) error {
	r, err := s.cfg.Store.Get(ctx, keyFormat)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var doc formatDoc
	if err := json.Unmarshal(r.Value, &doc); err != nil || doc.Format < 1 {
		return fmt.Errorf("the store does not tell its format: %q; it is damaged, or not of Viaduct: restore a copy of it", r.Value)
	}
	if doc.Format > StoreFormat {
		return fmt.Errorf("the store has format %d, written by release %s, and this release (%s) reads up to %d; nothing was changed: upgrade this server, or restore a copy from before the upgrade",
			doc.Format, doc.Release, s.cfg.Version, StoreFormat)
	}
	return nil
}

// writeFormat writes the format number of a store without one.
func (s *Server) writeFormat(ctx context.Context) error {
	b, err := json.Marshal(formatDoc{StoreFormat, s.cfg.Version})
	if err != nil {
		return err
	}
	_, err = s.cfg.Store.Txn(ctx, []store.Cond{{Key: keyFormat}}, []store.Op{store.Put(keyFormat, b)})
	switch {
	case errors.Is(err, store.ErrConflict): // it has one
		return nil
	case errors.Is(err, store.ErrNoSpace): // a server must start on a full disk
		return nil
	}
	return err
}
