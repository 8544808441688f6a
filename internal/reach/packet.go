package reach

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Packet is the first packet of a connection, or of its other direction, at one place of its path.
type Packet struct {
	// In and Out are the interfaces that it enters and leaves by, and Bridge the bridge that
	// it passes. Member is the VNet's bridge if In is a VRF (meta sdifname).
	In, Out, Bridge, Member string
	// InOurs and OutOurs are true for interfaces that Viaduct owns: those in desired.LinkGroup.
	InOurs, OutOurs bool
	// MAC is the sender's MAC address in lower case, ToMAC the receiver's; empty if unknown.
	MAC, ToMAC string
	Src, Dst   netip.Addr
	// Proto is the number of the protocol. ICMPType is for ICMP and ICMPv6.
	Proto, ICMPType int
	// SrcPort and DstPort are for protocols with ports.
	SrcPort, DstPort uint16
	// Local is true if Dst is an address of the node.
	Local bool
	// Reply is true for the first packet of the other direction, and Established if the node's
	// connection tracking knows the connection.
	Reply, Established bool
}

// ephemeral stands for the port that a client's system chooses (RFC 6335 section 6).
const ephemeral = 49152

// Types of ICMP echo requests (RFC 792, RFC 4443).
const (
	echoRequest  = 8
	echoRequest6 = 128
)

// Types of ICMP echo replies.
const (
	echoReply  = 0
	echoReply6 = 129
)

// ping makes the packet an echo request of the family of its addresses.
func (p *Packet) ping() {
	p.Proto, p.ICMPType = model.ProtoICMP, echoRequest
	if p.Dst.Is6() {
		p.Proto, p.ICMPType = model.ProtoICMPv6, echoRequest6
	}
}

// answered returns the first reply to the packet, as its receiver sends it.
func (p *Packet) answered() Packet {
	out := Packet{Src: p.Dst, Dst: p.Src, MAC: p.ToMAC, ToMAC: p.MAC, Proto: p.Proto, SrcPort: p.DstPort, DstPort: p.SrcPort, Reply: true}
	switch {
	case p.Proto == model.ProtoICMP && p.ICMPType == echoRequest:
		out.ICMPType = echoReply
	case p.Proto == model.ProtoICMPv6 && p.ICMPType == echoRequest6:
		out.ICMPType = echoReply6
	}
	return out
}
