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
			r.about(Ref(KindFabricNode, other)).error(field, value, msgFabricNodeValueUsed, what, other)
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
			r.error("node", n.Node, msgHostNameInvalid)
		case !c.known[n.Node] && n.Role != RoleExternal:
			r.warn("node", n.Node, msgFabricNodeNotJoined, c.nearestNode(n.Node))
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
			r.error("asn", strconv.Itoa(n.ASN), msgFabricNodeASNNotUsed, f.Protocol)
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
		r.error(field, a.String(), msgFabricNodeAddressWithoutPrefix, fabric)
	case !a.IsValid() && p.IsValid():
		r.error(field, "", msgFabricNodeAddressMissing, p)
	case a.IsValid() && !p.Contains(a):
		r.error(field, a.String(), msgFabricNodeAddressOutside, p, fabric)
	}
}

func fabricInterface(r report, field string, f *Fabric, l FabricInterface) {
	if l.Name == "" {
		r.error(field+".name", "", msgFabricInterfaceNameMissing)
	}
	checkIfname(r, field+".name", l.Name)
	wireGuardInterface(r, field, f, l)
	if f.Protocol == FabricBGP && (l.IP.IsValid() || l.IP6.IsValid()) {
		r.error(field+".ip", "", msgFabricInterfaceUnnumbered)
	}
	if l.IP.IsValid() && !l.IP.Addr().Is4() || l.IP6.IsValid() && l.IP6.Addr().Is4() {
		r.error(field+".ip", "", msgFabricInterfaceFamily)
	}
	if f.Protocol == FabricOSPF && l.IP6.IsValid() {
		r.error(field+".ip6", l.IP6.String(), msgFabricInterfaceOSPFIPv6)
	}
	switch {
	case l.HelloMultiplier == 0:
	case f.Protocol != FabricOpenFabric:
		r.error(field+".hello-multiplier", strconv.Itoa(l.HelloMultiplier), msgFabricInterfaceOpenfabricOnly)
	default:
		row(KindFabricNode, "interfaces.hello-multiplier").checkNumber(r, field+".hello-multiplier", l.HelloMultiplier)
	}
	switch {
	case l.NetworkType == "":
	case f.Protocol != FabricOSPF:
		r.error(field+".network-type", l.NetworkType, msgFabricInterfaceOSPFOnly)
	default:
		row(KindFabricNode, "interfaces.network-type").checkWord(r, field+".network-type", l.NetworkType)
	}
}
