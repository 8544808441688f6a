package nft

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// part is one part of a set's key.
type part int

// The parts of keys that sets with changing elements have.
const (
	partIPv4 part = iota
	partIPv6
	partEther
	partIfname
)

// keyParts splits the type of a set, as nft(8) writes it. Bits of a packet with the
// size of an IPv6 address are treated as one.
func keyParts(typ string) ([]part, error) {
	names := map[string]part{
		"ipv4_addr": partIPv4, "ipv6_addr": partIPv6, "ether_addr": partEther, "ifname": partIfname,
		"iifname": partIfname, "@th,64,128": partIPv6,
	}
	var out []part
	for word := range strings.SplitSeq(strings.TrimPrefix(typ, "typeof "), " . ") {
		p, known := names[word]
		if !known {
			return nil, fmt.Errorf("a set of type %q cannot have its elements changed apart", typ)
		}
		out = append(out, p)
	}
	return out, nil
}

// ifNameSize is the length of an interface's name in a key (IFNAMSIZ).
const ifNameSize = 16

// appendKey appends a part in the kernel's form; in a concatenation each fills
// whole words of four bytes.
func appendKey(b []byte, p part, text string) ([]byte, error) {
	switch p {
	case partIPv4, partIPv6:
		a, err := netip.ParseAddr(text)
		if err != nil || a.Is4() != (p == partIPv4) || a.Zone() != "" {
			return nil, fmt.Errorf("%q is no address for this set", text)
		}
		return append(b, a.AsSlice()...), nil
	case partEther:
		mac, err := net.ParseMAC(text)
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("%q is no MAC address", text)
		}
		return append(b, mac...), nil
	case partIfname: // as below
	}
	name := strings.Trim(text, `"`)
	if name == "" || len(name) >= ifNameSize {
		return nil, fmt.Errorf("%q is no name of an interface", text)
	}
	return append(b, append([]byte(name), make([]byte, ifNameSize-len(name))...)...), nil
}

// segment is an element in the kernel's form: a key; of an interval its start or,
// with end, the first key after it.
type segment struct {
	key string
	end bool
}

// segments returns the segments of an element. An interval up to the last key has
// no end.
func segments(set desired.Set, parts []part, element string) ([]segment, error) {
	if set.Interval {
		first, behind, err := interval(parts, element)
		if err != nil {
			return nil, err
		}
		out := []segment{{key: first}}
		if behind != "" {
			out = append(out, segment{key: behind, end: true})
		}
		return out, nil
	}
	words := strings.Split(element, " . ")
	if len(words) != len(parts) {
		return nil, fmt.Errorf("%q is no element of type %q", element, set.Type)
	}
	b := make([]byte, 0, 32)
	for i, w := range words {
		var err error
		if b, err = appendKey(b, parts[i], w); err != nil {
			return nil, err
		}
		for len(parts) > 1 && len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return []segment{{key: string(b)}}, nil
}

// interval parses an address, a network, or a range "A-B".
func interval(parts []part, element string) (first, behind string, err error) {
	if len(parts) != 1 || parts[0] > partIPv6 {
		return "", "", fmt.Errorf("only sets of addresses can have intervals, not %q", element)
	}
	from, to, isRange := strings.Cut(element, "-")
	last := to
	if !isRange {
		last = from
		if p, err := netip.ParsePrefix(element); err == nil {
			from, last = p.Masked().Addr().String(), lastOf(p).String()
		}
	}
	a, err := appendKey(nil, parts[0], from)
	if err != nil {
		return "", "", err
	}
	b, err := appendKey(nil, parts[0], last)
	if err != nil {
		return "", "", err
	}
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return string(a), string(b), nil
		}
	}
	return string(a), "", nil // it was the last address of all
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// encode converts elements to segments.
func encode(set desired.Set, elements []string) ([]segment, error) {
	parts, err := keyParts(set.Type)
	if err != nil {
		return nil, err
	}
	out := make([]segment, 0, len(elements))
	for _, e := range elements {
		s, err := segments(set, parts, e)
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", set.Name, err)
		}
		out = append(out, s...)
	}
	return out, nil
}

// String is for people: the key in hexadecimal digits.
func (s segment) String() string {
	if s.end {
		return "end " + hex.EncodeToString([]byte(s.key))
	}
	return hex.EncodeToString([]byte(s.key))
}

func compareSegments(a, b segment) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(btoi(a.end), btoi(b.end)))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// difference returns the elements that are only in the second of two sorted lists, and those
// only in the first.
func difference[T comparable](old, new []T, compare func(a, b T) int) (added, removed []T) {
	for len(old) > 0 && len(new) > 0 {
		if old[0] == new[0] { // the common case, and cheaper to test
			old, new = old[1:], new[1:]
			continue
		}
		switch c := compare(old[0], new[0]); {
		case c == 0:
			old, new = old[1:], new[1:]
		case c < 0:
			removed, old = append(removed, old[0]), old[1:]
		default:
			added, new = append(added, new[0]), new[1:]
		}
	}
	return append(added, new...), append(removed, old...)
}

// attributes builds netlink attributes (linux/netlink.h).
type attributes struct{ b []byte }

// bytes appends an attribute, padded to whole words.
func (a *attributes) bytes(typ uint16, data string) {
	a.b = binary.NativeEndian.AppendUint16(a.b, uint16(4+len(data)))
	a.b = binary.NativeEndian.AppendUint16(a.b, typ)
	a.b = append(a.b, data...)
	for len(a.b)%4 != 0 {
		a.b = append(a.b, 0)
	}
}

// nest appends an attribute that holds the attributes appended by f.
func (a *attributes) nest(typ uint16, f func()) {
	at := len(a.b)
	a.b = append(a.b, 0, 0, 0, 0)
	f()
	binary.NativeEndian.PutUint16(a.b[at:], uint16(len(a.b)-at))
	binary.NativeEndian.PutUint16(a.b[at+2:], typ|nestedAttribute)
}

// eachAttribute calls f with every attribute; it stops at a malformed one.
func eachAttribute(b []byte, f func(typ uint16, data []byte)) {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&^nestedAttribute, b[4:n])
		b = b[min(len(b), (n+3)&^3):]
	}
}

// parseElements parses the segments in a message of the kernel.
func parseElements(b []byte) []segment {
	var out []segment
	eachAttribute(b, func(typ uint16, list []byte) {
		if typ != listElements {
			return
		}
		eachAttribute(list, func(_ uint16, element []byte) {
			var s segment
			eachAttribute(element, func(typ uint16, data []byte) {
				switch {
				case typ == elementKey:
					eachAttribute(data, func(_ uint16, value []byte) { s.key = string(value) })
				case typ == elementFlags && len(data) == 4:
					s.end = binary.BigEndian.Uint32(data)&intervalEnd != 0
				}
			})
			out = append(out, s)
		})
	})
	return out
}

// sortSegments sorts them, without the leading end that nft puts at key 0.
func sortSegments(list []segment) []segment {
	list = slices.DeleteFunc(list, func(s segment) bool { return s.end && strings.Trim(s.key, "\x00") == "" })
	slices.SortFunc(list, compareSegments)
	return list
}
