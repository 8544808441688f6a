package interfaces_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

// FuzzRender shows that no configuration puts a line into the file that is not
// one of those it may have: ifupdown2 runs some of them as root.
func FuzzRender(f *testing.F) {
	f.Add(`{"version":1,"zones":{"ids":{"z":{"type":"simple"},"x":{"type":"vxlan","peers":"::1,10.0.0.1"}}},
		"vnets":{"ids":{"v":{"zone":"z","alias":"a","mac":"BC:24:11:00:00:01"},"w":{"zone":"x","tag":1,"vlanaware":1}}},
		"subnets":{"ids":{"z-10.0.0.1-32":{"vnet":"v","gateway":"10.0.0.1","snat":1}}}}`)
	f.Add("{\"version\":1,\"zones\":{\"ids\":{\"z\":{\"type\":\"simple\"}}},\"vnets\":{\"ids\":{\"v\":{\"zone\":\"z\",\"alias\":\"a\\u0085up reboot\"}}}}")
	facts := &model.Facts{Node: "n", Routes: []model.FactRoute{
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "eth0", Src: netip.MustParseAddr("192.0.2.1")},
	}}
	f.Add(`{"version":1,"controllers":{"ids":{"c":{"type":"evpn","asn":1,"peers":"10.0.0.1"},"b":{"type":"bgp","node":"n","loopback":"lo"}}},
		"zones":{"ids":{"e":{"type":"evpn","controller":"c","vrf-vxlan":7,"exitnodes":"n","exitnodes-local-routing":1,"mac":"BC:24:11:00:00:01"},
		"l":{"type":"vlan","bridge":"vmbr0"},"q":{"type":"qinq","bridge":"vmbr0","tag":3},"r":{"type":"qinq","bridge":"vmbr1","tag":3,"vlan-protocol":"802.1ad"},
		"o":{"type":"vlan","bridge":"vmbr2"},"p":{"type":"qinq","bridge":"vmbr2","tag":4}}},
		"vnets":{"ids":{"ev":{"zone":"e","tag":8},"lv":{"zone":"l","tag":9},"qv":{"zone":"q"},"rv":{"zone":"r","tag":1},"ov":{"zone":"o","tag":2},"pv":{"zone":"p"}}},
		"subnets":{"ids":{"e-fd00::-64":{"vnet":"ev","gateway":"fd00::1","snat":1}}},
		"fabrics":{"ids":{"f":{"type":"openfabric_fabric","ip_prefix":"10.0.0.0/24"},"f_n":{"type":"openfabric_node","ip":"10.0.0.1","interfaces":["name=eth1"]}}}}`)
	facts.Interfaces = []model.Interface{
		{Name: "eth0", Master: "vmbr0"}, {Name: "vmbr0", Kind: "bridge"}, {Name: "vmbr1", Kind: "bridge", VLANFiltering: true}, {Name: "vmbr2", Kind: "openvswitch"},
	}
	starts := []string{
		"\taddress ", "\tup ip route add ", "\tpost-up iptables -t ", "\tpost-down iptables -t ", "\tpost-up ip6tables -t ", "\tpost-down ip6tables -t ",
		"\tpost-up ip route add vrf ", "\tpost-up ip route del vrf ", "\thwaddress ", "\tbridge_ports ", "\tbridge-ports ", "\tbridge_stp off", "\tbridge-stp off",
		"\tbridge_fd 0", "\tbridge-fd 0", "\tbridge-vlan-aware yes", "\tbridge-vids 2-4094", "\tbridge-vlan-protocol ", "\tbridge-learning off", "\tbridge-arp-nd-suppress on",
		"\tmtu ", "\talias ", "\tip-forward on", "\tip6-forward on", "\tarp-accept on", "\tvrf ", "\tvrf-table auto", "\tlink-type ", "\tveth-peer-name ",
		"\tvxlan-id ", "\tvxlan_remoteip ", "\tvxlan-port ", "\tvxlan-local-tunnelip ", "\tvlan-raw-device ", "\tvlan-id ", "\tvlan-protocol ",
		"\tovs_type OVSIntPort", "\tovs_bridge ", "\tovs_mtu ", "\tovs_options ", "\tovs_ports ", "\tip-forward 1", "\tip6-forward 1", "\taccept-ra 0",
		"auto ", "iface ", "#version:",
	}
	f.Fuzz(func(t *testing.T, input string) {
		run, _, err := running.Parse([]byte(input))
		if err != nil {
			return
		}
		text, _ := pveinterfaces.Render(run, facts)
		for line := range strings.Lines(string(text)) {
			known := line == "\n"
			for _, s := range starts {
				known = known || strings.HasPrefix(line, s)
			}
			if !known || !strings.Contains(line, "\talias ") && strings.ContainsAny(line, ";&|`$<>") {
				t.Errorf("line %q of\n%s", line, text)
			}
		}
	})
}
