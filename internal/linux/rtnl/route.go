package rtnl

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Route is a route. Routes with several next hops are listed, but not created.
type Route struct {
	Dst netip.Prefix
	// Index is the outgoing interface, Gateway the next hop.
	Index   int
	Gateway netip.Addr
	// Hops are the next hops of a route that has several; Index and Gateway are then
	// not set.
	Hops []NextHop
	// Src is the preferred source address.
	Src netip.Addr
	// Table is the number of the routing table; 254 is main.
	Table int
	// Protocol is the origin (RTPROT_*), Type the action (RTN_*).
	Protocol uint8
	Type     uint8
	Scope    uint8
	Flags    uint32
	// Metric is the route's priority; lower wins.
	Metric int
	// MTU is the route's own limit in bytes; 0 means the interface's.
	MTU int
}

// NextHop is one of several next hops of a route.
type NextHop struct {
	Index   int
	Gateway netip.Addr
}

// RouteFilter narrows a list of routes; zero fields match everything.
type RouteFilter struct {
	Protocol uint8
	Table    int
}

// rtMsg is the fixed part (struct rtmsg) of a route message.
func rtMsg(family uint8, bits int, table int, protocol, scope, typ uint8) []byte {
	b := make([]byte, unix.SizeofRtMsg)
	b[0], b[1] = family, uint8(bits)
	if table < 256 {
		b[4] = uint8(table)
	}
	b[5], b[6], b[7] = protocol, scope, typ
	return b
}

// AddRoute builds the request that adds a route; of type 0 it is unicast. With replace it
// replaces a route with the same destination, table and metric; without, the kernel
// answers EEXIST if there is one.
func AddRoute(r Route, replace bool) *Message {
	flags := uint16(unix.NLM_F_CREATE | unix.NLM_F_EXCL)
	if replace {
		flags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	}
	typ := r.Type
	if typ == 0 {
		typ = unix.RTN_UNICAST
	}
	scope := uint8(unix.RT_SCOPE_UNIVERSE)
	if typ == unix.RTN_UNICAST && !r.Gateway.IsValid() && r.Dst.Addr().Is4() {
		scope = unix.RT_SCOPE_LINK
	}
	m := NewMessage(unix.RTM_NEWROUTE, flags, rtMsg(Family(r.Dst.Addr()), r.Dst.Bits(), r.Table, r.Protocol, scope, typ))
	return routeAttrs(m, r)
}

// DeleteRoute builds the request that removes a route of the same protocol and
// type; type 0 is any.
func DeleteRoute(r Route) *Message {
	m := NewMessage(unix.RTM_DELROUTE, 0, rtMsg(Family(r.Dst.Addr()), r.Dst.Bits(), r.Table, r.Protocol, unix.RT_SCOPE_NOWHERE, r.Type))
	return routeAttrs(m, r)
}

func routeAttrs(m *Message, r Route) *Message {
	m.Uint32(unix.RTA_TABLE, uint32(r.Table))
	if r.Dst.Bits() > 0 {
		m.Addr(unix.RTA_DST, r.Dst.Addr())
	}
	if r.Gateway.IsValid() {
		if r.Gateway.Is6() && r.Dst.Addr().Is4() { // RFC 8950
			m.Bytes(unix.RTA_VIA, append([]byte{unix.AF_INET6, 0}, r.Gateway.AsSlice()...))
		} else {
			m.Addr(unix.RTA_GATEWAY, r.Gateway)
		}
	}
	if r.Src.IsValid() {
		m.Addr(unix.RTA_PREFSRC, r.Src)
	}
	if r.Index != 0 {
		m.Uint32(unix.RTA_OIF, uint32(r.Index))
	}
	if r.Metric != 0 {
		m.Uint32(unix.RTA_PRIORITY, uint32(r.Metric))
	}
	return m
}

// Routes lists IPv4 and IPv6 routes, without clones made by the kernel.
func (c *Conn) Routes(ctx context.Context, want RouteFilter) ([]Route, error) {
	var out []Route
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var part []Route
		err := c.dump(ctx,
			func() *Message {
				// The kernel filters for sockets with NETLINK_GET_STRICT_CHK; an old one
				// ignores that, so the answer is filtered too.
				m := NewMessage(unix.RTM_GETROUTE, 0, rtMsg(family, 0, want.Table, want.Protocol, 0, 0))
				if want.Table != 0 {
					m.Uint32(unix.RTA_TABLE, uint32(want.Table))
				}
				return m
			},
			func() { part = part[:0] },
			func(typ uint16, payload []byte) {
				if typ != unix.RTM_NEWROUTE || len(payload) < unix.SizeofRtMsg {
					return
				}
				r := parseRoute(payload)
				if r.Flags&unix.RTM_F_CLONED == 0 && (want.Protocol == 0 || r.Protocol == want.Protocol) && (want.Table == 0 || r.Table == want.Table) {
					part = append(part, r)
				}
			})
		if err != nil && !isNoTable(err) {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// parseRoute decodes an RTM_NEWROUTE message.
func parseRoute(b []byte) Route {
	r := Route{Table: int(b[4]), Protocol: b[5], Scope: b[6], Type: b[7], Flags: u32(b[8:])}
	dst := netip.IPv4Unspecified()
	if b[0] == unix.AF_INET6 {
		dst = netip.IPv6Unspecified()
	}
	attrs(b[unix.SizeofRtMsg:], func(typ uint16, d []byte) {
		switch typ {
		case unix.RTA_DST:
			dst = addr(d)
		case unix.RTA_OIF:
			r.Index = int(u32(d))
		case unix.RTA_GATEWAY:
			r.Gateway = addr(d)
		case unix.RTA_VIA:
			r.Gateway = via(d)
		case unix.RTA_MULTIPATH:
			r.Hops = parseHops(d)
		case unix.RTA_PREFSRC:
			r.Src = addr(d)
		case unix.RTA_TABLE:
			r.Table = int(u32(d))
		case unix.RTA_PRIORITY:
			r.Metric = int(u32(d))
		case unix.RTA_METRICS:
			attrs(d, func(typ uint16, d []byte) {
				if typ == unix.RTAX_MTU {
					r.MTU = int(u32(d))
				}
			})
		}
	})
	r.Dst = netip.PrefixFrom(dst, int(b[1]))
	return r
}

// via decodes the next hop of another family than the route's (struct rtvia).
func via(d []byte) netip.Addr {
	if len(d) <= 2 {
		return netip.Addr{}
	}
	return addr(d[2:])
}

// parseHops decodes the next hops of a route (struct rtnexthop, each followed by
// attributes).
func parseHops(b []byte) (out []NextHop) {
	for len(b) >= unix.SizeofRtNexthop {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtNexthop || length > len(b) {
			break
		}
		h := NextHop{Index: int(u32(b[4:]))}
		attrs(b[unix.SizeofRtNexthop:length], func(typ uint16, d []byte) {
			switch typ {
			case unix.RTA_GATEWAY:
				h.Gateway = addr(d)
			case unix.RTA_VIA:
				h.Gateway = via(d)
			}
		})
		out = append(out, h)
		b = b[min(len(b), (length+unix.RTNH_ALIGNTO-1)&^(unix.RTNH_ALIGNTO-1)):]
	}
	return out
}

// isNoTable reports that the requested routing table does not exist yet, which is an empty
// list and no error.
func isNoTable(err error) bool { return errors.Is(err, unix.ENOENT) }
