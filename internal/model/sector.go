package model

import (
	"net/netip"
	"strconv"
	"strings"
)

// Sector is an isolated tenant network with a gateway to a backplane on every node, which
// translates addresses: its networks may be those of other sectors. It stands for a VXLAN zone,
// a VNet and subnets, which are made and changed together with it.
type Sector struct {
	// ID is a DNS label in lower case, as it is part of names.
	ID string `json:"id"`
	// Alias describes the sector, up to 256 characters.
	Alias string `json:"alias,omitempty"`
	// Backplane is the network that the gateway leads to. Empty is completed with the only
	// one that there is.
	Backplane string `json:"backplane,omitempty"`
	// VNet is the ID of the VNet and of its zone, "olvn" with the tag. Empty is completed
	// with the lowest tag that is free.
	VNet string `json:"vnet,omitempty"`
	// Subnets are the networks of the sector.
	Subnets []SectorSubnet `json:"subnets,omitempty"`
	// Address and Address6 are those in the backplane with which the sector leaves, the same
	// on every node. Empty is completed with the lowest that is free.
	Address  netip.Addr `json:"address,omitzero"`
	Address6 netip.Addr `json:"address6,omitzero"`
	// Domain is the DNS domain of the sector's guests. Empty is completed with the ID below
	// SectorDomain.
	Domain string `json:"domain,omitempty"`
	// Forwards lead ports of the sector's address to guests.
	Forwards []SectorForward `json:"forwards,omitempty"`
	// FloatingIPs lead whole addresses of the backplane to guests, which leave with them.
	FloatingIPs []FloatingIP `json:"floating-ips,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// SectorSubnet is a network of a sector.
type SectorSubnet struct {
	CIDR netip.Prefix `json:"cidr"`
	// Gateway is the gateway's address; empty means the first of the network.
	Gateway netip.Addr `json:"gateway,omitzero"`
}

// SectorForward leads a port, or a range of ports, of the sector's address to a guest.
type SectorForward struct {
	// Port is "tcp/80", or a range: "udp/6000-6010". Ports are 1 to FirstSourcePort-1.
	Port string `json:"port"`
	// To is the guest's address.
	To netip.Addr `json:"to,omitzero"`
	// ToPort is the guest's first port; 0 means the same.
	ToPort int `json:"to-port,omitempty"`
}

// FloatingIP leads an address of the backplane to a guest.
type FloatingIP struct {
	Address netip.Addr `json:"address,omitzero"`
	// Target is the guest's address.
	Target netip.Addr `json:"target,omitzero"`
}

// SectorDomain is the DNS domain of which the default domains of sectors are a part (ICANN
// reserves it for private use).
const SectorDomain = "internal"

// The tags that VNets of sectors get.
const (
	FirstSectorTag = 1001
	LastSectorTag  = 9999
)

// SectorVNet returns the ID of a sector's VNet and zone.
func SectorVNet(tag int) string { return "olvn" + strconv.Itoa(tag) }

// KindSector is the kind of Sector.
const KindSector Kind = "sector"

func sectorKind() *Descriptor {
	return &Descriptor{
		Kind:     KindSector,
		check:    (*checker).sectors,
		refs:     referring((*Sector).refs),
		refKinds: []Kind{KindZone, KindSubnet},
		slot:     in(func(c *Config) *map[string]*Sector { return &c.Sectors }),
		Doc:      "An isolated tenant network with a gateway, DNS and DHCP, whose networks may be those of other sectors.",
		Example: `kind: sector
id: shop
backplane: bckplane
subnets:
- cidr: 172.16.0.0/24
address: 10.200.0.10
domain: shop.internal
forwards:
- port: tcp/8080
  to: 172.16.0.42
  to-port: 80
`,
		Permissions: []Permission{sdnPermission("/sdn/sectors/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "a DNS label in lower case", Pattern: sectorForm.String(), MaxLength: maxSectorID},
			{Name: "alias", Doc: "description", MaxLength: MaxAlias},
			{Name: "backplane", Doc: "network the gateway leads to; the only one that there is", Ref: KindBackplane, Use: true},
			{Name: "vnet", Doc: "name of its VNet and zone, with the lowest free tag if left out", Ref: KindVNet},
			{Name: "subnets", Required: true, Doc: "networks of the sector", Items: &Items{
				Type: "list of sector subnets", Name: "sector-subnet", Key: "cidr", Bare: "cidr",
				Properties: []Property{
					{Name: "cidr", Required: true, Doc: "the network"},
					{Name: "gateway", Doc: "the gateway's address; the first of the network if left out"},
				},
			}},
			{Name: "address", Doc: "IPv4 address in the backplane, the lowest free one if left out"},
			{Name: "address6", Doc: "IPv6 address in the backplane, the lowest free one if left out"},
			{Name: "domain", Doc: "DNS domain of the guests, <id>." + SectorDomain + " if left out"},
			{Name: "forwards", Doc: "ports of the sector's address that lead to guests", Items: &Items{
				Type: "list of port forwards", Name: "forward", Key: "port",
				Properties: []Property{
					{Name: "port", Required: true, Doc: "tcp or udp and a port or range below " + strconv.Itoa(FirstSourcePort) + ", like tcp/80 or udp/6000-6010"},
					{Name: "to", Required: true, Doc: "address of the guest"},
					{Name: "to-port", Doc: "the guest's first port; the same if left out", Min: 1, Max: MaxPort, Noun: "a port"},
				},
			}},
			{Name: "floating-ips", Doc: "addresses of the backplane that lead to guests", Items: &Items{
				Type: "list of floating addresses", Name: "floating-ip", Key: "address",
				Properties: []Property{
					{Name: "address", Required: true, Doc: "address in the backplane"},
					{Name: "target", Required: true, Doc: "address of the guest"},
				},
			}},
		},
		Columns: []Column{
			column("SECTOR", func(s *Sector) string { return s.ID }),
			column("SUBNETS", func(s *Sector) string { return s.subnetsText() }),
			column("ADDRESS", func(s *Sector) string { return addrText(s.Address) }),
			column("VNET", func(s *Sector) string { return s.VNet }),
			column("ALIAS", func(s *Sector) string { return s.Alias }),
			wideColumn("ADDRESS6", func(s *Sector) string { return addrText(s.Address6) }),
			wideColumn("DOMAIN", func(s *Sector) string { return s.Domain }),
			wideColumn("FORWARDS", func(s *Sector) string { return s.forwardsText() }),
			wideColumn("BACKPLANE", func(s *Sector) string { return s.Backplane }),
		},
	}
}

// ObjectKind implements Object.
func (*Sector) ObjectKind() Kind { return KindSector }

// ObjectID implements Object.
func (s *Sector) ObjectID() string { return s.ID }

// refs returns the objects that stand for the sector, beside its VNet.
func (s *Sector) refs() []Reference {
	if s.VNet == "" {
		return nil
	}
	out := []Reference{{Kind: KindZone, ID: s.VNet, Field: "vnet"}}
	for i, n := range s.Subnets {
		if n.CIDR.IsValid() {
			out = append(out, Reference{Kind: KindSubnet, ID: SubnetID(s.VNet, n.CIDR), Field: "subnets[" + strconv.Itoa(i) + "].cidr"})
		}
	}
	return out
}

// AddressFor returns the sector's address in the backplane of the family of another one.
func (s *Sector) AddressFor(a netip.Addr) netip.Addr {
	if a.Is6() {
		return s.Address6
	}
	return s.Address
}

// Addresses returns every address of the backplane that the sector has.
func (s *Sector) Addresses() []netip.Addr {
	var out []netip.Addr
	for _, a := range []netip.Addr{s.Address, s.Address6} {
		if a.IsValid() {
			out = append(out, a)
		}
	}
	for _, f := range s.FloatingIPs {
		if f.Address.IsValid() {
			out = append(out, f.Address)
		}
	}
	return out
}

// HasSubnet reports whether an address is in one of the sector's networks.
func (s *Sector) HasSubnet(a netip.Addr) bool {
	for _, n := range s.Subnets {
		if n.CIDR.IsValid() && n.CIDR.Masked().Contains(a) {
			return true
		}
	}
	return false
}

// GatewayAddr returns the address of the gateway in the network.
func (n SectorSubnet) GatewayAddr() netip.Addr {
	if n.Gateway.IsValid() || !n.CIDR.IsValid() {
		return n.Gateway
	}
	return n.CIDR.Masked().Addr().Next()
}

// Ports returns the protocol and the ports of the forward; ok is false if they are not well
// formed.
func (f SectorForward) Ports() (protocol string, first, last int, ok bool) {
	protocol, ports, found := strings.Cut(f.Port, "/")
	if !found || protocol != "tcp" && protocol != "udp" {
		return "", 0, 0, false
	}
	from, to, isRange := strings.Cut(ports, "-")
	if !isRange {
		to = from
	}
	a, err1 := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	return protocol, int(a), int(b), err1 == nil && err2 == nil && a > 0 && a <= b
}

func (s *Sector) subnetsText() string {
	var out []string
	for _, n := range s.Subnets {
		out = append(out, n.CIDR.String())
	}
	return fewTexts(out)
}

func (s *Sector) forwardsText() string {
	var out []string
	for _, f := range s.Forwards {
		out = append(out, f.Port)
	}
	return fewTexts(out)
}
