package revision_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// What a change is worked out from still holds when it is stored: of many writers
// who all take the next MTU none takes one twice.
func TestChangesSeeWhatTheyChange(t *testing.T) {
	st := mem.New()
	edit(t, service(t, st), zone("zz", 1000))
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for range writers {
		s := service(t, st)
		wg.Go(func() {
			for range each {
				_, err := s.Change(t.Context(), "tester", func(v *revision.View) ([]model.Edit, error) {
					return []model.Edit{zone("zz", v.Pending.Zones["zz"].MTU+1)}, nil
				}, revision.EditOptions{Uncounted: true})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if mtu := view(t, service(t, st)).Pending.Zones["zz"].MTU; mtu != 1000+writers*each {
		t.Errorf("mtu %d", mtu)
	}
}

func TestGuardedChanges(t *testing.T) {
	st := mem.New()
	s := service(t, st)
	guard := func(at int64) revision.EditOptions {
		return revision.EditOptions{Guard: []store.Cond{{Key: "lock", Revision: at}}}
	}
	if _, err := s.Edit(t.Context(), "tester", []model.Edit{zone("za", 0)}, guard(0)); err != nil {
		t.Fatal(err)
	}
	at, err := st.Txn(t.Context(), nil, []store.Op{store.Put("lock", []byte("x"))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Edit(t.Context(), "tester", []model.Edit{zone("zb", 0)}, guard(0)); !errors.Is(err, revision.ErrGuard) {
		t.Errorf("a condition that does not hold: %v", err)
	}
	if _, err := s.Edit(t.Context(), "tester", []model.Edit{zone("zb", 0)}, guard(at)); err != nil {
		t.Error(err)
	}
	refused := fmt.Errorf("no")
	_, err = s.Change(t.Context(), "tester", func(*revision.View) ([]model.Edit, error) { return nil, refused }, revision.EditOptions{})
	if !errors.Is(err, refused) {
		t.Errorf("what the caller refuses: %v", err)
	}
	if z := view(t, s).Pending.Zones; len(z) != 2 {
		t.Errorf("zones %v", z)
	}
}
