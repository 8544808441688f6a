package model

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// NodeNetworks is which guests can reach the connected networks of the nodes.
type NodeNetworks string

// The values of Zone.NodeNetworks.
const (
	// NodeNetworksAll allows all guests.
	NodeNetworksAll NodeNetworks = "all"
	// NodeNetworksSNAT allows guests in subnets with snat, which appear with the node's
	// own address: addresses of the zone are not visible there.
	NodeNetworksSNAT NodeNetworks = "snat"
	// NodeNetworksNone allows none.
	NodeNetworksNone NodeNetworks = "none"
)

// NodeServicesNone is the value of Zone.NodeServices for no service at all.
const NodeServicesNone = "none"

// The numbers of the kernel's own routing tables: rtnetlink(7).
const (
	tableDefault = 253
	tableLocal   = 255
	maxTable     = 1<<32 - 1
)

// Networks returns NodeNetworks, or its default if empty.
func (z *Zone) Networks() NodeNetworks {
	switch {
	case z.Type == ZoneSimple || z.Type == ZoneVXLAN:
		return cmp.Or(z.NodeNetworks, NodeNetworksAll)
	case z.HasEgress():
		return cmp.Or(z.NodeNetworks, NodeNetworksNone)
	}
	return cmp.Or(z.NodeNetworks, NodeNetworksSNAT)
}

// HasEgress reports whether the zone has a declared egress.
func (z *Zone) HasEgress() bool {
	return z.ExitNodesInterface != "" || len(z.ExitNodesVia) > 0 || z.ExitNodesTable != 0
}

// NodeService is a service of the nodes that guests may reach: TCP or UDP, and the ports First
// to Last.
type NodeService struct {
	Proto       string
	First, Last uint16
}

// ParseNodeService parses an item of Zone.NodeServices.
func ParseNodeService(s string) (NodeService, bool) {
	proto, ports, _ := strings.Cut(s, "/")
	first, last, span := strings.Cut(ports, "-")
	if !span {
		last = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	if proto != "tcp" && proto != "udp" || err1 != nil || err2 != nil || a == 0 || b < a {
		return NodeService{}, false
	}
	return NodeService{proto, uint16(a), uint16(b)}, true
}

// zoneNodes checks which networks and services of its nodes the guests of a routed zone may
// reach.
func zoneNodes(r report, z *Zone) {
	if z.NodeNetworks == NodeNetworksSNAT && z.HasEgress() {
		r.error("node-networks", string(z.NodeNetworks), msgNodeNetworksWithEgress,
			NodeNetworksAll, NodeNetworksNone)
	}
	if z.NodeNetworks != "" && z.Type == ZoneEVPN && len(z.ExitNodes) == 0 {
		r.warn("node-networks", string(z.NodeNetworks), msgEgressWithoutExitNodes)
	}
	for i, s := range z.NodeServices {
		switch _, ok := ParseNodeService(s); {
		case s == NodeServicesNone && len(z.NodeServices) > 1:
			r.error("node-services", s, msgNodeServicesNone)
		case s != NodeServicesNone && !ok:
			r.error("node-services", s, msgNodeServiceInvalid, NodeServicesNone)
		case slices.Contains(z.NodeServices[:i], s):
			r.warn("node-services", s, msgValueRepeated)
		}
	}
}

// egress checks the declared egress of an EVPN zone.
func (c *checker) egress(r report, z *Zone) {
	if i := z.ExitNodesInterface; i != "" && !ifnameForm.MatchString(i) {
		r.error("exitnodes-interface", i, msgInterfaceNameInvalid)
	} else if c.cfg.VNets[i] != nil {
		r.error("exitnodes-interface", i, msgEgressInterfaceIsVNet)
	}
	nextHops(r, z)
	table := strconv.Itoa(z.ExitNodesTable)
	switch t := z.ExitNodesTable; {
	case t == 0:
	case t >= tableDefault && t <= tableLocal:
		r.error("exitnodes-table", table, msgEgressTableReserved)
	case z.ExitNodesInterface != "" || len(z.ExitNodesVia) > 0:
		r.error("exitnodes-table", table, msgEgressTableWithNextHop)
	}
	if !z.HasEgress() || len(z.ExitNodes) > 0 {
		return
	}
	for _, f := range []struct{ field, value string }{
		{"exitnodes-interface", z.ExitNodesInterface}, {"exitnodes-via", joinAddrs(z.ExitNodesVia)}, {"exitnodes-table", table},
	} {
		if f.value != "" && f.value != "0" {
			r.warn(f.field, f.value, msgEgressWithoutExitNodes)
		}
	}
}

// nextHops checks the egress next hops of an EVPN zone.
func nextHops(r report, z *Zone) {
	families := map[bool]netip.Addr{}
	for _, a := range z.ExitNodesVia {
		switch other := families[a.Is4()]; {
		case !a.IsValid() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast():
			r.error("exitnodes-via", a.String(), msgNextHopInvalid)
		case a.IsLinkLocalUnicast() && z.ExitNodesInterface == "":
			r.error("exitnodes-via", a.String(), msgNextHopLinkLocal)
		case other.IsValid():
			r.error("exitnodes-via", a.String(), msgNextHopSecond, other)
		}
		families[a.Is4()] = a
	}
}

// hasEgress reports whether the zone has a declared egress next hop for the subnet's address
// family, or needs none.
func (z *Zone) hasEgress(s *Subnet) bool {
	return len(z.ExitNodesVia) == 0 || slices.ContainsFunc(z.ExitNodesVia, func(a netip.Addr) bool { return a.Is4() == s.CIDR.Addr().Is4() })
}
