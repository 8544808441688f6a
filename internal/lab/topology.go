package lab

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/vishvananda/netlink"
)

// linkName is the pattern of names of an interface or a switch in a lab.
var linkName = regexp.MustCompile(`^[a-z][a-z0-9]{0,14}$`)

// end is an interface of a node or host.
type end struct{ node, link string }

// parseEnd splits "node1.eth1".
func (s *Spec) parseEnd(text string) (end, error) {
	node, link, _ := strings.Cut(text, ".")
	switch {
	case s.system(node) == nil || !linkName.MatchString(link):
		return end{}, fmt.Errorf("port %q: must be a node or host of the lab and an interface, like %s.eth1", text, s.Nodes[0].Name)
	case link == uplink:
		return end{}, fmt.Errorf("port %q: %s is the interface in the underlay; choose another name", text, uplink)
	}
	return end{node, link}, nil
}

// checkTopology checks the additional switches, cables and bridges of a spec.
func (s *Spec) checkTopology() (errs []error) {
	used := map[end]bool{}
	claim := func(text string) {
		e, err := s.parseEnd(text)
		if err == nil && used[e] {
			err = fmt.Errorf("port %q is used twice", text)
		}
		if err != nil {
			errs = append(errs, err)
		}
		used[e] = true
	}
	for _, sw := range s.Switches {
		if !linkName.MatchString(sw.Name) || len(sw.Name) > 8 || sw.Name == "switch" {
			errs = append(errs, fmt.Errorf("switch %q: the name must be up to 8 lower-case letters and digits, a letter first, and not \"switch\"", sw.Name))
		}
		for _, p := range sw.Ports {
			claim(p)
		}
	}
	for _, l := range s.Links {
		if len(l) != 2 {
			errs = append(errs, fmt.Errorf("link %v: a cable has two ends, like [node1.eth1, node2.eth1]", l))
			continue
		}
		claim(l[0])
		claim(l[1])
	}
	return append(errs, s.checkBridges(used)...)
}

// checkBridges checks the bridges of the nodes, given the existing interfaces.
func (s *Spec) checkBridges(used map[end]bool) (errs []error) {
	for _, n := range s.Nodes {
		for _, b := range n.Bridges {
			if !linkName.MatchString(b.Name) {
				errs = append(errs, fmt.Errorf("node %s: bridge %q: the name must be up to 15 lower-case letters and digits, a letter first", n.Name, b.Name))
			}
			if err := b.checkOVS(); err != nil {
				errs = append(errs, fmt.Errorf("node %s: bridge %s: %w", n.Name, b.Name, err))
			}
			for _, p := range b.Ports {
				if p != uplink && !used[end{n.Name, p}] {
					errs = append(errs, fmt.Errorf("node %s: bridge %s: port %q is in no switch and no link", n.Name, b.Name, p))
				}
			}
		}
	}
	return errs
}

// buildTopology creates the additional switches and cables and the nodes' own
// bridges. It may be called again and completes missing parts.
func (l *Lab) buildTopology() error {
	s := l.Spec
	for _, sw := range s.Switches {
		if err := l.buildSwitch(sw); err != nil {
			return err
		}
	}
	for _, ends := range s.Links {
		a, err := s.parseEnd(ends[0])
		if err != nil {
			return err
		}
		b, err := s.parseEnd(ends[1])
		if err != nil {
			return err
		}
		if err := l.cable(a, l.ns(b.node), b.link); err != nil {
			return err
		}
		if err := l.in(b.node, func(h *netlink.Handle) error { return setUp(h, b.link) }); err != nil {
			return err
		}
	}
	for _, n := range s.Nodes {
		if err := l.buildBridges(n); err != nil {
			return err
		}
	}
	return nil
}

// buildSwitch creates a switch in the underlay. Without VLAN filtering a bridge
// forwards tags unchanged.
func (l *Lab) buildSwitch(sw SwitchSpec) error {
	err := l.in(underlayNS, func(h *netlink.Handle) error {
		off := false
		br, err := ensureLink(h, &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: sw.Name, MTU: l.Spec.MTU}, MulticastSnooping: &off})
		if err != nil {
			return err
		}
		return h.LinkSetUp(br)
	})
	if err != nil {
		return err
	}
	for i, p := range sw.Ports {
		e, err := l.Spec.parseEnd(p)
		if err != nil {
			return err
		}
		port := fmt.Sprintf("%s-%d", sw.Name, i+1)
		if err := l.cable(e, l.ns(underlayNS), port); err != nil {
			return err
		}
		if err := l.in(underlayNS, func(h *netlink.Handle) error { return enslave(h, port, sw.Name) }); err != nil {
			return err
		}
	}
	return nil
}

// cable creates a veth pair with one end in a node and the other, with the given
// name, in a namespace.
func (l *Lab) cable(e end, far, name string) error {
	ns, err := netns.SystemDir.Open(far)
	if err != nil {
		return err
	}
	defer ns.Close()
	return l.in(e.node, func(h *netlink.Handle) error {
		link, err := ensureLink(h, &netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: e.link, MTU: l.Spec.MTU},
			PeerName:  name, PeerNamespace: netlink.NsFd(ns.FD()), PeerMTU: uint32(l.Spec.MTU),
		})
		if err != nil {
			return err
		}
		return h.LinkSetUp(link)
	})
}

// buildBridges creates a node's own bridges.
func (l *Lab) buildBridges(n NodeSpec) error {
	return l.in(n.Name, func(h *netlink.Handle) error {
		for _, b := range n.Bridges {
			if b.OVS {
				continue // see buildOVS
			}
			if err := buildBridge(h, b, l.Spec.MTU); err != nil {
				return fmt.Errorf("bridge %s: %w", b.Name, err)
			}
		}
		return nil
	})
}

func buildBridge(h *netlink.Handle, b BridgeSpec, mtu int) error {
	want := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: b.Name, MTU: mtu}}
	if b.VLANAware { // a kernel without it refuses the attribute even if it is off
		want.VlanFiltering = &b.VLANAware
	}
	br, err := ensureLink(h, want)
	if err != nil {
		return err
	}
	if err := h.LinkSetUp(br); err != nil {
		return err
	}
	for _, p := range b.Ports {
		if err := enslave(h, p, b.Name); err != nil {
			return err
		}
		if !b.VLANAware {
			continue
		}
		port, err := h.LinkByName(p)
		if err != nil {
			return err
		}
		if err := h.BridgeVlanAddRange(port, 2, 4094, false, false, false, true); err != nil {
			return fmt.Errorf("port %s: VLANs: %w", p, err)
		}
	}
	return nil
}

// enslave makes a link a port of a bridge and brings it up.
func enslave(h *netlink.Handle, port, bridge string) error {
	p, err := h.LinkByName(port)
	if err != nil {
		return err
	}
	br, err := h.LinkByName(bridge)
	if err != nil {
		return err
	}
	if err := h.LinkSetMaster(p, br); err != nil {
		return err
	}
	return h.LinkSetUp(p)
}

func setUp(h *netlink.Handle, name string) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	return h.LinkSetUp(link)
}
