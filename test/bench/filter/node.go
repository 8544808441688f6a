package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/driver/route"
	"github.com/viaduct-sdn/viaduct/internal/driver/sysctl"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/probe"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The network outside, with the node's address and the host's.
var (
	outside     = netip.MustParsePrefix("192.0.2.0/24")
	nodeOutside = netip.PrefixFrom(netip.MustParseAddr("192.0.2.2"), 24)
	hostOutside = netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 24)
)

// node is a node with VNets, a guest in the last of them, and a host outside.
type node struct {
	self, guest, host *netns.NS
	drivers           []driver.Driver
	services          *services
}

// subnet is the network of a VNet, from 0. No two are neighbours, which a filter could
// take for one.
func subnet(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i << 1), 0}), 24)
}

func vnet(i int) string { return "v" + strconv.Itoa(i) }

// newNode makes a node with n VNets.
func newNode(ctx context.Context, n int) (o *node, err error) {
	o = &node{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	for _, ns := range []**netns.NS{&o.self, &o.guest, &o.host} {
		if *ns, err = netns.New(); err != nil {
			return o, err
		}
	}
	if err = cable(o.self, "eth0", o.host); err != nil {
		return o, err
	}
	if err = address(o.self, "eth0", nodeOutside, hostOutside.Addr()); err != nil {
		return o, err
	}
	if err = address(o.host, "eth0", hostOutside, netip.Addr{}); err != nil {
		return o, err
	}
	if err = o.program(ctx, n); err != nil {
		return o, err
	}
	name, network := vnet(n-1), subnet(n-1)
	gateway := network.Addr().Next()
	if err = cable(o.self, "guest", o.guest); err != nil {
		return o, err
	}
	if err = join(o.self, "guest", name); err != nil {
		return o, err
	}
	if err = address(o.guest, "eth0", netip.PrefixFrom(gateway.Next(), network.Bits()), gateway); err != nil {
		return o, err
	}
	if o.services, err = serve(o.host); err != nil {
		return o, err
	}
	return o, o.refused(ctx)
}

// program makes the VNets: the drivers program what compile makes of the objects.
func (o *node) program(ctx context.Context, n int) error {
	cfg, live := &model.Config{}, &model.Config{}
	objects := []model.Object{&model.Zone{ID: "z1", Type: model.ZoneSimple}}
	live.Set(&model.Firewall{ID: model.FirewallDatacenter, Enable: true})
	for i := range n {
		network := subnet(i)
		objects = append(objects, &model.VNet{ID: vnet(i), Zone: "z1"}, &model.Subnet{CIDR: network, VNet: vnet(i), Gateway: network.Addr().Next(), SNAT: true})
		live.Set(&model.Firewall{ID: vnet(i), Enable: true, PolicyForward: model.FirewallDrop, Rules: []model.FirewallRule{
			{Type: model.RuleForward, Action: model.FirewallAccept, Proto: "tcp", Dport: "22,80,443"},
			{Type: model.RuleForward, Action: model.FirewallAccept, Proto: "tcp", Dport: fmt.Sprintf("%d:%d", streamPort, answerPort), Source: network.String()},
		}})
	}
	for _, object := range objects {
		if err := cfg.Put(object); err != nil {
			return err
		}
	}
	features, err := probe.Features(ctx)
	if err != nil {
		return err
	}
	want, notes := compile.Node(compile.Project(cfg, live, 1, "node1"), &model.Facts{
		Node: "node1", Features: features,
		Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{nodeOutside}}},
		Routes:     []model.FactRoute{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Dev: "eth0"}, {Dst: outside, Dev: "eth0"}},
	})
	for _, table := range []string{compile.TableName, compile.FirewallTable} {
		if !hasTable(&want.Space, table) {
			return fmt.Errorf("the table %s is missing: %v", table, notes)
		}
	}
	links, err := link.New(link.Options{Namespace: o.self})
	if err != nil {
		return err
	}
	o.drivers = []driver.Driver{nft.New(nft.Options{Namespace: o.self}), links, sysctl.New(o.self)}
	routes, err := route.New(o.self)
	if err != nil {
		return err
	}
	o.drivers = append(o.drivers, routes)
	return o.reconcile(ctx, &want.Space)
}

func hasTable(n *desired.Space, name string) bool {
	for i := range n.Tables {
		if n.Tables[i].Name == name && n.Tables[i].Family == "inet" {
			return true
		}
	}
	return false
}

func (o *node) reconcile(ctx context.Context, want *desired.Space) error {
	for _, d := range o.drivers {
		if _, err := d.Reconcile(ctx, want, false); err != nil {
			return fmt.Errorf("%s: %w", d.Name(), err)
		}
	}
	return nil
}

// close removes every trace. Links are deleted first: the kernel would do so later,
// while something else is measured.
func (o *node) close() error {
	var errs []error
	if o.services != nil {
		errs = append(errs, o.services.close())
	}
	if len(o.drivers) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		errs = append(errs, o.reconcile(ctx, &desired.Space{}))
	}
	for _, d := range o.drivers {
		if c, ok := d.(interface{ Close() error }); ok {
			errs = append(errs, c.Close())
		}
	}
	for _, ns := range []*netns.NS{o.guest, o.host, o.self} {
		errs = append(errs, ns.Close())
	}
	return errors.Join(errs...)
}

// in gives f a handle on a namespace.
func in(ns *netns.NS, f func(h *netlink.Handle) error) error {
	h, err := netlink.NewHandleAt(vnetns.NsHandle(ns.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	return f(h)
}

// cable puts a veth between two namespaces; in the far one it is eth0.
func cable(near *netns.NS, name string, far *netns.NS) error {
	return in(near, func(h *netlink.Handle) error {
		return h.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: name, Flags: net.FlagUp},
			PeerName:  "eth0", PeerNamespace: netlink.NsFd(far.FD()),
		})
	})
}

// join makes a link a port of a bridge.
func join(ns *netns.NS, port, bridge string) error {
	return in(ns, func(h *netlink.Handle) error {
		p, err := h.LinkByName(port)
		if err != nil {
			return err
		}
		b, err := h.LinkByName(bridge)
		if err != nil {
			return err
		}
		return h.LinkSetMaster(p, b)
	})
}

// address gives a link an address and brings it up; via, if it is valid, leads
// everywhere else.
func address(ns *netns.NS, name string, p netip.Prefix, via netip.Addr) error {
	return in(ns, func(h *netlink.Handle) error {
		l, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
		if err := errors.Join(h.AddrAdd(l, a), h.LinkSetUp(l)); err != nil || !via.IsValid() {
			return err
		}
		return h.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: via.AsSlice()})
	})
}
