package compile

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// links are the links of a state by name, and the owners of what the node cannot have,
// because something that is not Viaduct's has its place.
type links struct {
	table    map[string]desired.Link
	withheld map[string]bool
}

// linkBuilder adds links to what a pass makes.
type linkBuilder struct {
	*node
	links
}

// link adds a link. An existing one of the same form is shared; a different one
// of the same name is refused, and false returned.
func (n *linkBuilder) link(l desired.Link) bool {
	if have, taken := n.table[l.Name]; taken {
		owner := have.Owner
		have.Owner = l.Owner
		if !reflect.DeepEqual(have, l) {
			n.note(LevelError, l.Owner, msgInterfaceNameConflict, l.Name, owner, n.name)
			return false
		}
		return true
	}
	if pattern := n.reserved(l.Name); pattern != "" {
		n.note(LevelError, l.Owner, msgInterfaceReserved, l.Name, n.name, pattern)
		return false
	}
	if c := n.linkConflict(l); c != nil {
		n.withhold(fault.Foreign, l.Owner, c.Report())
		return false
	}
	n.table[l.Name] = l
	n.out.Links = append(n.out.Links, l)
	return true
}

// withhold leaves a whole object out of the node, and reports the reason once.
func (n *linkBuilder) withhold(class fault.Class, owner string, why message.Message) {
	if !n.withheld[owner] {
		n.withheld[owner] = true
		n.put(class, LevelError, owner, why)
	}
}

// bridge adds the VNet's bridge and reports whether the node can have it.
func (n *linkBuilder) bridge(v *model.VNet, mtu int, noLinkLocal bool) bool {
	return n.vnetBridge(v, desired.Link{MTU: mtu, NoLinkLocal: noLinkLocal})
}

// vnetBridge adds the VNet's bridge; l has the fields that depend on the zone.
func (n *linkBuilder) vnetBridge(v *model.VNet, l desired.Link) bool {
	ref := model.Ref(model.KindVNet, v.ID)
	if !n.needs(ref, model.FeatureBridge) {
		return false
	}
	if v.VLANAware && !n.needs(ref, model.FeatureVLANFiltering) {
		return false
	}
	l.Name, l.Kind, l.Owner, l.Alias = v.ID, desired.LinkBridge, ref, v.Alias
	l.Bridge = &desired.Bridge{VLANFiltering: v.VLANAware}
	return n.link(l)
}

// uplinkPort are the settings of the port by which a VNet's bridge reaches other
// nodes; nil leaves the kernel's.
func uplinkPort(v *model.VNet) *desired.BridgePort {
	if !v.VLANAware {
		return nil
	}
	return &desired.BridgePort{AllVLANs: true}
}

// networks are the links of fabrics and zones with everything that depends on them.
type networks struct {
	links
	out *desired.Space
	// vrfs are the EVPN zones on the node by ID, controllers the node's end of the EVPN
	// controllers that they were found to need.
	vrfs        map[string]*vrf
	controllers map[string]*overlay
	routed      routed
	// uplinks are the ports by which VNets reach other nodes, by VNet, sorted. They are
	// looked for when they are first asked for.
	uplinks func() map[string][]string
}

func (w *networks) findUplinks(cfg *model.Config) map[string][]string {
	out := map[string][]string{}
	for _, l := range w.out.Links {
		if l.Master != "" && cfg.VNets[l.Master] != nil && l.Name != naming.GatewayPort.Of(l.Master) {
			out[l.Master] = append(out[l.Master], l.Name)
		}
	}
	for _, p := range w.out.Ports {
		out[p.Bridge] = append(out[p.Bridge], p.Names...)
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}

func (w *networks) addressesByLink() map[string][]netip.Prefix {
	out := map[string][]netip.Prefix{}
	for _, a := range w.out.Addresses {
		out[a.Link] = append(out[a.Link], a.Prefix)
	}
	return out
}

// leaveOut removes what belongs to withheld objects, and the objects with links that
// need one of theirs: a network without its uplink would be worse than none.
func leaveOut(n *node) *networks {
	w := *partZones.of(n)
	w.uplinks = sync.OnceValue(func() map[string][]string { return w.findUplinks(n.cfg) })
	if len(w.withheld) == 0 {
		return &w
	}
	b := &linkBuilder{node: n, links: links{table: maps.Clone(w.table), withheld: maps.Clone(w.withheld)}}
	for more := true; more; {
		more = false
		for _, l := range w.out.Links {
			need := b.neededFrom(l)
			if need == nil || b.withheld[l.Owner] {
				continue
			}
			more = true
			b.withhold(fault.Consequence, l.Owner, msgInterfaceNotMade.Of(l.Name, need.Name, need.Owner))
		}
	}
	withheld := b.withheld
	maps.DeleteFunc(b.table, func(_ string, l desired.Link) bool { return withheld[l.Owner] })
	all := w.out
	w.links = b.links
	w.out = &desired.Space{
		Links: without(all.Links, func(l desired.Link) bool { return withheld[l.Owner] }),
		Addresses: without(all.Addresses, func(a desired.Address) bool {
			return withheld[a.Owner] || !a.Foreign && b.table[a.Link].Name == ""
		}),
		Neighbours: without(all.Neighbours, func(a desired.Neighbour) bool { return withheld[a.Owner] }),
		Routes: without(all.Routes, func(r desired.Route) bool {
			return withheld[r.Owner] || w.table[r.Link].Name != "" && b.table[r.Link].Name == ""
		}),
		RouteRules: without(all.RouteRules, func(r desired.RouteRule) bool { return withheld[r.Owner] }),
		OVSBridges: without(all.OVSBridges, func(b desired.OVSBridge) bool { return withheld[b.Owner] }),
		OVSPorts:   without(all.OVSPorts, func(p desired.OVSPort) bool { return withheld[p.Owner] }),
		Ports:      without(all.Ports, func(p desired.Port) bool { return withheld[p.Owner] }),
		Sysctls:    without(all.Sysctls, func(s desired.Sysctl) bool { return withheld[s.Owner] }),
	}
	w.vrfs = maps.Clone(w.vrfs)
	for id, f := range w.vrfs {
		left := *f
		left.ok = f.ok && !withheld[model.Ref(model.KindZone, id)]
		w.vrfs[id] = &left
	}
	return &w
}

// without is a list less some of its elements.
func without[T any](list []T, drop func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// neededFrom is the link of a withheld object that a link needs; nil without one.
func (n *linkBuilder) neededFrom(l desired.Link) *desired.Link {
	names := []string{}
	if !l.ForeignMaster {
		names = append(names, l.Master)
	}
	if l.VLAN != nil {
		names = append(names, l.VLAN.Parent)
	}
	if l.Veth != nil {
		names = append(names, l.Veth.Peer)
	}
	for _, name := range names {
		if have, made := n.table[name]; made && n.withheld[have.Owner] {
			return &have
		}
	}
	return nil
}
