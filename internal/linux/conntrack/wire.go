package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// The wire form of entries: wireMagic with the version, the number of entries, and each entry
// with its length, so that a later version can add fields at its end which this one skips.
// Numbers are big-endian.
//
//	byte     family: 4 or 6
//	byte     protocol
//	4 or 16  source, destination of the original direction, of the reply
//	12       source port, destination port, ICMP type and code of each direction
//	2        zone
//	12       status, timeout, mark
//	5        TCP: state, window scales, flags
const wireMagic = "VCT\x01"

const (
	// MaxEntries bounds the entries that Decode accepts.
	MaxEntries = 1 << 20
	// wireFixed is the length of an entry without its addresses, in bytes.
	wireFixed = 2 + 12 + 2 + 12 + 5
)

// Encode writes entries in their wire form: 49 bytes each for IPv4, 97 for IPv6, and their
// length.
func Encode(entries []Entry) ([]byte, error) {
	if len(entries) > MaxEntries {
		return nil, fmt.Errorf("%d tracked connections at once, more than %d", len(entries), MaxEntries)
	}
	out := append(make([]byte, 0, len(wireMagic)+4+len(entries)*(wireFixed+18)), wireMagic...)
	out = binary.AppendUvarint(out, uint64(len(entries)))
	for i := range entries {
		e := &entries[i]
		if err := e.wirable(); err != nil {
			return nil, err
		}
		family, length := byte(4), wireFixed+4*4
		if e.Orig.Src.Is6() {
			family, length = 6, wireFixed+4*16
		}
		out = binary.AppendUvarint(out, uint64(length))
		out = append(out, family, e.Orig.Proto)
		for _, a := range []netip.Addr{e.Orig.Src, e.Orig.Dst, e.Reply.Src, e.Reply.Dst} {
			out = append(out, a.AsSlice()...)
		}
		for _, t := range []Tuple{e.Orig, e.Reply} {
			out = binary.BigEndian.AppendUint16(out, t.SrcPort)
			out = binary.BigEndian.AppendUint16(out, t.DstPort)
			out = append(out, t.ICMPType, t.ICMPCode)
		}
		out = binary.BigEndian.AppendUint16(out, e.Zone)
		for _, v := range []uint32{e.Status, e.Timeout, e.Mark} {
			out = binary.BigEndian.AppendUint32(out, v)
		}
		out = append(out, e.TCP.State, e.TCP.WScaleOrig, e.TCP.WScaleReply, e.TCP.FlagsOrig, e.TCP.FlagsReply)
	}
	return out, nil
}

// wirable refuses entries that the wire form cannot hold.
func (e *Entry) wirable() error {
	for _, t := range []Tuple{e.Orig, e.Reply} {
		if err := t.valid(); err != nil {
			return err
		}
	}
	if e.Orig.Src.Is4() != e.Reply.Src.Is4() || e.Orig.Proto != e.Reply.Proto {
		return fmt.Errorf("entry from %s to %s: the reply is of another family or protocol", e.Orig.Src, e.Orig.Dst)
	}
	return nil
}

// errWire is the error for bytes that are not the wire form of entries.
var errWire = errors.New("not a list of tracked connections, or cut off")

// Decode reads entries in their wire form. It refuses another version of it, and entries
// without valid addresses.
func Decode(b []byte) ([]Entry, error) {
	if len(b) < len(wireMagic) || string(b[:len(wireMagic)-1]) != wireMagic[:len(wireMagic)-1] {
		return nil, errWire
	}
	if got, want := b[len(wireMagic)-1], wireMagic[len(wireMagic)-1]; got != want {
		return nil, fmt.Errorf("tracked connections in version %d of their wire form, and version %d is known", got, want)
	}
	b = b[len(wireMagic):]
	count, b, err := uvarint(b)
	if err != nil {
		return nil, err
	}
	// An entry has a length of a byte and wireFixed at least: a short text cannot claim many.
	if count > MaxEntries || count > uint64(len(b)/(1+wireFixed)) {
		return nil, errWire
	}
	out := make([]Entry, 0, count)
	for range count {
		length, rest, err := uvarint(b)
		if err != nil || length > uint64(len(rest)) {
			return nil, errWire
		}
		e, err := decodeEntry(rest[:length])
		if err != nil {
			return nil, err
		}
		out, b = append(out, e), rest[length:]
	}
	if len(b) > 0 {
		return nil, errWire
	}
	return out, nil
}

// uvarint takes a number from the front.
func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errWire
	}
	return v, b[n:], nil
}

// decodeEntry reads one entry; bytes after the known fields are of a later version.
func decodeEntry(b []byte) (e Entry, err error) {
	size := map[byte]int{4: 4, 6: 16}
	if len(b) < wireFixed || size[b[0]] == 0 || len(b) < wireFixed+4*size[b[0]] {
		return e, errWire
	}
	n := size[b[0]]
	e.Orig.Proto, e.Reply.Proto = b[1], b[1]
	b = b[2:]
	for _, a := range []*netip.Addr{&e.Orig.Src, &e.Orig.Dst, &e.Reply.Src, &e.Reply.Dst} {
		*a, _ = netip.AddrFromSlice(b[:n])
		b = b[n:]
	}
	for _, t := range []*Tuple{&e.Orig, &e.Reply} {
		t.SrcPort, t.DstPort, t.ICMPType, t.ICMPCode = u16(b), u16(b[2:]), b[4], b[5]
		b = b[6:]
	}
	e.Zone = u16(b)
	e.Status, e.Timeout, e.Mark = u32(b[2:]), u32(b[6:]), u32(b[10:])
	b = b[14:]
	e.TCP = TCP{State: b[0], WScaleOrig: b[1], WScaleReply: b[2], FlagsOrig: b[3], FlagsReply: b[4]}
	return e, e.wirable()
}
