package compile_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

func BenchmarkNode(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg := &model.Config{}
			peers := []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2"), netip.MustParseAddr("192.168.0.3")}
			_ = cfg.Put(&model.Zone{ID: "z", Type: model.ZoneVXLAN, Peers: peers})
			for i := range n {
				_ = cfg.Put(&model.VNet{ID: fmt.Sprintf("v%d", i), Zone: "z", Tag: i + 1})
			}
			facts := &model.Facts{Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.0.1/24")}}},
				Routes: []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.0/24"), Dev: "eth0"}}}
			doc := compile.Project(cfg, nil, 1, "node1")
			b.ReportAllocs()
			for b.Loop() {
				compile.Node(doc, facts)
			}
		})
	}
}
