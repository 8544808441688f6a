package naming

import (
	"slices"
	"testing"
)

// The names are Proxmox VE's where it has such an interface: what it or an operator looks
// for is found.
func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"vxlan_vnet1":    Tunnel.Of("vnet1"),
		"vrf_zone":       VRF.OfVRF("zone", 4000),
		"vrfbr_16777215": VRFBridge.OfVRF("muchlonger", 16777215),
		"vmbr0.10":       VLAN("vmbr0", 10),
		"vmbr0v10":       VLANBridge("vmbr0", 10),
		"gw_vnet1":       Gateway.Of("vnet1"),
		"p1_vnet1":       Uplink.OnPort(1, "vnet1"),
		"sv2_zone":       Service.OnPort(2, "zone"),
		"vd-red":         Namespace("red"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got, want := GuestPorts("100", "net2"), []string{"fwpr100p2", "tap100i2", "veth100i2"}; !slices.Equal(got, want) {
		t.Errorf("ports %q, want %q", got, want)
	}
	if got, want := VRFTable(10000), uint32(100010000); got != want {
		t.Errorf("table %d, want %d", got, want)
	}
}

// Every role with the longest ID that an object of it may have fits the kernel, and no two
// roles make one name.
func TestRolesFit(t *testing.T) {
	const id, vni = "eightchr", 16777215 // zones and VNets have up to 8 characters
	roles := []Role{Tunnel, VRF, VRFBridge, VRFTunnel, ExitOutside, ExitInside, Gateway, GatewayPort, Inner, Outer, VLANUplink, ServiceUplink, PlainBridge,
		Service, ServiceBridge, ServicePatch, ServiceInner, ServiceOuter, SectorGateway, SectorNode, SectorOutside, Fabric}
	seen := map[string]Role{}
	for _, r := range roles {
		for _, name := range []string{r.Of(id), r.OfVRF("a-very-long-zone", vni)} {
			if len(name) > MaxLink {
				t.Errorf("%s has %d bytes", name, len(name))
			}
			if other := seen[name]; other != "" {
				t.Errorf("%s is of roles %s and %s", name, other, r)
			}
			seen[name] = r
		}
	}
	for port := range 20 {
		for _, r := range []Role{Uplink, Service} {
			if name := r.OnPort(port, id); len(name) > MaxLink || seen[name] != "" {
				t.Errorf("%s has %d bytes and is of role %q too", name, len(name), seen[name])
			}
		}
	}
	if Fit("much-longer-than-15", "short") != "short" || Fit("a", "b") != "a" {
		t.Error("Fit does not take the first name that fits")
	}
}

// A namespace leads back to its space, and those of others are nobody's.
func TestSpace(t *testing.T) {
	if s, ok := Space(Namespace("red")); !ok || s != "red" {
		t.Errorf("space %q, %v", s, ok)
	}
	for _, other := range []string{"", "red", "vd-", "qrouter-1"} {
		if s, ok := Space(other); ok {
			t.Errorf("namespace %q is taken for that of space %q", other, s)
		}
	}
}
