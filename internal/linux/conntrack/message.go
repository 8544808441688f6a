package conntrack

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// The requests of ctnetlink (enum cntl_msg_types).
const (
	ctNew    = unix.NFNL_SUBSYS_CTNETLINK << 8
	ctGet    = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1
	ctDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2
)

// The attributes of an entry (enum ctattr_type).
const (
	attrOrig      = 1
	attrReply     = 2
	attrStatus    = 3
	attrProtoInfo = 4
	attrNATSrc    = 6
	attrTimeout   = 7
	attrMark      = 8
	attrID        = 12
	attrNATDst    = 13
	attrZone      = 18
	attrMarkMask  = 21
	attrFilter    = 25
)

// The attributes of tuples (enum ctattr_tuple, ctattr_ip, ctattr_l4proto).
const (
	tupleIP    = 1
	tupleProto = 2

	ip4Src, ip4Dst, ip6Src, ip6Dst = 1, 2, 3, 4

	protoNum, protoSrcPort, protoDstPort = 1, 2, 3
	icmpID, icmpType, icmpCode           = 4, 5, 6
	icmp6ID, icmp6Type, icmp6Code        = 7, 8, 9
)

// The attributes of TCP's state (enum ctattr_protoinfo, ctattr_protoinfo_tcp).
const (
	infoTCP                                                  = 1
	tcpState, tcpScaleOrig, tcpScaleReply, tcpFlags, tcpBack = 1, 2, 3, 4, 5
)

// The attributes of a translation (enum ctattr_nat, ctattr_protonat).
const (
	nat4Min, nat4Max, natProto, nat6Min, nat6Max = 1, 2, 3, 4, 5
	natPortMin, natPortMax                       = 1, 2
)

// The parts of tuples that a dump is filtered by (enum ctattr_filter, net/netfilter/nf_internals.h).
const (
	filterOrig, filterReply = 1, 2

	filterIPSrc, filterIPDst, filterProto = 1 << 0, 1 << 1, 1 << 3
)

// header is the fixed part of a message of nfnetlink (struct nfgenmsg).
func header(family uint8) []byte { return []byte{family, unix.NFNETLINK_V0, 0, 0} }

const headerLen = 4

// be32 appends a 32-bit attribute in network byte order.
func be32(m *rtnl.Message, typ uint16, v uint32) { m.Bytes(typ, binary.BigEndian.AppendUint32(nil, v)) }

// tuple appends a whole tuple.
func tuple(m *rtnl.Message, typ uint16, t Tuple) {
	m.Nest(typ, func(m *rtnl.Message) {
		src, dst := uint16(ip4Src), uint16(ip4Dst)
		if t.Src.Is6() {
			src, dst = ip6Src, ip6Dst
		}
		m.Nest(tupleIP, func(m *rtnl.Message) { m.Addr(src, t.Src).Addr(dst, t.Dst) })
		m.Nest(tupleProto, func(m *rtnl.Message) {
			m.Uint8(protoNum, t.Proto)
			switch t.Proto {
			case unix.IPPROTO_ICMP:
				m.Uint16BE(icmpID, t.SrcPort).Uint8(icmpType, t.ICMPType).Uint8(icmpCode, t.ICMPCode)
			case unix.IPPROTO_ICMPV6:
				m.Uint16BE(icmp6ID, t.SrcPort).Uint8(icmp6Type, t.ICMPType).Uint8(icmp6Code, t.ICMPCode)
			default:
				m.Uint16BE(protoSrcPort, t.SrcPort).Uint16BE(protoDstPort, t.DstPort)
			}
		})
	})
}

// nat appends the translation to one address and port.
func nat(m *rtnl.Message, typ uint16, to end, ports bool) {
	if !to.addr.IsValid() {
		return
	}
	m.Nest(typ, func(m *rtnl.Message) {
		low, high := uint16(nat4Min), uint16(nat4Max)
		if to.addr.Is6() {
			low, high = nat6Min, nat6Max
		}
		m.Addr(low, to.addr).Addr(high, to.addr)
		if ports {
			m.Nest(natProto, func(m *rtnl.Message) { m.Uint16BE(natPortMin, to.port).Uint16BE(natPortMax, to.port) })
		}
	})
}

// restore is the request that makes an entry; it is refused if one with its tuples exists.
func restore(e *Entry) (*rtnl.Message, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	plain, src, dst, err := e.translation()
	if err != nil {
		return nil, err
	}
	m := rtnl.NewMessage(ctNew, unix.NLM_F_CREATE|unix.NLM_F_EXCL, header(rtnl.Family(e.Orig.Src)))
	tuple(m, attrOrig, e.Orig)
	tuple(m, attrReply, plain) // the kernel translates it
	be32(m, attrStatus, e.Status&statusRestored|StatusConfirmed)
	be32(m, attrTimeout, e.Timeout)
	if e.Mark != 0 {
		be32(m, attrMark, e.Mark)
	}
	if e.Zone != 0 {
		m.Uint16BE(attrZone, e.Zone)
	}
	nat(m, attrNATSrc, src, true)
	nat(m, attrNATDst, dst, !e.Orig.icmp())
	if e.Orig.Proto == unix.IPPROTO_TCP {
		m.Nest(attrProtoInfo, func(m *rtnl.Message) {
			m.Nest(infoTCP, func(m *rtnl.Message) {
				m.Uint8(tcpState, e.TCP.State).Uint8(tcpScaleOrig, e.TCP.WScaleOrig).Uint8(tcpScaleReply, e.TCP.WScaleReply)
				one, other := e.TCP.FlagsOrig|tcpFlagLiberal, e.TCP.FlagsReply|tcpFlagLiberal
				m.Bytes(tcpFlags, []byte{one, one}).Bytes(tcpBack, []byte{other, other}) // flags, and which are set
			})
		})
	}
	return m, nil
}

// check refuses what Restore cannot make.
func (e *Entry) check() error {
	for _, t := range []Tuple{e.Orig, e.Reply} {
		if err := t.valid(); err != nil {
			return err
		}
	}
	switch {
	case e.Orig.Src.Is4() != e.Reply.Src.Is4() || e.Orig.Proto != e.Reply.Proto:
		return fmt.Errorf("entry from %s to %s: the reply is of another family or protocol", e.Orig.Src, e.Orig.Dst)
	case e.Orig.Proto == unix.IPPROTO_SCTP || e.Orig.Proto == unix.IPPROTO_DCCP:
		return fmt.Errorf("entry from %s to %s: the state of protocol %d cannot be restored", e.Orig.Src, e.Orig.Dst, e.Orig.Proto)
	}
	return nil
}

// remove is the request that deletes an entry, and no later one with its tuples.
func remove(e *Entry) (*rtnl.Message, error) {
	if err := e.Orig.valid(); err != nil {
		return nil, err
	}
	m := rtnl.NewMessage(ctDelete, 0, header(rtnl.Family(e.Orig.Src)))
	tuple(m, attrOrig, e.Orig)
	if e.Zone != 0 {
		m.Uint16BE(attrZone, e.Zone)
	}
	if e.ID != 0 {
		be32(m, attrID, e.ID)
	}
	return m, nil
}

// parse decodes an entry as the kernel lists it; ok is false for one of another family than
// IP.
func parse(payload []byte) (e Entry, ok bool) {
	if len(payload) < headerLen {
		return e, false
	}
	rtnl.Attributes(payload[headerLen:], func(typ uint16, data []byte) {
		switch typ {
		case attrOrig:
			e.Orig = parseTuple(data)
		case attrReply:
			e.Reply = parseTuple(data)
		case attrStatus:
			e.Status = u32(data)
		case attrTimeout:
			e.Timeout = u32(data)
		case attrMark:
			e.Mark = u32(data)
		case attrID:
			e.ID = u32(data)
		case attrZone:
			e.Zone = u16(data)
		case attrProtoInfo:
			rtnl.Attributes(data, func(typ uint16, data []byte) {
				if typ == infoTCP {
					e.TCP = parseTCP(data)
				}
			})
		}
	})
	return e, e.Orig.valid() == nil
}

func parseTuple(data []byte) (t Tuple) {
	rtnl.Attributes(data, func(typ uint16, data []byte) {
		switch typ {
		case tupleIP:
			rtnl.Attributes(data, func(typ uint16, data []byte) {
				a, _ := netip.AddrFromSlice(data)
				switch typ {
				case ip4Src, ip6Src:
					t.Src = a
				case ip4Dst, ip6Dst:
					t.Dst = a
				}
			})
		case tupleProto:
			rtnl.Attributes(data, func(typ uint16, data []byte) { parseProto(&t, typ, data) })
		}
	})
	return t
}

func parseProto(t *Tuple, typ uint16, data []byte) {
	switch typ {
	case protoNum:
		t.Proto = u8(data)
	case protoSrcPort, icmpID, icmp6ID:
		t.SrcPort = u16(data)
	case protoDstPort:
		t.DstPort = u16(data)
	case icmpType, icmp6Type:
		t.ICMPType = u8(data)
	case icmpCode, icmp6Code:
		t.ICMPCode = u8(data)
	}
}

func parseTCP(data []byte) (s TCP) {
	rtnl.Attributes(data, func(typ uint16, data []byte) {
		switch typ {
		case tcpState:
			s.State = u8(data)
		case tcpScaleOrig:
			s.WScaleOrig = u8(data)
		case tcpScaleReply:
			s.WScaleReply = u8(data)
		case tcpFlags:
			s.FlagsOrig = u8(data)
		case tcpBack:
			s.FlagsReply = u8(data)
		}
	})
	return s
}

// u8, u16 and u32 decode attributes in network byte order; short ones are zero.
func u8(b []byte) uint8 {
	if len(b) < 1 {
		return 0
	}
	return b[0]
}

func u16(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}
