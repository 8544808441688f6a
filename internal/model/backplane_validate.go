package model

import (
	"math/bits"
	"net/netip"
	"strconv"
)

// The masks of a backplane's networks: its lower half holds the addresses of sectors.
const (
	minBackplane4 = 8
	maxBackplane4 = 24
	maxBackplane6 = 64
)

// backplanes checks backplanes.
func (c *checker) backplanes(ids []string) {
	for _, id := range ids {
		b := c.cfg.Backplanes[id]
		r := c.report(b)
		checkVNetID(r, b.ID)
		backplaneNetwork(r, "cidr", b.CIDR, true)
		backplaneNetwork(r, "cidr6", b.CIDR6, false)
		if b.Slices != 0 && bits.OnesCount(uint(b.Slices)) != 1 {
			r.error("slices", strconv.Itoa(b.Slices), msgSlicesNotPowerOfTwo, 1<<bits.Len(uint(b.Slices)))
		}
		c.backplaneMembers(r, b)
	}
}

func backplaneNetwork(r report, field string, p netip.Prefix, four bool) {
	switch {
	case !p.IsValid():
	case p.Addr().Is4() != four:
		r.error(field, p.String(), msgBackplaneNetworkFamily)
	case p.Masked() != p:
		r.error(field, p.String(), msgSubnetHostBits, p.Masked())
	case four && (p.Bits() < minBackplane4 || p.Bits() > maxBackplane4):
		r.error(field, p.String(), msgSubnetMaskInvalid, p.Bits(), minBackplane4, maxBackplane4)
	case !four && (p.Bits() < minBackplane4 || p.Bits() > maxBackplane6):
		r.error(field, p.String(), msgSubnetMaskInvalid, p.Bits(), minBackplane4, maxBackplane6)
	}
}

// backplaneMembers checks that no two members have a node, an address or a slice in common.
func (c *checker) backplaneMembers(r report, b *Backplane) {
	nodes, addresses, slices := map[string]bool{}, map[netip.Addr]bool{}, map[int]string{}
	for i, m := range b.Members {
		at := "members[" + strconv.Itoa(i) + "]."
		if nodes[m.Node] {
			r.error(at+"node", m.Node, msgValueRepeated)
		}
		nodes[m.Node] = true
		switch {
		case !m.Address.IsValid():
		case !isUnicast(m.Address):
			r.error(at+"address", m.Address.String(), msgMemberAddressInvalid)
		case addresses[m.Address]:
			r.error(at+"address", m.Address.String(), msgValueRepeated)
		case m.Address.Is4() != b.Members[0].Address.Is4():
			r.error(at+"address", m.Address.String(), msgMemberAddressFamily, b.Members[0].Address)
		}
		addresses[m.Address] = true
		switch other := slices[m.Slice]; {
		case m.Slice == 0:
		case b.Slices != 0 && m.Slice > b.Slices:
			r.error(at+"slice", strconv.Itoa(m.Slice), msgSliceTooHigh, b.Slices, m.Node)
		case other != "":
			r.error(at+"slice", strconv.Itoa(m.Slice), msgSliceUsed, other)
		}
		slices[m.Slice] = m.Node
	}
}
