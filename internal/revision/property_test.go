package revision_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// reference is the plainest thing that behaves as the service should.
type reference struct {
	running, pending *model.Config
	revisions        []*model.Config
}

func (r *reference) edit(edits []model.Edit) {
	r.pending = r.pending.Clone()
	for _, e := range edits {
		if e.Put != nil {
			_ = r.pending.Put(e.Put)
		} else {
			r.pending.Delete(e.Kind, e.ID)
		}
	}
}

func (r *reference) apply() {
	if cmp.Equal(r.running, r.pending, opts) {
		return
	}
	r.running = r.pending
	r.revisions = append(r.revisions, r.pending)
}

// TestServiceEqualsReference makes random calls through two services and a
// store that fails, before or after its commits, now and then. A call that
// fails has happened as a whole or not at all, and everything else is exactly
// what the reference says: nothing is lost and nothing is half done.
func TestServiceEqualsReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		st := mem.New()
		seed := rapid.Uint64().Draw(rt, "seed")
		f := &faulty{Store: st, random: rand.New(rand.NewPCG(seed, 0)), chance: rapid.IntRange(0, 40).Draw(rt, "chance")}
		services := []*revision.Service{service(t, f), service(t, f)}
		want := &reference{running: &model.Config{}, pending: &model.Config{}}
		for range rapid.IntRange(1, 25).Draw(rt, "calls") {
			s := services[rapid.IntRange(0, 1).Draw(rt, "service")]
			// What the call does to the reference if it happened.
			next := *want
			err := randomCall(rt, t, s, &next)
			if err == nil {
				*want = next
				continue
			}
			if !errors.Is(err, store.ErrUnavailable) {
				rt.Fatalf("the call failed: %v", err)
			}
			// It happened or it did not. A fresh process tells which.
			v := view(t, service(t, st))
			if int(v.Revision) == len(next.revisions) && cmp.Equal(v.Pending, next.pending, opts) {
				*want = next
			}
		}
		for _, s := range append(services, service(t, st)) {
			v := view(t, s)
			if d := cmp.Diff(want.pending, v.Pending, opts) + cmp.Diff(want.running, v.Running, opts); d != "" {
				rt.Fatalf("(-want +got):\n%s", d)
			}
			if int(v.Revision) != len(want.revisions) {
				rt.Fatalf("revision %d, want %d", v.Revision, len(want.revisions))
			}
		}
		checkHistory(t, st)
	})
}

// randomCall makes one call, which is accepted unless the store fails, and does
// the same to the reference.
func randomCall(rt *rapid.T, t *testing.T, s *revision.Service, want *reference) error {
	ctx := t.Context()
	switch what := rapid.IntRange(0, 9).Draw(rt, "what"); {
	case what < 6:
		edits := randomEdits(rt, want.pending)
		want.edit(edits)
		_, err := s.Edit(ctx, "tester", edits, revision.EditOptions{})
		return err
	case what < 8:
		want.apply()
		_, err := s.Apply(ctx, "tester", "", "")
		return err
	case what == 8 && len(want.revisions) > 0 && cmp.Equal(want.running, want.pending, opts):
		n := rapid.IntRange(1, len(want.revisions)).Draw(rt, "revision")
		want.pending = want.revisions[n-1]
		want.apply()
		_, err := s.Rollback(ctx, "tester", "", int64(n), "")
		return err
	}
	want.pending = want.running
	_, err := s.Discard(ctx, "")
	return err
}

// randomEdits are edits that can be made to the configuration.
func randomEdits(rt *rapid.T, cfg *model.Config) []model.Edit {
	var out []model.Edit
	for i := range rapid.IntRange(1, 4).Draw(rt, "edits") {
		id := fmt.Sprintf("z%d", 4*i+rapid.IntRange(0, 3).Draw(rt, "zone"))
		if cfg.Zones[id] != nil && rapid.Bool().Draw(rt, "delete") {
			out = append(out, remove(model.KindZone, id))
		} else {
			out = append(out, zone(id, rapid.IntRange(1280, 1283).Draw(rt, "mtu")))
		}
	}
	return out
}
