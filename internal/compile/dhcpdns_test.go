package compile_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

const dhcpZones = `
kind: zone
id: over
type: vxlan
peers: [192.168.0.1]
dhcp: dnsmasq
dnszone: lab.example
---
kind: zone
id: plain
type: simple
dnszone: lab.example
---
kind: zone
id: routed
type: simple
dhcp: dnsmasq
dnszone: lab.example
---
kind: zone
id: empty
type: simple
dhcp: dnsmasq
---
kind: vnet
id: vnet1
zone: over
tag: 5
---
kind: vnet
id: vnet2
zone: routed
---
kind: vnet
id: vnet3
zone: plain
---
kind: subnet
id: 10.5.0.0/24
vnet: vnet1
gateway: 10.5.0.1
dnszoneprefix: web
---
kind: subnet
id: fd00:5::/64
vnet: vnet1
gateway: fd00:5::1
---
kind: subnet
id: 10.6.0.0/24
vnet: vnet2
gateway: 10.6.0.1
---
kind: subnet
id: 10.7.0.0/24
vnet: vnet2
gateway: 10.7.0.1
---
kind: subnet
id: 10.8.0.0/24
vnet: vnet3
gateway: 10.8.0.1
`

// Guests get the address at which the node serves the zone's DNS: its gateway where the
// node is that, the address of the DHCP server elsewhere, and none if the DNS zone is on
// another server.
func TestDNSServerOfGuests(t *testing.T) {
	compiled := func(change func(*model.Config)) map[string]string {
		cfg, live := &model.Config{}, &model.Config{}
		load(t, dhcpZones, cfg, live)
		change(cfg)
		facts := &model.Facts{Node: "node1", Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.0.1/24")}}}}
		out, _ := compile.Node(compile.Project(cfg, live, 1, "node1"), facts)
		got := map[string]string{}
		for _, s := range out.DHCP {
			for _, n := range s.Networks {
				for _, sub := range n.Subnets {
					got[sub.CIDR.String()] = sub.DNSServer.String() + " " + sub.Domain
				}
			}
		}
		if out.NameServer == nil {
			return got
		}
		for _, v := range out.NameServer.Views {
			for _, l := range v.Listen {
				got["listens on "+l.Addr.String()] = v.Zone
			}
		}
		return got
	}
	const six = "fd00:5::fdff:ffff:ffff:ffc3"
	want := map[string]string{
		"10.5.0.0/24": "169.254.67.67 web.lab.example", "fd00:5::/64": six + " lab.example",
		"10.6.0.0/24": "10.6.0.1 lab.example", "10.7.0.0/24": "10.7.0.1 lab.example",
		"listens on 169.254.67.67:53": "over", "listens on [" + six + "]:53": "over",
		"listens on 10.6.0.1:53": "routed", "listens on 10.7.0.1:53": "routed", "listens on 10.8.0.1:53": "plain",
	}
	if d := cmp.Diff(want, compiled(func(*model.Config) {})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	want = map[string]string{
		"10.5.0.0/24": "invalid IP web.lab.example", "fd00:5::/64": "invalid IP lab.example",
		"10.6.0.0/24": "invalid IP lab.example", "10.7.0.0/24": "invalid IP lab.example", "listens on 10.8.0.1:53": "plain",
	}
	if d := cmp.Diff(want, compiled(func(cfg *model.Config) { cfg.Zones["over"].DNS, cfg.Zones["routed"].DNS = "pdns", "pdns" })); d != "" {
		t.Errorf("with a server outside (-want +got):\n%s", d)
	}
}
