package compile_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// BenchmarkNames compiles a node of a zone with DHCP and names of 10,000 NICs.
func BenchmarkNames(b *testing.B) {
	cfg := &model.Config{}
	for _, o := range []model.Object{
		&model.Zone{ID: "z", Type: model.ZoneSimple, IPAM: model.IPAMBuiltin, DHCP: model.DHCPDnsmasq, DNSZone: "lab.example"},
		&model.VNet{ID: "v", Zone: "z"},
		&model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/16"), VNet: "v", Gateway: netip.MustParseAddr("10.0.0.1")},
	} {
		if err := cfg.Put(o); err != nil {
			b.Fatal(err)
		}
	}
	doc := compile.Project(cfg, &model.Config{}, 1, "node1")
	for i := range 10_000 {
		doc.Bindings = append(doc.Bindings, &model.Binding{
			Zone: "z", VNet: "v", MAC: fmt.Sprintf("BC:24:11:%02X:%02X:%02X", i>>16, i>>8&255, i&255), Name: fmt.Sprintf("guest%05d", i),
			IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i/250) + 1, byte(i%250) + 1})},
		})
	}
	facts := factsOf("node1")
	for b.Loop() {
		n, _ := compile.Node(doc, facts)
		if len(n.DHCP) != 1 || len(n.DHCP[0].Networks[0].Hosts) != 10_000 || len(n.NameServer.Views[0].Names) != 10_001 {
			b.Fatal("NICs are missing")
		}
		n.Hash()
	}
}
