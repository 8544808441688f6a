package revision_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// replayed is what the records of a view make of its running configuration.
func replayed(v *revision.View) *model.Config {
	cfg := v.Running.Clone()
	for _, r := range v.Records() {
		for _, e := range r.Edits {
			if e.Put != nil {
				cfg.Set(e.Put)
			} else {
				cfg.Delete(e.Kind, e.ID)
			}
		}
	}
	return cfg
}

// tagged is a VNet of a VLAN zone.
func tagged(id string, tag int) model.Edit {
	return model.Edit{Put: &model.VNet{ID: id, Zone: "vlan", Tag: tag}}
}

// Many writers of two servers fight for few names and tags, while others read. Every
// call has an outcome of its own: those that were accepted have one record each, after
// each of which the configuration is sound, and those that were refused have none.
// Whatever a reader gets is one state and never changes.
func TestWritersTogether(t *testing.T) {
	st := mem.New()
	services := []*revision.Service{service(t, st), service(t, st)}
	edit(t, services[0], model.Edit{Put: &model.Zone{ID: "vlan", Type: model.ZoneVLAN, Bridge: "vmbr0"}})

	const writers, each = 8, 40
	var mu sync.Mutex
	accepted := map[string]bool{"tester": true}
	refused := 0
	var writing, reading sync.WaitGroup
	for w := range writers {
		s := services[w%2]
		writing.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range each {
				author := fmt.Sprintf("writer %d %d", w, i)
				edits := []model.Edit{tagged(fmt.Sprintf("v%c", 'a'+random.IntN(12)), 1+random.IntN(12))}
				if random.IntN(3) == 0 {
					edits = []model.Edit{remove(model.KindVNet, edits[0].Put.ObjectID())}
				}
				dry := random.IntN(8) == 0
				r, err := s.Edit(t.Context(), author, edits, revision.EditOptions{DryRun: dry})
				var problems model.Problems
				switch {
				case err == nil && !dry && len(r.Changes) > 0:
					mu.Lock()
					accepted[author] = true
					mu.Unlock()
				case err != nil && !errors.As(err, &problems) && !errors.Is(err, revision.ErrNotFound):
					t.Error(err)
				case err != nil:
					mu.Lock()
					refused++
					mu.Unlock()
				}
			}
		})
	}
	stop := make(chan struct{})
	for _, s := range services {
		reading.Go(func() {
			for open := true; open; {
				v, newer := s.Latest()
				if d := cmp.Diff(replayed(v), v.Pending, opts); d != "" {
					t.Errorf("the pending configuration is not what its records say:\n%s", d)
					return
				}
				select {
				case <-newer:
				case <-stop:
					open = false
				}
				if d := cmp.Diff(replayed(v), v.Pending, opts); d != "" {
					t.Errorf("a view changed:\n%s", d)
					return
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	reading.Wait()

	cfg := &model.Config{}
	for _, r := range view(t, service(t, st)).Records() {
		if !accepted[r.Author] {
			t.Errorf("record %d of %s, who was refused or has two", r.Seq, r.Author)
		}
		delete(accepted, r.Author)
		for _, e := range r.Edits {
			if e.Put != nil {
				cfg.Set(e.Put)
			} else {
				cfg.Delete(e.Kind, e.ID)
			}
		}
		if bad := model.Validate(cfg, nil).Errors(false); len(bad) > 0 {
			t.Fatalf("after record %d of %s: %v", r.Seq, r.Author, bad)
		}
	}
	if len(accepted) > 0 {
		t.Errorf("accepted and without a record: %v", accepted)
	}
	if refused == 0 {
		t.Error("nobody was refused")
	}
}

// What is left of validation for an edit says the same as all of it.
func TestEditsAreJudgedAsTheWhole(t *testing.T) {
	known := func() []string { return []string{"n1"} }
	rapid.Check(t, func(rt *rapid.T) {
		s, err := revision.Open(t.Context(), mem.New(), revision.Options{Known: known})
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			edits := networkEdits(rt)
			lax := rapid.Bool().Draw(rt, "lax")
			before := view(t, s).Pending
			wantWarnings, wantErr := judged(before, edits, lax, known())
			r, err := s.Edit(t.Context(), "tester", edits, revision.EditOptions{Lax: lax})
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				rt.Fatalf("edits %v:\n got %v\nwant %v", edits, err, wantErr)
			}
			if err == nil {
				if d := cmp.Diff(wantWarnings, r.Warnings, cmpopts.EquateEmpty()); d != "" {
					rt.Fatalf("warnings (-want +got):\n%s", d)
				}
			}
		}
	})
}

// networkEdits are edits in dependency order, of one object each, that fit together
// or not.
func networkEdits(rt *rapid.T) []model.Edit {
	var out []model.Edit
	name := func(of string, n int) string { return fmt.Sprintf("%s%d", of, rapid.IntRange(0, n).Draw(rt, of)) }
	if rapid.IntRange(0, 3).Draw(rt, "zones") == 0 {
		out = append(out, model.Edit{Put: &model.Zone{
			ID: name("z", 2), Type: rapid.SampledFrom([]model.ZoneType{model.ZoneSimple, model.ZoneVLAN, model.ZoneEVPN}).Draw(rt, "type"),
			MTU: rapid.SampledFrom([]int{0, 1000}).Draw(rt, "mtu"), Nodes: rapid.SampledFrom([][]string{nil, {"n1"}, {"n2"}}).Draw(rt, "nodes"),
			Bridge: rapid.SampledFrom([]string{"", "vmbr0"}).Draw(rt, "bridge"),
		}})
	}
	v := &model.VNet{ID: name("v", 5), Zone: name("z", 2), Tag: rapid.IntRange(0, 2).Draw(rt, "tag"), VLANAware: rapid.IntRange(0, 5).Draw(rt, "aware") == 0}
	if rapid.Bool().Draw(rt, "vnets") {
		out = append(out, model.Edit{Put: v})
	}
	if rapid.Bool().Draw(rt, "subnets") {
		out = append(out, subnet(rt, v.ID))
	}
	switch rapid.IntRange(0, 9).Draw(rt, "deletions") {
	case 0:
		out = append(out, remove(model.KindVNet, name("v", 5)+"x"))
	case 1:
		out = []model.Edit{remove(model.KindVNet, name("v", 5))}
	case 2:
		out = []model.Edit{remove(model.KindZone, name("z", 2))}
	}
	return out
}

func subnet(rt *rapid.T, vnet string) model.Edit {
	at := rapid.SampledFrom([]string{"10.0.0.0/22", "10.0.0.0/24", "10.0.0.1/24", "10.0.1.0/24", "10.0.1.128/25", "fd00::/64", "fd00::/48"}).Draw(rt, "network")
	s := &model.Subnet{CIDR: netip.MustParsePrefix(at), VNet: vnet, SNAT: rapid.Bool().Draw(rt, "snat")}
	if rapid.Bool().Draw(rt, "gateway") {
		s.Gateway = netip.MustParseAddr("10.0.1.129")
	}
	return model.Edit{Put: s}
}

// judged tells what the whole configuration's validation says of edits.
func judged(old *model.Config, edits []model.Edit, lax bool, known []string) (model.Problems, error) {
	cfg := old.Clone()
	touched := map[string]bool{}
	for _, e := range edits {
		if e.Put == nil {
			if !cfg.Delete(e.Kind, e.ID) {
				return nil, fmt.Errorf("%s %s: %w: check the spelling, or list what exists with: viaduct get %s", e.Kind, e.ID, revision.ErrNotFound, e.Kind.Plural())
			}
		} else if err := cfg.Put(e.Put); err != nil {
			return nil, err
		}
		kind, id := e.Kind, e.ID
		if e.Put != nil {
			kind, id = e.Put.ObjectKind(), e.Put.ObjectID()
		}
		touched[model.Ref(kind, id)] = true
	}
	if cmp.Equal(old, cfg, opts) {
		return nil, nil
	}
	was := map[string]bool{}
	for _, p := range model.Validate(old, known) {
		was[string(p.Severity)+p.String()] = true
	}
	var errs, warnings model.Problems
	for _, p := range model.Validate(cfg, known) {
		switch fresh := touched[model.Ref(p.Kind, p.ID)] || !was[string(p.Severity)+p.String()]; {
		case fresh && len(model.Problems{p}.Errors(lax)) > 0:
			errs = append(errs, p)
		case fresh:
			warnings = append(warnings, p)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return warnings, nil
}

// A call that panics, and one whose caller has gone, are nobody else's trouble.
func TestTroubleStaysWithItsCall(t *testing.T) {
	s := service(t, mem.New())
	edit(t, s, zone("za", 1400))
	func() {
		defer func() {
			if p := recover(); p != "oh" {
				t.Errorf("panic %v", p)
			}
		}()
		_, _ = s.Change(t.Context(), "tester", func(*revision.View) ([]model.Edit, error) { panic("oh") }, revision.EditOptions{})
	}()
	edit(t, s, zone("zb", 1400))

	// While one call is worked out another waits, until its caller goes.
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := s.Change(t.Context(), "slow", func(*revision.View) ([]model.Edit, error) {
			close(inside)
			<-leave
			return []model.Edit{zone("zc", 1400)}, nil
		}, revision.EditOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Edit(gone, "gone", []model.Edit{zone("zd", 1400)}, revision.EditOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	close(leave)
	wg.Wait()
	if v := view(t, s); len(v.Pending.Zones) != 3 || v.Pending.Zones["zd"] != nil {
		t.Errorf("zones %v", v.Pending.Zones)
	}
}

// A view that the function of a change keeps stays as it was.
func TestViewsOfChangesCanBeKept(t *testing.T) {
	s := service(t, mem.New())
	var kept []*revision.View
	for i := range 5 {
		_, err := s.Change(t.Context(), "tester", func(v *revision.View) ([]model.Edit, error) {
			kept = append(kept, v)
			return []model.Edit{zone(fmt.Sprintf("z%c", 'a'+i), 1400)}, nil
		}, revision.EditOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range kept {
		if len(v.Pending.Zones) != i || cmp.Diff(replayed(v), v.Pending, opts) != "" {
			t.Errorf("the view of change %d has %d zones", i, len(v.Pending.Zones))
		}
	}
}

// Calls under different conditions are not stored together, and the one whose
// condition does not hold is the one that is told.
func TestConditionsOfCallsTogether(t *testing.T) {
	st := mem.New()
	s := service(t, st)
	at, err := st.Txn(t.Context(), nil, []store.Op{store.Put("lock", nil)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			o := revision.EditOptions{Guard: []store.Cond{{Key: "lock", Revision: at}}}
			if i%3 == 0 {
				o.Guard[0].Revision = 0
			}
			_, err := s.Edit(t.Context(), "tester", []model.Edit{zone(fmt.Sprintf("z%c", 'a'+i), 1400)}, o)
			if errors.Is(err, revision.ErrGuard) != (i%3 == 0) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := len(view(t, s).Pending.Zones); n != 8 {
		t.Errorf("%d zones", n)
	}
}

// A store that fails fails whoever it fails, and nobody else.
func TestFailuresOfCallsTogether(t *testing.T) {
	st := mem.New()
	s := service(t, &faulty{Store: st, random: rand.New(rand.NewPCG(7, 7)), chance: 30})
	var mu sync.Mutex
	var stored, unknown []string
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("z%c%d", 'a'+w, i)
				_, err := s.Edit(t.Context(), "tester", []model.Edit{zone(id, 1400)}, revision.EditOptions{})
				mu.Lock()
				switch {
				case err == nil:
					stored = append(stored, id)
				case errors.Is(err, store.ErrUnavailable):
					unknown = append(unknown, id)
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	v := view(t, service(t, st))
	for _, id := range stored {
		if v.Pending.Zones[id] == nil {
			t.Errorf("%s was stored and is not there", id)
		}
	}
	if n := len(v.Pending.Zones); n > len(stored)+len(unknown) || len(unknown) == 0 {
		t.Errorf("%d zones of %d stored; perhaps %s", n, len(stored), strings.Join(unknown, " "))
	}
	if d := cmp.Diff(v.Pending, view(t, s).Pending, opts); d != "" {
		t.Errorf("the service that met the failures sees something else:\n%s", d)
	}
}

// Edits of one object of many.
func BenchmarkEdit10000(b *testing.B) {
	edits := []model.Edit{{Put: &model.Zone{ID: "vx", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}}
	network := func(i int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
	}
	for i := range 10_000 {
		id := fmt.Sprintf("v%d", i)
		edits = append(edits, model.Edit{Put: &model.VNet{ID: id, Zone: "vx", Tag: i + 1}}, model.Edit{Put: &model.Subnet{CIDR: network(i), VNet: id}})
	}
	for name, change := range map[string]func(i int) model.Edit{
		"vnet": func(i int) model.Edit {
			return model.Edit{Put: &model.VNet{ID: "v5000", Zone: "vx", Tag: 5001, Alias: fmt.Sprint(i)}}
		},
		"subnet": func(i int) model.Edit {
			return model.Edit{Put: &model.Subnet{CIDR: network(5000), VNet: "v5000", SNAT: i%2 == 0, Gateway: network(5000).Addr().Next()}}
		},
		"zone": func(i int) model.Edit {
			return model.Edit{Put: &model.Zone{ID: "other", Type: model.ZoneSimple, MTU: 1300 + i%100}}
		},
	} {
		b.Run(name, func(b *testing.B) {
			s, err := revision.Open(b.Context(), mem.New(), revision.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Edit(b.Context(), "tester", edits, revision.EditOptions{}); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if _, err := s.Edit(b.Context(), "tester", []model.Edit{change(i)}, revision.EditOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
