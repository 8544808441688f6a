package model

import (
	"net/netip"
	"strconv"
	"strings"
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
	c.nodeList(r, z.Nodes, "the zone is deployed there once it has")
	c.zoneMTU(r, z)
	zoneServices(r, z)
}

func checkZoneID(r report, z *Zone) {
	id := z.ID
	switch {
	case !idForm.MatchString(id) || len(id) > MaxZoneID:
		r.errorf("id", id, "is not a zone name: use 2 to %d letters and digits, a letter first", MaxZoneID)
	case id == "localnetwork":
		r.laxf("id", id, "is the name Proxmox VE gives to the node's own bridges; choose another")
	case z.Type == ZoneQinQ && len(id) > MaxQinQZoneID:
		r.errorf("id", id, "is too long for a qinq zone, whose interfaces bear its name: use at most %d characters", MaxQinQZoneID)
	case len(id) > pveZoneID:
		r.warnf("id", id, "is longer than the %d characters that Proxmox VE itself takes; it works here, but not in a file moved there", pveZoneID)
	}
}

func zoneDHCP(r report, z *Zone) {
	for _, f := range []struct{ field, id string }{{"dns", z.DNS}, {"reversedns", z.ReverseDNS}} {
		if f.id != "" && z.DNSZone == "" {
			r.warnf(f.field, f.id, "has no effect: guests of zone %s have no names without a domain; set dnszone", z.ID)
		}
	}
	if z.DNSZone != "" && z.DNS == "" && z.DHCP == "" && !z.routed() {
		r.warnf("dnszone", z.DNSZone, "has no effect: nodes answer for names where they are the gateway or a DHCP server, and in this %s zone they are neither; set dhcp, or dns to a name server", z.Type)
	}
	switch {
	case z.DHCP != "" && z.IPAM == "" && !z.DHCPDynamic:
		r.warnf("dhcp", z.DHCP, "gives guests only the addresses that their NICs declare, since the zone has no address management; set ipam to %s to have others given out", IPAMBuiltin)
	case z.DHCPDynamic && z.DHCP == "":
		r.errorf("dhcp-dynamic", "true", "needs a DHCP server: set dhcp to %s, or leave dhcp-dynamic out", DHCPDnsmasq)
	}
}

func (c *checker) zoneVXLAN(r report, z *Zone) {
	switch {
	case len(z.Peers) > 0 && z.Fabric != "":
		r.errorf("peers", joinAddrs(z.Peers), "excludes fabric %q: a vxlan zone has one of the two; remove the other", z.Fabric)
	case len(z.Peers) == 0 && z.Fabric == "":
		r.errorf("peers", "", "is missing: list the address of every node of the zone, like 192.168.0.1, 192.168.0.2, or name a fabric")
	}
	c.fabricRef(r, z.Fabric)
	checkPeers(r, z.Peers)
}

// fabricRef checks a reference to a fabric that provides VTEPs.
func (c *checker) fabricRef(r report, id string) {
	if f := c.cfg.Fabrics[id]; f != nil && f.Protocol == FabricWireGuard {
		r.errorf("fabric", id, "is a wireguard fabric, which this release keeps but does not run; use one of openfabric, ospf or bgp, or peers")
	}
}

// didYouMean proposes a near name, or returns otherwise.
func didYouMean(near, otherwise string) string {
	if near != "" {
		return "; did you mean " + near + "?"
	}
	return otherwise
}

func checkPeers(r report, peers []netip.Addr) {
	seen := make(map[netip.Addr]bool, len(peers))
	for _, p := range peers {
		switch {
		case seen[p]:
			r.warnf("peers", p.String(), "is listed twice; once is enough")
		case p.Zone() != "":
			r.errorf("peers", p.String(), "names an interface; give the address alone")
		case !isUnicast(p):
			r.laxf("peers", p.String(), "is not an address a node can have; list the nodes' own unicast addresses")
		case p.Is4() != peers[0].Is4():
			r.laxf("peers", p.String(), "is of another family than %s: the tunnels of one zone are all IPv4 or all IPv6", peers[0])
		}
		seen[p] = true
	}
}

// nodeList checks the nodes that an object is restricted to; once is the text for a node that
// has not joined yet.
func (c *checker) nodeList(r report, nodes []string, once string) {
	seen := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		switch {
		case !IsLabel(n):
			r.errorf("nodes", n, "is not a host name: use up to 63 letters, digits and hyphens")
		case seen[n]:
			r.warnf("nodes", n, "is listed twice; once is enough")
		case !c.known[n]:
			r.warnf("nodes", n, "has not joined%s; %s", c.nearestNode(n), once)
		}
		seen[n] = true
	}
}

// nearestNode proposes a known node for an unknown name.
func (c *checker) nearestNode(name string) hint {
	h := near(c, KindNode, name, c.known, "")
	h.proposal = " (" + strings.TrimPrefix(h.proposal, "; ") + ")"
	return h
}

func (c *checker) zoneMTU(r report, z *Zone) {
	if z.MTU >= MinMTU && z.MTU < MinMTU6 && c.hasIPv6(z.ID) {
		r.laxf("mtu", strconv.Itoa(z.MTU), "is too small for the zone's IPv6 subnets, which need at least %d bytes", MinMTU6)
	}
}

// zoneServices checks the zone's domain. IPAMs and DNS servers are live objects and not part
// of a configuration: see CheckLiveReferences.
func zoneServices(r report, z *Zone) {
	if z.DNSZone == "" {
		return
	}
	if !isDNSName(z.DNSZone) {
		r.errorf("dnszone", z.DNSZone, "is not a DNS name; write it like example.com")
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
