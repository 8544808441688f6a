package ipam

import (
	"math/bits"
	"net/netip"
)

// space is a set of used addresses of one family, in which the next free one is found
// in a few steps however many are used: a tree with one level for each byte of the
// addresses. The zero value is empty.
type space struct {
	root  *level
	count int
}

// level has a bit for each value of a byte: whether all addresses below it are used.
type level struct {
	full [4]uint64
	// below are the parts that have used addresses, of a level that is not the last.
	below map[byte]*level
}

func (l *level) has(b byte) bool { return l.full[b>>6]&(1<<(b&63)) != 0 }

func (l *level) put(b byte, full bool) {
	if full {
		l.full[b>>6] |= 1 << (b & 63)
	} else {
		l.full[b>>6] &^= 1 << (b & 63)
	}
}

// first is the first byte from b on that is not full; ok is false if there is none.
func (l *level) first(b int) (_ byte, ok bool) {
	for word := b >> 6; word < len(l.full); word++ {
		free := ^l.full[word]
		if word == b>>6 {
			free &= ^uint64(0) << (b & 63)
		}
		if free != 0 {
			return byte(word<<6 + bits.TrailingZeros64(free)), true
		}
	}
	return 0, false
}

func (l *level) allFull() bool {
	return l.full == [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
}

// use marks an address as used and reports whether it was free.
func (s *space) use(a netip.Addr) bool {
	if s.root == nil {
		s.root = &level{}
	}
	fresh := s.root.use(a.AsSlice())
	if fresh {
		s.count++
	}
	return fresh
}

func (l *level) use(rest []byte) bool {
	b := rest[0]
	if len(rest) == 1 {
		fresh := !l.has(b)
		l.put(b, true)
		return fresh
	}
	if l.has(b) {
		return false
	}
	below := l.below[b]
	if below == nil {
		if l.below == nil {
			l.below = make(map[byte]*level)
		}
		below = &level{}
		l.below[b] = below
	}
	fresh := below.use(rest[1:])
	if below.allFull() {
		l.put(b, true)
	}
	return fresh
}

// free marks an address as free and reports whether it was used.
func (s *space) free(a netip.Addr) bool {
	if s.root == nil || !s.root.release(a.AsSlice()) {
		return false
	}
	s.count--
	return true
}

func (l *level) release(rest []byte) bool {
	b := rest[0]
	if len(rest) == 1 {
		used := l.has(b)
		l.put(b, false)
		return used
	}
	below := l.below[b]
	if below == nil || !below.release(rest[1:]) {
		return false
	}
	l.put(b, false)
	if below.full == [4]uint64{} && len(below.below) == 0 {
		delete(l.below, b)
	}
	return true
}

// next returns the first free address at or after from; ok is false if there is none.
func (s *space) next(from netip.Addr) (_ netip.Addr, ok bool) {
	if s.root == nil {
		return from, true
	}
	b := from.AsSlice()
	if !s.root.next(b) {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(b)
}

// next changes rest, the remaining bytes of an address, to the first free one at or after
// it.
func (l *level) next(rest []byte) bool {
	from := int(rest[0])
	for {
		b, ok := l.first(from)
		if !ok {
			return false
		}
		if int(b) != int(rest[0]) {
			rest[0] = b
			clear(rest[1:])
		}
		below := l.below[b]
		if len(rest) == 1 || below == nil || below.next(rest[1:]) {
			return true
		}
		if from = int(b) + 1; from > 255 { // all from this one on are used
			return false
		}
	}
}
