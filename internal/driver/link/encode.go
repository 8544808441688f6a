package link

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// defaultBridgeMTU is the MTU that the kernel gives to a new bridge, in bytes.
const defaultBridgeMTU = 1500

// encode turns the step into a request.
func (s *step) encode() *rtnl.Message {
	switch s.op {
	case opCreate:
		return s.encodeCreate()
	case opSet, opPort:
		return s.encodeSet()
	case opAddrGen:
		return s.encodeAddrGen()
	case opInfo:
		return s.encodeInfo()
	case opVLANs:
		return rtnl.AddPortVLANs(s.index, overlayVLANs)
	case opAddAddress:
		return rtnl.AddAddress(s.index, s.prefix, AddressProtocol)
	case opDelAddress:
		return rtnl.DeleteAddress(s.index, s.prefix)
	case opAddNeigh:
		return rtnl.AddForwarding(s.index, mac(s.neigh), s.neigh.Dst, s.neigh.MAC == desired.FloodMAC)
	case opDelNeigh:
		return rtnl.DeleteForwarding(s.index, mac(s.neigh), s.neigh.Dst)
	case opIsolate:
		return rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_BRIDGE, s.index, false)).
			Nest(unix.IFLA_PROTINFO, func(m *rtnl.Message) { m.Bool(unix.IFLA_BRPORT_ISOLATED, s.on) })
	case opDoom:
		return rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false)).Uint32(unix.IFLA_GROUP, Doomed)
	case opDelete:
		return rtnl.NewMessage(unix.RTM_DELLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false))
	}
	return rtnl.NewMessage(unix.RTM_DELLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, 0, false)).Uint32(unix.IFLA_GROUP, s.group)
}

// mac decodes a hardware address that choose has checked.
func mac(n desired.Neighbour) net.HardwareAddr {
	m, _ := net.ParseMAC(n.MAC)
	return m
}

// encodeCreate makes a link with everything that the kernel takes at that
// point. The group is among it: see the package's text.
func (s *step) encodeCreate() *rtnl.Message {
	m := rtnl.NewMessage(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.IfInfo(unix.AF_UNSPEC, s.index, s.set.up)).
		String(unix.IFLA_IFNAME, s.link).
		Uint32(unix.IFLA_GROUP, Group)
	if s.master != 0 {
		m.Uint32(unix.IFLA_MASTER, uint32(s.master))
	}
	switch {
	case s.create.Kind != desired.LinkBridge && s.create.MTU != 0:
		m.Uint32(unix.IFLA_MTU, uint32(s.create.MTU))
	case s.create.Kind == desired.LinkBridge && s.create.MTU == defaultBridgeMTU:
		// A bridge follows the MTU of its ports until it is *changed* (not made
		// with one), and setting what it has is no change.
		m.Uint32(unix.IFLA_MTU, defaultBridgeMTU-1)
	}
	return m.Nest(unix.IFLA_LINKINFO, func(m *rtnl.Message) {
		m.String(unix.IFLA_INFO_KIND, string(s.create.Kind))
		m.Nest(unix.IFLA_INFO_DATA, func(m *rtnl.Message) { createData(m, s.create) })
	})
}

// createData appends the settings of a new link's kind. Spanning tree is off
// by the kernel's own default.
func createData(m *rtnl.Message, l *desired.Link) {
	if l.Kind == desired.LinkBridge {
		m.Uint32(unix.IFLA_BR_FORWARD_DELAY, 0)
		if l.Bridge != nil && l.Bridge.VLANFiltering {
			m.Uint8(unix.IFLA_BR_VLAN_FILTERING, 1)
		}
		return
	}
	m.Uint32(unix.IFLA_VXLAN_ID, l.VXLAN.ID)
	m.Uint16BE(unix.IFLA_VXLAN_PORT, l.VXLAN.Port)
	m.Bool(unix.IFLA_VXLAN_LEARNING, l.VXLAN.Learning)
	if local := l.VXLAN.Local; local.Is4() {
		m.Addr(unix.IFLA_VXLAN_LOCAL, local)
	} else if local.IsValid() {
		m.Addr(unix.IFLA_VXLAN_LOCAL6, local)
	}
}

// encodeSet changes a link where it stands.
func (s *step) encodeSet() *rtnl.Message {
	m := rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, s.set.up))
	if s.set.mtu != 0 {
		m.Uint32(unix.IFLA_MTU, uint32(s.set.mtu))
	}
	if s.set.alias != nil {
		m.Bytes(unix.IFLA_IFALIAS, []byte(*s.set.alias)) // the kernel wants no zero byte
	}
	if s.set.master != nil {
		m.Uint32(unix.IFLA_MASTER, uint32(*s.set.master))
	}
	return m
}

// encodeAddrGen changes how the link-local address is made. The kernel ignores
// the attribute in a creation, and in a request that also brings the link up
// it would come too late.
func (s *step) encodeAddrGen() *rtnl.Message {
	mode := uint8(rtnl.AddrGenNone)
	if s.on {
		mode = rtnl.AddrGenEUI64
	}
	return rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false)).
		Nest(unix.IFLA_AF_SPEC, func(m *rtnl.Message) {
			m.Nest(unix.AF_INET6, func(m *rtnl.Message) { m.Uint8(unix.IFLA_INET6_ADDR_GEN_MODE, mode) })
		})
}

// encodeInfo changes settings of the link's kind.
func (s *step) encodeInfo() *rtnl.Message {
	kind := desired.LinkBridge
	if s.set.learning != nil {
		kind = desired.LinkVXLAN
	}
	return rtnl.NewMessage(unix.RTM_NEWLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false)).
		Nest(unix.IFLA_LINKINFO, func(m *rtnl.Message) {
			m.String(unix.IFLA_INFO_KIND, string(kind))
			m.Nest(unix.IFLA_INFO_DATA, func(m *rtnl.Message) {
				if s.set.learning != nil {
					m.Bool(unix.IFLA_VXLAN_LEARNING, *s.set.learning)
				}
				if s.set.noSpanningTree {
					m.Uint32(unix.IFLA_BR_STP_STATE, 0)
				}
				if s.set.noDelay {
					m.Uint32(unix.IFLA_BR_FORWARD_DELAY, 0)
				}
				if s.set.vlanFiltering != nil {
					m.Bool(unix.IFLA_BR_VLAN_FILTERING, *s.set.vlanFiltering)
				}
			})
		})
}
