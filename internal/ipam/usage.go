package ipam

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Usage is how much of a subnet is used.
type Usage struct {
	// Used counts the assigned addresses; Size those that can be assigned, at most
	// MaxSize.
	Used, Size int64
	// Log2 is the binary logarithm of the size of a subnet with MaxSize addresses or
	// more; 0 for others.
	Log2 float64
}

// MaxSize is the Usage.Size of larger subnets: greater numbers are not exact in JSON.
const MaxSize = 1 << 53

// Usage returns the usage of each of the subnets of a zone.
func (s *Service) Usage(cfg *model.Config, zone *model.Zone) map[string]Usage {
	out := make(map[string]Usage)
	all := s.book.List(zone.ID)
	for id, sub := range cfg.Subnets {
		if z, _, _ := model.ParseSubnetID(id); z != zone.ID || !sub.CIDR.IsValid() {
			continue
		}
		var u Usage
		exact := 0.0
		for _, r := range spansOf(zone, sub) {
			exact += r.estimate()
			u.Size = min(u.Size+r.size(), MaxSize)
			if r.first.Compare(sub.Gateway) <= 0 && sub.Gateway.Compare(r.last) <= 0 {
				u.Size--
			}
		}
		if exact >= MaxSize {
			u.Size, u.Log2 = MaxSize, math.Log2(exact)
		}
		u.Used = between(all, sub.CIDR)
		out[id] = u
	}
	return out
}

// between counts those of the addresses, which are sorted, that are in a network.
func between(all []Address, network netip.Prefix) int64 {
	last := model.LastAddr(network)
	from, _ := slices.BinarySearchFunc(all, network.Masked().Addr(), func(a Address, first netip.Addr) int { return a.IP.Compare(first) })
	to, _ := slices.BinarySearchFunc(all[from:], last, func(a Address, last netip.Addr) int {
		if a.IP.Compare(last) <= 0 {
			return -1
		}
		return 1
	})
	return int64(to)
}

// size counts the addresses of a span, at most MaxSize.
func (s span) size() int64 {
	firstHigh, firstLow := halves(s.first)
	lastHigh, lastLow := halves(s.last)
	if lastHigh-firstHigh > 1 {
		return MaxSize
	}
	n := lastLow - firstLow // correct also on overflow
	if lastHigh != firstHigh && lastLow >= firstLow || n >= MaxSize {
		return MaxSize
	}
	return int64(n) + 1
}

// estimate counts the addresses of a span as far as a float64 can.
func (s span) estimate() float64 {
	firstHigh, firstLow := halves(s.first)
	lastHigh, lastLow := halves(s.last)
	return float64(lastHigh-firstHigh)*(1<<64) + float64(lastLow) - float64(firstLow) + 1
}

func halves(a netip.Addr) (high, low uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}
