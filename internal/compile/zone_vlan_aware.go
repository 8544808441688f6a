package compile

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// awareVLAN is how one of Viaduct's bridges gets a VLAN of a VLAN-aware bridge.
type awareVLAN struct {
	owner string
	// bridge is the VLAN-aware one, tag its VLAN, and protocol the type of the tag.
	bridge, protocol string
	tag, mtu         int
	// master is Viaduct's bridge, and port how it is joined.
	master string
	port   *desired.BridgePort
	// device is the feature that a VLAN device needs; empty if the node has it.
	device model.Feature
	// innerTags is true if the frames inside may have tags of their own.
	innerTags bool
	// usual is the name of the VLAN device, other the one where that cannot be had;
	// inside and outside are those of a veth pair.
	usual, other, inside, outside string
}

// joinAware joins one of Viaduct's bridges to a VLAN of a VLAN-aware bridge: by a VLAN
// device, as Proxmox VE does; the kernel has only one for each VLAN. Where the node has
// it, usually with the node's own address, or has reserved its name for it, an additional
// veth pair joins the two, so that guests and node share the VLAN. The same holds where the
// bridge itself has the VLAN untagged: as a tagged member it would lose that one.
func (n *zoneBuilder) joinAware(a awareVLAN) {
	parent := n.facts.Interface(a.bridge)
	same := sameProtocol(parent.VLANProtocol, a.protocol)
	holder := n.holder(a.bridge, a.tag, a.protocol)
	switch {
	case holder != nil:
		n.sharedNote(a, holder)
	case n.reserved(a.usual) != "":
	case same && n.native(a.bridge, a.tag):
	default:
		// A bridge treats frames of the other type as untagged, whatever VLAN they
		// name; then there is no membership.
		v := desired.VLAN{Parent: a.bridge, ID: a.tag, Protocol: a.protocol, Self: same}
		if n.needs(a.owner, a.device) {
			n.link(desired.Link{Name: n.vlanName(a.usual, a.other, v), Kind: desired.LinkVLAN, Owner: a.owner, MTU: a.mtu, Master: a.master, NoLinkLocal: true, Port: a.port, VLAN: &v})
		}
		return
	}
	n.joinByVeth(a, same)
	n.silentBridge(a.owner, a.master)
}

// silentBridge keeps a VNet's bridge from answering ARP for addresses of the node that other
// interfaces have, as the kernel does: where guests and node share a VLAN the node would
// answer twice, and what guests then send to the bridge would not be in the VLAN.
func (n *zoneBuilder) silentBridge(owner, bridge string) {
	if _, made := n.table[bridge]; made && n.cfg.VNets[bridge] != nil {
		n.sysctl(owner, "net.ipv4.conf."+sysctlName(bridge)+".arp_ignore", "1")
	}
}

// joinByVeth joins the two bridges by a veth pair. Its outer end is in the VLAN, which it
// has untagged; frames that may have tags inside get that of the VLAN by a VLAN device on
// the pair, since the bridge would take the inner ones for its own.
func (n *zoneBuilder) joinByVeth(a awareVLAN, same bool) {
	tagged := a.innerTags || !same
	if !n.needs(a.owner, model.FeatureVeth) || tagged && !n.needs(a.owner, a.device) {
		return
	}
	in := desired.Link{Name: a.inside, Kind: desired.LinkVeth, Owner: a.owner, MTU: a.mtu, NoLinkLocal: true, Veth: &desired.Veth{Peer: a.outside}}
	if !tagged {
		in.Master, in.Port = a.master, a.port
	}
	out := desired.Link{Name: a.outside, Kind: desired.LinkVeth, Owner: a.owner, MTU: n.outerMTU(a.bridge), Master: a.bridge, ForeignMaster: true, MAC: n.guestMAC(a.outside), NoLinkLocal: true, Veth: &desired.Veth{Peer: a.inside}}
	if same {
		out.Port = &desired.BridgePort{VLAN: a.tag, Tagged: tagged}
	}
	if n.link(in) && n.link(out) && tagged {
		n.link(desired.Link{Name: a.other, Kind: desired.LinkVLAN, Owner: a.owner, MTU: a.mtu, Master: a.master, NoLinkLocal: true, Port: a.port,
			VLAN: &desired.VLAN{Parent: a.inside, ID: a.tag, Protocol: a.protocol}})
	}
}

// guestMAC is the MAC address of one of Viaduct's ports in a bridge of the node's own. A
// bridge uses the lowest one of its ports, unless one was set, and the node's interfaces
// on it follow: so it is higher than those of network cards.
func (n *node) guestMAC(port string) string {
	sum := sha256.Sum256([]byte(n.name + " " + port))
	return fmt.Sprintf("fe:ff:%02x:%02x:%02x:%02x", sum[0], sum[1], sum[2], sum[3])
}

// widest is the greatest MTU of a veth device, in bytes (the kernel's ETH_MAX_MTU).
const widest = 65535

// outerMTU is the MTU of one of Viaduct's ports in a bridge of the node's own. Unless one
// was set, such a bridge has the smallest of its ports, which Viaduct's must never be: the
// node's interfaces on it would follow, and so would what is computed from it. The inner
// end has the VNet's. Where Viaduct's are the only ports the bridge keeps its MTU.
func (n *node) outerMTU(bridge string) int {
	if len(n.portsOf(bridge)) > 0 {
		return widest
	}
	return n.facts.Interface(bridge).MTU
}

// native reports whether a VLAN-aware bridge has a VLAN for its own untagged frames. The
// kernel's default is VLAN 1.
func (n *node) native(bridge string, vlan int) bool {
	if b := n.facts.VLANsOf(bridge); b != nil {
		return b.Native == vlan
	}
	return vlan == 1
}

// sharedNote notes that a VLAN is the node's own as well, and how to keep it so.
func (n *node) sharedNote(a awareVLAN, holder *model.Interface) {
	keep := ""
	if n.reserved(a.usual) == "" {
		keep = fmt.Sprintf("; add %s to the reserved names of node %s, so that Viaduct does not take the VLAN for itself while that interface is away (ifdown)", a.usual, n.name)
	}
	n.note(LevelInfo, a.owner, msgVLANSharedWithNode, a.tag, a.bridge, n.name, withAddresses(holder), keep)
}

// withAddresses is the name of an interface with its addresses, but for link-local ones.
func withAddresses(i *model.Interface) string {
	words := []string{i.Name}
	for _, a := range i.Addresses {
		if !a.Addr().IsLinkLocalUnicast() {
			words = append(words, a.String())
		}
	}
	return strings.Join(words, " ")
}
