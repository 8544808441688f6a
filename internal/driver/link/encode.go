package link

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

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
		return rtnl.AddPortVLANs(s.index, allVLANs)
	case opPortVLAN:
		vid := uint16(s.vlan)
		return rtnl.AddPortVLANs(s.index, rtnl.VLANRange{First: vid, Last: vid, PVID: !s.tagged, Untagged: !s.tagged})
	case opOtherVLANs:
		return rtnl.LeaveOtherVLANs(s.index, uint16(s.vlan))
	case opAddAddress:
		return rtnl.AddAddress(s.index, s.prefix, AddressProtocol, s.noRoute)
	case opDelAddress:
		return rtnl.DeleteAddress(s.index, s.prefix)
	case opAddNeigh:
		return rtnl.AddForwarding(s.index, mac(s.neigh), s.neigh.Dst, s.neigh.MAC == desired.FloodMAC)
	case opDelNeigh:
		return rtnl.DeleteForwarding(s.index, mac(s.neigh), s.neigh.Dst)
	case opAddStatic:
		return rtnl.AddStatic(s.index, mac(s.neigh))
	case opDelStatic:
		return rtnl.DeleteStatic(s.index, mac(s.neigh))
	case opBridgePort:
		return s.encodeBridgePort()
	case opBridgeVLAN:
		if s.on {
			return rtnl.AddBridgeVLAN(s.index, uint16(s.vlan))
		}
		return rtnl.DeleteBridgeVLAN(s.index, uint16(s.vlan))
	case opRelease:
		return rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false)).Uint32(unix.IFLA_MASTER, 0).Uint32(unix.IFLA_GROUP, 0)
	case opDoom:
		return rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false)).Uint32(unix.IFLA_GROUP, Doomed)
	case opDelete:
		return rtnl.NewMessage(unix.RTM_DELLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, false))
	case opDeleteGroup: // is sent by itself
	}
	return rtnl.NewMessage(unix.RTM_DELLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, 0, false)).Uint32(unix.IFLA_GROUP, s.group)
}

// mac returns an entry's MAC address.
func mac(n desired.Neighbour) net.HardwareAddr { return parseMAC(n.MAC) }

// parseMAC decodes a MAC address that choose has checked.
func parseMAC(text string) net.HardwareAddr {
	m, _ := net.ParseMAC(text)
	return m
}

// encodeBridgePort changes settings of a bridge port.
func (s *step) encodeBridgePort() *rtnl.Message {
	return rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_BRIDGE, s.index, false)).
		Nest(unix.IFLA_PROTINFO, func(m *rtnl.Message) {
			for _, p := range []struct {
				attr  uint16
				value *bool
			}{
				{unix.IFLA_BRPORT_ISOLATED, s.set.isolated},
				{unix.IFLA_BRPORT_LEARNING, s.set.portLearning},
				{unix.IFLA_BRPORT_NEIGH_SUPPRESS, s.set.neighSuppress},
			} {
				if p.value != nil {
					m.Bool(p.attr, *p.value)
				}
			}
		})
}

// encodeSet changes an existing link in place.
func (s *step) encodeSet() *rtnl.Message {
	m := rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, s.index, s.set.up))
	if s.set.mtu != 0 {
		m.Uint32(unix.IFLA_MTU, uint32(s.set.mtu))
	}
	if s.set.mac != "" {
		m.Bytes(unix.IFLA_ADDRESS, parseMAC(s.set.mac))
	}
	if s.set.alias != nil {
		m.Bytes(unix.IFLA_IFALIAS, []byte(*s.set.alias)) // the kernel wants no terminating zero byte
	}
	if s.set.master != nil {
		m.Uint32(unix.IFLA_MASTER, uint32(*s.set.master))
	}
	return m
}

// encodeAddrGen changes how the link-local address is generated. The kernel ignores
// the attribute in a creation, and in a request that also brings the link up it
// would be too late.
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
