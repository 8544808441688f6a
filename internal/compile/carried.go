package compile

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// gap is a port at which a VLAN ends.
type gap struct {
	bridge string
	port   *model.PortVLANs
	vlan   int
	// untagged tells that the port carries the VLAN, but without its tag.
	untagged bool
}

// maxPatches bounds how many bridges a VLAN is followed through.
const maxPatches = 8

// gaps finds the ports at which a VLAN of a bridge ends on its way off the node. It finds
// none if one port leads it on, for a bridge may have others that lead elsewhere, nor if
// the VLANs of the bridge's ports are not known. from is the port by which the VLAN comes
// from another bridge of the node, empty for one of the zone itself.
func (n *node) gaps(bridge string, vlan int, from string, depth int) []gap {
	b := n.facts.VLANsOf(bridge)
	if b == nil || depth == 0 {
		return nil
	}
	var out []gap
	for _, p := range b.Uplinks() {
		if p.Name == from {
			continue
		}
		g := n.gapsBeyond(bridge, p, vlan, depth)
		if len(g) == 0 {
			return nil
		}
		out = append(out, g...)
	}
	return out
}

// gapsBeyond is gaps for one port: it may end there, or in another bridge of the node, to
// which the port leads by a patch or as the VLAN device of that one.
func (n *node) gapsBeyond(bridge string, p *model.PortVLANs, vlan, depth int) []gap {
	peers, peer := n.peer(p)
	switch {
	case peer != nil && (p.Carries(vlan) && peer.Carries(vlan)):
		return n.gaps(peers.Bridge, vlan, peer.Name, depth-1)
	case peer != nil && p.Native == vlan && peer.Native != 0: // untagged on the patch, another VLAN beyond
		return n.gaps(peers.Bridge, peer.Native, peer.Name, depth-1)
	case peer != nil && p.Carries(vlan):
		return []gap{{bridge: peers.Bridge, port: peer, vlan: vlan, untagged: peer.Native == vlan}}
	case !p.Carries(vlan):
		return []gap{{bridge: bridge, port: p, vlan: vlan, untagged: p.Native == vlan}}
	}
	if i := n.facts.Interface(p.Name); i != nil && i.VLAN != nil {
		return n.gaps(i.VLAN.Parent, i.VLAN.ID, "", depth-1)
	}
	return nil
}

// peer is the other end of a patch with its bridge; nil if there is none.
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
// leaves untagged is as the node's own untagged frames where the bridge has the same VLAN
// for these; anywhere else only the operator knows what the switch takes it for.
func (n *node) carried(ref, bridge string, vlan int) {
	n.tellGaps(ref, bridge, n.gaps(bridge, vlan, "", maxPatches))
}

// tellGaps warns of what carried and plainGaps found; of several ports it is the one that
// comes nearest to carrying the VLAN.
func (n *node) tellGaps(ref, bridge string, gaps []gap) {
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
		n.note(level, ref, "%s carries VLAN %d without its tag: guests reach other nodes only where the switch has it as that port's native VLAN; otherwise have it tagged: %s",
			port, at.vlan, n.remedy(at))
		return
	}
	also := ""
	if len(others) > 0 {
		also = ", nor does " + strings.Join(others, " or ")
	}
	n.note(LevelWarning, ref, "%s does not carry VLAN %d%s: guests reach those of the same node only; let it carry the VLAN: %s",
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

// untaggedCarried warns of a zone whose service tags a bridge takes for untagged frames, as
// one of 802.1q does with those of 802.1ad: they leave the node only where those do.
func (n *node) untaggedCarried(ref string, b *model.BridgeVLANs) {
	var out *model.PortVLANs
	for _, p := range b.Uplinks() {
		if p.Native == b.Native || p.Carries(b.Native) {
			return
		}
		out = p
	}
	if out != nil && b.Native != 0 {
		n.note(LevelWarning, ref, "port %s of bridge %s on node %s does not carry VLAN %d, in which the bridge has frames that are untagged or of 802.1ad: guests reach those of the same node only; "+
			"let it carry the VLAN: bridge vlan add dev %s vid %d pvid untagged, and bridge-pvid in /etc/network/interfaces", out.Name, b.Bridge, n.name, b.Native, out.Name, b.Native)
	}
}
