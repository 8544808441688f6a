package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	headerLen = unix.SizeofNlMsghdr
	// nested marks an attribute that holds attributes (NLA_F_NESTED).
	nested = 0x8000
	// attrTypeMask removes the flag bits of an attribute's type.
	attrTypeMask = 0x3fff
)

// Message is one request under construction: a netlink header, a fixed part
// and attributes.
type Message struct{ b []byte }

// NewMessage starts a request of the given type (RTM_...) with the flags (NLM_F_...) in
// addition to NLM_F_REQUEST; fixed is the family's own header.
func NewMessage(typ, flags uint16, fixed []byte) *Message {
	m := &Message{b: make([]byte, headerLen, 192)}
	binary.NativeEndian.PutUint16(m.b[4:], typ)
	binary.NativeEndian.PutUint16(m.b[6:], flags|unix.NLM_F_REQUEST)
	m.b = append(m.b, fixed...)
	return m
}

// Payload is what follows the netlink header: the fixed part and the attributes.
func (m *Message) Payload() []byte { return m.b[headerLen:] }

// Bytes appends an attribute with raw content.
func (m *Message) Bytes(typ uint16, data []byte) *Message {
	m.b = binary.NativeEndian.AppendUint16(m.b, uint16(unix.SizeofNlAttr+len(data)))
	m.b = binary.NativeEndian.AppendUint16(m.b, typ)
	m.b = append(m.b, data...)
	return m.pad()
}

// String appends an attribute with a zero-terminated string.
func (m *Message) String(typ uint16, s string) *Message {
	m.b = binary.NativeEndian.AppendUint16(m.b, uint16(unix.SizeofNlAttr+len(s)+1))
	m.b = binary.NativeEndian.AppendUint16(m.b, typ)
	m.b = append(append(m.b, s...), 0)
	return m.pad()
}

// Uint8 appends an 8-bit attribute.
func (m *Message) Uint8(typ uint16, v uint8) *Message { return m.Bytes(typ, []byte{v}) }

// Bool appends an 8-bit attribute that is 0 or 1.
func (m *Message) Bool(typ uint16, v bool) *Message {
	if v {
		return m.Uint8(typ, 1)
	}
	return m.Uint8(typ, 0)
}

// Uint32 appends a 32-bit attribute in the machine's byte order.
func (m *Message) Uint32(typ uint16, v uint32) *Message {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], v)
	return m.Bytes(typ, b[:])
}

// Uint16 appends a 16-bit attribute in the machine's byte order.
func (m *Message) Uint16(typ, v uint16) *Message {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], v)
	return m.Bytes(typ, b[:])
}

// Uint16BE appends a 16-bit attribute in network byte order, as for ports.
func (m *Message) Uint16BE(typ, v uint16) *Message {
	return m.Bytes(typ, []byte{byte(v >> 8), byte(v)})
}

// Addr appends an IP address of 4 or 16 bytes.
func (m *Message) Addr(typ uint16, a netip.Addr) *Message { return m.Bytes(typ, a.AsSlice()) }

// Nest appends an attribute that contains those which f appends.
func (m *Message) Nest(typ uint16, f func(*Message)) *Message {
	start := len(m.b)
	m.b = append(m.b, 0, 0, 0, 0)
	f(m)
	binary.NativeEndian.PutUint16(m.b[start:], uint16(len(m.b)-start))
	binary.NativeEndian.PutUint16(m.b[start+2:], typ|nested)
	return m
}

// NestFixed is Nest for an attribute that begins with a fixed part, as that of
// a veth's peer does.
func (m *Message) NestFixed(typ uint16, fixed []byte, f func(*Message)) *Message {
	return m.Nest(typ, func(m *Message) {
		m.b = append(m.b, fixed...)
		f(m)
	})
}

// pad aligns the end of the message to four bytes.
func (m *Message) pad() *Message {
	for len(m.b)%unix.NLMSG_ALIGNTO != 0 {
		m.b = append(m.b, 0)
	}
	return m
}

// finish fills in the length, the sequence number and the request for an answer.
func (m *Message) finish(seq uint32, flags uint16) []byte {
	binary.NativeEndian.PutUint32(m.b, uint32(len(m.b)))
	binary.NativeEndian.PutUint16(m.b[6:], binary.NativeEndian.Uint16(m.b[6:])|flags)
	binary.NativeEndian.PutUint32(m.b[8:], seq)
	return m.b
}

// Attributes calls f with every attribute in b, as attrs does.
func Attributes(b []byte, f func(typ uint16, data []byte)) { attrs(b, f) }

// Messages calls f with every message of a notification: its type, the flags of its header
// and its payload.
func Messages(datagram []byte, f func(typ, flags uint16, payload []byte)) error {
	return split(datagram, func(h header, payload []byte) { f(h.typ, h.flags, payload) })
}

// attrs calls f with every attribute in b; flag bits of the type are removed.
// It stops silently at a malformed one: the kernel sends none.
func attrs(b []byte, f func(typ uint16, data []byte)) {
	for len(b) >= unix.SizeofNlAttr {
		l := int(binary.NativeEndian.Uint16(b))
		if l < unix.SizeofNlAttr || l > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&attrTypeMask, b[unix.SizeofNlAttr:l])
		b = b[min(align(l), len(b)):]
	}
}

// align rounds up to four.
func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// cString is the text before the first zero byte.
func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// u32 decodes a 32-bit attribute; a short one is zero.
func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// flag decodes an 8-bit attribute.
func flag(b []byte) bool { return len(b) > 0 && b[0] != 0 }

// addr decodes an IP address; anything but 4 or 16 bytes is no address.
func addr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}
