package model

import "path"

func (c *checker) node(n *Node) {
	r := c.report(n)
	if !IsLabel(n.ID) {
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
	switch n.Backend {
	case "", BackendNetlink, BackendIfupdown2:
	default:
		r.errorf("backend", n.Backend, "is not a way to program links: use %s or %s", BackendNetlink, BackendIfupdown2)
	}
	for _, p := range n.Reserved {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			r.errorf("reserved", p, "is not a valid pattern: write an interface name in which * stands for any characters, ? for one, [a-z] for a range")
		}
	}
}

// reservedBy returns the first of the nodes that reserves the interface name,
// and the pattern that does.
func reservedBy(nodes []*Node, name string) (node, pattern string) {
	for _, n := range nodes {
		for _, p := range n.Reserved {
			if ok, err := path.Match(p, name); ok && err == nil {
				return n.ID, p
			}
		}
	}
	return "", ""
}

// reservingNodes returns a function that tells, of each zone, the nodes it is
// deployed on that reserve names, sorted by ID. Only nodes with an object reserve
// anything.
func (c *checker) reservingNodes() func(z *Zone) []*Node {
	var reserving []*Node
	for _, id := range sortedKeys(c.cfg.Nodes) {
		if n := c.cfg.Nodes[id]; len(n.Reserved) > 0 {
			reserving = append(reserving, n)
		}
	}
	of := make(map[string][]*Node)
	return func(z *Zone) []*Node {
		nodes, known := of[z.ID]
		if !known {
			for _, n := range reserving {
				if z.OnNode(n.ID) {
					nodes = append(nodes, n)
				}
			}
			of[z.ID] = nodes
		}
		return nodes
	}
}
