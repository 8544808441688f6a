package frr

import (
	"net/netip"
)

// Owned is a value and the object that needs it: "controller/c1".
type Owned[T any] struct {
	Value T
	Owner string
}

// Own makes an owned value.
func Own[T any](owner string, value T) Owned[T] { return Owned[T]{Value: value, Owner: owner} }

// Config is a configuration. Maps are written in the order of their keys; lists keep
// theirs. The zero value is empty and ready to use.
type Config struct {
	// VRFs are those with routed traffic, by name.
	VRFs map[string]*VRF
	// Routers are the BGP routers by their VRF; "default" is the one outside.
	Routers map[string]*Router
	// ISIS are the IS-IS routers by their area tag, ISISInterfaces the links.
	ISIS           map[string]*ISIS
	ISISInterfaces map[string]*Interface
	// Communities are the lists of extended communities, by name.
	Communities map[string]*CommunityList
	// PrefixLists are those of both families, by name.
	PrefixLists map[string]*PrefixList
	// Custom are other lines of the operator, with everything that closes them.
	Custom []string
	// Lost are the lines of frr.conf.local that MergeProxmox dropped or put into the wrong
	// place. It is not written.
	Lost []LocalError
	// OpenFabric are the OpenFabric routers by name.
	OpenFabric           map[string]*OpenFabric
	OpenFabricInterfaces map[string]*Interface
	// OSPF is the router of OSPF version 2; nil if there is none.
	OSPF           *OSPF
	OSPFInterfaces map[string]*Interface
	AccessLists    map[string]*AccessList
	RouteMaps      map[string]*RouteMap
	// Routes are the static routes of the default VRF.
	Routes []Owned[Route]
	// ProtocolMaps are the route maps between a routing protocol and the
	// kernel, by protocol.
	ProtocolMaps map[string]*ProtocolMap
}

// Put stores an element in a map that may not exist yet.
func Put[V any](m *map[string]V, key string, v V) V {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
	return v
}

// VRF binds a VRF to its L3VNI.
type VRF struct {
	Name, Owner string
	VNI         uint32
	Routes      []Route
	Custom      []string
}

// Route is a static route.
type Route struct {
	Prefix netip.Prefix
	// Via is the next hop; without one packets are dropped (null0).
	Via netip.Addr
	// Link is the device of the next hop; it may be empty.
	Link string
}

// ISIS is a router of IS-IS.
type ISIS struct {
	Domain, Net, Owner string
	// Quick means that a change is announced within a second of the one before, not up to
	// 30 seconds after it.
	Quick  bool
	Custom []string
}

// OpenFabric is a router of OpenFabric.
type OpenFabric struct {
	Name, Net, Owner string
	Quick            bool // see ISIS
}

// OSPF is the router of OSPF version 2.
type OSPF struct {
	RouterID netip.Addr
	Owner    string
	// Redistribute are sources of routes, with their metric and route map.
	Redistribute []Owned[string]
}

// Interface is the configuration of one protocol on an interface.
type Interface struct {
	Name, Owner string
	// Lines are without their indentation.
	Lines  []string
	Custom []string
}

// CommunityList names routes by their extended communities: route targets.
type CommunityList struct {
	Name, Owner string
	Entries     []CommunityEntry
}

// CommunityEntry permits or denies routes.
type CommunityEntry struct {
	// Seq is the place in the list; 0 leaves it to FRR.
	Seq  int
	Deny bool
	// Pattern is a regular expression for the communities of a route as FRR prints them
	// ("RT:65000:10100 ET:8"); without one Target is used, "65000:10100".
	Pattern, Target string
}

// PrefixList names prefixes. FRR has separate lists for each family.
type PrefixList struct {
	Name, Owner string
	Entries     []PrefixEntry
}

// PrefixEntry permits or denies prefixes. Ge and Le bound the length; 0 means
// unset.
type PrefixEntry struct {
	Seq    int
	Deny   bool
	Prefix netip.Prefix
	Ge, Le int
}

// AccessList permits the addresses of one prefix.
type AccessList struct {
	Name, Owner string
	Permit      netip.Prefix
}

// RouteMap filters and changes routes.
type RouteMap struct {
	Name    string
	Entries []RouteMapEntry
}

// RouteMapEntry is one step of a route map.
type RouteMapEntry struct {
	Seq   int
	Deny  bool
	Owner string
	// Match and Set are conditions and changes without their first word; Call
	// names a further route map.
	Match, Set []string
	Call       string
	// Exit is the action after a match, "on-match next"; empty ends the map.
	Exit string
}

// Prepend puts entries before the existing ones.
func (m *RouteMap) Prepend(entries ...RouteMapEntry) {
	m.Entries = append(append([]RouteMapEntry{}, entries...), m.Entries...)
}

// last is the highest number of an entry.
func (m *RouteMap) last() int {
	n := 0
	for _, e := range m.Entries {
		n = max(n, e.Seq)
	}
	return n
}

// Renumber numbers the entries from 1 on.
func (m *RouteMap) Renumber() {
	for i := range m.Entries {
		m.Entries[i].Seq = i + 1
	}
}

// RouteMap returns the route map of that name and creates it if necessary.
func (c *Config) RouteMap(name string) *RouteMap {
	if m := c.RouteMaps[name]; m != nil {
		return m
	}
	return Put(&c.RouteMaps, name, &RouteMap{Name: name})
}

// ProtocolMap names the route maps that filter a protocol's routes of either family into
// the kernel. Empty means none.
type ProtocolMap struct{ IPv4, IPv6 Owned[string] }

// ProtocolMap returns the one of the protocol and creates it if necessary.
func (c *Config) ProtocolMap(protocol string) *ProtocolMap {
	if m := c.ProtocolMaps[protocol]; m != nil {
		return m
	}
	return Put(&c.ProtocolMaps, protocol, &ProtocolMap{})
}
