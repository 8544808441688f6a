package main

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

func TestFlat(t *testing.T) {
	want := &desired.Space{
		Links: []desired.Link{
			{Name: "vrf_z", Kind: desired.LinkVRF}, {Name: "vn1", Kind: desired.LinkBridge, Master: "vrf_z"},
			{Name: "vx_vn1", Kind: desired.LinkVXLAN, Master: "vn1"},
		},
		Routes: []desired.Route{{Type: "unreachable", Table: 100_000_001}, {Link: "vrf_z"}, {Link: "vn1"}},
	}
	flat(want)
	if d := cmp.Diff(&desired.Space{
		Links:  []desired.Link{{Name: "vn1", Kind: desired.LinkBridge}, {Name: "vx_vn1", Kind: desired.LinkVXLAN, Master: "vn1"}},
		Routes: []desired.Route{{Link: "vn1"}},
	}, want, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); d != "" {
		t.Error(d)
	}
}

func TestFlatFile(t *testing.T) {
	got := flatFile([]byte("#version:1\n\nauto vn1\niface vn1\n\tbridge_ports vxlan_vn1\n\tvrf vrf_z\n\n" +
		"auto vrf_z\niface vrf_z\n\tvrf-table auto\n\nauto vxlan_vn1\niface vxlan_vn1\n\tvxlan-id 1\n"))
	want := "#version:1\n\nauto vn1\niface vn1\n\tbridge_ports vxlan_vn1\n\nauto vxlan_vn1\niface vxlan_vn1\n\tvxlan-id 1\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}
