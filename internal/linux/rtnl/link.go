package rtnl

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Values of Link.AddrGenMode (IN6_ADDR_GEN_MODE_*): how the kernel generates the
// link-local IPv6 address.
const (
	AddrGenEUI64 = 0
	AddrGenNone  = 1
)

// Link is a network interface as the kernel describes it.
type Link struct {
	Index int
	Name  string
	// AltNames are its other names (ip link: altname).
	AltNames []string
	// Kind is the type ("bridge", "vxlan", "veth"); empty for hardware.
	Kind  string
	Group uint32
	// MTU in bytes.
	MTU int
	// Up is the administrative state.
	Up bool
	// Loopback is set for lo.
	Loopback bool
	// Master is the index of the bridge, bond or VRF that the link belongs to,
	// 0 for none.
	Master int
	// Parent is the index of the link that this one is stacked on (a VLAN
	// device's parent), or of the other end of a veth pair; 0 for none. With
	// ParentElsewhere it is an index of another network namespace.
	Parent          int
	ParentElsewhere bool
	Alias           string
	MAC             net.HardwareAddr
	// AddrGenMode is one of the AddrGen constants; -1 if the link has no IPv6.
	AddrGenMode int
	// Bridge is set for bridges, VXLAN for VXLAN devices, VLAN for VLAN devices,
	// Port for bridge ports.
	Bridge *BridgeInfo
	VXLAN  *VXLANInfo
	VLAN   *VLANInfo
	Port   *PortInfo
	// VRFTable is the routing table of a VRF; 0 for other links.
	VRFTable uint32
}

// BridgeInfo holds the settings of a bridge.
type BridgeInfo struct {
	STP bool
	// ForwardDelay in hundredths of a second.
	ForwardDelay uint32
	// VLANFiltering is nil if the kernel was built without it.
	VLANFiltering *bool
	// VLANProtocol is the EtherType that it filters by; 0 without filtering.
	VLANProtocol uint16
}

// VXLANInfo holds the settings of a VXLAN device.
type VXLANInfo struct {
	ID uint32
	// Local is the source address; the zero Addr if none was set.
	Local    netip.Addr
	Port     uint16
	Learning bool
}

// VLANInfo holds the settings of a VLAN device.
type VLANInfo struct {
	ID uint16
	// Protocol is the outer tag's EtherType: ETH_P_8021Q or ETH_P_8021AD.
	Protocol uint16
}

// PortInfo holds the settings of a bridge port.
type PortInfo struct {
	Isolated bool
	// Learning fills the bridge's table from frames that the port receives.
	Learning bool
	// NeighSuppress answers ARP and neighbour discovery from the bridge's tables.
	NeighSuppress bool
}

// IfInfo is the fixed part (struct ifinfomsg) of a link message. With up set,
// the link is brought up.
func IfInfo(family uint8, index int, up bool) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	b[0] = family
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	if up {
		binary.NativeEndian.PutUint32(b[8:], unix.IFF_UP)
		binary.NativeEndian.PutUint32(b[12:], unix.IFF_UP)
	}
	return b
}

// extSkipStats (RTEXT_FILTER_SKIP_STATS) omits counters, which are most of a link's
// description.
const extSkipStats = 8

// Links lists all interfaces of the namespace, by rising index.
func (c *Conn) Links(ctx context.Context) ([]Link, error) {
	var links []Link
	err := c.dump(ctx,
		func() *Message {
			return NewMessage(unix.RTM_GETLINK, 0, IfInfo(unix.AF_UNSPEC, 0, false)).Uint32(unix.IFLA_EXT_MASK, extSkipStats)
		},
		func() { links = links[:0] },
		func(typ uint16, payload []byte) {
			if typ == unix.RTM_NEWLINK && len(payload) >= unix.SizeofIfInfomsg {
				links = append(links, parseLink(payload))
			}
		})
	return links, err
}

// Traffic counts what an interface has received and sent since it was created.
type Traffic struct {
	ReceivedBytes, ReceivedPackets, SentBytes, SentPackets uint64
	// The errors and drops are packets in both directions.
	Errors, Dropped uint64
}

// CountedLink is an interface with its counters.
type CountedLink struct {
	Link
	Traffic
}

// CountedLinks lists all interfaces of the namespace with their counters, in one dump.
func (c *Conn) CountedLinks(ctx context.Context) ([]CountedLink, error) {
	var links []CountedLink
	err := c.dump(ctx,
		func() *Message { return NewMessage(unix.RTM_GETLINK, 0, IfInfo(unix.AF_UNSPEC, 0, false)) },
		func() { links = links[:0] },
		func(typ uint16, payload []byte) {
			if typ == unix.RTM_NEWLINK && len(payload) >= unix.SizeofIfInfomsg {
				links = append(links, CountedLink{parseLink(payload), parseTraffic(payload)})
			}
		})
	return links, err
}

// parseTraffic decodes the counters (struct rtnl_link_stats64) of an RTM_NEWLINK message.
func parseTraffic(b []byte) Traffic {
	var t Traffic
	attrs(b[unix.SizeofIfInfomsg:], func(typ uint16, d []byte) {
		if typ != unix.IFLA_STATS64 || len(d) < 8*8 {
			return
		}
		at := func(i int) uint64 { return binary.NativeEndian.Uint64(d[8*i:]) }
		t = Traffic{
			ReceivedPackets: at(0), SentPackets: at(1), ReceivedBytes: at(2), SentBytes: at(3), Errors: at(4) + at(5), Dropped: at(6) + at(7),
		}
	})
	return t
}

// parseLink decodes an RTM_NEWLINK message.
func parseLink(b []byte) Link {
	flags := u32(b[8:])
	l := Link{
		Index: int(u32(b[4:])), Up: flags&unix.IFF_UP != 0, Loopback: flags&unix.IFF_LOOPBACK != 0, AddrGenMode: -1,
	}
	attrs(b[unix.SizeofIfInfomsg:], func(typ uint16, d []byte) {
		switch typ {
		case unix.IFLA_IFNAME:
			l.Name = cString(d)
		case unix.IFLA_MTU:
			l.MTU = int(u32(d))
		case unix.IFLA_GROUP:
			l.Group = u32(d)
		case unix.IFLA_MASTER:
			l.Master = int(u32(d))
		case unix.IFLA_LINK:
			l.Parent = int(u32(d))
		case unix.IFLA_LINK_NETNSID:
			l.ParentElsewhere = true
		case unix.IFLA_PROP_LIST:
			l.AltNames = parseAltNames(d)
		case unix.IFLA_IFALIAS:
			l.Alias = cString(d)
		case unix.IFLA_ADDRESS:
			l.MAC = append(net.HardwareAddr(nil), d...)
		case unix.IFLA_AF_SPEC:
			l.AddrGenMode = parseAddrGen(d)
		case unix.IFLA_LINKINFO:
			parseLinkInfo(&l, d)
		}
	})
	return l
}

// parseAddrGen finds the IPv6 address generation mode in IFLA_AF_SPEC.
func parseAddrGen(b []byte) int {
	mode := -1
	attrs(b, func(family uint16, d []byte) {
		if family != unix.AF_INET6 {
			return
		}
		attrs(d, func(typ uint16, d []byte) {
			if typ == unix.IFLA_INET6_ADDR_GEN_MODE && len(d) > 0 {
				mode = int(d[0])
			}
		})
	})
	return mode
}
