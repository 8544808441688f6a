package model

import "net/netip"

// FabricProtocol is the routing protocol of a fabric.
type FabricProtocol string

// The fabric protocols.
const (
	// FabricOpenFabric is a link-state protocol for spine and leaf networks
	// (draft-white-openfabric), for IPv4 and IPv6.
	FabricOpenFabric FabricProtocol = "openfabric"
	// FabricOSPF is OSPF version 2 (RFC 2328), for IPv4.
	FabricOSPF FabricProtocol = "ospf"
	// FabricBGP is eBGP over unnumbered links (RFC 7938, RFC 8950), for IPv4 and
	// IPv6.
	FabricBGP FabricProtocol = "bgp"
	// FabricWireGuard are encrypted tunnels between nodes and to external peers (Proxmox
	// VE 9.2). This release stores such fabrics but does not run them.
	FabricWireGuard FabricProtocol = "wireguard"
)

// FabricProtocols returns the known fabric protocols, sorted.
func FabricProtocols() []FabricProtocol {
	return []FabricProtocol{FabricBGP, FabricOpenFabric, FabricOSPF, FabricWireGuard}
}

// Fabric is a routed underlay between nodes: Proxmox VE SDN manual, "Fabrics". Every member
// has an address that all others reach over any working links.
type Fabric struct {
	// ID is 2 to 8 letters, digits and hyphens, no hyphen at either end.
	ID       string         `json:"id"`
	Protocol FabricProtocol `json:"protocol"`
	// IPPrefix and IP6Prefix hold the nodes' addresses; at least one is set, except for
	// WireGuard, which has addresses on the interfaces.
	IPPrefix  netip.Prefix `json:"ip-prefix,omitzero"`
	IP6Prefix netip.Prefix `json:"ip6-prefix,omitzero"`
	// HelloInterval and CSNPInterval are in seconds, 1 to 600 (OpenFabric); 0 means FRR's
	// default.
	HelloInterval int `json:"hello-interval,omitempty"`
	CSNPInterval  int `json:"csnp-interval,omitempty"`
	// PersistentKeepalive is the time between keepalive packets for tunnels through NAT,
	// in seconds, 1 to 65535 (WireGuard); 0 disables them.
	PersistentKeepalive int `json:"persistent-keepalive,omitempty"`
	// Area is the OSPF area, a number or a dotted quad, as it was written.
	Area string `json:"area,omitempty"`
	// BFD monitors the sessions of a BGP fabric (RFC 5880).
	BFD bool `json:"bfd,omitempty"`
	// RouteFilter names the prefix list of the fabric's routes; empty means routes in
	// IPPrefix and IP6Prefix.
	RouteFilter string `json:"route-filter,omitempty"`
	// Redistribute are other routes that the members advertise (OSPF, BGP).
	Redistribute []Redistribution `json:"redistribute,omitempty"`
	// RouteMapIn and RouteMapOut name the route maps for routes from and to other members
	// (BGP).
	RouteMapIn  string `json:"route-map-in,omitempty"`
	RouteMapOut string `json:"route-map-out,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// Redistribution is a source of routes that a fabric advertises.
type Redistribution struct {
	// Source is the name in FRR: see RedistributionSources.
	Source string `json:"source"`
	// Metric is the metric of the advertised routes, 0 to 16777214 (OSPF, RFC 2328
	// appendix B) or 4294967295 (BGP); empty means FRR's default.
	Metric string `json:"metric,omitempty"`
	// RouteMap names the route map for the routes.
	RouteMap string `json:"route-map,omitempty"`
}

// RedistributionSources returns the sources that a fabric of the protocol may have, sorted;
// none for OpenFabric and WireGuard.
func RedistributionSources(p FabricProtocol) []string {
	switch p {
	case FabricOSPF:
		return []string{"bgp", "connected", "kernel", "static"}
	case FabricBGP:
		return []string{"connected", "isis", "kernel", "openfabric", "ospf", "ospf6", "static"}
	case FabricOpenFabric, FabricWireGuard:
	}
	return nil
}

// KindFabric is the kind of Fabric.
const KindFabric Kind = "fabric"

func fabricKind() *Descriptor {
	return &Descriptor{
		Kind:         KindFabric,
		check:        (*checker).fabrics,
		slot:         in(func(c *Config) *map[string]*Fabric { return &c.Fabrics }),
		Doc:          "A routed underlay between nodes.",
		TypeProperty: "protocol",
		Example: `kind: fabric
id: ring
protocol: openfabric
ip-prefix: 10.10.10.0/24
`,
		Permissions: []Permission{sdnPermission("/sdn/fabrics/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 8 letters, digits and hyphens", Pattern: fabricForm.String()},
			{Name: "protocol", Required: true, Doc: "routing protocol; wireguard is kept and does not run yet", Values: words(FabricProtocols()...), Noun: "a fabric protocol of this release"},
			{Name: "ip-prefix", Doc: "network of the nodes' IPv4 addresses"},
			{Name: "ip6-prefix", Doc: "network of the nodes' IPv6 addresses"},
			{Name: "hello-interval", Doc: "time between hellos", Min: 1, Max: 600, Unit: "seconds", Without: ", or leave it out", Types: words(FabricOpenFabric)},
			{Name: "csnp-interval", Doc: "time between complete sequence number packets", Min: 1, Max: 600, Unit: "seconds", Without: ", or leave it out", Types: words(FabricOpenFabric)},
			{Name: "persistent-keepalive", Doc: "time between packets that keep tunnels open through NAT", Min: 1, Max: maxPort, Unit: "seconds", Without: ", or leave it out", Types: words(FabricWireGuard)},
			{Name: "area", Doc: "area, a number or like 0.0.0.0", Types: words(FabricOSPF)},
			{Name: "bfd", Doc: "watch the sessions with BFD", Types: words(FabricBGP)},
			{Name: "route-filter", Doc: "prefix list of the fabric's routes, instead of its networks", Ref: KindPrefixList, Use: true, Types: words(FabricBGP, FabricOpenFabric, FabricOSPF)},
			{Name: "redistribute", Doc: "other routes to advertise, like source=connected,metric=N,route-map=M", Types: words(FabricBGP, FabricOSPF), Items: &Items{
				Type: "list of route sources", Name: "source", Key: "source", Bare: "source",
				Properties: []Property{
					{Name: "source", Required: true, Doc: "where the routes come from", Conditional: true, Noun: "a source of routes",
						Values: []string{"bgp", "connected", "isis", "kernel", "openfabric", "ospf", "ospf6", "static"}},
					{Name: "metric", Doc: "metric of the routes, 0 to 4294967295, to 16777214 in an ospf fabric"},
					{Name: "route-map", Doc: "route map that the routes pass", Ref: KindRouteMap, Use: true},
				},
			}},
			{Name: "route-map-in", Doc: "route map for routes from other nodes", Ref: KindRouteMap, Use: true, Types: words(FabricBGP)},
			{Name: "route-map-out", Doc: "route map for routes to other nodes", Ref: KindRouteMap, Use: true, Types: words(FabricBGP)},
		},
		Columns: []Column{
			column("FABRIC", func(f *Fabric) string { return f.ID }),
			column("PROTOCOL", func(f *Fabric) string { return string(f.Protocol) }),
			column("IPV4", func(f *Fabric) string { return prefixText(f.IPPrefix) }),
			column("IPV6", func(f *Fabric) string { return prefixText(f.IP6Prefix) }),
			wideColumn("AREA", func(f *Fabric) string { return f.Area }),
			wideColumn("ROUTE-FILTER", func(f *Fabric) string { return f.RouteFilter }),
			wideColumn("REDISTRIBUTE", func(f *Fabric) string { return f.sourcesText() }),
			wideColumn("ROUTE-MAPS", func(f *Fabric) string { return inOutText(f.RouteMapIn, f.RouteMapOut) }),
		},
	}
}

// ObjectKind implements Object.
func (*Fabric) ObjectKind() Kind { return KindFabric }

// ObjectID implements Object.
func (f *Fabric) ObjectID() string { return f.ID }

// sourcesText returns the first sources of routes that the fabric advertises.
func (f *Fabric) sourcesText() string {
	var sources []string
	for _, r := range f.Redistribute {
		sources = append(sources, r.Source)
	}
	return fewTexts(sources)
}
