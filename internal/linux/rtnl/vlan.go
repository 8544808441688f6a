package rtnl

import (
	"context"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// VLANRange is a range of VLANs that a bridge port carries.
type VLANRange struct {
	First, Last uint16
	// PVID makes received untagged frames belong to the VLAN; Untagged sends
	// its frames untagged.
	PVID, Untagged bool
}

// The parts of the kernel's bridge VLAN interface (linux/if_bridge.h).
const (
	extVLANCompressed = 4 // RTEXT_FILTER_BRVLAN_COMPRESSED
	bridgeFlags       = 0 // IFLA_BRIDGE_FLAGS
	bridgeVLANInfo    = 2 // IFLA_BRIDGE_VLAN_INFO
	bridgeSelf        = 2 // BRIDGE_FLAGS_SELF
	vlanPVID          = 1 << 1
	vlanUntagged      = 1 << 2
	vlanRangeBegin    = 1 << 3
	vlanRangeEnd      = 1 << 4
)

// PortVLANs lists the VLANs of every bridge port, by the port's index, and those
// that a bridge is a member of itself, by the bridge's. Bridges without VLAN
// filtering have none.
func (c *Conn) PortVLANs(ctx context.Context) (map[int][]VLANRange, error) {
	var ports map[int][]VLANRange
	err := c.dump(ctx,
		func() *Message {
			return NewMessage(unix.RTM_GETLINK, 0, IfInfo(unix.AF_BRIDGE, 0, false)).Uint32(unix.IFLA_EXT_MASK, extVLANCompressed)
		},
		func() { ports = map[int][]VLANRange{} },
		func(_ uint16, payload []byte) {
			if len(payload) < unix.SizeofIfInfomsg {
				return
			}
			index := int(u32(payload[4:]))
			attrs(payload[unix.SizeofIfInfomsg:], func(typ uint16, d []byte) {
				// A network card with a switch inside answers too, without VLANs.
				if typ == unix.IFLA_AF_SPEC {
					ports[index] = append(ports[index], parseVLANs(d)...)
				}
			})
		})
	return ports, err
}

// parseVLANs decodes the VLAN list of one port.
func parseVLANs(b []byte) []VLANRange {
	var out []VLANRange
	attrs(b, func(typ uint16, d []byte) {
		if typ != bridgeVLANInfo || len(d) < 4 {
			return
		}
		flags, vid := binary.NativeEndian.Uint16(d), binary.NativeEndian.Uint16(d[2:])
		if flags&vlanRangeEnd != 0 && len(out) > 0 {
			out[len(out)-1].Last = vid
			return
		}
		out = append(out, VLANRange{First: vid, Last: vid, PVID: flags&vlanPVID != 0, Untagged: flags&vlanUntagged != 0})
	})
	return out
}

// AddPortVLANs builds the request that adds a bridge port to the VLANs.
func AddPortVLANs(index int, r VLANRange) *Message {
	var flags uint16
	if r.PVID {
		flags |= vlanPVID
	}
	if r.Untagged {
		flags |= vlanUntagged
	}
	return NewMessage(unix.RTM_SETLINK, 0, IfInfo(unix.AF_BRIDGE, index, false)).Nest(unix.IFLA_AF_SPEC, func(m *Message) {
		if r.First == r.Last {
			m.Bytes(bridgeVLANInfo, vlanInfo(flags, r.First))
			return
		}
		m.Bytes(bridgeVLANInfo, vlanInfo(flags|vlanRangeBegin, r.First))
		m.Bytes(bridgeVLANInfo, vlanInfo(flags|vlanRangeEnd, r.Last))
	})
}

// LeaveOtherVLANs builds the request that removes a bridge port from all VLANs except one.
// The kernel skips those that the port is not in.
func LeaveOtherVLANs(index int, vid uint16) *Message {
	return NewMessage(unix.RTM_DELLINK, 0, IfInfo(unix.AF_BRIDGE, index, false)).Nest(unix.IFLA_AF_SPEC, func(m *Message) {
		for _, r := range []VLANRange{{First: 1, Last: vid - 1}, {First: vid + 1, Last: 4094}} {
			switch {
			case r.First == r.Last:
				m.Bytes(bridgeVLANInfo, vlanInfo(0, r.First))
			case r.First < r.Last:
				m.Bytes(bridgeVLANInfo, vlanInfo(vlanRangeBegin, r.First))
				m.Bytes(bridgeVLANInfo, vlanInfo(vlanRangeEnd, r.Last))
			}
		}
	})
}

// AddBridgeVLAN builds the request that makes a bridge itself a member of a VLAN,
// so that a VLAN device on the bridge gets its frames (bridge vlan add ... self).
func AddBridgeVLAN(index int, vid uint16) *Message {
	return bridgeVLAN(unix.RTM_SETLINK, index, vid)
}

// DeleteBridgeVLAN builds the request that removes a bridge itself from a VLAN.
func DeleteBridgeVLAN(index int, vid uint16) *Message {
	return bridgeVLAN(unix.RTM_DELLINK, index, vid)
}

func bridgeVLAN(typ uint16, index int, vid uint16) *Message {
	return NewMessage(typ, 0, IfInfo(unix.AF_BRIDGE, index, false)).Nest(unix.IFLA_AF_SPEC, func(m *Message) {
		m.Uint16(bridgeFlags, bridgeSelf)
		m.Bytes(bridgeVLANInfo, vlanInfo(0, vid))
	})
}

// vlanInfo is struct bridge_vlan_info.
func vlanInfo(flags, vid uint16) []byte {
	return binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, flags), vid)
}
