package model

import (
	"net/netip"
	"strconv"
)

// Backplane is a cluster-wide routed network that the gateways of sectors have a leg in. It
// stands for a zone, a VNet and subnets, which are made and changed together with it.
type Backplane struct {
	// ID is 2 to 8 letters and digits.
	ID string `json:"id"`
	// Type is that of the zone: ZoneEVPN, or ZoneVXLAN for nodes with kernels without VRFs.
	// Empty is completed from what the nodes can do.
	Type ZoneType `json:"type,omitempty"`
	// CIDR and CIDR6 are the networks; the first address of each is the gateway on every
	// node.
	CIDR  netip.Prefix `json:"cidr,omitzero"`
	CIDR6 netip.Prefix `json:"cidr6,omitzero"`
	// VNet is the ID of the VNet and of its zone. Empty is completed with the backplane's.
	VNet string `json:"vnet,omitempty"`
	// Controller is the EVPN controller (ZoneEVPN). Empty is completed with the only one that
	// there is, or with a new one of the backplane's name.
	Controller string `json:"controller,omitempty"`
	// ASN is the AS number of a new controller, 1 to 4294967295.
	ASN int `json:"asn,omitempty"`
	// VRFVXLAN is the L3VNI of the zone (ZoneEVPN), Tag the VXLAN network identifier of the
	// VNet.
	VRFVXLAN int `json:"vrf-vxlan,omitempty"`
	Tag      int `json:"tag,omitempty"`
	// Routed is true if hosts outside have routes to the networks through the nodes, which
	// then do not translate the source addresses of what leaves.
	Routed bool `json:"routed,omitempty"`
	// Members are the nodes with the backplane. Empty is completed with all that have joined.
	Members []BackplaneMember `json:"members,omitempty"`
	// Slices is into how many parts the source ports of a sector's address are divided, one
	// for each member: a power of two from 2 to 64.
	Slices int `json:"slices,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// BackplaneMember is a node with the backplane.
type BackplaneMember struct {
	Node string `json:"node"`
	// Address is the node's VTEP.
	Address netip.Addr `json:"address,omitzero"`
	// Slice is the number of the member's part of the ports, from 1. It must not change as
	// long as the member has connections: others would get their replies.
	Slice int `json:"slice,omitempty"`
}

// The defaults of a Backplane.
const (
	DefaultBackplane         = "bckplane"
	DefaultBackplaneASN      = 65001
	DefaultBackplaneVRFVXLAN = 10
	DefaultBackplaneTag      = 100
	MaxSlices                = 64
	minSlices                = 2
)

// DefaultBackplaneCIDR is the default of Backplane.CIDR.
var DefaultBackplaneCIDR = netip.MustParsePrefix("10.200.0.0/16")

// The source ports, and identifiers of ICMP queries, that the gateways of a sector use with
// its address: the upper half. The lower half is for port forwards.
const (
	FirstSourcePort = 32768
	LastSourcePort  = MaxPort
)

// KindBackplane is the kind of Backplane.
const KindBackplane Kind = "backplane"

func backplaneKind() *Descriptor {
	return &Descriptor{
		Kind:         KindBackplane,
		check:        (*checker).backplanes,
		refs:         referring((*Backplane).refs),
		refKinds:     []Kind{KindZone, KindSubnet},
		slot:         in(func(c *Config) *map[string]*Backplane { return &c.Backplanes }),
		Doc:          "A cluster-wide routed network that the gateways of sectors have a leg in.",
		TypeProperty: "type",
		Example: `kind: backplane
id: bckplane
type: vxlan
cidr: 10.200.0.0/16
members:
- node: node1
  address: 192.0.2.1
  slice: 1
slices: 4
`,
		Permissions: []Permission{sdnPermission("/sdn/backplanes/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 8 letters and digits", Pattern: idForm.String(), MaxLength: MaxVNetID},
			{Name: "type", Doc: "type of its zone; evpn where all nodes have VRFs and FRR", Values: words(ZoneEVPN, ZoneVXLAN), Noun: "a type of backplane"},
			{Name: "cidr", Doc: "network of the IPv4 addresses, " + DefaultBackplaneCIDR.String() + " if left out; its first address is the gateway"},
			{Name: "cidr6", Doc: "network of IPv6 addresses, a /64 or larger"},
			{Name: "vnet", Doc: "name of its VNet and zone, its own if left out", Ref: KindVNet},
			{Name: "controller", Doc: "EVPN controller; the only one that there is, or a new one", Ref: KindController, Use: true, Types: words(ZoneEVPN)},
			{Name: "asn", Doc: "AS number of a new controller", Min: 1, Max: MaxASN, Noun: "an autonomous system number", Types: words(ZoneEVPN)},
			{Name: "vrf-vxlan", Doc: "L3VNI: VXLAN network identifier of routed traffic", Min: 1, Max: MaxTag, Noun: "a VXLAN network identifier", Types: words(ZoneEVPN)},
			{Name: "tag", Doc: "VXLAN network identifier of its VNet", Min: 1, Max: MaxTag, Noun: "a VXLAN network identifier"},
			{Name: "routed", Doc: "hosts outside have routes to the backplane: nodes do not translate its addresses"},
			{Name: "members", Doc: "nodes with the backplane; all that have joined if left out", Items: &Items{
				Type: "list of members", Name: "backplane-member", Key: "node", Bare: "node",
				Properties: []Property{
					{Name: "node", Required: true, Doc: "name of the node", Ref: KindNode},
					{Name: "address", Doc: "the node's VTEP"},
					{Name: "slice", Doc: "number of the node's part of each sector's source ports", Min: 1, Max: MaxSlices},
				},
			}},
			{Name: "slices", Doc: "parts of each sector's source ports, one for each node: a power of two", Min: minSlices, Max: MaxSlices},
		},
		Columns: []Column{
			column("BACKPLANE", func(b *Backplane) string { return b.ID }),
			column("TYPE", func(b *Backplane) string { return string(b.Type) }),
			column("CIDR", func(b *Backplane) string { return prefixText(b.CIDR) }),
			column("MEMBERS", func(b *Backplane) string { return fewTexts(b.Nodes()) }),
			wideColumn("CIDR6", func(b *Backplane) string { return prefixText(b.CIDR6) }),
			wideColumn("CONTROLLER", func(b *Backplane) string { return b.Controller }),
			wideColumn("TAG", func(b *Backplane) string { return numberText(b.Tag, "") }),
			wideColumn("SLICES", func(b *Backplane) string { return strconv.Itoa(b.Slices) }),
		},
	}
}

// ObjectKind implements Object.
func (*Backplane) ObjectKind() Kind { return KindBackplane }

// ObjectID implements Object.
func (b *Backplane) ObjectID() string { return b.ID }

// refs returns the objects that stand for the backplane, beside its VNet.
func (b *Backplane) refs() []Reference {
	if b.VNet == "" {
		return nil
	}
	out := []Reference{{Kind: KindZone, ID: b.VNet, Field: "vnet"}}
	for _, n := range b.Networks() {
		out = append(out, Reference{Kind: KindSubnet, ID: SubnetID(b.VNet, n.Masked()), Field: networkField(n)})
	}
	return out
}

// networkField is the property with a network of a backplane.
func networkField(p netip.Prefix) string {
	if p.Addr().Is6() {
		return "cidr6"
	}
	return "cidr"
}

// Networks returns the networks of the backplane, IPv4 first.
func (b *Backplane) Networks() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []netip.Prefix{b.CIDR, b.CIDR6} {
		if p.IsValid() {
			out = append(out, p)
		}
	}
	return out
}

// Nodes returns the names of the members.
func (b *Backplane) Nodes() []string {
	out := make([]string, len(b.Members))
	for i, m := range b.Members {
		out[i] = m.Node
	}
	return out
}

// Member returns the member of a node; nil if it is none.
func (b *Backplane) Member(node string) *BackplaneMember {
	for i := range b.Members {
		if b.Members[i].Node == node {
			return &b.Members[i]
		}
	}
	return nil
}

// Ports returns the first and the last source port of a member's slice.
func (b *Backplane) Ports(slice int) (first, last int) {
	size := (LastSourcePort - FirstSourcePort + 1) / max(b.Slices, 1)
	first = FirstSourcePort + (slice-1)*size
	return first, first + size - 1
}

// The addresses at both ends of a backplane's network that nothing is given: for the gateway
// and further services of the cluster.
const (
	backplaneFirst = 10
	backplaneLast  = 5
)

// SectorAddresses returns the addresses of a network of the backplane that sectors get: its
// lower half, without the reserved ones.
func SectorAddresses(p netip.Prefix) Range {
	lower := lowerHalf(p)
	return Range{addrAt(lower, backplaneFirst), LastAddr(lower)}
}

// BackplaneGuests returns the addresses of a network of the backplane that guests with a NIC in
// it get: its upper half, without the reserved ones.
func BackplaneGuests(p netip.Prefix) Range {
	lower := lowerHalf(p)
	last := LastAddr(p)
	for range backplaneLast {
		last = last.Prev()
	}
	return Range{LastAddr(lower).Next(), last}
}

func lowerHalf(p netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(p.Masked().Addr(), p.Bits()+1)
}

// addrAt returns the address at a distance from the first of a network.
func addrAt(p netip.Prefix, distance int) netip.Addr {
	a := p.Masked().Addr()
	for range distance {
		a = a.Next()
	}
	return a
}
