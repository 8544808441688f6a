package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// Namespaces that every lab has.
const (
	underlayNS = "underlay" // the switch between the nodes, and the server's address
	outsideNS  = "outside"  // the router and host beyond it
)

// uplink is the name of a namespace's interface in the underlay.
const uplink = "eth0"

// nsPrefix starts the names of all namespaces of a lab, and of no other's: names of
// labs have no dot, and a lab outside the default root has a mark of its root.
func (l *Lab) nsPrefix() string { return "viaduct-" + l.Name + l.mark + "." }

// ns is the full name of a namespace of the lab.
func (l *Lab) ns(name string) string { return l.nsPrefix() + name }

// guestNS returns the short name of a guest's namespace; the dot keeps it apart
// from nodes.
func guestNS(guest string) string { return "guest." + guest }

// listNS returns the short names of the lab's namespaces.
func (l *Lab) listNS() ([]string, error) {
	names, err := netns.SystemDir.List()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		if short, ok := strings.CutPrefix(name, l.nsPrefix()); ok {
			out = append(out, short)
		}
	}
	return out, nil
}

// openNS opens a namespace of the lab.
func (l *Lab) openNS(name string) (*netns.NS, error) { return netns.SystemDir.Open(l.ns(name)) }

func (l *Lab) hasNS(name string) bool {
	ns, err := l.openNS(name)
	if err != nil {
		return false
	}
	_ = ns.Close()
	return true
}

// makeNS creates a namespace with its loopback up, unless it exists.
func (l *Lab) makeNS(name string) error {
	if l.hasNS(name) {
		return nil
	}
	return netns.SystemDir.Make(l.ns(name), nil)
}

// inside runs f on a thread in the namespace.
func (l *Lab) inside(name string, f func() error) error {
	ns, err := l.openNS(name)
	if err != nil {
		return err
	}
	defer ns.Close()
	return ns.Run(f)
}

// in calls f with a netlink handle on the namespace.
func (l *Lab) in(name string, f func(h *netlink.Handle) error) error {
	var h *netlink.Handle
	err := l.inside(name, func() (err error) {
		h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err == nil {
		defer h.Close()
		err = f(h)
	}
	if err != nil {
		return fmt.Errorf("namespace %s: %w", l.ns(name), err)
	}
	return nil
}

// removeMachine ends all processes on a machine of the lab, and removes its view
// and its namespace. The other ends of its cables are deleted with their peers.
func (l *Lab) removeMachine(name string) error {
	return errors.Join(l.evict(name), l.removeView(name), netns.SystemDir.Delete(l.ns(name)))
}

// listen opens a TCP socket inside a namespace; it stays there in any process.
func (l *Lab) listen(name, addr string) (*os.File, error) {
	var f *os.File
	err := l.inside(name, func() error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer ln.Close()
		f, err = ln.(*net.TCPListener).File()
		return err
	})
	return f, err
}

// addAddress adds an address to an interface; an existing one is no error. IPv6
// addresses are usable at once, without duplicate address detection: the lab
// assigns each only once.
func addAddress(h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	if err := h.AddrReplace(link, a); err != nil {
		return fmt.Errorf("address %s: %w", p, err)
	}
	return nil
}

func addDefaultRoute(h *netlink.Handle, link netlink.Link, via netip.Addr) error {
	zero := netip.IPv4Unspecified()
	if via.Is6() {
		zero = netip.IPv6Unspecified()
	}
	r := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: via.AsSlice(), Dst: ipNet(netip.PrefixFrom(zero, 0))}
	if err := h.RouteReplace(r); err != nil {
		return fmt.Errorf("default route via %s: %w", via, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
