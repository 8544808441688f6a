package rtnl

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Neighbour is an entry of a device's forwarding database (bridge fdb), or of its
// table of neighbours (ip neigh).
type Neighbour struct {
	Index int
	MAC   net.HardwareAddr
	// Dst is the remote VTEP on a VXLAN device, or the neighbour's own address; the zero
	// Addr otherwise.
	Dst netip.Addr
	// State is NUD_*, Flags NTF_*: NTF_SELF marks an entry of the device itself,
	// NTF_MASTER one of the bridge it is a port of.
	State uint16
	Flags uint8
}

// ndMsg is the fixed part (struct ndmsg) of a neighbour message.
func ndMsg(family uint8, index int, state uint16, flags uint8) []byte {
	b := make([]byte, unix.SizeofNdMsg)
	b[0] = family
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint16(b[8:], state)
	b[10] = flags
	return b
}

// AddForwarding builds the request that puts a permanent entry in a VXLAN device's
// forwarding database. With appendDst the VTEP is added to those that the MAC already has
// (flooding: the zero MAC); otherwise it replaces them.
func AddForwarding(index int, mac net.HardwareAddr, dst netip.Addr, appendDst bool) *Message {
	flags := uint16(unix.NLM_F_CREATE | unix.NLM_F_REPLACE)
	if appendDst {
		flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
	}
	return NewMessage(unix.RTM_NEWNEIGH, flags, ndMsg(unix.AF_BRIDGE, index, unix.NUD_PERMANENT|unix.NUD_NOARP, unix.NTF_SELF)).
		Bytes(unix.NDA_LLADDR, mac).Addr(unix.NDA_DST, dst)
}

// DeleteForwarding builds the request that removes such an entry.
func DeleteForwarding(index int, mac net.HardwareAddr, dst netip.Addr) *Message {
	m := NewMessage(unix.RTM_DELNEIGH, 0, ndMsg(unix.AF_BRIDGE, index, unix.NUD_PERMANENT|unix.NUD_NOARP, unix.NTF_SELF)).
		Bytes(unix.NDA_LLADDR, mac)
	if dst.IsValid() {
		m.Addr(unix.NDA_DST, dst)
	}
	return m
}

// AddStatic builds the request that binds a MAC to a bridge port (bridge fdb replace ...
// master static): the bridge neither learns it elsewhere nor ages it out.
func AddStatic(port int, mac net.HardwareAddr) *Message {
	return NewMessage(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, ndMsg(unix.AF_BRIDGE, port, unix.NUD_NOARP, unix.NTF_MASTER)).
		Bytes(unix.NDA_LLADDR, mac)
}

// DeleteStatic builds the request that removes such an entry, in all VLANs.
func DeleteStatic(port int, mac net.HardwareAddr) *Message {
	return NewMessage(unix.RTM_DELNEIGH, 0, ndMsg(unix.AF_BRIDGE, port, unix.NUD_NOARP, unix.NTF_MASTER)).
		Bytes(unix.NDA_LLADDR, mac)
}

// Probe builds the request that makes the kernel probe a neighbour, with the known MAC
// address mac, for reachability (ip neigh replace ... nud probe).
func Probe(index int, a netip.Addr, mac net.HardwareAddr) *Message {
	return NewMessage(unix.RTM_NEWNEIGH, unix.NLM_F_REPLACE, ndMsg(Family(a), index, unix.NUD_PROBE, 0)).
		Addr(unix.NDA_DST, a).Bytes(unix.NDA_LLADDR, mac)
}

// Forwarding lists the forwarding databases of all devices.
func (c *Conn) Forwarding(ctx context.Context) ([]Neighbour, error) {
	return c.neighbours(ctx, unix.AF_BRIDGE)
}

// Neighbours lists the neighbours on all devices, IPv4 and IPv6.
func (c *Conn) Neighbours(ctx context.Context) ([]Neighbour, error) {
	four, err := c.neighbours(ctx, unix.AF_INET)
	if err != nil {
		return nil, err
	}
	six, err := c.neighbours(ctx, unix.AF_INET6)
	return append(four, six...), err
}

func (c *Conn) neighbours(ctx context.Context, family uint8) ([]Neighbour, error) {
	var out []Neighbour
	err := c.dump(ctx,
		func() *Message { return NewMessage(unix.RTM_GETNEIGH, 0, ndMsg(family, 0, 0, 0)) },
		func() { out = out[:0] },
		func(typ uint16, payload []byte) {
			if typ == unix.RTM_NEWNEIGH && len(payload) >= unix.SizeofNdMsg {
				out = append(out, parseNeighbour(payload))
			}
		})
	return out, err
}

// parseNeighbour decodes an RTM_NEWNEIGH message.
func parseNeighbour(b []byte) Neighbour {
	n := Neighbour{Index: int(u32(b[4:])), State: binary.NativeEndian.Uint16(b[8:]), Flags: b[10]}
	attrs(b[unix.SizeofNdMsg:], func(typ uint16, d []byte) {
		switch typ {
		case unix.NDA_LLADDR:
			n.MAC = append(net.HardwareAddr(nil), d...)
		case unix.NDA_DST:
			n.Dst = addr(d)
		}
	})
	return n
}

// Restore builds the request that restores an entry of a forwarding database as it was
// read: that of the device itself, or that of the bridge it is a port of. A VTEP to flood
// to is added to the others.
func Restore(n Neighbour) *Message {
	flags := uint16(unix.NLM_F_CREATE | unix.NLM_F_REPLACE)
	if bytes.Count(n.MAC, []byte{0}) == len(n.MAC) {
		flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
	}
	return forwarding(unix.RTM_NEWNEIGH, flags, n)
}

// Remove builds the request that removes such an entry.
func Remove(n Neighbour) *Message { return forwarding(unix.RTM_DELNEIGH, 0, n) }

func forwarding(typ, flags uint16, n Neighbour) *Message {
	of := uint8(unix.NTF_MASTER)
	if n.Flags&unix.NTF_SELF != 0 {
		of = unix.NTF_SELF
	}
	m := NewMessage(typ, flags, ndMsg(unix.AF_BRIDGE, n.Index, n.State, of|n.Flags&unix.NTF_EXT_LEARNED)).Bytes(unix.NDA_LLADDR, n.MAC)
	if n.Dst.IsValid() {
		m.Addr(unix.NDA_DST, n.Dst)
	}
	return m
}

// RestoreNeighbour builds the request that restores a neighbour as it was read.
func RestoreNeighbour(n Neighbour) *Message {
	return NewMessage(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, ndMsg(Family(n.Dst), n.Index, n.State, n.Flags)).
		Addr(unix.NDA_DST, n.Dst).Bytes(unix.NDA_LLADDR, n.MAC)
}

// RemoveNeighbour builds the request that removes a neighbour.
func RemoveNeighbour(n Neighbour) *Message {
	return NewMessage(unix.RTM_DELNEIGH, 0, ndMsg(Family(n.Dst), n.Index, n.State, n.Flags)).Addr(unix.NDA_DST, n.Dst)
}
