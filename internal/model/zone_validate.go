package model

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Limits of zone properties.
const (
	// MaxZoneID is the maximum length of a zone's ID. Proxmox VE checks for 8, but its
	// manual's own examples are called myvxlanzone and qinqzone1. Interfaces that would
	// get too long a name contain a number instead; those of a QinQ zone leave room for
	// MaxQinQZoneID.
	MaxZoneID     = 15
	MaxQinQZoneID = 12
	// pveZoneID is the maximum length of an ID in the Proxmox API.
	pveZoneID = 8
	// MinMTU is the packet size that every IPv4 host must accept (RFC 791), MinMTU6 the
	// minimum MTU of every IPv6 link (RFC 8200 section 5); MaxMTU is the kernel's limit
	// for bridges. All in bytes.
	MinMTU  = 576
	MinMTU6 = 1280
	MaxMTU  = 65535
	// MaxPort is the highest UDP port.
	MaxPort = 65535
)

func (c *checker) zone(z *Zone) {
	r := c.report(z)
	checkZoneID(r, z)
	switch z.Type {
	case ZoneSimple:
	case ZoneVLAN:
		zoneBridge(r, z)
	case ZoneQinQ:
		zoneBridge(r, z)
		zoneQinQ(r, z)
	case ZoneVXLAN:
		c.zoneVXLAN(r, z)
	case ZoneEVPN:
		c.zoneEVPN(r, z)
	}
	zoneDHCP(r, z)
	zoneNodes(r, z)
	c.nodeList(r, z.Nodes, msgZoneNodeNotJoined)
	c.zoneMTU(r, z)
	zoneServices(r, z)
}

func checkZoneID(r report, z *Zone) {
	id := z.ID
	switch {
	case !idForm.MatchString(id) || len(id) > MaxZoneID:
		r.error("id", id, msgZoneNameInvalid, MaxZoneID)
	case id == "localnetwork":
		r.lax("id", id, msgZoneNameLocalnetwork)
	case z.Type == ZoneQinQ && len(id) > MaxQinQZoneID:
		r.error("id", id, msgZoneNameTooLongForQinQ, MaxQinQZoneID)
	case len(id) > pveZoneID:
		r.warn("id", id, msgIDLongerThanProxmox, pveZoneID)
	}
}

func zoneDHCP(r report, z *Zone) {
	for _, f := range []struct{ field, id string }{{"dns", z.DNS}, {"reversedns", z.ReverseDNS}} {
		if f.id != "" && z.DNSZone == "" {
			r.warn(f.field, f.id, msgDNSWithoutDomain, z.ID)
		}
	}
	if z.DNSZone != "" && z.DNS == "" && z.DHCP == "" && !z.routed() {
		r.warn("dnszone", z.DNSZone, msgDomainWithoutServer, z.Type)
	}
	switch {
	case z.DHCP != "" && z.IPAM == "" && !z.DHCPDynamic:
		r.warn("dhcp", z.DHCP, msgDHCPWithoutIPAM, IPAMBuiltin)
	case z.DHCPDynamic && z.DHCP == "":
		r.error("dhcp-dynamic", "true", msgDHCPDynamicWithoutDHCP, DHCPDnsmasq)
	}
}

func (c *checker) zoneVXLAN(r report, z *Zone) {
	switch {
	case len(z.Peers) > 0 && z.Fabric != "":
		r.error("peers", joinAddrs(z.Peers), msgVXLANPeersAndFabric, z.Fabric)
	case len(z.Peers) == 0 && z.Fabric == "":
		r.error("peers", "", msgVXLANPeersMissing)
	}
	c.fabricRef(r, z.Fabric)
	checkPeers(r, z.Peers)
	gatewayMAC(r, z)
	if z.AnycastGateway {
		return
	}
	for _, f := range []struct{ field, value string }{
		{"mac", z.MAC}, {"node-networks", string(z.NodeNetworks)}, {"node-services", strings.Join(z.NodeServices, ", ")},
	} {
		if f.value != "" {
			r.warn(f.field, f.value, msgWithoutAnycastGateway)
		}
	}
}

// fabricRef checks a reference to a fabric that provides VTEPs.
func (c *checker) fabricRef(r report, id string) {
	if f := c.cfg.Fabrics[id]; f != nil && f.Protocol == FabricWireGuard {
		r.error("fabric", id, msgFabricDoesNotRun)
	}
}

// didYouMean proposes a near name, or returns otherwise.
func didYouMean(near, otherwise string) string {
	if near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}

func checkPeers(r report, peers []netip.Addr) {
	seen := make(map[netip.Addr]bool, len(peers))
	for _, p := range peers {
		switch {
		case seen[p]:
			r.warn("peers", p.String(), msgValueRepeated)
		case p.Zone() != "":
			r.error("peers", p.String(), msgAddressWithInterface)
		case !isUnicast(p):
			r.lax("peers", p.String(), msgPeerNotUnicast)
		case p.Is4() != peers[0].Is4():
			r.lax("peers", p.String(), msgPeerFamilyDiffers, peers[0])
		}
		seen[p] = true
	}
}

// nodeList checks the nodes that an object is restricted to; notJoined is the message for a
// node that has not joined yet.
func (c *checker) nodeList(r report, nodes []string, notJoined *message.Definition) {
	seen := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		switch {
		case !IsLabel(n):
			r.error("nodes", n, msgHostNameInvalid)
		case seen[n]:
			r.warn("nodes", n, msgValueRepeated)
		case !c.known[n]:
			r.warn("nodes", n, notJoined, c.nearestNode(n))
		}
		seen[n] = true
	}
}

// nearestNode proposes a known node for an unknown name.
func (c *checker) nearestNode(name string) hint {
	h := near(c, KindNode, name, c.known, "")
	h.proposal = " (" + h.proposal + ")"
	return h
}

func (c *checker) zoneMTU(r report, z *Zone) {
	if z.MTU >= MinMTU && z.MTU < MinMTU6 && c.hasIPv6(z.ID) {
		r.lax("mtu", strconv.Itoa(z.MTU), msgMTUBelowIPv6, MinMTU6)
	}
}

// zoneServices checks the zone's domain. IPAMs and DNS servers are live objects and not part
// of a configuration: see CheckLiveReferences.
func zoneServices(r report, z *Zone) {
	if z.DNSZone == "" {
		return
	}
	if !isDNSName(z.DNSZone) {
		r.error("dnszone", z.DNSZone, msgDomainInvalid)
	}
}

// maxListed is how many list items a message shows.
const maxListed = 4

func joinAddrs(as []netip.Addr) string {
	var parts []string
	for _, a := range as[:min(len(as), maxListed)] {
		parts = append(parts, a.String())
	}
	if len(as) > maxListed {
		parts = append(parts, "...")
	}
	return strings.Join(parts, ", ")
}
