package model

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Subnet is an IP range of a VNet: Proxmox VE SDN manual, "Subnets".
type Subnet struct {
	// ID is "<zone>-<network>-<mask length>". A manifest may give the CIDR instead;
	// Config.Put completes the ID from the VNet's zone.
	ID string `json:"id"`
	// CIDR is the network; a prefix of 8 to 32 bits (IPv4) or 8 to 128 (IPv6).
	CIDR netip.Prefix `json:"cidr,omitzero"`
	VNet string       `json:"vnet"`
	// Gateway is the address of the network's default gateway. In a routed zone every node
	// has it on the VNet's bridge.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// SNAT translates guests' traffic to outside networks to the node's own address.
	SNAT bool `json:"snat,omitempty"`
	// DNSZonePrefix is inserted between host name and DNS zone at registration.
	DNSZonePrefix string `json:"dnszoneprefix,omitempty"`
	// DHCPRange lists the ranges for address allocation.
	DHCPRange []Range `json:"dhcp-range,omitempty"`
	// DHCPDNSServer is the DNS server advertised to guests by DHCP.
	DHCPDNSServer netip.Addr `json:"dhcp-dns-server,omitzero"`
	// RAMode is how guests of an IPv6 network in a zone with DHCP get their addresses: one
	// of the RA constants; empty means RAStateful. Proxmox VE has no such property.
	RAMode string `json:"ra,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// The values of Subnet.RAMode.
const (
	// RAStateful sends router advertisements that request DHCPv6 for addresses (RFC 8415).
	RAStateful = "stateful"
	// RASLAAC sends those that request autoconfiguration (RFC 4862), which requires a /64.
	RASLAAC = "slaac"
	// RANone sends none, since another router does. DHCPv6 still answers requests.
	RANone = "none"
)

// Range is an inclusive range of addresses of one family.
type Range struct {
	Start netip.Addr `json:"start-address"`
	End   netip.Addr `json:"end-address"`
}

// String returns the range like "10.0.1.10-10.0.1.20".
func (r Range) String() string { return r.Start.String() + "-" + r.End.String() }

// KindSubnet is the kind of Subnet.
const KindSubnet Kind = "subnet"

func subnetKind() *Descriptor {
	return &Descriptor{
		Kind:     KindSubnet,
		Complete: completing(completeSubnet),
		check:    (*checker).subnets,
		refs:     referring((*Subnet).refs), refKinds: []Kind{KindZone},
		slot: in(func(c *Config) *map[string]*Subnet { return &c.Subnets }),
		Doc:  "A network of a VNet, with its gateway and the addresses to give out.",
		Example: `kind: subnet
id: 10.0.1.0/24
vnet: web
gateway: 10.0.1.1
snat: true
dhcp-range: 10.0.1.100-10.0.1.199
`,
		Permissions: []Permission{sdnPermission("/sdn/zones/{zone}/{vnet}")},
		WriteNote:   "for a subnet that moves on both VNets",
		pathPart:    zoneOfSubnet,
		Properties: []Property{
			{Name: "id", Required: true, Doc: "the network, like 10.0.1.0/24, or <zone>-10.0.1.0-24"},
			{Name: "cidr", Doc: "the network, if id does not give it"},
			{Name: "vnet", Required: true, Doc: "VNet the subnet belongs to", Ref: KindVNet},
			{Name: "gateway", Doc: "the network's default gateway"},
			{Name: "snat", Doc: "guests reach outside through the node's own address"},
			{Name: "dnszoneprefix", Doc: "put between host name and DNS domain"},
			{Name: "dhcp-range", Doc: "addresses to give out, like start-address=A,end-address=B", Items: &Items{
				Type: FieldRanges, Name: "range", Key: "start-address",
				Properties: []Property{
					{Name: "start-address", Required: true, Doc: "first address of the range"},
					{Name: "end-address", Required: true, Doc: "last address of the range"},
				},
			}},
			{Name: "dhcp-dns-server", Doc: "DNS server that DHCP gives to guests"},
			{Name: "ra", Doc: "how guests get IPv6 addresses, stateful (DHCPv6) if left out", Values: []string{RAStateful, RASLAAC, RANone}, Noun: "a way to addresses"},
		},
		Columns: []Column{
			column("SUBNET", func(s *Subnet) string { return s.CIDR.String() }),
			column("VNET", func(s *Subnet) string { return s.VNet }),
			column("GATEWAY", func(s *Subnet) string { return addrText(s.Gateway) }),
			column("SNAT", func(s *Subnet) string { return yesText(s.SNAT) }),
			wideColumn("ID", func(s *Subnet) string { return s.ID }),
			wideColumn("DHCP-RANGE", func(s *Subnet) string { return strings.Join(stringTexts(s.DHCPRange), ", ") }),
		},
	}
}

// ObjectKind implements Object.
func (*Subnet) ObjectKind() Kind { return KindSubnet }

// ObjectID implements Object.
func (s *Subnet) ObjectID() string { return s.ID }

// SubnetID returns the ID of a subnet in a zone, in the Proxmox API's format: the CIDR's slash
// becomes a hyphen.
func SubnetID(zone string, cidr netip.Prefix) string {
	return zone + "-" + strings.ReplaceAll(cidr.String(), "/", "-")
}

// ParseSubnetID parses a subnet's ID; ok is false if it is invalid.
func ParseSubnetID(id string) (zone string, cidr netip.Prefix, ok bool) {
	zone, rest, _ := strings.Cut(id, "-")
	cidr, err := netip.ParsePrefix(strings.Replace(rest, "-", "/", 1))
	return zone, cidr, err == nil && zone != ""
}

// GivenRanges returns the usable parts of DHCPRange: without the addresses that RoleOf
// reserves at the ends of the network. A range without usable addresses is left out.
func (s *Subnet) GivenRanges() []Range {
	var out []Range
	for _, r := range s.DHCPRange {
		if !r.Start.IsValid() || !r.End.IsValid() {
			continue
		}
		if RoleOf(s.CIDR, r.Start) != "" {
			r.Start = r.Start.Next()
		}
		if RoleOf(s.CIDR, r.End) != "" {
			r.End = r.End.Prev()
		}
		if r.Start.IsValid() && r.End.IsValid() && !r.End.Less(r.Start) {
			out = append(out, r)
		}
	}
	return out
}

// completeSubnet fills in ID and CIDR from each other and from the zone of the VNet. It
// writes to o, which is the caller's own copy until Put returns.
func completeSubnet(c *Config, o *Subnet) error {
	if p, err := netip.ParsePrefix(o.ID); err == nil {
		if o.CIDR.IsValid() && o.CIDR != p {
			return Problems{{Severity: Error, Kind: KindSubnet, ID: o.ID, Field: "cidr", Value: o.CIDR.String(),
				Message: "differs from the network given as id; leave one of them out"}}
		}
		o.CIDR, o.ID = p, ""
	}
	if _, p, ok := ParseSubnetID(o.ID); ok && !o.CIDR.IsValid() {
		o.CIDR = p
	}
	v := c.VNets[o.VNet]
	if v == nil {
		id := o.ID
		if id == "" {
			id = o.CIDR.String()
		}
		return Problems{{Severity: Error, Kind: KindSubnet, ID: id, Field: "vnet", Value: o.VNet,
			Message: "no such vnet; declare the vnet first or correct the name"}}
	}
	if !o.CIDR.IsValid() {
		return Problems{{Severity: Error, Kind: KindSubnet, ID: o.ID, Field: "id", Value: o.ID,
			Message: "is not a network; write it like 10.0.1.0/24 or fd00:1::/64"}}
	}
	want := SubnetID(v.Zone, o.CIDR)
	if o.ID != "" && o.ID != want {
		return Problems{{Severity: Error, Kind: KindSubnet, ID: o.ID, Field: "id", Value: o.ID,
			Message: fmt.Sprintf("does not fit: the subnet %s of vnet %s in zone %s is called %s", o.CIDR, o.VNet, v.Zone, want)}}
	}
	o.ID = want
	return nil
}

// refs returns the zone of the VNet, which is part of the ID.
func (s *Subnet) refs() []Reference {
	zone, _, _ := ParseSubnetID(s.ID)
	return []Reference{{Kind: KindZone, ID: zone, Field: "id"}}
}

// zoneOfSubnet returns the zone of the VNet, or else the one in the ID.
func zoneOfSubnet(o Object, name string, zoneOf ZoneOf) (string, bool) {
	s := o.(*Subnet)
	zone, _, _ := ParseSubnetID(s.ID)
	return cmp.Or(zoneOf(s.VNet), zone), name == "zone"
}
