package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// buildUnderlay creates the switch and the namespaces of the outside host, the
// nodes and the hosts. It may be called again and completes missing parts.
func (l *Lab) buildUnderlay() error {
	s := l.Spec
	if err := l.makeNS(underlayNS); err != nil {
		return err
	}
	err := l.in(underlayNS, func(h *netlink.Handle) error {
		br, err := ensureLink(h, &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "switch", MTU: s.MTU}})
		if err != nil {
			return err
		}
		if err := h.LinkSetUp(br); err != nil {
			return err
		}
		return addAddress(h, br, netip.PrefixFrom(s.serverAddr(), s.Underlay.Bits()))
	})
	if err != nil {
		return err
	}
	if err := l.buildOutside(); err != nil {
		return err
	}
	for i, n := range s.Nodes {
		if err := l.makeNS(n.Name); err != nil {
			return err
		}
		addrs := []netip.Prefix{
			netip.PrefixFrom(n.Address, s.Underlay.Bits()),
			netip.PrefixFrom(s.address6(i), s.Underlay6.Bits()),
		}
		via := []netip.Addr{s.outsideAddr(), nth(s.Underlay6, -3)}
		if err := l.attach(n.Name, fmt.Sprintf("port%d", i+1), addrs, via); err != nil {
			return err
		}
	}
	for i, host := range s.Hosts {
		if err := l.makeNS(host.Name); err != nil {
			return err
		}
		if !host.Address.IsValid() {
			continue
		}
		addrs := []netip.Prefix{netip.PrefixFrom(host.Address, s.Underlay.Bits())}
		via := []netip.Addr{s.outsideAddr()}
		if err := l.attach(host.Name, fmt.Sprintf("hport%d", i+1), addrs, via); err != nil {
			return err
		}
	}
	return nil
}

// buildOutside creates the host beyond the underlay. It knows no network of the
// overlay, so a guest reaches it only with the address of its node.
func (l *Lab) buildOutside() error {
	s := l.Spec
	if err := l.makeNS(outsideNS); err != nil {
		return err
	}
	addrs := []netip.Prefix{
		netip.PrefixFrom(s.outsideAddr(), s.Underlay.Bits()),
		netip.PrefixFrom(nth(s.Underlay6, -3), s.Underlay6.Bits()),
	}
	if err := l.attach(outsideNS, "port0", addrs, nil); err != nil {
		return err
	}
	return l.in(outsideNS, func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err != nil {
			return err
		}
		for _, a := range []netip.Addr{OutsideHost, OutsideHost6} {
			if err := addAddress(h, lo, netip.PrefixFrom(a, a.BitLen())); err != nil {
				return err
			}
		}
		return nil
	})
}

// attach plugs a namespace into the switch.
func (l *Lab) attach(name, port string, addrs []netip.Prefix, via []netip.Addr) error {
	sw, err := l.openNS(underlayNS)
	if err != nil {
		return err
	}
	defer sw.Close()
	err = l.in(name, func(h *netlink.Handle) error {
		veth := &netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: uplink, MTU: l.Spec.MTU},
			PeerName:  port, PeerNamespace: netlink.NsFd(sw.FD()), PeerMTU: uint32(l.Spec.MTU),
		}
		link, err := ensureLink(h, veth)
		if err != nil {
			return err
		}
		if err := h.LinkSetUp(link); err != nil {
			return err
		}
		for _, a := range addrs {
			if err := addAddress(h, link, a); err != nil {
				return err
			}
		}
		for _, a := range via {
			if err := addDefaultRoute(h, link, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return l.in(underlayNS, func(h *netlink.Handle) error {
		p, err := h.LinkByName(port)
		if err != nil {
			return err
		}
		br, err := h.LinkByName("switch")
		if err != nil {
			return err
		}
		if err := h.LinkSetMaster(p, br); err != nil {
			return err
		}
		return h.LinkSetUp(p)
	})
}

// ensureLink returns the link of that name; it creates a missing one.
func ensureLink(h *netlink.Handle, want netlink.Link) (netlink.Link, error) {
	name := want.Attrs().Name
	link, err := h.LinkByName(name)
	if err == nil {
		return link, nil
	}
	var missing netlink.LinkNotFoundError
	if !errors.As(err, &missing) {
		return nil, err
	}
	if err := h.LinkAdd(want); err != nil {
		return nil, fmt.Errorf("cannot make %s: %w", name, err)
	}
	return h.LinkByName(name)
}
