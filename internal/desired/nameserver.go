package desired

import "net/netip"

// NameServer is the server that answers guests' questions for names on a node.
type NameServer struct {
	// Views are sorted by zone.
	Views []NameView `json:"views"`
	// Forwarders are asked for what no view has: the node's own resolvers, in their
	// order. Without any such questions are refused.
	Forwarders []netip.AddrPort `json:"forwarders,omitempty"`
}

// NameView is what the guests of one zone get to see.
type NameView struct {
	// Zone is the identifier of the zone, Domain its DNS zone without a final dot.
	Zone   string `json:"zone"`
	Domain string `json:"domain"`
	Owner  string `json:"owner"`
	// Listen is where the zone's guests ask, sorted.
	Listen []NameListener `json:"listen"`
	// Networks are those of the zone, sorted: who is in none of them is refused.
	Networks []netip.Prefix `json:"networks"`
	// Names are sorted; each is whole, in lower case and without a final dot.
	Names []NameEntry `json:"names,omitempty"`
}

// NameListener is an address that the server has on a link.
type NameListener struct {
	Addr netip.AddrPort `json:"addr"`
	// Link is a bridge of the state. The socket is bound to it, since an address may
	// exist in several VRFs.
	Link string `json:"link"`
}

// NameEntry is a name with its addresses, which lead back to it.
type NameEntry struct {
	Name string       `json:"name"`
	IPs  []netip.Addr `json:"ips"`
}
