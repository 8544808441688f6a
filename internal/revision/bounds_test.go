package revision_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// bounded is a service with little room for pending edits.
func bounded(t *testing.T, st store.Store, all, own revision.Pending) *revision.Service {
	t.Helper()
	s, err := revision.Open(t.Context(), st, revision.Options{Pending: all, OwnPending: own})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// editAs edits as somebody.
func editAs(t *testing.T, s *revision.Service, author string, edits ...model.Edit) error {
	t.Helper()
	_, err := s.Edit(t.Context(), author, edits, revision.EditOptions{})
	return err
}

// One user, with whatever tokens, leaves room for others; what is pending can always be
// deleted, dropped or applied, and then there is room again.
func TestPendingIsBounded(t *testing.T) {
	for name, free := range map[string]func(*testing.T, *revision.Service){
		"discard": func(t *testing.T, s *revision.Service) {
			if _, err := s.Discard(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		},
		"apply": func(t *testing.T, s *revision.Service) { apply(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			st := mem.New()
			all, own := revision.Pending{Edits: 15, Bytes: 1 << 20}, revision.Pending{Edits: 10, Bytes: 1 << 20}
			s := bounded(t, st, all, own)
			for i := range 10 { // the same one over and over: the log has them all
				if err := editAs(t, s, fmt.Sprintf("bob@pve!t%d", i), zone("aa", 1000+i)); err != nil {
					t.Fatalf("edit %d: %v", i, err)
				}
			}
			for _, author := range []string{"bob@pve", "bob@pve!t1", "bob@pve!another"} {
				err := editAs(t, s, author, zone("aa", 1300))
				if !errors.Is(err, revision.ErrPendingFull) || !strings.Contains(err.Error(), "viaduct discard") || !strings.Contains(err.Error(), "bob@pve would have 11") {
					t.Errorf("%s: %v", author, err)
				}
			}
			if err := editAs(t, s, "eve@pve", zone("bb", 0)); err != nil {
				t.Errorf("another user: %v", err)
			}
			// Also after a start, and at another server.
			s = bounded(t, st, all, own)
			if err := editAs(t, s, "bob@pve", zone("aa", 1300)); !errors.Is(err, revision.ErrPendingFull) {
				t.Errorf("after a start: %v", err)
			}
			if err := editAs(t, s, "bob@pve", remove(model.KindZone, "aa")); err != nil {
				t.Errorf("a deletion: %v", err)
			}
			if err := editAs(t, s, "eve@pve", zone("c1", 0), zone("c2", 0), zone("c3", 0), zone("c4", 0)); !errors.Is(err, revision.ErrPendingFull) || strings.Contains(err.Error(), "eve") {
				t.Errorf("beyond what may be pending at all: %v", err)
			}
			if _, err := s.Edit(t.Context(), "bob@pve", []model.Edit{zone("aa", 0)}, revision.EditOptions{DryRun: true}); err != nil {
				t.Errorf("a dry run, which leaves nothing pending: %v", err)
			}
			free(t, s)
			if err := editAs(t, s, "bob@pve", zone("aa", 1300)); err != nil {
				t.Errorf("when there is room again: %v", err)
			}
		})
	}
}

// Text that compresses well takes no less memory.
func TestPendingBytesAreThoseOfTheText(t *testing.T) {
	s := bounded(t, mem.New(), revision.Pending{Edits: 1000, Bytes: 1 << 20}, revision.Pending{Edits: 1000, Bytes: 10_000})
	edits := []model.Edit{zone("aa", 0)}
	for i := range 50 {
		edits = append(edits, model.Edit{Put: &model.VNet{ID: fmt.Sprintf("v%d", i), Zone: "aa", Alias: strings.Repeat("x", 250)}})
	}
	if err := editAs(t, s, "bob@pve", edits...); !errors.Is(err, revision.ErrPendingFull) {
		t.Errorf("%v", err)
	}
	if err := editAs(t, s, "bob@pve", edits[:10]...); err != nil {
		t.Error(err)
	}
	if n := len(view(t, s).Pending.VNets); n != 9 {
		t.Errorf("%d VNets are pending", n)
	}
}
