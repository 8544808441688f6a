package model

import (
	"net/netip"
	"testing"
)

func TestRouteTo(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	f := &Facts{
		Interfaces: []Interface{
			{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{prefix("10.0.0.1/24"), prefix("fe80::1/64"), prefix("fd00::1/64")}},
			{Name: "eth1", MTU: 9000, Addresses: []netip.Prefix{prefix("10.1.0.1/24"), prefix("10.2.0.1/24")}},
		},
		Routes: []FactRoute{
			{Dst: prefix("0.0.0.0/0"), Dev: "eth1", Metric: 20},
			{Dst: prefix("0.0.0.0/0"), Dev: "eth0", Metric: 10},
			{Dst: prefix("10.2.0.0/16"), Dev: "eth1", MTU: 1400, Metric: 99},
			{Dst: prefix("10.3.0.0/16"), Dev: "eth1", Src: addr("10.9.9.9")},
			{Dst: prefix("10.4.0.0/16"), Dev: "gone"},
			{Dst: prefix("fd00::/8"), Dev: "eth0"},
			{Dst: prefix("10.5.0.0/16"), Dev: "eth1", Metric: 20},
			{Dst: prefix("10.5.0.0/16"), Dev: "eth0", Metric: 20},
			{Dst: prefix("10.5.0.0/16"), Dev: "eth1", MTU: 1300, Metric: 30},
		},
	}
	for to, want := range map[string]Hop{
		"192.0.2.1": {Dev: "eth0", Src: addr("10.0.0.1"), MTU: 1500}, // smallest metric
		"10.2.0.9":  {Dev: "eth1", Src: addr("10.2.0.1"), MTU: 1400}, // longest prefix, the address of that network
		"10.2.9.9":  {Dev: "eth1", Src: addr("10.1.0.1"), MTU: 1400}, // the first address
		"10.3.0.1":  {Dev: "eth1", Src: addr("10.9.9.9"), MTU: 9000}, // the route's own source
		"10.4.0.1":  {Dev: "gone"},
		"10.5.0.1":  {Dev: "eth0", Src: addr("10.1.0.1"), MTU: 1500}, // of equal routes the smallest MTU
		"fd11::1":   {Dev: "eth0", Src: addr("fd00::1"), MTU: 1500},  // not the link-local one
	} {
		if got, ok := f.RouteTo(addr(to)); !ok || got != want {
			t.Errorf("to %s: %+v, %v, want %+v", to, got, ok, want)
		}
	}
	if got, ok := f.RouteTo(addr("2001:db8::1")); ok {
		t.Errorf("a route where none is: %+v", got)
	}
}
