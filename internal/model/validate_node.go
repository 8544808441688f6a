package model

import "path"

func (c *checker) node(n *Node) {
	r := c.report(n)
	if !labelForm.MatchString(n.ID) {
		r.errorf("id", n.ID, "is not a host name: use up to 63 letters, digits and hyphens, with a letter or digit at both ends")
	}
	if n.Address.IsValid() {
		switch {
		case n.Address.Zone() != "":
			r.errorf("address", n.Address.String(), "names an interface; give the address alone")
		case !isUnicast(n.Address):
			r.errorf("address", n.Address.String(), "is not an address other nodes can reach; give one of the node's own unicast addresses")
		}
	}
	for _, p := range n.Reserved {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			r.errorf("reserved", p, "is not a valid pattern: write an interface name in which * stands for any characters, ? for one, [a-z] for a range")
		}
	}
}

// reservedBy returns the first node, of those the zone is deployed on, that
// reserves the interface name, and the pattern that does. Only nodes with an
// object reserve anything, and those with patterns are few.
func (c *checker) reservedBy(nodes []*Node, z *Zone, name string) (node, pattern string) {
	for _, n := range nodes {
		if !z.OnNode(n.ID) {
			continue
		}
		for _, p := range n.Reserved {
			if ok, err := path.Match(p, name); ok && err == nil {
				return n.ID, p
			}
		}
	}
	return "", ""
}

// reservingNodes returns the nodes with reserved patterns, sorted by ID.
func (c *checker) reservingNodes() []*Node {
	var out []*Node
	for _, id := range sortedKeys(c.cfg.Nodes) {
		if n := c.cfg.Nodes[id]; len(n.Reserved) > 0 {
			out = append(out, n)
		}
	}
	return out
}
