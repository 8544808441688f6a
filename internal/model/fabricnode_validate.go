package model

import (
	"net/netip"
	"strconv"
)

// fabricNodes checks fabric nodes, their addresses and links.
func (c *checker) fabricNodes(ids []string) {
	type key struct{ scope, value string }
	used := map[key]string{}
	claim := func(r report, field, scope, value, what string) {
		k := key{scope, value}
		if other := used[k]; other != "" {
			r.about(Ref(KindFabricNode, other)).errorf(field, value, "is already %s of %s", what, other)
			return
		}
		used[k] = r.id
	}
	for _, id := range ids {
		n := c.cfg.FabricNodes[id]
		r := c.report(n)
		f := c.cfg.Fabrics[n.Fabric]
		if f == nil {
			continue
		}
		switch {
		case !IsLabel(n.Node):
			r.errorf("node", n.Node, "is not a host name: use up to 63 letters, digits and hyphens")
		case !c.known[n.Node] && n.Role != RoleExternal:
			r.warnf("node", n.Node, "has not joined%s; it takes part once it has", c.nearestNode(n.Node))
		}
		if n.Role != RoleExternal {
			fabricAddress(r, "ip", n.IP, f.IPPrefix, f.ID)
			fabricAddress(r, "ip6", n.IP6, f.IP6Prefix, f.ID)
		}
		if n.IP.IsValid() {
			claim(r, "ip", "address "+f.ID, n.IP.String(), "the address")
		}
		if n.IP6.IsValid() {
			claim(r, "ip6", "address "+f.ID, n.IP6.String(), "the address")
		}
		if f.Protocol == FabricBGP {
			needsASN(r, n.ASN)
			row(KindFabricNode, "asn").checkNumber(r, "asn", n.ASN)
			claim(r, "ip6", "router id "+f.ID, n.RouterID().String(), "the router id")
		} else if n.ASN != 0 {
			r.errorf("asn", strconv.Itoa(n.ASN), "is not an option of an %s fabric, only of bgp; remove it", f.Protocol)
		}
		c.wireGuardNode(r, f, n)
		for i, l := range n.Interfaces {
			fabricInterface(r, "interfaces["+strconv.Itoa(i)+"]", f, l)
			claim(r, "interfaces", "interface "+n.Node, l.Name, "a link")
		}
	}
}

func fabricAddress(r report, field string, a netip.Addr, p netip.Prefix, fabric string) {
	switch {
	case a.IsValid() && !p.IsValid():
		r.errorf(field, a.String(), "has no network: fabric %s has no prefix of this family; add one or remove the address", fabric)
	case !a.IsValid() && p.IsValid():
		r.errorf(field, "", "is missing: give the node an address of %s", p)
	case a.IsValid() && !p.Contains(a):
		r.errorf(field, a.String(), "is not in %s, the network of fabric %s", p, fabric)
	}
}

func fabricInterface(r report, field string, f *Fabric, l FabricInterface) {
	if l.Name == "" {
		r.errorf(field+".name", "", "is missing: name the interface")
	}
	checkIfname(r, field+".name", l.Name)
	wireGuardInterface(r, field, f, l)
	if f.Protocol == FabricBGP && (l.IP.IsValid() || l.IP6.IsValid()) {
		r.errorf(field+".ip", "", "is not an option in a bgp fabric, whose links are unnumbered; remove it")
	}
	if l.IP.IsValid() && !l.IP.Addr().Is4() || l.IP6.IsValid() && l.IP6.Addr().Is4() {
		r.errorf(field+".ip", "", "is of the other family; IPv4 goes to ip, IPv6 to ip6")
	}
	if f.Protocol == FabricOSPF && l.IP6.IsValid() {
		r.errorf(field+".ip6", l.IP6.String(), "cannot be used by OSPF version 2; remove it")
	}
	switch {
	case l.HelloMultiplier == 0:
	case f.Protocol != FabricOpenFabric:
		r.errorf(field+".hello-multiplier", strconv.Itoa(l.HelloMultiplier), "is an option of openfabric only; remove it")
	default:
		row(KindFabricNode, "interfaces.hello-multiplier").checkNumber(r, field+".hello-multiplier", l.HelloMultiplier)
	}
	switch {
	case l.NetworkType == "":
	case f.Protocol != FabricOSPF:
		r.errorf(field+".network-type", l.NetworkType, "is an option of ospf only; remove it")
	default:
		row(KindFabricNode, "interfaces.network-type").checkWord(r, field+".network-type", l.NetworkType)
	}
}
