package compile_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// BenchmarkBindings compiles a node of an isolated VNet with 100,000 NICs on all nodes.
func BenchmarkBindings(b *testing.B) {
	cfg, live := &model.Config{}, &model.Config{}
	for _, o := range []model.Object{
		&model.Zone{ID: "x", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2")}},
		&model.VNet{ID: "v", Zone: "x", Tag: 5, IsolatePorts: true},
	} {
		if err := cfg.Put(o); err != nil {
			b.Fatal(err)
		}
	}
	live.Set(&model.Guest{ID: "100", Node: "node1", NICs: []model.NIC{{ID: "net0", VNet: "v"}}})
	doc := compile.Project(cfg, live, 1, "node1")
	for i := range 100_000 {
		doc.Bindings = append(doc.Bindings, &model.Binding{Zone: "x", VNet: "v", MAC: fmt.Sprintf("BC:24:11:%02X:%02X:%02X", i>>16, i>>8&255, i&255)})
	}
	facts := factsOf("node1")
	for b.Loop() {
		if n, _ := compile.Node(doc, facts); len(n.Tables[0].Sets[0].Elements) != 100_000 {
			b.Fatal("elements are missing")
		}
	}
}
