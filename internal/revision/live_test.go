package revision_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

func placed(id, node, vnet string, ips ...string) model.Edit {
	nic := model.NIC{ID: "net0", VNet: vnet}
	for _, ip := range ips {
		nic.IPs = append(nic.IPs, netip.MustParseAddr(ip))
	}
	return model.Edit{Put: &model.Guest{ID: id, Node: node, NICs: []model.NIC{nic}}}
}

func onNodes(id string, nodes ...string) model.Edit {
	return model.Edit{Put: &model.Zone{ID: id, Type: model.ZoneSimple, Nodes: nodes}}
}

func gateway(ip string) model.Edit {
	return model.Edit{Put: &model.Subnet{ID: "10.0.1.0/24", VNet: "v1", Gateway: netip.MustParseAddr(ip)}}
}

// TestGuestsOfThePlan plans and makes guests that are right only with the edits
// beside them.
func TestGuestsOfThePlan(t *testing.T) {
	for name, edits := range map[string][]model.Edit{
		"a node joins the zone": {onNodes("z1", "n1", "n2"), placed("100", "n2", "v1", "10.0.1.9")},
		"the gateway moves":     {gateway("10.0.1.254"), placed("100", "n1", "v1", "10.0.1.1")},
	} {
		t.Run(name, func(t *testing.T) {
			s := service(t, mem.New())
			edit(t, s, onNodes("z1", "n1"), vnet("v1", "z1"), gateway("10.0.1.1"))
			apply(t, s)
			if _, err := s.Plan(t.Context(), edits); err != nil {
				t.Errorf("plan: %v", err)
			}
			edit(t, s, edits...)
		})
	}
	// What only runs is good enough for an edit, but not for a plan.
	s := service(t, mem.New())
	edit(t, s, onNodes("z1", "n1"), vnet("v1", "z1"), gateway("10.0.1.1"))
	apply(t, s)
	edit(t, s, gateway("10.0.1.254"))
	last := placed("100", "n1", "v1", "10.0.1.254")
	if _, err := s.Plan(t.Context(), []model.Edit{last}); err == nil || !strings.Contains(err.Error(), "gateway") {
		t.Errorf("a plan with a guest on the new gateway: %v", err)
	}
	edit(t, s, last)
}

// interloper is a store where somebody else writes a guest before the second
// transaction of a test, and which may fail from then on.
type interloper struct {
	store.Store
	txns  atomic.Int64
	first func()
	fail  error
}

func (i *interloper) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	if n := i.txns.Add(1); n == 2 && i.first != nil {
		i.first()
	} else if n >= 2 && i.fail != nil {
		return 0, i.fail
	}
	return i.Store.Txn(ctx, conds, ops)
}

// TestManyGuests deletes more guests than one transaction takes while others
// write, or the store fails, in between.
func TestManyGuests(t *testing.T) {
	const n = 250
	fill := func(t *testing.T) (st *mem.Store, deletes []model.Edit) {
		st = mem.New()
		var puts []model.Edit
		for i := range n {
			id := fmt.Sprint(1000 + i)
			puts, deletes = append(puts, model.Edit{Put: &model.Guest{ID: id}}), append(deletes, remove(model.KindGuest, id))
		}
		edit(t, service(t, st), puts...)
		return st, deletes
	}
	t.Run("conflict", func(t *testing.T) {
		st, deletes := fill(t)
		other := service(t, st)
		s := service(t, &interloper{Store: st, first: func() { edit(t, other, model.Edit{Put: &model.Guest{ID: "100"}}) }})
		if _, err := s.Edit(t.Context(), "tester", deletes, revision.EditOptions{}); err != nil {
			t.Error(err)
		}
		if v := view(t, other); len(v.Live.Guests) != 1 {
			t.Errorf("%d guests left", len(v.Live.Guests))
		}
	})
	t.Run("failure", func(t *testing.T) {
		st, deletes := fill(t)
		s := service(t, &interloper{Store: st, fail: store.ErrUnavailable})
		_, err := s.Edit(t.Context(), "tester", deletes, revision.EditOptions{})
		if !is(store.ErrUnavailable)(err) || !strings.Contains(err.Error(), "100 of 250 live objects were stored") {
			t.Errorf("got %v", err)
		}
	})
}

// TestWarnsOfNetworksInUse tells of guests that lose their network, and of no
// others.
func TestWarnsOfNetworksInUse(t *testing.T) {
	s := service(t, mem.New())
	edit(t, s, zone("z1", 0))
	apply(t, s)
	edit(t, s, vnet("v1", "z1"), placed("100", "n1", "v1"))
	apply(t, s)
	p, err := s.PlanRevision(t.Context(), 1)
	if err != nil || !strings.Contains(p.Warnings.Error(), "guest 100") {
		t.Errorf("rollback to where there was no vnet: %+v, %v", p, err)
	}
	if r := edit(t, s, remove(model.KindVNet, "v1"), remove(model.KindGuest, "100")); len(r.Warnings) != 0 {
		t.Errorf("the guest goes along: %v", r.Warnings)
	}
}

// Whoever looks at what stands is told of every newer view, and sees what runs and what
// is live, without the pending configuration being made for them.
func TestStanding(t *testing.T) {
	s := service(t, mem.New())
	for i, o := range []model.Object{&model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.IPAM{ID: "far", Type: model.IPAMTypePVE}} {
		_, newer := s.LatestApplied()
		edit(t, s, model.Edit{Put: o})
		select {
		case <-newer:
		case <-time.After(10 * time.Second):
			t.Fatalf("nobody was told of edit %d", i)
		}
	}
	v, _ := s.LatestApplied()
	if v.Running == nil || v.Live.IPAMs["far"] == nil {
		t.Errorf("what stands: %+v", v)
	}
	if all, _ := s.Latest(); all.Pending.Zones["z1"] == nil {
		t.Error("the pending configuration is lost")
	}
}
