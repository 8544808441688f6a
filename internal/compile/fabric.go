package compile

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// runs reports whether this release makes anything of a fabric.
func runs(f *model.Fabric) bool { return f.Protocol != model.FabricWireGuard }

// fabricLinks are the links of the fabrics that the node is a member of.
type fabricLinks struct {
	links
	out *desired.Space
	// unnumbered are the links of BGP fabrics.
	unnumbered map[string]bool
	forwards   forwards
}

// fabricBuilder compiles them.
type fabricBuilder struct {
	linkBuilder
	unnumbered map[string]bool
	forwards   forwards
}

// compileFabrics compiles the links of the fabrics that the node is a member of: a
// device that holds its address whichever links are up, and the addresses of the
// links to other members. The protocol itself is FRR's: see routing.
func compileFabrics(of *node) *fabricLinks {
	n := &fabricBuilder{
		linkBuilder: linkBuilder{node: of, links: links{table: map[string]desired.Link{}, withheld: map[string]bool{}}},
		unnumbered:  map[string]bool{},
	}
	for _, o := range n.cfg.List(model.KindFabricNode) {
		m := o.(*model.FabricNode)
		f := n.cfg.Fabrics[m.Fabric]
		if m.Node != n.name || f == nil {
			continue
		}
		ref := model.Ref(model.KindFabric, f.ID)
		if !runs(f) {
			n.note(LevelWarning, ref, msgFabricNotRunOnNode, n.name)
			continue
		}
		if !n.needs(ref, model.FeatureDummy) {
			continue
		}
		name := naming.Fabric.Of(f.ID)
		if !n.link(desired.Link{Name: name, Kind: desired.LinkDummy, Owner: ref, NoLinkLocal: true}) {
			continue
		}
		for _, a := range []netip.Addr{m.IP, m.IP6} {
			if a.IsValid() {
				n.out.Addresses = append(n.out.Addresses, desired.Address{Link: name, Prefix: netip.PrefixFrom(a, a.BitLen()), Owner: ref})
				n.forwards.add(ref, a)
			}
		}
		for _, l := range m.Interfaces {
			n.fabricInterface(f, m, l)
		}
	}
	return &fabricLinks{links: n.links, out: n.out, unnumbered: n.unnumbered, forwards: n.forwards}
}

// fabricInterface gives a link of a fabric its addresses. Unnumbered ones borrow
// the node's, but for BGP, which needs none (RFC 8950).
func (n *fabricBuilder) fabricInterface(f *model.Fabric, m *model.FabricNode, l model.FabricInterface) {
	ref := model.Ref(model.KindFabricNode, m.ID)
	i := n.interfaceNamed(l.Name)
	switch {
	case i == nil:
		n.noteOf(fault.Link, LevelError, ref, msgFabricInterfaceMissing, n.name, l.Name)
		return
	case !i.Up:
		n.noteOf(fault.Link, LevelWarning, ref, msgFabricInterfaceDown, i.Name, n.name)
	}
	if f.Protocol == model.FabricBGP {
		n.ignoreRouters(ref, i)
	}
	add := func(p netip.Prefix) {
		if pattern := n.reserved(i.Name); pattern != "" {
			n.note(LevelError, ref, msgFabricAddressReserved, p, i.Name, n.name, pattern)
			return
		}
		for _, have := range i.Addresses {
			if have == p {
				return // the operator's own
			}
		}
		n.out.Addresses = append(n.out.Addresses, desired.Address{Link: i.Name, Foreign: true, Prefix: p, Owner: ref})
	}
	if l.IP.IsValid() {
		add(l.IP)
	}
	if l.IP6.IsValid() {
		add(l.IP6)
	}
	if l.IP.IsValid() || l.IP6.IsValid() || f.Protocol == model.FabricBGP {
		return
	}
	switch {
	case m.IP.IsValid():
		add(netip.PrefixFrom(m.IP, m.IP.BitLen()))
	case m.IP6.IsValid():
		add(netip.PrefixFrom(m.IP6, m.IP6.BitLen()))
	}
}

// ignoreRouters keeps the kernel from using the neighbours on a link as default
// routers: sessions over unnumbered links find each other by router advertisements
// (RFC 8950), which FRR reads itself.
func (n *fabricBuilder) ignoreRouters(ref string, i *model.Interface) {
	n.unnumbered[i.Name] = true
	switch {
	case i.AcceptRA == 0:
	case n.reserved(i.Name) != "":
		n.note(LevelWarning, ref, msgAcceptRAReservedFabric, i.Name, n.name)
	default:
		n.sysctl(ref, "net.ipv6.conf."+sysctlName(i.Name)+".accept_ra", "0")
	}
}
