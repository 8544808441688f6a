package revision_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// A discard of some objects brings those back and leaves the others; what would not be
// valid with these is refused, and with nothing left the log is empty.
func TestDiscardSome(t *testing.T) {
	s := service(t, mem.New())
	edit(t, s, zone("za", 1400), zone("zb", 1400))
	apply(t, s)
	edit(t, s, zone("za", 1300))
	edit(t, s, zone("zb", 1300), zone("zc", 1300))
	only := func(names ...string) func(*revision.View, []diff.Change) ([]diff.Change, error) {
		return func(_ *revision.View, all []diff.Change) ([]diff.Change, error) {
			return slices.DeleteFunc(all, func(c diff.Change) bool { return !slices.Contains(names, c.Name) }), nil
		}
	}
	r, err := s.DiscardSome(t.Context(), "tester", "", only("za"))
	if err != nil || len(r.Changes) != 1 || r.Pending != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	edit(t, s, vnet("vc", "zc"))
	var problems model.Problems
	if _, err := s.DiscardSome(context.Background(), "tester", "", only("zc")); !errors.As(err, &problems) {
		t.Errorf("the zone of a vnet that stays pending was discarded: %v", err)
	}
	if _, err := s.DiscardSome(t.Context(), "tester", "", only("zb", "zc", "vc")); err != nil {
		t.Fatal(err)
	}
	v, err := s.View(t.Context())
	if err != nil || len(v.Changes()) != 0 || len(v.Records()) != 0 || v.Pending.Zones["za"].MTU != 1400 {
		t.Errorf("%+v, %d records, %v", v.Changes(), len(v.Records()), err)
	}
}

// edited makes edits as an author.
func edited(t *testing.T, s *revision.Service, author string, edits ...model.Edit) {
	t.Helper()
	if _, err := s.Edit(t.Context(), author, edits, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
}

func allowed(*revision.View, []model.Edit) error { return nil }

// Undo goes back through the edit calls of an author, one at a time and each as a whole,
// and past those of others.
func TestUndo(t *testing.T) {
	s := service(t, mem.New())
	edited(t, s, "ana", zone("za", 1400))
	apply(t, s)
	edited(t, s, "ana", zone("za", 1300), zone("zb", 1300))
	edited(t, s, "ana", zone("za", 1200), remove(model.KindZone, "zb"))
	edited(t, s, "ben", zone("zc", 1300))
	mtus := func() [3]int {
		var out [3]int
		for i, id := range []string{"za", "zb", "zc"} {
			if z := view(t, s).Pending.Zones[id]; z != nil {
				out[i] = z.MTU
			}
		}
		return out
	}
	for _, want := range [][3]int{{1300, 1300, 1300}, {1400, 0, 1300}} {
		if _, err := s.Undo(t.Context(), "ana", 0, allowed); err != nil || mtus() != want {
			t.Fatalf("%v, want %v, %v", mtus(), want, err)
		}
	}
	if _, err := s.Undo(t.Context(), "ana", 0, allowed); !errors.Is(err, revision.ErrNotFound) {
		t.Errorf("an edit of nobody was undone: %v", err)
	}
	p, err := s.Plan(t.Context(), nil)
	if err != nil || len(p.Records) != 1 || p.Records[0].Author != "ben" {
		t.Errorf("the plan has the edits %+v, %v", p.Records, err)
	}
	if _, err := s.Undo(t.Context(), "ben", p.Records[0].Seq, allowed); err != nil {
		t.Fatal(err)
	}
	if n := len(view(t, s).Records()); n != 0 {
		t.Errorf("%d records are left with nothing pending", n)
	}
}

// An undo is refused, and changes nothing, if it would take back what somebody else did,
// or leave behind what is not valid, or is that of somebody else.
func TestUndoRefused(t *testing.T) {
	s := service(t, mem.New())
	edited(t, s, "ana", zone("za", 1400), zone("zb", 1400))
	seen := view(t, s).Records()[0].Seq
	edited(t, s, "ben", zone("zb", 1300))
	if _, err := s.Undo(t.Context(), "ana", 0, allowed); !errors.Is(err, revision.ErrPrecondition) || !strings.Contains(err.Error(), "zone/zb: precondition failed: it was changed again by ben") {
		t.Errorf("%v", err)
	}
	if _, err := s.Undo(t.Context(), "ben", 0, allowed); err != nil {
		t.Fatal(err)
	}
	edited(t, s, "ben", vnet("va", "za"))
	var problems model.Problems
	if _, err := s.Undo(t.Context(), "ana", 0, allowed); !errors.As(err, &problems) || problems[0].ID != "va" {
		t.Errorf("the zone of a VNet was taken back: %v", err)
	}
	edited(t, s, "ana", zone("zc", 1400))
	if _, err := s.Undo(t.Context(), "ben", seen, allowed); !errors.Is(err, revision.ErrNotFound) {
		t.Errorf("the edit of somebody else was undone: %v", err)
	}
	never := errors.New("never")
	if _, err := s.Undo(t.Context(), "ana", 0, func(*revision.View, []model.Edit) error { return never }); !errors.Is(err, never) {
		t.Errorf("%v", err)
	}
	if v := view(t, s); v.Pending.Zones["za"] == nil || v.Pending.Zones["zc"] == nil || v.Pending.VNets["va"] == nil {
		t.Error("a refused undo changed something")
	}
}
