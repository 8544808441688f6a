package rtnl

import (
	"context"
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Values of Address.Proto that the kernel itself uses (IFAPROT_KERNEL_*,
// kernel 5.18 and later).
const (
	ProtoKernelRA        = 2
	ProtoKernelLinkLocal = 3
)

// attrAddrProto is IFA_PROTO.
const attrAddrProto = 11

// Address is an IP address of an interface.
type Address struct {
	Index int
	// Prefix is the address with the length of its network.
	Prefix netip.Prefix
	// Proto is the origin; 0 if the kernel did not send it, as before 5.18.
	Proto uint8
	// Scope is RT_SCOPE_UNIVERSE (0), RT_SCOPE_LINK (253) and so on.
	Scope uint8
	// Flags are IFA_F_*.
	Flags uint32
}

// IfAddr is the fixed part (struct ifaddrmsg) of an address message.
func IfAddr(family uint8, bits int, index int) []byte {
	b := make([]byte, unix.SizeofIfAddrmsg)
	b[0], b[1] = family, uint8(bits)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	return b
}

// Family is the address family of an address: AF_INET or AF_INET6.
func Family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// AddAddress builds the request that assigns an address to a link, or renews it if the
// link has it. IPv6 addresses skip duplicate address detection: they would be unusable
// until it ends, and every node has the gateways on purpose. With noRoute the kernel makes
// no route to the address's network.
func AddAddress(index int, p netip.Prefix, proto uint8, noRoute bool) *Message {
	m := addressMessage(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, index, p)
	var flags uint32
	if p.Addr().Is6() {
		flags |= unix.IFA_F_NODAD
	}
	if noRoute {
		flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if flags != 0 {
		m.Uint32(unix.IFA_FLAGS, flags)
	}
	return m.Uint8(attrAddrProto, proto)
}

// DeleteAddress builds the request that removes an address from a link.
func DeleteAddress(index int, p netip.Prefix) *Message {
	return addressMessage(unix.RTM_DELADDR, 0, index, p)
}

func addressMessage(typ, flags uint16, index int, p netip.Prefix) *Message {
	return NewMessage(typ, flags, IfAddr(Family(p.Addr()), p.Bits(), index)).
		Addr(unix.IFA_LOCAL, p.Addr()).Addr(unix.IFA_ADDRESS, p.Addr())
}

// Addresses lists the addresses of all interfaces, in the kernel's order.
func (c *Conn) Addresses(ctx context.Context) ([]Address, error) {
	var out []Address
	err := c.dump(ctx,
		func() *Message { return NewMessage(unix.RTM_GETADDR, 0, IfAddr(unix.AF_UNSPEC, 0, 0)) },
		func() { out = out[:0] },
		func(typ uint16, payload []byte) {
			if typ != unix.RTM_NEWADDR || len(payload) < unix.SizeofIfAddrmsg {
				return
			}
			if a := parseAddress(payload); a.Prefix.IsValid() {
				out = append(out, a)
			}
		})
	return out, err
}

// parseAddress decodes an RTM_NEWADDR message.
func parseAddress(b []byte) Address {
	a := Address{Index: int(u32(b[4:])), Scope: b[3], Flags: uint32(b[2])}
	var local, peer netip.Addr
	attrs(b[unix.SizeofIfAddrmsg:], func(typ uint16, d []byte) {
		switch typ {
		case unix.IFA_LOCAL:
			local = addr(d)
		case unix.IFA_ADDRESS:
			peer = addr(d)
		case unix.IFA_FLAGS:
			a.Flags = u32(d)
		case attrAddrProto:
			if len(d) > 0 {
				a.Proto = d[0]
			}
		}
	})
	if !local.IsValid() { // IPv6 sends IFA_ADDRESS only
		local = peer
	}
	a.Prefix = netip.PrefixFrom(local, int(b[1]))
	return a
}
