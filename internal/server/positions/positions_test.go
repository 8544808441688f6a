package positions_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/server/positions"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func open(t *testing.T, st store.Store) *positions.Service {
	t.Helper()
	s, err := positions.Open(t.Context(), st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(rank float64) *float64 { return &rank }

func TestMoveAndReset(t *testing.T) {
	st := mem.New()
	s := open(t, st)
	changed := s.Changed()
	for _, moved := range []map[string]*float64{{"node/a": at(1.5), "zone/z": at(-1)}, {"zone/z": nil, "vnet/v": at(3)}} {
		if err := s.Move(t.Context(), moved); err != nil {
			t.Fatal(err)
		}
	}
	<-changed
	want := map[string]float64{"node/a": 1.5, "vnet/v": 3}
	for who, one := range map[string]*positions.Service{"the same": s, "another server": open(t, st)} {
		if ranks := one.Ranks(); !cmp.Equal(ranks, want) {
			t.Errorf("%s has %v, want %v", who, ranks, want)
		}
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ranks := s.Ranks(); len(ranks) != 0 {
		t.Errorf("after the reset there is %v", ranks)
	}
	if _, err := st.Get(t.Context(), "topology/positions"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the record stays: %v", err)
	}
}

// Two users who move different elements at once both succeed.
func TestConcurrentMoves(t *testing.T) {
	st := mem.New()
	var group sync.WaitGroup
	for i := range 8 {
		s := open(t, st)
		group.Go(func() {
			if err := s.Move(t.Context(), map[string]*float64{fmt.Sprintf("node/n%d", i): at(float64(i))}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if ranks := open(t, st).Ranks(); len(ranks) != 8 {
		t.Errorf("%d of 8 moves remain", len(ranks))
	}
}

func TestBound(t *testing.T) {
	s := open(t, mem.New())
	moved := make(map[string]*float64)
	for i := range api.MaxPositions {
		moved[fmt.Sprintf("vnet/v%d", i)] = at(1)
	}
	if err := s.Move(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if err := s.Move(t.Context(), map[string]*float64{"node/n": at(1)}); !errors.Is(err, positions.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if err := s.Move(t.Context(), map[string]*float64{"vnet/v0": nil, "node/n": at(1)}); err != nil {
		t.Errorf("one instead of another: %v", err)
	}
}
