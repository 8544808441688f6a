package desired

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// DHCPServer is what DHCP serves in one zone on the node; router advertisements of
// IPv6 networks are part of it.
type DHCPServer struct {
	Zone  string `json:"zone"`
	Owner string `json:"owner"`
	// Dynamic gives guests that nobody has declared an address out of the ranges,
	// too; otherwise only the networks' Hosts are answered.
	Dynamic  bool          `json:"dynamic,omitempty"`
	Networks []DHCPNetwork `json:"networks,omitempty"`
}

// DHCPNetwork is what a server serves on one link.
type DHCPNetwork struct {
	Link  string `json:"link"`
	Owner string `json:"owner"`
	// MTU in bytes that is sent to guests; 0 sends none.
	MTU int `json:"mtu,omitempty"`
	// Quiet is true if no router advertisements are sent.
	Quiet bool `json:"quiet,omitempty"`
	// Router is true if the node is an IPv6 router of the link.
	Router  bool         `json:"router,omitempty"`
	Subnets []DHCPSubnet `json:"subnets,omitempty"`
	// Hosts are the NICs that are known.
	Hosts []DHCPHost `json:"hosts,omitempty"`
}

// DHCPSubnet is one network on a link.
type DHCPSubnet struct {
	// ID is the subnet's: a word without commas and blanks.
	ID    string       `json:"id"`
	Owner string       `json:"owner"`
	CIDR  netip.Prefix `json:"cidr"`
	// Gateway is the default gateway; invalid for none. That of an IPv6 network is
	// known by router advertisement only.
	Gateway   netip.Addr `json:"gateway,omitzero"`
	DNSServer netip.Addr `json:"dnsServer,omitzero"`
	// Domain is the DNS domain of the guests.
	Domain string `json:"domain,omitempty"`
	// Shared is true if the link has no address in the network (IPv4 only).
	Shared bool `json:"shared,omitempty"`
	// Autonomous allows guests to generate their addresses (SLAAC, RFC 4862); IPv6
	// addresses are then not leased.
	Autonomous bool `json:"autonomous,omitempty"`
	// Ranges are the addresses that a dynamic server leases to any guest; without
	// ranges it leases only those of Hosts.
	Ranges []DHCPRange `json:"ranges,omitempty"`
	// Routes are sent to guests in addition to the default gateway (RFC 3442).
	Routes []DHCPRoute `json:"routes,omitempty"`
}

// DHCPRange is an inclusive range of addresses of one family.
type DHCPRange struct {
	Start netip.Addr `json:"start"`
	End   netip.Addr `json:"end"`
}

// DHCPRoute is a route of guests. Without Via the destination is on their link.
type DHCPRoute struct {
	Dst netip.Prefix `json:"dst"`
	Via netip.Addr   `json:"via,omitzero"`
}

// DHCPHost is a guest's NIC, identified by its MAC address.
type DHCPHost struct {
	// MAC is in lower-case colon form.
	MAC string `json:"mac"`
	// IPs are at most one IPv4 and then one IPv6 address.
	IPs []netip.Addr `json:"ips,omitempty"`
	// Name is one DNS label; empty for none.
	Name string `json:"name,omitempty"`
}

// sortDHCP puts servers, networks, subnets and hosts in order.
func sortDHCP(servers []DHCPServer) {
	slices.SortFunc(servers, func(a, b DHCPServer) int { return cmp.Compare(a.Zone, b.Zone) })
	for _, s := range servers {
		slices.SortFunc(s.Networks, func(a, b DHCPNetwork) int { return cmp.Compare(a.Link, b.Link) })
		for _, n := range s.Networks {
			slices.SortFunc(n.Subnets, func(a, b DHCPSubnet) int { return cmp.Compare(a.ID, b.ID) })
			slices.SortFunc(n.Hosts, func(a, b DHCPHost) int { return cmp.Compare(a.MAC, b.MAC) })
		}
	}
}

// DHCPEntries lists servers, what they serve on each link, and its subnets.
func DHCPEntries(servers []DHCPServer) []Entry {
	var out []Entry
	for _, s := range servers {
		out = append(out, DHCPServerEntry(s))
		for _, n := range s.Networks {
			out = append(out, dhcpNetworkEntry(s.Zone, n))
			for _, sub := range n.Subnets {
				out = append(out, dhcpSubnetEntry(s.Zone, n.Link, sub))
			}
		}
	}
	return out
}

// DHCPServerEntry describes the DHCP server of a zone as a whole.
func DHCPServerEntry(s DHCPServer) Entry {
	return Entry{Key: s.Zone, Name: s.Zone, Owner: s.Owner, Props: dhcpProps(onOff(s.Dynamic), "", "on", "off", "", "", "", "", "", "", "")}
}

func dhcpNetworkEntry(zone string, n DHCPNetwork) Entry {
	return Entry{Key: zone + " " + n.Link, Name: zone + " " + n.Link, Owner: n.Owner,
		Props: dhcpProps("off", number0(n.MTU), onOff(!n.Quiet), onOff(n.Router), "", "", "", "", "", "", "")}
}

func dhcpSubnetEntry(zone, link string, s DHCPSubnet) Entry {
	var ranges, routes []string
	for _, r := range s.Ranges {
		ranges = append(ranges, r.Start.String()+"-"+r.End.String())
	}
	for _, r := range s.Routes {
		routes = append(routes, strings.TrimSpace(r.Dst.String()+" "+address(r.Via)))
	}
	shared := "" // that is told only where it is so: it follows from the addresses
	if s.Shared {
		shared = "on"
	}
	mode := "given"
	if s.Autonomous {
		mode = "autonomous"
	}
	return Entry{Key: zone + " " + link + " " + s.ID + " " + s.CIDR.String(), Name: zone + " " + s.CIDR.String() + " dev " + link, Owner: s.Owner,
		Props: dhcpProps("off", "", "on", "off", address(s.Gateway), address(s.DNSServer), s.Domain, mode,
			strings.Join(ranges, " "), strings.Join(routes, " "), shared)}
}

// dhcpProps are the properties that all entries of DHCP have, in their order.
func dhcpProps(dynamic, mtu, advertised, router, gateway, dns, domain, addresses, ranges, routes, shared string) []Prop {
	return []Prop{
		{Name: "dynamic", Value: dynamic, Zero: "off"},
		{Name: "mtu", Value: mtu},
		{Name: "advertised", Value: advertised, Zero: "on"},
		{Name: "router", Value: router, Zero: "off"},
		{Name: "gateway", Value: gateway},
		{Name: "dns-server", Value: dns},
		{Name: "domain", Value: domain},
		{Name: "addresses", Value: addresses, Zero: "given"},
		{Name: "ranges", Value: ranges},
		{Name: "routes", Value: routes},
		{Name: "shared", Value: shared},
	}
}
