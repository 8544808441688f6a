package diff

import "github.com/viaduct-sdn/viaduct/internal/desired"

// Nodes says what turns the old state of a node into the new one: links first,
// then addresses, neighbours, routes, ports, rules and sysctls, each sorted by
// name. Equal states differ in nothing; nil is the empty state. A sysctl that is
// no longer wanted is no change: it stays as it is.
func Nodes(old, new *desired.Node) []Change {
	if old == nil {
		old = &desired.Node{}
	}
	if new == nil {
		new = &desired.Node{}
	}
	var out []Change
	out = append(out, Keyed(TypeLink, entries(old.Links, LinkEntry), entries(new.Links, LinkEntry))...)
	out = append(out, Keyed(TypeAddress, entries(old.Addresses, AddressEntry), entries(new.Addresses, AddressEntry))...)
	out = append(out, Keyed(TypeNeighbour, entries(old.Neighbours, NeighbourEntry), entries(new.Neighbours, NeighbourEntry))...)
	out = append(out, Keyed(TypeRoute, entries(old.Routes, RouteEntry), entries(new.Routes, RouteEntry))...)
	out = append(out, Keyed(TypeRouteRule, entries(old.RouteRules, RouteRuleEntry), entries(new.RouteRules, RouteRuleEntry))...)
	out = append(out, Keyed(TypePort, entries(old.Ports, PortEntry), entries(new.Ports, PortEntry))...)
	out = append(out, Keyed(TypeOVSBridge, entries(old.OVSBridges, OVSBridgeEntry), entries(new.OVSBridges, OVSBridgeEntry))...)
	out = append(out, Keyed(TypeOVSPort, entries(old.OVSPorts, OVSPortEntry), entries(new.OVSPorts, OVSPortEntry))...)
	out = append(out, DHCP(old.DHCP, new.DHCP)...)
	out = append(out, FRR(old.FRR, new.FRR)...)
	out = append(out, NameServer(old.NameServer, new.NameServer)...)
	if old.Backend != new.Backend {
		out = append(out, Change{Action: Update, Type: TypeBackend, Name: "links", Fields: []Field{{Name: "backend", Old: old.Backend, New: new.Backend}}})
	}
	out = append(out, Tables(old.Tables, new.Tables)...)
	for _, c := range Keyed(TypeSysctl, entries(old.Sysctls, SysctlEntry), entries(new.Sysctls, SysctlEntry)) {
		// A setting that nobody wants any more stays (see driver/sysctl).
		if c.Action != Delete {
			out = append(out, c)
		}
	}
	return out
}

// entries describes every element of a list.
func entries[T any](list []T, describe func(T) Entry) []Entry {
	out := make([]Entry, len(list))
	for i, x := range list {
		out[i] = describe(x)
	}
	return out
}
