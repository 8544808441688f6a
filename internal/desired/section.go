package desired

import (
	"bufio"
	"encoding/json"
	"io"
)

// Section is what a space declares of one kind.
type Section interface {
	// Kind is what such a thing is called in plans: "link".
	Kind() string
	// Entries describes the things, so that they can be compared and printed.
	Entries() []Entry
	// Hash writes all that makes the section differ from another; nothing if it is empty.
	Hash(w *bufio.Writer)
}

// Sections are all that a space declares, in the order in which plans report it. Equal
// states have equal sections.
func (s *Space) Sections() []Section {
	return []Section{
		list[Link]{TypeLink, s.Links, LinkEntry},
		list[Address]{TypeAddress, s.Addresses, AddressEntry},
		list[Neighbour]{TypeNeighbour, s.Neighbours, NeighbourEntry},
		list[Route]{TypeRoute, s.Routes, RouteEntry},
		list[RouteRule]{TypeRouteRule, s.RouteRules, RouteRuleEntry},
		list[Port]{TypePort, s.Ports, PortEntry},
		list[OVSBridge]{TypeOVSBridge, s.OVSBridges, OVSBridgeEntry},
		list[OVSPort]{TypeOVSPort, s.OVSPorts, OVSPortEntry},
		DHCP(s.DHCP),
		s.FRR,
		s.NameServer,
		LoadBalancers(s.LoadBalancers),
		backend(s.Backend),
		Tables(s.Tables),
		list[Sysctl]{TypeSysctl, s.Sysctls, SysctlEntry},
	}
}

// list is a section of things that describe themselves.
type list[T any] struct {
	kind     string
	things   []T
	describe func(T) Entry
}

func (l list[T]) Kind() string { return l.kind }

func (l list[T]) Entries() []Entry {
	out := make([]Entry, len(l.things))
	for i, x := range l.things {
		out[i] = l.describe(x)
	}
	return out
}

func (l list[T]) Hash(w *bufio.Writer) {
	if len(l.things) > 0 {
		encode(w, l.things)
	}
}

// encode writes a value as JSON.
func encode(w io.Writer, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil { // plain values only: cannot happen
		panic(err)
	}
}

// DHCP is the section of DHCP servers.
type DHCP []DHCPServer

// Kind implements Section.
func (DHCP) Kind() string { return TypeDHCP }

// Entries implements Section.
func (d DHCP) Entries() []Entry { return DHCPEntries(d) }

// Hash implements Section. Hosts are plain lines, as there may be tens of thousands.
func (d DHCP) Hash(w *bufio.Writer) {
	for _, s := range d {
		server := s
		server.Networks = nil
		encode(w, server)
		for _, n := range s.Networks {
			network := n
			network.Hosts = nil
			encode(w, network)
			for _, x := range n.Hosts {
				line(w, x.MAC, x.Name, x.IPs)
			}
		}
	}
}

// Kind implements Section.
func (*FRR) Kind() string { return TypeFRR }

// Entries implements Section.
func (f *FRR) Entries() []Entry { return FRREntries(f) }

// Hash implements Section.
func (f *FRR) Hash(w *bufio.Writer) {
	if f != nil {
		encode(w, f)
	}
}

// Kind implements Section. The names themselves are of kind TypeName.
func (*NameServer) Kind() string { return TypeNameView }

// Entries implements Section.
func (s *NameServer) Entries() []Entry { return ViewEntries(s) }

// Hash implements Section. Names are plain lines, as there may be tens of thousands.
func (s *NameServer) Hash(w *bufio.Writer) {
	if s == nil {
		return
	}
	server := *s
	server.Views = nil
	encode(w, server)
	for _, v := range s.Views {
		view := v
		view.Names = nil
		encode(w, view)
		for _, x := range v.Names {
			line(w, x.Name, "", x.IPs)
		}
	}
}

// LoadBalancers is the section of load balancers.
type LoadBalancers []LoadBalancer

// Kind implements Section.
func (LoadBalancers) Kind() string { return TypeLoadBalancer }

// Entries implements Section.
func (l LoadBalancers) Entries() []Entry { return LoadBalancerEntries(l) }

// Hash implements Section.
func (l LoadBalancers) Hash(w *bufio.Writer) {
	if len(l) > 0 {
		encode(w, []LoadBalancer(l))
	}
}

// backend is the section of how links are programmed: one thing, that is always there.
type backend string

func (backend) Kind() string { return TypeBackend }

func (b backend) Entries() []Entry {
	return []Entry{{Key: "links", Name: "links", Props: []Prop{{Name: "backend", Value: string(b)}}}}
}

func (b backend) Hash(w *bufio.Writer) {
	if b != "" {
		encode(w, b)
	}
}

// Tables is the section of nftables tables, down to the rule and the element of a set.
type Tables []Table

// Kind implements Section.
func (Tables) Kind() string { return TypeRule }

// Entries implements Section.
func (t Tables) Entries() []Entry { return TableEntries(t) }

// Hash implements Section.
func (t Tables) Hash(w *bufio.Writer) {
	if len(t) > 0 {
		encode(w, []Table(t))
	}
}
