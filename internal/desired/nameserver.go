package desired

import (
	"fmt"
	"net/netip"
	"strings"
)

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

// ViewEntries lists where a DNS server listens, and for whom.
func ViewEntries(s *NameServer) (out []Entry) {
	if s == nil {
		return nil
	}
	for _, v := range s.Views {
		var listen []string
		for _, l := range v.Listen {
			listen = append(listen, l.Addr.String()+" on "+l.Link)
		}
		out = append(out, Entry{Key: v.Zone, Name: v.Zone, Owner: v.Owner, Props: []Prop{
			{Name: "domain", Value: v.Domain},
			{Name: "listen", Value: strings.Join(listen, ", ")},
			{Name: "networks", Value: joined(v.Networks)},
			{Name: "forwarders", Value: joined(s.Forwarders)},
		}})
	}
	return out
}

// Entry describes a name of a view.
func (v *NameView) Entry(n NameEntry) Entry {
	return Entry{Key: v.Zone + " " + n.Name, Name: n.Name, Owner: v.Owner, Props: []Prop{{Name: "addresses", Value: joined(n.IPs)}}}
}

// joined writes a list of values in one line.
func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = x.String()
	}
	return strings.Join(texts, ", ")
}
