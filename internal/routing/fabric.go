package routing

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

func (b *builder) fabrics(fabrics []Fabric) {
	net := "" // of all OpenFabric routers of the node: the first fabric's
	for _, f := range fabrics {
		switch f.Protocol {
		case OpenFabric:
			if net == "" {
				net = entityTitle(&f)
			}
			b.openFabric(&f, net)
		case OSPF:
			b.ospf(&f)
		case BGPFabric:
			b.bgpFabric(&f)
		}
	}
	for _, name := range []string{"pve_bgp", "pve_bgp6"} {
		// Routes of other BGP neighbours keep the kernel's choice.
		if m := b.c.RouteMaps[name]; m != nil {
			m.Entries = append(m.Entries, frr.RouteMapEntry{Seq: lastSeq, Owner: m.Entries[0].Owner})
		}
	}
}

// entityTitle is the node's address in the link-state protocol: its IPv4
// address as twelve digits, or the end of its IPv6 address.
func entityTitle(f *Fabric) string {
	if f.IP.Is4() {
		a := f.IP.As4()
		d := fmt.Sprintf("%03d%03d%03d%03d", a[0], a[1], a[2], a[3])
		return fmt.Sprintf("49.0001.%s.%s.%s.00", d[:4], d[4:8], d[8:])
	}
	a := f.IP6.As16()
	return fmt.Sprintf("49.0001.%x.%x.%x.00", a[10:12], a[12:14], a[14:16])
}

func (b *builder) openFabric(f *Fabric, net string) {
	frr.Put(&b.c.OpenFabric, f.ID, &frr.OpenFabric{Name: f.ID, Net: net, Owner: f.Owner, Quick: !b.dialect.Datacenter})
	var join []string
	if f.IP.IsValid() {
		join = append(join, "ip router openfabric "+f.ID)
	}
	if f.IP6.IsValid() {
		join = append(join, "ipv6 router openfabric "+f.ID)
	}
	add := func(name string, lines ...string) {
		lines = append(append([]string{}, join...), lines...)
		frr.Put(&b.c.OpenFabricInterfaces, name, &frr.Interface{Name: name, Owner: f.Owner, Lines: lines})
	}
	add(naming.Fabric.Of(f.ID), "openfabric passive")
	for _, i := range f.Interfaces {
		var lines []string
		for _, setting := range []struct {
			name  string
			value int
		}{{"hello-interval", f.HelloInterval}, {"hello-multiplier", i.HelloMultiplier}, {"csnp-interval", f.CSNPInterval}} {
			if setting.value != 0 {
				lines = append(lines, fmt.Sprintf("openfabric %s %d", setting.name, setting.value))
			}
		}
		add(i.Name, lines...)
	}
	b.sources(f, "openfabric")
}

func (b *builder) ospf(f *Fabric) {
	if b.c.OSPF == nil {
		b.c.OSPF = &frr.OSPF{RouterID: f.IP, Owner: f.Owner}
	}
	for _, r := range f.Redistribute {
		b.c.OSPF.Redistribute = append(b.c.OSPF.Redistribute, frr.Own(f.Owner, r.line()))
	}
	add := func(name string, lines ...string) {
		lines = append([]string{"ip ospf area " + f.Area}, lines...)
		frr.Put(&b.c.OSPFInterfaces, name, &frr.Interface{Name: name, Owner: f.Owner, Lines: lines})
	}
	add(naming.Fabric.Of(f.ID), "ip ospf passive")
	for _, i := range f.Interfaces {
		kind := i.NetworkType
		if kind == "" && !i.Numbered {
			kind = "point-to-point"
		}
		if kind == "" {
			add(i.Name)
		} else {
			add(i.Name, "ip ospf network "+kind)
		}
	}
	b.sources(f, "ospf")
}

// sources sets the source address of the node's own traffic to other members to its
// address in the fabric, regardless of the outgoing link.
func (b *builder) sources(f *Fabric, protocol string) {
	add := func(prefix netip.Prefix, own netip.Addr, list, suffix, family string) {
		if !prefix.IsValid() || !own.IsValid() {
			return
		}
		name := "pve_" + protocol + suffix
		if f.RouteFilter == "" {
			frr.Put(&b.c.AccessLists, list, &frr.AccessList{Name: list, Owner: f.Owner, Permit: prefix})
		}
		m := b.c.RouteMap(name)
		m.Entries = append(m.Entries, frr.RouteMapEntry{
			Seq: b.seq, Owner: f.Owner, Match: []string{f.match(family, list)}, Set: []string{"src " + own.String()},
		})
		b.seq += stepSeq
		p := b.c.ProtocolMap(protocol)
		if suffix == "" && p.IPv4.Value == "" {
			p.IPv4 = frr.Own(f.Owner, name)
		} else if suffix != "" && p.IPv6.Value == "" {
			p.IPv6 = frr.Own(f.Owner, name)
		}
	}
	add(f.IPPrefix, f.IP, f.list(protocol, ""), "", "ip")
	add(f.IP6Prefix, f.IP6, f.list(protocol, "6"), "6", "ipv6")
}

// match is the condition that a route belongs to the fabric.
func (f *Fabric) match(family, list string) string {
	if f.RouteFilter != "" {
		return family + " address prefix-list " + f.RouteFilter
	}
	return family + " address " + list
}

func (r *Redistribution) line() string {
	text := r.Source
	if r.Metric != "" {
		text += " metric " + r.Metric
	}
	if r.RouteMap != "" {
		text += " route-map " + r.RouteMap
	}
	return text
}

// list is the name of the access list of the fabric's addresses.
func (f *Fabric) list(protocol, six string) string {
	return "pve_" + protocol + "_" + f.ID + "_ip" + six + "s"
}

// bgpFabric adds sessions over the links, which need no peer addresses (RFC 5549), to the
// node's BGP router.
func (b *builder) bgpFabric(f *Fabric) {
	r := b.c.Routers[frr.DefaultVRF]
	if r == nil {
		r = frr.Put(&b.c.Routers, frr.DefaultVRF, &frr.Router{ASN: f.ASN, Owner: f.Owner, RouterID: FabricRouterID(f.IP, f.IP6), NoDefaultUnicast: true})
	}
	g := &frr.PeerGroup{Name: f.ID, Owner: f.Owner, RemoteAS: "external", BFD: f.BFD, Quick: !b.dialect.Datacenter}
	if r.ASN != f.ASN {
		g.LocalAS = f.ASN
	}
	for _, i := range f.Interfaces {
		g.Links = append(g.Links, i.Name)
	}
	r.Groups = append(r.Groups, g)
	add := func(prefix netip.Prefix, own netip.Addr, suffix, family string, unicast func() *frr.Unicast) {
		if !prefix.IsValid() || !own.IsValid() {
			return
		}
		in := "pve_bgp" + suffix + "_" + f.ID + "_in"
		u := unicast()
		u.Networks = append(u.Networks, frr.Own(f.Owner, host(own)))
		out := f.RouteMapOut
		match := []string{f.match(family, f.list("bgp", suffix))}
		switch {
		case out != "" || b.dialect.Datacenter:
		case len(f.Redistribute) > 0:
			out = MapAll
			b.passAll(f.Owner)
		case f.RouteMapIn == "":
			out = in // the same addresses; the other side ignores everything else
		default: // without the operator's map, which is for the way in
			out = "pve_bgp" + suffix + "_" + f.ID + "_out"
			b.c.RouteMap(out).Entries = []frr.RouteMapEntry{{Seq: 10, Owner: f.Owner, Match: match}}
		}
		u.Neighbours = append(u.Neighbours, frr.Neighbour{Group: f.ID, Owner: f.Owner, SoftReconfiguration: true, RouteMapIn: in, RouteMapOut: out})
		b.c.RouteMap(in).Entries = []frr.RouteMapEntry{{
			Seq: 10, Owner: f.Owner, Match: match, Call: f.RouteMapIn,
		}}
		for _, r := range f.Redistribute {
			// OSPF version 2 has routes of IPv4 only, version 3 of IPv6.
			if r.Source != map[string]string{"": "ospf6", "6": "ospf"}[suffix] {
				u.Redistribute = append(u.Redistribute, frr.Own(f.Owner, r.line()))
			}
		}
	}
	add(f.IPPrefix, f.IP, "", "ip", r.Unicast4)
	add(f.IP6Prefix, f.IP6, "6", "ipv6", r.Unicast6)
	b.sources(f, "bgp")
}

// FabricRouterID is the router ID of a node in a BGP fabric: its IPv4 address, or a number
// derived from its IPv6 address (32-bit FNV-1a).
func FabricRouterID(ip, ip6 netip.Addr) netip.Addr {
	if ip.IsValid() {
		return ip
	}
	h := fnv.New32a()
	a := ip6.As16()
	h.Write(a[:])
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], h.Sum32())
	return netip.AddrFrom4(id)
}
