package e2e

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/driver/frr"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// EVPN zones over a routed underlay that belongs to the operator: a ring with BGP
// unnumbered, loopbacks, IPv6 networks, and the default route of an external
// router. There is no IPv4 in the underlay where FRR makes tunnels over IPv6.
func TestVMUnnumbered(t *testing.T) {
	needsVM(t)
	spec, router, ends := "lab.yaml", "10.0.10.254", address4
	if installedFRR(t).IPv6Tunnels() {
		spec, router, ends = "ipv6.yaml", "fd00:255::fe", address6
	}
	c := startedCluster(t, "--file", "../../examples/evpn-unnumbered/lab/"+spec)
	t.Cleanup(c.dumpNodes)
	before := map[string]string{}
	for _, n := range c.lab.Spec.Nodes {
		c.eventually(60*time.Second, func() error {
			return c.sees(n.Name, "show bgp ipv6 unicast", "fd00:255::1", "fd00:255::2", "fd00:255::3", "fd00:255::fe")
		})
		before[n.Name] = c.running(n.Name)
	}
	c.example("evpn-unnumbered")

	// The checks of the instructions that operators have.
	for _, n := range c.lab.Spec.Nodes {
		vxlan := c.in(n.Name, "ip", "-d", "link", "show", "type", "vxlan")
		for device, id := range map[string]string{"vxlan_vnet100": "10100", "vxlan_vnet101": "10101", "vxlan_vnet102": "10102", "vxlan_vnet103": "10103", "vrfvx_evpnz1": "4096"} {
			own := regexp.QuoteMeta(ends(n.Loopback))
			if !regexp.MustCompile(device + `:[^\n]*\n[^\n]*\n\s+vxlan id ` + id + " local " + own + " ").MatchString(vxlan) {
				t.Errorf("%s has no %s with VXLAN ID %s from %s:\n%s", n.Name, device, id, own, vxlan)
			}
		}
		// Two neighbours on the ring, the external router, and two by Viaduct.
		c.eventually(60*time.Second, func() error { return c.established(n.Name, 5) })
		if err := c.sees(n.Name, "show bgp l2vpn evpn summary established", "enp1s0f0np0", "enp1s0f1np1"); err != nil {
			t.Error(err)
		}
		for _, other := range c.lab.Spec.Nodes {
			if other.Name != n.Name {
				c.eventually(60*time.Second, func() error {
					return c.sees(n.Name, "show bgp l2vpn evpn route", imet(ends(other.Loopback)), "[2]:[0]:[48]:")
				})
			}
		}
	}
	c.proved("the VXLAN interfaces from %s on, 5 sessions per node, and routes of types 2 and 3 of the other nodes are there", ends(c.lab.Spec.Nodes[0].Loopback))

	for _, g := range []string{"fd00:101::1", "fd00:101::11", "fd00:102::10"} {
		c.reaches("talos1", g, 30*time.Second)
	}
	c.answers("talos3", "fd00:101::11")
	c.answers("talos1", "fd00:102::10", "-M", "do", "-s", "1402")
	c.proved("talos1 reaches its gateway, talos2 in the same network and talos3 in another one, with packets of 1450 bytes")

	for _, g := range []string{"talos1", "talos2", "talos3"} {
		c.reaches(g, "2001:db8:cafe::1", 30*time.Second)
	}
	route := c.in("pve01", "ip", "-6", "route", "show", "vrf", "vrf_evpnz1", "default")
	if !strings.Contains(route, router) {
		t.Errorf("pve01 does not lead to the external router:\n%s", route)
	}
	c.proved("every guest reaches what is behind the external router, whose default route is imported by its route target")

	c.in("router", "vtysh", "-c", "configure", "-c", "router bgp 65000 vrf vrf_wan", "-c", "address-family l2vpn evpn", "-c", "no default-originate ipv6")
	for _, g := range []string{"talos1", "talos2", "talos3"} {
		c.reaches(g, "2001:db8:ffff::1", 10*time.Second)
	}
	c.proved("without that route every guest reaches the outside through its own node, with the node's address")
	c.stands()

	c.run("delete", "-f", "../../examples/evpn-unnumbered")
	c.run("apply")
	for _, n := range c.lab.Spec.Nodes {
		now := c.running(n.Name)
		if testing.Short() { // FRR 10.3 shows an empty context of a VRF whose device went a moment ago
			now = strings.Replace(now, "vrf vrf_evpnz1\nexit-vrf\n!\n", "", 1)
			// FRR 10.7 shows the zone's router, without a line of ours in it.
			now = strings.Replace(now, "router bgp 4200001000 vrf vrf_evpnz1\n use-underlays-nexthop-weight\nexit\n!\n", "", 1)
		}
		if now != before[n.Name] {
			t.Errorf("%s: what is left of FRR's configuration is not what was there before:\n%s\nbut before it was:\n%s", n.Name, now, before[n.Name])
		}
		c.eventually(30*time.Second, func() error { return c.established(n.Name, 3) })
	}
	c.proved("when all is deleted, FRR has the operator's configuration as it was, and its sessions")
}

// running is the configuration that FRR has on a node.
func (c *cluster) running(node string) string {
	c.t.Helper()
	out, err := c.vtysh(node, "show running-config")
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// sees checks that FRR's answer holds all of the texts.
func (c *cluster) sees(node, command string, texts ...string) error {
	out, err := c.vtysh(node, command)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			return fmt.Errorf("%s: %s: no %q in\n%s", node, command, text, out)
		}
	}
	return nil
}

// imet is the route of a tunnel's end, "[3]:[0]:[32]:[10.0.0.1]".
func imet(end string) string {
	return fmt.Sprintf("[3]:[0]:[%d]:[%s]", netip.MustParseAddr(end).BitLen(), end)
}

// address4 is the IPv4 one of a machine's addresses.
func address4(list []netip.Prefix) string { return addressOf(list, netip.Addr.Is4) }

// address6 is the IPv6 one.
func address6(list []netip.Prefix) string { return addressOf(list, netip.Addr.Is6) }

func addressOf(list []netip.Prefix, family func(netip.Addr) bool) string {
	i := slices.IndexFunc(list, func(p netip.Prefix) bool { return family(p.Addr()) })
	if i < 0 {
		return ""
	}
	return list[i].Addr().String()
}

// installedFRR is the FRR that is installed.
func installedFRR(t *testing.T) *model.FRRFacts {
	t.Helper()
	f, err := frr.New(frr.Options{}).Facts(t.Context())
	if err != nil || f == nil {
		t.Fatalf("FRR does not tell its version: %v (%v)", f, err)
	}
	return &model.FRRFacts{Version: f.Version}
}
