package link

import (
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// defaultBridgeMTU is the kernel's MTU for a new bridge, in bytes.
const defaultBridgeMTU = 1500

// vethInfoPeer (VETH_INFO_PEER) describes the peer of a veth pair.
const vethInfoPeer = 1

// encodeCreate creates a link with every attribute that the kernel accepts at that
// point, including the group: see the package comment.
func (s *step) encodeCreate() *rtnl.Message {
	m := rtnl.NewMessage(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.IfInfo(unix.AF_UNSPEC, s.index, s.set.up))
	identity(m, s.create)
	if s.master != 0 {
		m.Uint32(unix.IFLA_MASTER, uint32(s.master))
	}
	if s.create.Kind == desired.LinkVLAN {
		m.Uint32(unix.IFLA_LINK, uint32(s.parent))
	}
	return m.Nest(unix.IFLA_LINKINFO, func(m *rtnl.Message) {
		m.String(unix.IFLA_INFO_KIND, string(s.create.Kind))
		m.Nest(unix.IFLA_INFO_DATA, func(m *rtnl.Message) { s.createData(m) })
	})
}

// identity appends the attributes common to all kinds of links.
func identity(m *rtnl.Message, l *desired.Link) {
	m.String(unix.IFLA_IFNAME, l.Name).Uint32(unix.IFLA_GROUP, Group)
	if l.MAC != "" {
		m.Bytes(unix.IFLA_ADDRESS, parseMAC(l.MAC))
	}
	switch {
	case l.Kind != desired.LinkBridge && l.MTU != 0:
		m.Uint32(unix.IFLA_MTU, uint32(l.MTU))
	case l.Kind == desired.LinkBridge && l.MTU == defaultBridgeMTU:
		// A bridge follows the MTU of its ports until its MTU is *changed* (not
		// created with one), and setting the current value is no change.
		m.Uint32(unix.IFLA_MTU, defaultBridgeMTU-1)
	}
}

// createData appends the settings of a new link's kind.
func (s *step) createData(m *rtnl.Message) {
	l := s.create
	switch l.Kind {
	case desired.LinkBridge: // spanning tree is off by the kernel's default
		m.Uint32(unix.IFLA_BR_FORWARD_DELAY, 0)
		if l.Bridge != nil && l.Bridge.VLANFiltering {
			m.Uint8(unix.IFLA_BR_VLAN_FILTERING, 1)
		}
	case desired.LinkVXLAN:
		vxlanData(m, l.VXLAN)
	case desired.LinkVLAN:
		m.Uint16(unix.IFLA_VLAN_ID, uint16(l.VLAN.ID))
		m.Uint16BE(unix.IFLA_VLAN_PROTOCOL, protocol(l.VLAN))
	case desired.LinkVeth:
		m.NestFixed(vethInfoPeer, rtnl.IfInfo(unix.AF_UNSPEC, s.parent, false), func(m *rtnl.Message) {
			identity(m, s.peer)
			if s.outer != nil {
				m.Uint32(unix.IFLA_NET_NS_FD, uint32(s.outer.FD()))
			}
		})
	case desired.LinkVRF:
		m.Uint32(unix.IFLA_VRF_TABLE, l.VRF.Table)
	case desired.LinkDummy:
	}
}

func vxlanData(m *rtnl.Message, vx *desired.VXLAN) {
	m.Uint32(unix.IFLA_VXLAN_ID, vx.ID)
	m.Uint16BE(unix.IFLA_VXLAN_PORT, vx.Port)
	m.Bool(unix.IFLA_VXLAN_LEARNING, vx.Learning)
	if vx.Local.Is4() {
		m.Addr(unix.IFLA_VXLAN_LOCAL, vx.Local)
	} else if vx.Local.IsValid() {
		m.Addr(unix.IFLA_VXLAN_LOCAL6, vx.Local)
	}
}
