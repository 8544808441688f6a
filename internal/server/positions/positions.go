// Package positions keeps where users moved elements of the picture of the network to, for
// all of them. They are no part of the configuration: they are in no revision and take effect
// at once.
package positions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// The ranks of all elements are one record.
const (
	prefix = "topology/"
	name   = "positions"
)

// ErrTooMany is returned if more than api.MaxPositions elements would be moved.
var ErrTooMany = fmt.Errorf("more than %d elements would be moved", api.MaxPositions)

// Service keeps ranks by reference: "node/node1". Open creates it.
type Service struct {
	store store.Store
	ranks *mirror.Mirror[map[string]float64]
}

// Open reads the ranks.
func Open(ctx context.Context, st store.Store, log *slog.Logger) (*Service, error) {
	ranks, err := mirror.Open(ctx, st, prefix, log, func(r store.Record) (map[string]float64, error) {
		var m map[string]float64
		return m, json.Unmarshal(r.Value, &m)
	})
	if err != nil {
		return nil, err
	}
	return &Service{store: st, ranks: ranks}, nil
}

// Run follows the changes of other servers until ctx ends.
func (s *Service) Run(ctx context.Context) { s.ranks.Run(ctx) }

// Ranks returns all ranks, not to be changed.
func (s *Service) Ranks() map[string]float64 {
	all, _ := s.ranks.All()
	return all[name].Value
}

// Changed returns a channel that is closed as soon as the ranks of now are no longer current.
func (s *Service) Changed() <-chan struct{} {
	_, changed := s.ranks.All()
	return changed
}

// Move changes ranks; nil removes one. It returns ErrTooMany if there would be too many.
func (s *Service) Move(ctx context.Context, moved map[string]*float64) error {
	return s.change(ctx, func(ranks map[string]float64) map[string]float64 {
		out := maps.Clone(ranks)
		if out == nil {
			out = make(map[string]float64)
		}
		for ref, rank := range moved {
			if rank == nil {
				delete(out, ref)
			} else {
				out[ref] = *rank
			}
		}
		return out
	})
}

// Reset removes all ranks.
func (s *Service) Reset(ctx context.Context) error {
	return s.change(ctx, func(map[string]float64) map[string]float64 { return nil })
}

func (s *Service) change(ctx context.Context, to func(map[string]float64) map[string]float64) error {
	return store.Retry(ctx, func() error {
		old, err := s.store.Get(ctx, prefix+name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		var ranks map[string]float64
		if old.Revision != 0 {
			if err := json.Unmarshal(old.Value, &ranks); err != nil {
				ranks = nil // a damaged record must not prevent that it is replaced
			}
		}
		next := to(ranks)
		if len(next) > api.MaxPositions {
			return ErrTooMany
		}
		if maps.Equal(ranks, next) {
			return nil
		}
		op := store.Delete(prefix + name)
		if len(next) > 0 {
			b, err := json.Marshal(next)
			if err != nil {
				return err
			}
			op = store.Put(prefix+name, b)
		}
		if _, err := s.store.Txn(ctx, []store.Cond{{Key: prefix + name, Revision: old.Revision}}, []store.Op{op}); err != nil {
			return err
		}
		return s.ranks.Sync(ctx)
	})
}
