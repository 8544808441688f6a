package revision_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

func numbers(t *testing.T, s *revision.Service) []int64 {
	t.Helper()
	all, err := s.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, i := range all {
		out = append(out, i.Number)
	}
	return out
}

// The history stays within its bounds; what runs and what is pinned stays, too, and can
// run again.
func TestHistoryIsBounded(t *testing.T) {
	st := mem.New()
	s, err := revision.Open(t.Context(), st, revision.Options{Kept: revision.Kept{Revisions: 3, Bytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		edit(t, s, zone("aa", 1300+i))
		apply(t, s)
		if i == 1 {
			if err := s.Pin(t.Context(), 2, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := numbers(t, s); !slices.Equal(got, []int64{10, 9, 8, 2}) {
		t.Errorf("kept are %v", got)
	}
	docs, _, err := st.List(t.Context(), "revision/", "")
	if err != nil || len(docs) != 4 {
		t.Errorf("%d revisions are stored, %v", len(docs), err)
	}
	if _, err := s.Rollback(t.Context(), "t", "", 2, ""); err != nil {
		t.Errorf("a rollback to a pinned one: %v", err)
	}
	if _, err := s.Revision(t.Context(), 5); !errors.Is(err, revision.ErrNotFound) {
		t.Errorf("one that was removed: %v", err)
	}
	if err := s.Pin(t.Context(), 5, true); !errors.Is(err, revision.ErrNotFound) {
		t.Errorf("pinning one that was removed: %v", err)
	}
	if err := s.Pin(t.Context(), 2, false); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Prune(t.Context(), revision.Kept{Revisions: 1, Bytes: 0}); err != nil || n != 3 {
		t.Errorf("%d removed, %v", n, err)
	}
	if got := numbers(t, s); !slices.Equal(got, []int64{11}) {
		t.Errorf("kept are %v", got)
	}
	// Another server reads what is left.
	if v := view(t, service(t, st)); v.Revision != 11 || v.Running.Zones["aa"].MTU != 1301 {
		t.Errorf("revision %d runs", v.Revision)
	}
}

func TestHistoryIsBoundedByBytes(t *testing.T) {
	s, err := revision.Open(t.Context(), mem.New(), revision.Options{Kept: revision.Kept{Revisions: 100, Bytes: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		edit(t, s, zone("aa", 1300+i))
		apply(t, s)
	}
	if got := numbers(t, s); len(got) < 2 || len(got) > 8 || got[0] != 20 {
		t.Errorf("kept are %v", got)
	}
}
