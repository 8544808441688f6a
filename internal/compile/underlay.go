package compile

// narrowest is the smallest MTU on the paths to the other ends of an overlay,
// and the interface that has it; 0 if no path is known. An end of its own on
// the loopback does not count: what matters is the way out.
func (n *node) narrowest(o *overlay) (mtu int, dev string) {
	for _, p := range o.remotes {
		if h, ok := n.facts.RouteTo(p); ok && h.MTU > 0 && (mtu == 0 || h.MTU < mtu) {
			mtu, dev = h.MTU, h.Dev
		}
	}
	if mtu > 0 {
		return mtu, dev
	}
	for _, i := range n.facts.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == o.local && i.Name != "lo" {
				return i.MTU, i.Name
			}
		}
	}
	return 0, ""
}
