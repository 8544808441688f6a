package mem_test

import (
	"errors"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/conformance"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) store.Store { return mem.New() })
}

func TestWatchOfCompactedRevisionsFails(t *testing.T) {
	s := mem.New()
	rev, err := s.Txn(t.Context(), nil, []store.Op{store.Put("a", nil)})
	if err != nil {
		t.Fatal(err)
	}
	s.Compact()
	if b := <-s.Watch(t.Context(), "a", rev-1); !errors.Is(b.Err, store.ErrCompacted) {
		t.Errorf("got %+v", b)
	}
}
