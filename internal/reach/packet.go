package reach

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Packet is the first packet of a connection, at one place of its path.
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
}

// ephemeral stands for the port that a client's system chooses (RFC 6335 section 6).
const ephemeral = 49152

// Types of ICMP echo requests (RFC 792, RFC 4443).
const (
	echoRequest  = 8
	echoRequest6 = 128
)

// ping makes the packet an echo request of the family of its addresses.
func (p *Packet) ping() {
	p.Proto, p.ICMPType = model.ProtoICMP, echoRequest
	if p.Dst.Is6() {
		p.Proto, p.ICMPType = model.ProtoICMPv6, echoRequest6
	}
}
