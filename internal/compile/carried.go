package compile

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// gap is a port at which a VLAN ends.
type gap struct {
	bridge string
	port   *model.PortVLANs
	vlan   int
	// untagged is true if the port carries the VLAN, but without its tag.
	untagged bool
}

// route follows a VLAN of a bridge off the node.
type route struct {
	n *node
	// seen are the visited bridges and VLANs: patches may form a loop.
	seen map[string]bool
	// gaps are the ports at which it ended.
	gaps []gap
}

// gaps finds the ports at which a VLAN of a bridge ends on its path off the node. It finds
// none if any port carries it on, as a bridge may have ports to other networks, nor if the
// VLANs of the bridge's ports are not known.
func (n *node) gaps(bridge string, vlan int) []gap {
	r := route{n: n, seen: map[string]bool{}}
	if r.leaves(bridge, vlan, "") {
		return nil
	}
	return r.gaps
}

// leaves reports whether a VLAN of a bridge leaves the node. from is the port by which it
// comes from another bridge; empty for that of the zone itself.
func (r *route) leaves(bridge string, vlan int, from string) bool {
	b := r.n.facts.VLANsOf(bridge)
	if b == nil {
		return true
	}
	key := fmt.Sprint(bridge, " ", vlan)
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	for _, p := range b.Uplinks() {
		if p.Name != from && r.leavesBy(bridge, p, vlan) {
			return true
		}
	}
	return false
}

// leavesBy is leaves for one port. It may lead to another bridge of the node, by a patch or
// as the VLAN device of that one.
func (r *route) leavesBy(bridge string, p *model.PortVLANs, vlan int) bool {
	beyond, peer := r.n.peer(p)
	switch {
	case peer != nil && p.Carries(vlan) && peer.Carries(vlan):
		return r.leaves(beyond.Bridge, vlan, peer.Name)
	case peer != nil && p.Native == vlan && peer.Native != 0: // untagged on the patch, another VLAN beyond
		return r.leaves(beyond.Bridge, peer.Native, peer.Name)
	case peer != nil && p.Carries(vlan):
		return r.ends(beyond.Bridge, peer, vlan)
	case !p.Carries(vlan):
		return r.ends(bridge, p, vlan)
	}
	if i := r.n.facts.Interface(p.Name); i != nil && i.VLAN != nil {
		return r.leaves(i.VLAN.Parent, i.VLAN.ID, "")
	}
	return true
}

// ends notes a gap.
func (r *route) ends(bridge string, p *model.PortVLANs, vlan int) bool {
	r.gaps = append(r.gaps, gap{bridge: bridge, port: p, vlan: vlan, untagged: p.Native == vlan})
	return false
}

// peer is the other end of a patch with its bridge; nil without one.
func (n *node) peer(p *model.PortVLANs) (*model.BridgeVLANs, *model.PortVLANs) {
	for i := range n.facts.BridgeVLANs {
		b := &n.facts.BridgeVLANs[i]
		for j := range b.Ports {
			if p.Peer != "" && b.Ports[j].Name == p.Peer && b.Ports[j].Peer == p.Name {
				return b, &b.Ports[j]
			}
		}
	}
	return nil, nil
}

// carried warns of an object whose VLAN does not leave the node by its bridge. One that
// leaves untagged is treated as the node's own untagged frames where the bridge has the same
// VLAN for these; elsewhere only the operator knows the VLAN that the switch assigns.
func (n *node) carried(ref, bridge string, vlan int) {
	n.noteGaps(ref, bridge, n.gaps(bridge, vlan))
}

// noteGaps warns of what carried and plainGaps found; of several ports it is the one that
// comes nearest to carrying the VLAN.
func (n *node) noteGaps(ref, bridge string, gaps []gap) {
	if len(gaps) == 0 {
		return
	}
	at := gaps[0]
	var others []string
	for _, g := range gaps {
		if g.untagged && !at.untagged {
			at = g
		}
	}
	for _, g := range gaps {
		if g.port != at.port {
			others = append(others, g.port.Name)
		}
	}
	port := fmt.Sprintf("port %s of bridge %s on node %s", at.port.Name, at.bridge, n.name)
	if at.bridge != bridge {
		port += fmt.Sprintf(", by which bridge %s leads off it,", bridge)
	}
	if at.untagged {
		level, native := LevelWarning, n.facts.VLANsOf(at.bridge).Native
		if native == at.vlan {
			level = LevelInfo
		}
		n.noteOf(fault.Link, level, ref, msgVLANUntagged,
			port, at.vlan, n.remedy(at))
		return
	}
	also := ""
	if len(others) > 0 {
		also = ", nor does " + strings.Join(others, " or ")
	}
	n.noteOf(fault.Link, LevelWarning, ref, msgVLANNotCarried,
		port, at.vlan, also, n.remedy(at))
}

// remedy is the command by which a port carries a VLAN with its tag, and where it lasts.
func (n *node) remedy(g gap) string {
	i := n.facts.Interface(g.bridge)
	switch {
	case i != nil && i.VLANFiltering:
		return fmt.Sprintf("bridge vlan add dev %s vid %d, and bridge-vids in /etc/network/interfaces", g.port.Name, g.vlan)
	case g.untagged:
		return fmt.Sprintf("ovs-vsctl set port %s vlan_mode=native-tagged, and ovs_options in /etc/network/interfaces", g.port.Name)
	case len(g.port.Tagged) == 0:
		return fmt.Sprintf("ovs-vsctl set port %s vlan_mode=native-untagged, which keeps its own VLAN %d untagged, and ovs_options in /etc/network/interfaces", g.port.Name, g.port.Native)
	}
	return fmt.Sprintf("ovs-vsctl add port %s trunks %d, and ovs_options in /etc/network/interfaces", g.port.Name, g.vlan)
}

// untaggedCarried warns of a zone with service tags that a bridge treats as untagged frames,
// as an 802.1Q bridge does with 802.1ad tags: they leave the node only where those do.
func (n *node) untaggedCarried(ref string, b *model.BridgeVLANs) {
	var out *model.PortVLANs
	for _, p := range b.Uplinks() {
		if p.Native == b.Native || p.Carries(b.Native) {
			return
		}
		out = p
	}
	if out != nil && b.Native != 0 {
		n.noteOf(fault.Link, LevelWarning, ref, msgVLANNativeNotCarried, out.Name, b.Bridge, n.name, b.Native)
	}
}
