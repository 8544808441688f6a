package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
)

// The numbers that all three ways of making a network share.
const (
	mtu        = 1450
	changedMTU = 1400
	changed    = 7 // the network whose MTU changes
	localEnd   = "192.168.0.1"
)

var farEnds = []string{"192.168.0.2", "192.168.0.3"}

func bridgeName(i int) string { return fmt.Sprintf("vn%d", i) }
func vxlanName(i int) string  { return fmt.Sprintf("vx_vn%d", i) }

// gateway is the address of a network's bridge.
func gateway(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 24)
}

// networks is the desired state of networks 1 to n; other is the MTU of the
// changed one.
func networks(n, other int) *desired.Space {
	node := &desired.Space{}
	for i := 1; i <= n; i++ {
		m, owner := mtu, "vnet/"+bridgeName(i)
		if i == changed {
			m = other
		}
		node.Links = append(node.Links,
			desired.Link{Name: bridgeName(i), Kind: desired.LinkBridge, Owner: owner, MTU: m},
			desired.Link{Name: vxlanName(i), Kind: desired.LinkVXLAN, Owner: owner, MTU: m, Master: bridgeName(i), NoLinkLocal: true,
				VXLAN: &desired.VXLAN{ID: uint32(10000 + i), Local: netip.MustParseAddr(localEnd), Port: 4789}})
		node.Addresses = append(node.Addresses, desired.Address{Link: bridgeName(i), Prefix: gateway(i), Owner: owner})
		for _, end := range farEnds {
			node.Neighbours = append(node.Neighbours, desired.Neighbour{
				Link: vxlanName(i), MAC: desired.FloodMAC, Dst: netip.MustParseAddr(end), Owner: owner})
		}
	}
	node.Sort()
	return node
}

// batch is input for ip -batch and for bridge -batch.
type batch struct{ ip, bridge strings.Builder }

// add makes network i as the driver does, in as few commands as ip accepts: the same
// properties, including the bridge's MTU that does not follow its ports.
func (b *batch) add(i int) {
	br, vx := bridgeName(i), vxlanName(i)
	fmt.Fprintf(&b.ip, "link add name %s group %d type bridge forward_delay 0\n", br, link.Group)
	fmt.Fprintf(&b.ip, "link set dev %s mtu %d up\n", br, mtu)
	fmt.Fprintf(&b.ip, "link add name %s group %d mtu %d master %s type vxlan id %d local %s dstport 4789 nolearning\n",
		vx, link.Group, mtu, br, 10000+i, localEnd)
	fmt.Fprintf(&b.ip, "link set dev %s addrgenmode none\n", vx)
	fmt.Fprintf(&b.ip, "link set dev %s up\n", vx)
	fmt.Fprintf(&b.ip, "address add %s dev %s\n", gateway(i), br)
	for _, end := range farEnds {
		fmt.Fprintf(&b.bridge, "fdb append %s dev %s dst %s\n", desired.FloodMAC, vx, end)
	}
}

// setMTU changes the MTU of network i.
func (b *batch) setMTU(i, mtu int) {
	fmt.Fprintf(&b.ip, "link set dev %s mtu %d\nlink set dev %s mtu %d\n", bridgeName(i), mtu, vxlanName(i), mtu)
}

// remove removes network i.
func (b *batch) remove(i int) {
	fmt.Fprintf(&b.ip, "link del dev %s\nlink del dev %s\n", vxlanName(i), bridgeName(i))
}
