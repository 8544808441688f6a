package revision_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// manySubnets are edits that add n subnets to one VNet, each with a gateway, in an
// order that helps nobody.
func manySubnets(n int) []model.Edit {
	out := make([]model.Edit, n)
	for i := range n {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 14), byte(i >> 6), byte(i << 2)})
		out[i] = model.Edit{Put: &model.Subnet{VNet: "big", CIDR: netip.PrefixFrom(a, 30), Gateway: a.Next()}}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Whatever is tried out, and however long that takes, other writers go on.
func TestDryRunsHoldNobodyUp(t *testing.T) {
	s := service(t, mem.New())
	entered, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		r, err := s.Change(t.Context(), "slow", func(*revision.View) ([]model.Edit, error) {
			close(entered)
			<-free
			return []model.Edit{zone("slow", 0)}, nil
		}, revision.EditOptions{DryRun: true})
		if err == nil && (len(r.Changes) != 1 || r.Pending != 1) {
			err = fmt.Errorf("the dry run tells %+v", r)
		}
		done <- err
	}()
	<-entered
	edit(t, s, zone("quick", 0))
	close(free)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if zones := view(t, s).Pending.Zones; len(zones) != 1 || zones["quick"] == nil {
		t.Errorf("pending are %v", zones)
	}
}

// Many edits at once give what they give one by one, and so does what follows them.
func TestManyEditsAtOnce(t *testing.T) {
	all := manySubnets(300)
	begin := []model.Edit{zone("zz", 0), vnet("big", "zz")}
	together, apart := service(t, mem.New()), service(t, mem.New())
	edit(t, together, append(begin, all...)...)
	edit(t, apart, begin...)
	for _, e := range all {
		edit(t, apart, e)
	}
	taken := *all[7].Put.(*model.Subnet)
	taken.CIDR, taken.ID = netip.MustParsePrefix("10.0.0.0/8"), ""
	for _, s := range []*revision.Service{together, apart} {
		if _, err := s.Edit(t.Context(), "t", []model.Edit{{Put: &taken}}, revision.EditOptions{}); err == nil {
			t.Error("a subnet was taken whose gateway another one has, and that holds all others")
		}
		edit(t, s, model.Edit{Put: &model.VNet{ID: "big", Zone: "zz", Alias: "new"}})
		if _, err := s.Edit(t.Context(), "t", []model.Edit{remove(model.KindVNet, "big")}, revision.EditOptions{}); err == nil {
			t.Error("the VNet was deleted from under its subnets")
		}
	}
	if d := cmp.Diff(view(t, apart).Pending, view(t, together).Pending, opts); d != "" {
		t.Error(d)
	}
}

func TestTooManyEdits(t *testing.T) {
	s := service(t, mem.New())
	for _, dry := range []bool{true, false} {
		_, err := s.Edit(t.Context(), "t", make([]model.Edit, revision.MaxEdits+1), revision.EditOptions{DryRun: dry})
		if !errors.Is(err, revision.ErrTooMany) || !strings.Contains(err.Error(), "split") {
			t.Errorf("dry %v: %v", dry, err)
		}
	}
}

// What the largest requests cost, alone in their processes' way.
func BenchmarkLargeEdits(b *testing.B) {
	for _, n := range []int{1000, 10_000, 60_000} {
		open := func(b *testing.B) *revision.Service {
			s, err := revision.Open(b.Context(), mem.New(), revision.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Edit(b.Context(), "b", []model.Edit{zone("zz", 0), vnet("big", "zz")}, revision.EditOptions{}); err != nil {
				b.Fatal(err)
			}
			return s
		}
		for _, dry := range []bool{true, false} {
			b.Run(fmt.Sprintf("n=%d/dry=%v", n, dry), func(b *testing.B) {
				edits := manySubnets(n)
				for b.Loop() {
					b.StopTimer()
					s := open(b)
					b.StartTimer()
					if _, err := s.Edit(b.Context(), "b", edits, revision.EditOptions{DryRun: dry}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("n=%d/one-vnet-beside", n), func(b *testing.B) {
			s := open(b)
			if _, err := s.Edit(b.Context(), "b", manySubnets(n), revision.EditOptions{}); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				e := model.Edit{Put: &model.VNet{ID: "big", Zone: "zz", Alias: fmt.Sprint(i)}}
				if _, err := s.Edit(b.Context(), "b", []model.Edit{e}, revision.EditOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
