package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// firstVMID is the first number for guests without one.
const firstVMID = 100

// plugTimeout bounds the wait for an agent to join a NIC to its bridge.
const plugTimeout = 20 * time.Second

// NewGuest describes a guest to add.
type NewGuest struct {
	Name string
	Node string
	VNet string
	// ID is the guest's number; empty picks the lowest free one.
	ID string
	// IP is its address; unset picks the lowest free one of the VNet's first
	// subnet, or none if it has no subnet.
	IP netip.Addr
}

// AddGuest declares a guest and starts it.
func (l *Lab) AddGuest(ctx context.Context, n NewGuest) (*model.Guest, error) {
	c, err := l.Client()
	if err != nil {
		return nil, err
	}
	guests, err := listGuests(ctx, c)
	if err != nil {
		return nil, err
	}
	// In a lab a guest's name is also that of its namespace.
	if i := slices.IndexFunc(guests, func(g *model.Guest) bool { return label(g) == n.Name }); i >= 0 {
		return nil, fmt.Errorf("guest %s exists already (number %s on %s); remove it with `viaduct lab guest rm %s` or choose another name", n.Name, guests[i].ID, guests[i].Node, n.Name)
	}
	subnets, err := subnetsOf(ctx, c, n.VNet)
	if err != nil {
		return nil, err
	}
	g := &model.Guest{ID: n.ID, Name: n.Name, Node: n.Node}
	if g.ID == "" {
		g.ID = freeVMID(guests)
	}
	ip := n.IP
	if !ip.IsValid() && len(subnets) > 0 {
		if ip, err = freeAddress(subnets[0], guests, n.VNet); err != nil {
			return nil, err
		}
	}
	nic := model.NIC{ID: "net0", VNet: n.VNet, MAC: macFor(g.ID, 0)}
	if ip.IsValid() {
		nic.IPs = []netip.Addr{ip}
	}
	g.NICs = []model.NIC{nic}
	if _, err := c.Put(ctx, g, client.IfAbsent); err != nil {
		return nil, err
	}
	return g, l.StartGuest(ctx, g)
}

// StartGuest gives a declared guest its namespace and plugs its NICs in, as a
// hypervisor does when the guest boots. A running guest is completed.
func (l *Lab) StartGuest(ctx context.Context, g *model.Guest) error {
	if !guestName.MatchString(label(g)) {
		return fmt.Errorf("guest %q: a lab takes names of at most 63 letters, digits, hyphens and dots", label(g))
	}
	if !l.isNode(g.Node) {
		return fmt.Errorf("guest %s: node %q is not in lab %q", label(g), g.Node, l.Name)
	}
	c, err := l.Client()
	if err != nil {
		return err
	}
	if err := l.makeNS(guestNS(label(g))); err != nil {
		return err
	}
	for i := range g.NICs {
		subnets, err := subnetsOf(ctx, c, g.NICs[i].VNet)
		if err != nil {
			return err
		}
		if err := l.plug(g, i, subnets); err != nil {
			return err
		}
	}
	return l.waitPlugged(ctx, c, g)
}

// Start starts declared guests: the named ones, or without names every one on a
// node of the lab.
func (l *Lab) Start(ctx context.Context, names []string) (started []*model.Guest, err error) {
	c, err := l.Client()
	if err != nil {
		return nil, err
	}
	guests, err := listGuests(ctx, c)
	if err != nil {
		return nil, err
	}
	var chosen []*model.Guest
	for _, name := range names {
		i := slices.IndexFunc(guests, func(g *model.Guest) bool { return g.Name == name || g.ID == name })
		if i < 0 {
			return nil, unknownGuest(name)
		}
		chosen = append(chosen, guests[i])
	}
	for _, g := range guests {
		if len(names) == 0 && l.isNode(g.Node) {
			chosen = append(chosen, g)
		}
	}
	for _, g := range chosen {
		if err := l.StartGuest(ctx, g); err != nil {
			return started, err
		}
		started = append(started, g)
	}
	return started, nil
}

func unknownGuest(name string) error {
	return fmt.Errorf("no guest %q; `viaduct get guests` lists them", name)
}

// RemoveGuest ends a guest and deletes its declaration.
func (l *Lab) RemoveGuest(ctx context.Context, name string) error {
	c, g, err := l.find(ctx, name)
	if err != nil {
		return err
	}
	if _, err := c.Delete(ctx, model.KindGuest, g.ID, ""); err != nil {
		return err
	}
	return l.removeMachine(guestNS(label(g)))
}

// MoveGuest migrates a running guest to another node: its namespace, its addresses
// and its connections stay, the host's ends of its NICs move.
func (l *Lab) MoveGuest(ctx context.Context, name, node string) error {
	c, g, err := l.find(ctx, name)
	if err != nil {
		return err
	}
	if !l.isNode(node) {
		return fmt.Errorf("node %q is not in lab %q", node, l.Name)
	}
	from := g.Node
	g.Node = node
	if _, err := c.Put(ctx, g, ""); err != nil {
		return err
	}
	if from != node && l.isNode(from) {
		if err := l.movePorts(g, from, node); err != nil {
			return err
		}
	}
	return l.StartGuest(ctx, g)
}

func (l *Lab) movePorts(g *model.Guest, from, to string) error {
	dst, err := l.openNS(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	return l.in(from, func(h *netlink.Handle) error {
		for _, nic := range g.NICs {
			link, err := h.LinkByName(naming.ContainerPort(g.ID, nic.ID))
			var missing netlink.LinkNotFoundError
			if errors.As(err, &missing) {
				continue
			}
			if err != nil {
				return err
			}
			if err := h.LinkSetNsFd(link, dst.FD()); err != nil {
				return fmt.Errorf("cannot move %s to node %s: %w", link.Attrs().Name, to, err)
			}
		}
		return nil
	})
}

// plug creates one NIC: a veth pair with one end in the guest and the other, with
// Proxmox's name for it, on the node. The agent joins it to the bridge.
func (l *Lab) plug(g *model.Guest, i int, subnets []*model.Subnet) error {
	nic := g.NICs[i]
	node, err := l.openNS(g.Node)
	if err != nil {
		return err
	}
	defer node.Close()
	mtu, err := l.bridgeMTU(g.Node, nic.VNet)
	if err != nil {
		return err
	}
	return l.in(guestNS(label(g)), func(h *netlink.Handle) error {
		attrs := netlink.LinkAttrs{Name: "eth" + strings.TrimPrefix(nic.ID, "net"), MTU: mtu}
		if nic.MAC != "" {
			mac, err := net.ParseMAC(nic.MAC)
			if err != nil {
				return err
			}
			attrs.HardwareAddr = mac
		}
		link, err := ensureLink(h, &netlink.Veth{
			LinkAttrs: attrs, PeerName: naming.ContainerPort(g.ID, nic.ID), PeerNamespace: netlink.NsFd(node.FD()), PeerMTU: uint32(mtu),
		})
		if err != nil {
			return err
		}
		if err := h.LinkSetMTU(link, mtu); err != nil {
			return err
		}
		if err := h.LinkSetUp(link); err != nil {
			return err
		}
		for _, ip := range nic.IPs {
			if err := address(h, link, ip, subnets); err != nil {
				return err
			}
		}
		return nil
	})
}

// address gives the guest one of its addresses and the default route by the
// gateway.
func address(h *netlink.Handle, link netlink.Link, ip netip.Addr, subnets []*model.Subnet) error {
	for _, s := range subnets {
		if !s.CIDR.Contains(ip) {
			continue
		}
		if err := addAddress(h, link, netip.PrefixFrom(ip, s.CIDR.Bits())); err != nil {
			return err
		}
		if s.Gateway.IsValid() && s.Gateway.Is4() == ip.Is4() {
			return addDefaultRoute(h, link, s.Gateway)
		}
		return nil
	}
	bits := 24 // as in the manual's examples
	if ip.Is6() {
		bits = 64
	}
	return addAddress(h, link, netip.PrefixFrom(ip, bits))
}

// bridgeMTU waits for a VNet's bridge to appear on the node and returns its MTU,
// which a hypervisor sets on the NICs it plugs in.
func (l *Lab) bridgeMTU(node, vnet string) (mtu int, err error) {
	deadline := time.Now().Add(plugTimeout)
	for {
		err = l.in(node, func(h *netlink.Handle) error {
			link, err := h.LinkByName(vnet)
			if err == nil {
				mtu = link.Attrs().MTU
			}
			return err
		})
		if err == nil || time.Now().After(deadline) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return 0, fmt.Errorf("vnet %s is not on node %s after %s (was it applied?): %w", vnet, node, plugTimeout, err)
	}
	return mtu, nil
}

// waitPlugged waits until the agent of the guest's node has joined its NICs.
func (l *Lab) waitPlugged(ctx context.Context, c *client.Client, g *model.Guest) error {
	ctx, cancel := context.WithTimeout(ctx, plugTimeout)
	defer cancel()
	after := ""
	for {
		st, err := c.Status(ctx, after)
		if err != nil {
			return fmt.Errorf("guest %s: its NIC was not joined to the bridge in time; see `viaduct status`: %w", label(g), err)
		}
		if plugged(st, g) {
			return nil
		}
		after = st.Version
	}
}

func plugged(st *api.Status, g *model.Guest) bool {
	for _, n := range st.Nodes {
		if n.Name != g.Node || n.Report == nil {
			continue
		}
		for _, nic := range g.NICs {
			if !slices.Contains(n.Report.Ports, naming.ContainerPort(g.ID, nic.ID)) {
				return false
			}
		}
		return true
	}
	return false
}

// find returns a guest by name or number.
func (l *Lab) find(ctx context.Context, name string) (*client.Client, *model.Guest, error) {
	c, err := l.Client()
	if err != nil {
		return nil, nil, err
	}
	guests, err := listGuests(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range guests {
		if g.Name == name || g.ID == name {
			return c, g, nil
		}
	}
	return nil, nil, unknownGuest(name)
}

// guestName is the pattern of guest names in a lab: the guest's namespace has the
// name.
var guestName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`)

func listGuests(ctx context.Context, c *client.Client) ([]*model.Guest, error) {
	objs, err := c.List(ctx, model.KindGuest, "")
	if err != nil {
		return nil, err
	}
	out := make([]*model.Guest, 0, len(objs))
	for _, o := range objs {
		out = append(out, o.(*model.Guest))
	}
	return out, nil
}

func subnetsOf(ctx context.Context, c *client.Client, vnet string) ([]*model.Subnet, error) {
	objs, err := c.List(ctx, model.KindSubnet, "running")
	if err != nil {
		return nil, err
	}
	var out []*model.Subnet
	for _, o := range objs {
		if s := o.(*model.Subnet); s.VNet == vnet {
			out = append(out, s)
		}
	}
	return out, nil
}

func (l *Lab) isNode(name string) bool {
	return slices.ContainsFunc(l.Spec.Nodes, func(n NodeSpec) bool { return n.Name == name })
}

// label returns a guest's name, or its number.
func label(g *model.Guest) string {
	if g.Name != "" {
		return g.Name
	}
	return g.ID
}

func freeVMID(guests []*model.Guest) string {
	used := map[string]bool{}
	for _, g := range guests {
		used[g.ID] = true
	}
	for id := firstVMID; ; id++ {
		if s := strconv.Itoa(id); !used[s] {
			return s
		}
	}
}

// freeAddress returns the lowest address of a subnet that neither its gateway nor a
// guest of the VNet has.
func freeAddress(s *model.Subnet, guests []*model.Guest, vnet string) (netip.Addr, error) {
	used := map[netip.Addr]bool{s.CIDR.Masked().Addr(): true, nth(s.CIDR, -1): true, s.Gateway: true}
	for _, g := range guests {
		for _, nic := range g.NICs {
			if nic.VNet == vnet {
				for _, ip := range nic.IPs {
					used[ip] = true
				}
			}
		}
	}
	for a := s.CIDR.Masked().Addr(); s.CIDR.Contains(a); a = a.Next() {
		if !used[a] {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("subnet %s of vnet %s has no free address", s.CIDR, vnet)
}

// macFor returns a MAC address with Proxmox's vendor prefix, unique to the NIC.
func macFor(vmid string, nic int) string {
	n, _ := strconv.Atoi(vmid)
	n = n*32 + nic
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", n>>16&0xff, n>>8&0xff, n&0xff)
}
