package rtnl

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// parseAltNames finds the alternative names in IFLA_PROP_LIST.
func parseAltNames(b []byte) []string {
	var out []string
	attrs(b, func(typ uint16, d []byte) {
		if typ == unix.IFLA_ALT_IFNAME {
			out = append(out, cString(d))
		}
	})
	return out
}

// parseLinkInfo decodes the part that depends on the kind of link. The kernel
// sends the kind before the data.
func parseLinkInfo(l *Link, b []byte) {
	slave := ""
	attrs(b, func(typ uint16, d []byte) {
		switch typ {
		case unix.IFLA_INFO_KIND:
			l.Kind = cString(d)
		case unix.IFLA_INFO_DATA:
			switch l.Kind {
			case "bridge":
				l.Bridge = parseBridge(d)
			case "vxlan":
				l.VXLAN = parseVXLAN(d)
			case "vlan":
				l.VLAN = parseVLANDevice(d)
			case "vrf":
				l.VRFTable = parseVRF(d)
			}
		case unix.IFLA_INFO_SLAVE_KIND:
			slave = cString(d)
		case unix.IFLA_INFO_SLAVE_DATA:
			if slave == "bridge" {
				l.Port = parsePort(d)
			}
		}
	})
}

func parseBridge(b []byte) *BridgeInfo {
	info := &BridgeInfo{}
	attrs(b, func(typ uint16, d []byte) {
		switch typ {
		case unix.IFLA_BR_STP_STATE:
			info.STP = u32(d) != 0
		case unix.IFLA_BR_FORWARD_DELAY:
			info.ForwardDelay = u32(d)
		case unix.IFLA_BR_VLAN_FILTERING:
			on := flag(d)
			info.VLANFiltering = &on
		case unix.IFLA_BR_VLAN_PROTOCOL:
			if len(d) >= 2 {
				info.VLANProtocol = binary.BigEndian.Uint16(d)
			}
		}
	})
	return info
}

func parseVXLAN(b []byte) *VXLANInfo {
	info := &VXLANInfo{}
	attrs(b, func(typ uint16, d []byte) {
		switch typ {
		case unix.IFLA_VXLAN_ID:
			info.ID = u32(d)
		case unix.IFLA_VXLAN_LOCAL, unix.IFLA_VXLAN_LOCAL6:
			if a := addr(d); a.IsValid() && !a.IsUnspecified() {
				info.Local = a
			}
		case unix.IFLA_VXLAN_PORT:
			if len(d) >= 2 {
				info.Port = binary.BigEndian.Uint16(d)
			}
		case unix.IFLA_VXLAN_LEARNING:
			info.Learning = flag(d)
		}
	})
	return info
}

func parseVLANDevice(b []byte) *VLANInfo {
	info := &VLANInfo{}
	attrs(b, func(typ uint16, d []byte) {
		switch typ {
		case unix.IFLA_VLAN_ID:
			if len(d) >= 2 {
				info.ID = binary.NativeEndian.Uint16(d)
			}
		case unix.IFLA_VLAN_PROTOCOL:
			if len(d) >= 2 {
				info.Protocol = binary.BigEndian.Uint16(d)
			}
		}
	})
	return info
}

func parseVRF(b []byte) (table uint32) {
	attrs(b, func(typ uint16, d []byte) {
		if typ == unix.IFLA_VRF_TABLE {
			table = u32(d)
		}
	})
	return table
}

func parsePort(b []byte) *PortInfo {
	info := &PortInfo{}
	attrs(b, func(typ uint16, d []byte) {
		switch typ {
		case unix.IFLA_BRPORT_ISOLATED:
			info.Isolated = flag(d)
		case unix.IFLA_BRPORT_LEARNING:
			info.Learning = flag(d)
		case unix.IFLA_BRPORT_NEIGH_SUPPRESS:
			info.NeighSuppress = flag(d)
		}
	})
	return info
}
