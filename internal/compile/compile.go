// Package compile turns a configuration and the facts of one node into the
// state that node shall have.
//
// It stands between model and desired in the one-way flow and is pure: no I/O,
// no clock, no randomness, no logger. The server compiles for every node to
// make an exact plan, the agent compiles for itself, so that it needs no server
// to boot, to repair drift or to survive a partition.
package compile

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Level ranks a Note.
type Level string

// The levels. With LevelError the object is left out on the node.
const (
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Note is a remark on one object of one node.
type Note struct {
	// Object is the reference: "vnet/vnet1".
	Object  string
	Level   Level
	Message string
	// Class says what kind of thing is wrong; empty for the declaration itself.
	Class fault.Class
}

// node is the work on one node: what goes in, and what has come out so far.
type node struct {
	name   string
	cfg    *model.Config
	guests map[string]*model.Guest
	// bindings are those of the node's zones, and bindingsOf those of each guest.
	bindings   []*model.Binding
	bindingsOf map[string][]*model.Binding
	facts      *model.Facts
	vnets      map[string][]*model.VNet   // by zone, each sorted by ID
	subnets    map[string][]*model.Subnet // by VNet, each sorted by ID
	// uplinkPorts are what uplinks found.
	uplinkPorts map[string][]string
	// ipSets are those that rules refer to, by name, as far as they were looked up.
	ipSets map[string]*ipSet
	// prefixes are the networks of all zones, sorted; nil until they are needed.
	prefixes []zonePrefix
	out      *desired.Node
	notes    []Note
	links    map[string]desired.Link // those of out, by name
	routed   routed
	served   dhcpLinks
	// unnumbered are the links of BGP fabrics.
	unnumbered map[string]bool
	// withheld are the owners of what the node cannot have, because something that
	// is not Viaduct's has its place.
	withheld map[string]bool
	// What the VNets of a zone have in common, by zone.
	overlays map[string]*overlay
	trunks   map[string]*trunk
	vrfs     map[string]*vrf
	// exits are the networks to which the node leads from outside, with their
	// owners.
	exits map[netip.Prefix]string
	// controller is the node's end of the EVPN controllers, by ID.
	controllers map[string]*overlay
}

// Node compiles a node's document together with its facts. The result is
// sorted. Objects that cannot be made are left out and told in the notes.
func Node(doc *document.Document, facts *model.Facts) (*desired.Node, []Note) {
	n := &node{
		name:        doc.Node,
		cfg:         &doc.Config,
		guests:      doc.Guests,
		bindings:    doc.Bindings,
		bindingsOf:  map[string][]*model.Binding{},
		facts:       facts,
		vnets:       map[string][]*model.VNet{},
		subnets:     subnetsByVNet(&doc.Config),
		out:         &desired.Node{Links: make([]desired.Link, 0, 2*len(doc.Config.VNets))},
		links:       make(map[string]desired.Link, 2*len(doc.Config.VNets)),
		unnumbered:  map[string]bool{},
		withheld:    map[string]bool{},
		overlays:    map[string]*overlay{},
		trunks:      map[string]*trunk{},
		vrfs:        map[string]*vrf{},
		exits:       map[netip.Prefix]string{},
		controllers: map[string]*overlay{},
	}
	for _, b := range n.bindings {
		n.bindingsOf[b.Guest] = append(n.bindingsOf[b.Guest], b)
	}
	if self := n.cfg.Nodes[n.name]; self != nil && self.Backend != model.BackendNetlink {
		n.out.Backend = self.Backend
	}
	n.fabrics()
	vnets := n.cfg.List(model.KindVNet)
	for _, o := range vnets {
		v := o.(*model.VNet)
		n.vnets[v.Zone] = append(n.vnets[v.Zone], v)
	}
	for _, o := range vnets {
		v := o.(*model.VNet)
		z := n.cfg.Zones[v.Zone]
		if z == nil || !z.OnNode(n.name) || !n.nameFree(v) {
			continue
		}
		switch z.Type {
		case model.ZoneSimple:
			n.simple(z, v)
		case model.ZoneVLAN:
			n.vlan(z, v)
		case model.ZoneQinQ:
			n.qinq(z, v)
		case model.ZoneVXLAN:
			n.vxlan(z, v)
		case model.ZoneEVPN:
			n.evpn(z, v)
		}
	}
	n.leaveOut()
	n.routing()
	n.dhcp()
	n.ports()
	n.firewall()
	n.vnetFirewalls()
	n.forwarding()
	n.nameServer(doc.Bindings)
	n.out.Sort()
	slices.SortStableFunc(n.notes, func(a, b Note) int { return cmp.Compare(a.Object, b.Object) })
	return n.out, n.notes
}

// link adds a link. One that is there already in the same form is shared;
// another one of the same name is refused, and false returned.
func (n *node) link(l desired.Link) bool {
	if have, taken := n.links[l.Name]; taken {
		owner := have.Owner
		have.Owner = l.Owner
		if !reflect.DeepEqual(have, l) {
			n.note(LevelError, l.Owner, "needs an interface %s, but %s has one of that name on node %s; rename one of the two", l.Name, owner, n.name)
			return false
		}
		return true
	}
	if pattern := n.reserved(l.Name); pattern != "" {
		n.note(LevelError, l.Owner, "the interface name %s is reserved on node %s (pattern %q); rename the object or change the node's reserved list", l.Name, n.name, pattern)
		return false
	}
	if c := n.inTheWay(l); c != nil {
		n.withhold(fault.Foreign, l.Owner, c.Error())
		return false
	}
	n.links[l.Name] = l
	n.out.Links = append(n.out.Links, l)
	return true
}

func subnetsByVNet(cfg *model.Config) map[string][]*model.Subnet {
	by := map[string][]*model.Subnet{}
	for _, o := range cfg.List(model.KindSubnet) {
		s := o.(*model.Subnet)
		by[s.VNet] = append(by[s.VNet], s)
	}
	return by
}

func (n *node) note(level Level, object, format string, args ...any) {
	n.noteOf("", level, object, format, args...)
}

// noteOf is note for what is wrong beside the declaration itself.
func (n *node) noteOf(class fault.Class, level Level, object, format string, args ...any) {
	n.notes = append(n.notes, Note{Object: object, Level: level, Message: fmt.Sprintf(format, args...), Class: class})
}

// nameFree refuses a VNet whose links the node's operator has reserved. Only
// overlays have a VXLAN device.
func (n *node) nameFree(v *model.VNet) bool {
	for _, name := range []string{v.ID, model.LinkTunnel.Of(v.ID)} {
		if pattern := n.reserved(name); pattern != "" {
			n.note(LevelError, model.Ref(model.KindVNet, v.ID),
				"the interface name %s is reserved on node %s (pattern %q); rename the VNet or change the node's reserved list", name, n.name, pattern)
			return false
		}
	}
	return true
}

// reserved returns the pattern that reserves an interface name on the node;
// empty if none does.
func (n *node) reserved(name string) string {
	self := n.cfg.Nodes[n.name]
	if self == nil {
		return ""
	}
	for _, pattern := range self.Reserved {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return pattern
		}
	}
	return ""
}

// needs tells whether the node has the features that an object requires, and notes
// those that it has not. A node that has not probed a feature is given the benefit
// of the doubt: the driver's error will tell.
func (n *node) needs(object string, features ...model.Feature) bool {
	complete := true
	for _, f := range features {
		if !n.lacks(f) {
			continue
		}
		complete = false
		what, part := f.Words()
		n.noteOf(fault.Lacking, LevelError, object, "needs %s; %s is not available on node %s (kernel %s); install a kernel that has it, or leave the node out", what, part, n.name, n.facts.Kernel)
	}
	return complete
}

// lacks reports whether the node has probed a feature and does not have it.
func (n *node) lacks(f model.Feature) bool {
	has, probed := n.facts.Features[f]
	return probed && !has
}

// bridge adds the VNet's bridge and reports whether the node can have it.
func (n *node) bridge(v *model.VNet, mtu int, noLinkLocal bool) bool {
	return n.vnetBridge(v, desired.Link{MTU: mtu, NoLinkLocal: noLinkLocal})
}

// vnetBridge adds the VNet's bridge, of which l has what depends on the zone.
func (n *node) vnetBridge(v *model.VNet, l desired.Link) bool {
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
