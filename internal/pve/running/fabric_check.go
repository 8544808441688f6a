package running

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// CheckFabrics returns the problems of all fabrics together. Proxmox makes the same
// checks before it stores a change, and refuses a change that fails.
func (r *Running) CheckFabrics() model.Problems {
	c := &fabricCheck{run: r, areas: map[uint32]string{}, links: map[string]string{}, addresses: map[string]string{}, routers: map[uint32]string{}}
	for _, id := range slices.Sorted(maps.Keys(r.Fabrics)) {
		if f := r.Fabrics[id]; !r.Broken(f) {
			c.fabric(f)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.FabricNodes)) {
		n := r.FabricNodes[id]
		f := r.Fabrics[n.Fabric]
		switch {
		case r.Broken(n):
		case f == nil:
			c.node(n, "id", n.ID, "names fabric "+n.Fabric+", which does not exist")
		case r.Broken(f):
		case f.Protocol != r.protocols[n.ID]:
			c.node(n, "type", string(r.protocols[n.ID]), fmt.Sprintf("is not the protocol of fabric %s, which is %s", f.ID, f.Protocol))
		default:
			c.member(f, n)
		}
	}
	return c.problems
}

// fabricCheck records the users of each OSPF area, node's link, node's address and BGP
// router ID.
type fabricCheck struct {
	run       *Running
	areas     map[uint32]string
	links     map[string]string
	addresses map[string]string
	routers   map[uint32]string
	problems  model.Problems
}

func (c *fabricCheck) fabric(f *model.Fabric) {
	tell := func(field, value, text string) {
		c.problems = append(c.problems, model.NewProblem(model.Error, model.KindFabric, f.ID, field, value, msgFabricInvalid.Of(text)))
	}
	if f.Protocol == model.FabricOSPF {
		c.ospf(f, tell)
	} else if !f.IPPrefix.IsValid() && !f.IP6Prefix.IsValid() {
		tell("ip_prefix", "", "is not set, and neither is ip6_prefix: the fabric needs one for the addresses of its nodes")
	}
	for _, id := range slices.Sorted(maps.Keys(c.run.Fabrics)) {
		other := c.run.Fabrics[id]
		if id >= f.ID || c.run.Broken(other) {
			continue
		}
		if f.IPPrefix.IsValid() && f.IPPrefix.Overlaps(other.IPPrefix) {
			tell("ip_prefix", f.IPPrefix.String(), "overlaps that of fabric "+id+", which is "+other.IPPrefix.String())
		}
		if f.IP6Prefix.IsValid() && f.IP6Prefix.Overlaps(other.IP6Prefix) {
			tell("ip6_prefix", f.IP6Prefix.String(), "overlaps that of fabric "+id+", which is "+other.IP6Prefix.String())
		}
	}
}

func (c *fabricCheck) ospf(f *model.Fabric, tell func(field, value, message string)) {
	if !f.IPPrefix.IsValid() {
		tell("ip_prefix", "", "is not set, and an OSPF fabric needs it")
	}
	if f.IP6Prefix.IsValid() {
		tell("ip6_prefix", f.IP6Prefix.String(), "is of no use: OSPF version 2 knows IPv4 only; remove it or use openfabric")
	}
	area, ok := areaNumber(f.Area)
	if !ok {
		tell("area", f.Area, "is not set, and an OSPF fabric needs it")
		return
	}
	if other, taken := c.areas[area]; taken {
		tell("area", f.Area, "is that of fabric "+other+" already")
	}
	c.areas[area] = f.ID
}

// node reports a problem of a node.
func (c *fabricCheck) node(n *model.FabricNode, field, value, text string) {
	c.problems = append(c.problems, model.NewProblem(model.Error, model.KindFabricNode, n.ID, field, value, msgFabricInvalid.Of(text)))
}

func (c *fabricCheck) member(f *model.Fabric, n *model.FabricNode) {
	c.address(f, n, "ip", f.IPPrefix, n.IP)
	c.address(f, n, "ip6", f.IP6Prefix, n.IP6)
	for _, i := range n.Interfaces {
		key := n.Node + " " + i.Name
		if other, taken := c.links[key]; taken {
			c.node(n, "interfaces", i.Name, "is used by fabric "+other+" on this node already")
		}
		c.links[key] = f.ID
		if f.Protocol == model.FabricOSPF && i.IP6.IsValid() {
			c.node(n, "interfaces", i.IP6.String(), "is of no use: OSPF version 2 knows IPv4 only")
		}
	}
	if f.Protocol == model.FabricBGP && (n.IP.IsValid() || n.IP6.IsValid()) {
		c.routerID(n)
	}
}

// address checks that the node has an address of a family if and only if the fabric
// has a prefix of it.
func (c *fabricCheck) address(f *model.Fabric, n *model.FabricNode, field string, prefix netip.Prefix, a netip.Addr) {
	switch {
	case !prefix.IsValid() && !a.IsValid():
		return
	case !prefix.IsValid():
		c.node(n, field, a.String(), fmt.Sprintf("is of a family that fabric %s has no prefix of", f.ID))
		return
	case !a.IsValid():
		c.node(n, field, "", fmt.Sprintf("is not set, and fabric %s has the prefix %s", f.ID, prefix))
		return
	case !prefix.Contains(a):
		c.node(n, field, a.String(), fmt.Sprintf("is not in the prefix of fabric %s, which is %s", f.ID, prefix))
	}
	key := f.ID + " " + a.String()
	if other, taken := c.addresses[key]; taken {
		c.node(n, field, a.String(), "is the address of "+other+" already")
	}
	c.addresses[key] = n.Node
}

// routerID checks that a node of BGP fabrics has a unique router ID.
func (c *fabricCheck) routerID(n *model.FabricNode) {
	var id uint32
	if n.IP.IsValid() {
		for _, b := range n.IP.As4() {
			id = id<<8 | uint32(b)
		}
	} else {
		h := fnv.New32a()
		a := n.IP6.As16()
		_, _ = h.Write(a[:]) // a hash in memory cannot fail
		id = h.Sum32()
	}
	if other, taken := c.routers[id]; id == 0 || taken && other != n.Node {
		c.node(n, "ip6", n.IP6.String(), "makes a BGP router ID that is zero or another node's; choose another address, or add an IPv4 one")
	}
	c.routers[id] = n.Node
}

// areaNumber parses an OSPF area in either spelling.
func areaNumber(text string) (uint32, bool) {
	if n, ok := decimal(text); ok {
		return n, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return 0, false
	}
	var n uint32
	for _, b := range a.As4() {
		n = n<<8 | uint32(b)
	}
	return n, true
}

func decimal(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}
