package model

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubnetProperties(t *testing.T) {
	addr, pfx := netip.MustParseAddr, netip.MustParsePrefix
	dhcp := &Zone{ID: "simple", Type: ZoneSimple, DHCP: DHCPDnsmasq, IPAM: IPAMBuiltin, DNSZone: "lab.example"}
	plain := &Zone{ID: "simple", Type: ZoneSimple}
	ranges := func(texts ...string) (out []Range) {
		for _, s := range texts {
			start, end, _ := strings.Cut(s, "-")
			out = append(out, Range{addr(start), addr(end)})
		}
		return out
	}
	for what, c := range map[string]struct {
		zone *Zone
		s    Subnet
		want []string
	}{
		"gateway":                  {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), Gateway: addr("10.9.0.1")}, nil},
		"gateway elsewhere":        {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), Gateway: addr("10.8.0.1")}, []string{"error gateway 10.8.0.1"}},
		"gateway, network":         {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), Gateway: addr("10.9.0.0")}, []string{"lax gateway 10.9.0.0"}},
		"gateway, point to point":  {dhcp, Subnet{CIDR: pfx("10.9.0.1/32"), Gateway: addr("10.8.0.1")}, nil},
		"IPv6 gateway":             {dhcp, Subnet{CIDR: pfx("fd09::/64"), Gateway: addr("fd09::1")}, nil},
		"IPv6, all routers":        {dhcp, Subnet{CIDR: pfx("fd09::/64"), Gateway: addr("fd09::")}, []string{"warning gateway fd09::"}}, // RFC 4291, 2.6.1
		"IPv6, all routers of 126": {dhcp, Subnet{CIDR: pfx("fd09::/126"), Gateway: addr("fd09::")}, []string{"warning gateway fd09::"}},
		"IPv6, 127 has none":       {dhcp, Subnet{CIDR: pfx("fd09::/127"), Gateway: addr("fd09::")}, nil}, // RFC 6164
		"NAT without a gateway":    {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), SNAT: true}, []string{"warning snat true"}},
		"SLAAC":                    {dhcp, Subnet{CIDR: pfx("fd09::/64"), RAMode: RASLAAC}, nil},
		"SLAAC of 65 bits":         {dhcp, Subnet{CIDR: pfx("fd09::/65"), RAMode: RASLAAC}, []string{"error ra slaac"}}, // RFC 4862
		"stateful of 65 bits":      {dhcp, Subnet{CIDR: pfx("fd09::/65"), RAMode: RAStateful}, nil},
		"RA of IPv4":               {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), RAMode: RAStateful}, []string{"error ra stateful"}},
		"RA without DHCP":          {plain, Subnet{CIDR: pfx("fd09::/64"), RAMode: RAStateful}, []string{"warning ra stateful"}},
		"no RA without DHCP":       {plain, Subnet{CIDR: pfx("fd09::/64"), RAMode: RANone}, nil},
		"DNS server":               {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPDNSServer: addr("10.9.0.2")}, nil},
		"DNS server, IPv6":         {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPDNSServer: addr("fd09::2")}, []string{"lax dhcp-dns-server fd09::2"}},
		"DNS server, IPv4":         {dhcp, Subnet{CIDR: pfx("fd09::/64"), DHCPDNSServer: addr("10.9.0.2")}, []string{"lax dhcp-dns-server 10.9.0.2"}},
		"DNS server without DHCP":  {plain, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPDNSServer: addr("10.9.0.2")}, []string{"warning dhcp-dns-server 10.9.0.2"}},
		"prefix of names":          {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DNSZonePrefix: "lab"}, nil},
		"prefix, no name":          {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DNSZonePrefix: "-"}, []string{"error dnszoneprefix -"}},
		"prefix without a domain":  {plain, Subnet{CIDR: pfx("10.9.0.0/24"), DNSZonePrefix: "lab"}, []string{"warning dnszoneprefix lab"}},
		"ranges":                   {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.50-10.9.0.60", "10.9.0.10-10.9.0.49")}, nil},
		"one address":              {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.50-10.9.0.50")}, nil},
		"overlapping ranges":       {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.50-10.9.0.60", "10.9.0.10-10.9.0.50")}, []string{"error dhcp-range[0] 10.9.0.50-10.9.0.60"}},
		"a range in a wide one": {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.10-10.9.0.90", "10.9.0.20-10.9.0.30", "10.9.0.40-10.9.0.50")},
			[]string{"error dhcp-range[1] 10.9.0.20-10.9.0.30", "error dhcp-range[2] 10.9.0.40-10.9.0.50"}},
		"backwards":          {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.60-10.9.0.50")}, []string{"error dhcp-range[0] 10.9.0.60-10.9.0.50"}},
		"outside":            {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.60-10.9.1.50")}, []string{"error dhcp-range[0] 10.9.0.60-10.9.1.50"}},
		"nobody allocates":   {plain, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.50-10.9.0.60")}, []string{"warning dhcp-range 10.9.0.50-10.9.0.60"}},
		"dynamic DHCP":       {&Zone{ID: "simple", Type: ZoneSimple, DHCP: DHCPDnsmasq, DHCPDynamic: true}, Subnet{CIDR: pfx("10.9.0.0/24"), DHCPRange: ranges("10.9.0.50-10.9.0.60")}, nil},
		"address in a net":   {dhcp, Subnet{CIDR: pfx("10.9.0.5/24")}, []string{"lax cidr 10.9.0.5/24"}},
		"multicast":          {dhcp, Subnet{CIDR: pfx("224.0.0.0/24")}, []string{"lax cidr 224.0.0.0/24"}},
		"largest net":        {dhcp, Subnet{CIDR: pfx("10.0.0.0/8")}, nil},
		"too large":          {dhcp, Subnet{CIDR: pfx("10.0.0.0/7")}, []string{"error cidr 10.0.0.0/7"}},
		"IPv4 in IPv6":       {dhcp, Subnet{CIDR: pfx("::ffff:10.9.0.0/120")}, []string{"error cidr ::ffff:10.9.0.0/120"}},
		"longest IPv6":       {dhcp, Subnet{CIDR: netip.PrefixFrom(addr("fd09::1"), MaxMask6)}, nil},
		"longest IPv4":       {dhcp, Subnet{CIDR: netip.PrefixFrom(addr("10.9.0.1"), MaxMask4)}, nil},
		"gateway of a link":  {dhcp, Subnet{CIDR: pfx("fe80::/64"), Gateway: addr("fe80::1%eth0")}, []string{"error gateway fe80::1%eth0"}},
		"NAT with a gateway": {dhcp, Subnet{CIDR: pfx("10.9.0.0/24"), Gateway: addr("10.9.0.1"), SNAT: true}, nil},
	} {
		s := c.s
		s.VNet = "vsimple"
		if d := cmp.Diff(c.want, problems(t, c.zone, &s)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

// Labels and names are those of RFC 1123: 63 characters, 253 in all.
func TestLabels(t *testing.T) {
	long := strings.Repeat("a", 63)
	for text, want := range map[string]bool{
		"a": true, "z": true, "A": true, "Z": true, "0": true, "9": true, "n-1": true, long: true,
		"": false, long + "a": false, "-a": false, "a-": false, "-": false, "a_b": false, "a.b": false, "ä": false, "a/": false, "a:": false, "a@": false, "a[": false, "a`": false, "a{": false,
	} {
		if got := IsLabel(text); got != want {
			t.Errorf("label %q: %v", text, got)
		}
	}
	longest := strings.Join([]string{long, long, long, strings.Repeat("a", 61)}, ".")
	for text, want := range map[string]bool{
		"lab.example": true, "a": true, longest: true, longest + "a": false, "": false, ".": false, "a..b": false, ".a": false, "a_b.example": false,
	} {
		if got := isDNSName(text); got != want {
			t.Errorf("name %q (%d characters): %v", text, len(text), got)
		}
	}
}
