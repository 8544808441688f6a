package conntrack

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Tuple is one direction of a connection.
type Tuple struct {
	// Src and Dst are of one family, without a zone.
	Src, Dst netip.Addr
	// Proto is the IP protocol.
	Proto uint8
	// SrcPort and DstPort are the ports. Of ICMP and ICMPv6 SrcPort is the identifier and
	// DstPort zero.
	SrcPort, DstPort uint16
	// ICMPType and ICMPCode are those of ICMP and ICMPv6.
	ICMPType, ICMPCode uint8
}

// icmp reports whether the tuple has an ICMP type instead of ports.
func (t Tuple) icmp() bool { return t.Proto == unix.IPPROTO_ICMP || t.Proto == unix.IPPROTO_ICMPV6 }

// valid reports whether the tuple identifies a connection. The kernel would take a request
// without addresses for one about all entries.
func (t Tuple) valid() error {
	if !t.Src.IsValid() || !t.Dst.IsValid() || t.Src.Is4() != t.Dst.Is4() || t.Src.Is4In6() || t.Dst.Is4In6() || t.Src.Zone() != "" || t.Dst.Zone() != "" {
		return fmt.Errorf("tuple from %s to %s: needs two addresses of one family", t.Src, t.Dst)
	}
	return nil
}

// Bits of Entry.Status (linux/netfilter/nf_conntrack_common.h, IPS_*).
const (
	StatusExpected  = 1 << 0
	StatusSeenReply = 1 << 1
	StatusAssured   = 1 << 2
	StatusConfirmed = 1 << 3
	StatusSrcNAT    = 1 << 4
	StatusDstNAT    = 1 << 5
	StatusDying     = 1 << 9
)

// statusRestored are the bits that Restore sets: the others are about the kernel that had the
// entry, and those of translation follow from the tuples.
const statusRestored = StatusSeenReply | StatusAssured

// States of TCP (linux/netfilter/nf_conntrack_tcp.h, TCP_CONNTRACK_*).
const (
	TCPNone uint8 = iota
	TCPSynSent
	TCPSynRecv
	TCPEstablished
	TCPFinWait
	TCPCloseWait
	TCPLastAck
	TCPTimeWait
	TCPClose
	TCPSynSent2
)

// tcpFlagLiberal is IP_CT_TCP_FLAG_BE_LIBERAL.
const tcpFlagLiberal = 0x08

// TCP is the state of a TCP connection.
type TCP struct {
	// State is TCPNone to TCPSynSent2.
	State uint8
	// WScaleOrig and WScaleReply are the window scales of the sides, 0 to 14 (RFC 7323).
	WScaleOrig, WScaleReply uint8
	// FlagsOrig and FlagsReply describe the two sides (IP_CT_TCP_FLAG_*).
	FlagsOrig, FlagsReply uint8
}

// Entry is one tracked connection.
type Entry struct {
	// Orig is the direction of the first packet, Reply that of the answers; where they are
	// not each other's inverse the connection is translated.
	Orig, Reply Tuple
	// Status are the Status bits.
	Status uint32
	// Timeout is the remaining life in seconds, Mark the connection mark.
	Timeout, Mark uint32
	// Zone is the conntrack zone, 0 for the default one.
	Zone uint16
	// TCP is the state of a TCP connection; zero otherwise.
	TCP TCP
	// ID distinguishes the entry from a later one with the same tuples, unless the kernel uses the
	// same memory for it. It has a meaning in the namespace that the entry was read from only,
	// and is not part of the wire form.
	ID uint32
}

// inverse is the reply that an untranslated connection has.
func (t Tuple) inverse() (Tuple, error) {
	out := Tuple{Src: t.Dst, Dst: t.Src, Proto: t.Proto, SrcPort: t.DstPort, DstPort: t.SrcPort, ICMPCode: t.ICMPCode}
	if t.icmp() {
		out.SrcPort, out.DstPort = t.SrcPort, 0
		kind, ok := answerOf[[2]uint8{t.Proto, t.ICMPType}]
		if !ok {
			return out, fmt.Errorf("ICMP type %d of protocol %d has no answer", t.ICMPType, t.Proto)
		}
		out.ICMPType = kind
	}
	return out, nil
}

// answerOf is the type of answer to an ICMP request, by protocol and type, as the kernel has
// it (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c).
var answerOf = map[[2]uint8]uint8{
	{unix.IPPROTO_ICMP, 8}: 0, {unix.IPPROTO_ICMP, 0}: 8, // echo
	{unix.IPPROTO_ICMP, 13}: 14, {unix.IPPROTO_ICMP, 14}: 13, // timestamp
	{unix.IPPROTO_ICMP, 15}: 16, {unix.IPPROTO_ICMP, 16}: 15, // information
	{unix.IPPROTO_ICMP, 17}: 18, {unix.IPPROTO_ICMP, 18}: 17, // address mask
	{unix.IPPROTO_ICMPV6, 128}: 129, {unix.IPPROTO_ICMPV6, 129}: 128, // echo
	{unix.IPPROTO_ICMPV6, 139}: 140, {unix.IPPROTO_ICMPV6, 140}: 139, // node information
}

// end is an address with a port, or the identifier of ICMP.
type end struct {
	addr netip.Addr
	port uint16
}

// translation is what a connection's source and destination become; an end without an
// address is not translated.
func (e *Entry) translation() (untranslated Tuple, src, dst end, err error) {
	plain, err := e.Orig.inverse()
	if err != nil {
		return plain, src, dst, err
	}
	if e.Orig.icmp() { // both tuples have the identifier as source; SNAT changes that of the reply
		if plain.Dst != e.Reply.Dst || plain.SrcPort != e.Reply.SrcPort {
			src = end{e.Reply.Dst, e.Reply.SrcPort}
		}
		if plain.Src != e.Reply.Src {
			dst = end{addr: e.Reply.Src}
		}
		return plain, src, dst, nil
	}
	if plain.Dst != e.Reply.Dst || plain.DstPort != e.Reply.DstPort {
		src = end{e.Reply.Dst, e.Reply.DstPort}
	}
	if plain.Src != e.Reply.Src || plain.SrcPort != e.Reply.SrcPort {
		dst = end{e.Reply.Src, e.Reply.SrcPort}
	}
	return plain, src, dst, nil
}
