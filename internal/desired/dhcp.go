package desired

import (
	"cmp"
	"net/netip"
	"slices"
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
	// MTU in bytes that guests are told; 0 tells none.
	MTU int `json:"mtu,omitempty"`
	// Quiet tells that no router advertisements are sent.
	Quiet bool `json:"quiet,omitempty"`
	// Router tells that the node is an IPv6 router of the link.
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
	// Shared tells that the link has no address in the network (IPv4 only).
	Shared bool `json:"shared,omitempty"`
	// Autonomous lets guests make addresses of their own (SLAAC, RFC 4862); IPv6
	// addresses are then not given out.
	Autonomous bool `json:"autonomous,omitempty"`
	// Ranges are what a dynamic server gives out by itself; none gives only what
	// Hosts have.
	Ranges []DHCPRange `json:"ranges,omitempty"`
	// Routes are told to guests beside the default gateway (RFC 3442).
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

// DHCPHost is a guest's NIC, known by its hardware address.
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
