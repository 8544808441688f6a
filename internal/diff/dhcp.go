package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// DHCP says what turns some DHCP servers into others: each one, what it serves on
// each link, and the NICs that it knows. There may be very many of those, so that
// only their number is told.
func DHCP(old, new []desired.DHCPServer) []Change {
	out := Keyed(TypeDHCP, dhcpEntries(old), dhcpEntries(new))
	before := map[string][]desired.DHCPHost{}
	for _, s := range old {
		for _, n := range s.Networks {
			before[s.Zone+" "+n.Link] = n.Hosts
		}
	}
	for _, s := range new {
		for i, n := range s.Networks {
			if c := DHCPHosts(s.Zone, &s.Networks[i], before[s.Zone+" "+n.Link]); c != nil {
				out = append(out, *c)
			}
		}
	}
	return out
}

func dhcpEntries(servers []desired.DHCPServer) []Entry {
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
func DHCPServerEntry(s desired.DHCPServer) Entry {
	return Entry{Key: s.Zone, Name: s.Zone, Owner: s.Owner, Props: dhcpProps(onOff(s.Dynamic), "", "on", "off", "", "", "", "", "", "", "")}
}

func dhcpNetworkEntry(zone string, n desired.DHCPNetwork) Entry {
	return Entry{Key: zone + " " + n.Link, Name: zone + " " + n.Link, Owner: n.Owner,
		Props: dhcpProps("off", number0(n.MTU), onOff(!n.Quiet), onOff(n.Router), "", "", "", "", "", "", "")}
}

func dhcpSubnetEntry(zone, link string, s desired.DHCPSubnet) Entry {
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

// DHCPHosts says how many NICs a network's server learns of, knows otherwise, and
// forgets, compared with those that it had; nil if none.
func DHCPHosts(zone string, n *desired.DHCPNetwork, had []desired.DHCPHost) *Change {
	before := make(map[string]*desired.DHCPHost, len(had))
	for i := range had {
		before[had[i].MAC] = &had[i]
	}
	added, changed := 0, 0
	for _, h := range n.Hosts {
		switch old := before[h.MAC]; {
		case old == nil:
			added++
		case old.Name != h.Name || !slices.Equal(old.IPs, h.IPs):
			changed++
		}
		delete(before, h.MAC)
	}
	removed := len(before)
	if added+changed+removed == 0 {
		return nil
	}
	c := &Change{Action: Update, Type: TypeDHCP, Name: zone + " " + n.Link + " hosts", Owner: n.Owner}
	for _, f := range []struct {
		name  string
		count int
	}{{"added", added}, {"changed", changed}, {"removed", removed}} {
		if f.count > 0 {
			c.Fields = append(c.Fields, Field{Name: f.name, New: strconv.Itoa(f.count)})
		}
	}
	return c
}

// DHCPFile is the change of a file of a server that is not as declared.
func DHCPFile(zone, owner, name string, action Action) Change {
	c := Change{Action: action, Type: TypeDHCP, Name: fmt.Sprintf("%s file %s", zone, name), Owner: owner}
	if action == Update {
		c.Fields = []Field{{Name: "content", Old: "other", New: "as declared"}}
	}
	return c
}
