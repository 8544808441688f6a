package link

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// check returns an error if a link is not feasible: its settings are invalid, or
// something that it refers to does not exist.
func (w *wanted) check(st *state, l *desired.Link) error {
	err := checkKind(l)
	if err == nil && l.MAC != "" && !isMAC(l.MAC) {
		err = fmt.Errorf("%q is not a MAC address in lower-case colon form (02:00:00:00:00:01)", l.MAC)
	}
	if err == nil {
		err = w.checkMaster(st, l)
	}
	if err == nil && l.VLAN != nil {
		err = w.checkParent(st, l)
	}
	switch {
	case err != nil || l.Veth == nil:
	case l.Veth.Elsewhere:
		err = st.checkOuterEnd(l)
	default:
		if peer := w.byName[l.Veth.Peer]; peer == nil || peer == l || peer.Veth == nil || peer.Veth.Peer != l.Name {
			err = fmt.Errorf("the other end %s of its veth pair is not one that names it", l.Veth.Peer)
		}
	}
	if err != nil {
		return fmt.Errorf("interface %s: %w", l.Name, err)
	}
	return nil
}

// checkOuterEnd returns an error if an end of a pair into a named space does not exist: only
// the space can make it.
func (st *state) checkOuterEnd(l *desired.Link) error {
	if a := st.byName[l.Name]; st.outer == nil && (a == nil || !a.joinsSpaces()) {
		return msgSpaceEndMissing.Failure(l.Veth.Peer)
	}
	return nil
}

// joinsSpaces reports whether the link is an end of a veth pair with the other one in
// another namespace.
func (l *actual) joinsSpaces() bool {
	return l.owned() && l.Kind == string(desired.LinkVeth) && l.ParentElsewhere
}

// checkKind returns an error if a setting of the link's kind is missing.
func checkKind(l *desired.Link) error {
	complete := false
	switch l.Kind {
	case desired.LinkBridge, desired.LinkDummy:
		complete = true
	case desired.LinkVXLAN:
		complete = l.VXLAN != nil
	case desired.LinkVLAN:
		complete = l.VLAN != nil && l.VLAN.ID >= 1 && l.VLAN.ID <= 4094 &&
			(l.VLAN.Protocol == "" || l.VLAN.Protocol == protocolQ || l.VLAN.Protocol == protocolAD)
	case desired.LinkVeth:
		complete = l.Veth != nil
	case desired.LinkVRF:
		complete = l.VRF != nil && l.VRF.Table != 0
	default:
		return fmt.Errorf("this release cannot make an interface of kind %q", l.Kind)
	}
	if !complete {
		return fmt.Errorf("the settings of the %s are incomplete or out of range", l.Kind)
	}
	return nil
}

// checkMaster returns an error if a link cannot join its master.
func (w *wanted) checkMaster(st *state, l *desired.Link) error {
	if l.Master == "" {
		return nil
	}
	if !l.ForeignMaster {
		if m := w.byName[l.Master]; m == nil || (m.Kind != desired.LinkBridge && m.Kind != desired.LinkVRF) {
			return fmt.Errorf("its bridge %s is not one of Viaduct's on this node", l.Master)
		}
		return nil
	}
	switch m := st.byName[l.Master]; {
	case m == nil:
		return msgZoneBridgeMissingOnNode.Failure(l.Master)
	case m.owned() || m.doomed():
		return msgZoneBridgeOwned.Failure(l.Master)
	case m.Bridge == nil:
		return msgZoneBridgeNotABridge.Failure(m.describe())
	case onlyVLAN(l):
		return w.checkLoop(st, l, m)
	}
	return nil
}

// checkLoop returns an error if an owned VLAN device, kept because its name was reserved later,
// already joins a bridge to the VLAN that a port is to join it to: frames would loop for ever.
func (w *wanted) checkLoop(st *state, l *desired.Link, bridge *actual) error {
	for _, o := range st.links {
		if o.VLAN != nil && o.owned() && st.parent(o) == bridge && int(o.VLAN.ID) == l.Port.VLAN && w.reserved(o.Name) {
			return msgVLANLoopPrevented.Failure(l.Port.VLAN, bridge.Name, o.Name)
		}
	}
	return nil
}

// checkParent returns an error if a VLAN device cannot be created on its parent.
func (w *wanted) checkParent(st *state, l *desired.Link) error {
	v := l.VLAN
	if p := w.byName[v.Parent]; p != nil {
		if p == l {
			return fmt.Errorf("it would be its own parent")
		}
		if v.Self && (p.Bridge == nil || !p.Bridge.VLANFiltering) {
			return fmt.Errorf("its parent %s is not a VLAN-aware bridge", v.Parent)
		}
		return nil
	}
	p := st.byName[v.Parent]
	switch {
	case p == nil:
		return msgVLANParentMissing.Failure(v.Parent, v.ID)
	case p.owned() || p.doomed():
		return msgVLANParentUnwanted.Failure(v.Parent, v.ID)
	case v.Self && !p.vlanAware():
		return msgBridgeNotVLANAware.Failure(v.Parent)
	}
	if o := st.carrier(carried{p.Index, uint16(v.ID), protocol(v)}); o != nil {
		return desired.VLANInTheWay(o.Name, v.Parent, v.ID)
	}
	return nil
}

// protocolQ and protocolAD are the desired.VLAN protocols: customer tag and service
// tag.
const (
	protocolQ  = "802.1q"
	protocolAD = "802.1ad"
)

// protocol is the EtherType of a VLAN device's tags.
func protocol(v *desired.VLAN) uint16 {
	if v.Protocol == protocolAD {
		return unix.ETH_P_8021AD
	}
	return unix.ETH_P_8021Q
}
