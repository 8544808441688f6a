package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	nsthread "github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// nsDir is where iproute2 keeps named network namespaces.
const nsDir = "/run/netns"

// Namespaces that every lab has.
const (
	underlayNS = "underlay" // the switch between the nodes, and the server's address
	outsideNS  = "outside"  // the router and host beyond it
)

// uplink is the name of the interface by which a namespace meets the underlay.
const uplink = "eth0"

// nsPrefix starts the names of all namespaces of a lab, and of no other's: the
// dot is in no name of a lab, and a lab that is kept elsewhere than usual has a
// mark of its place.
func (l *Lab) nsPrefix() string { return "viaduct-" + l.Name + l.mark + "." }

// ns is the full name of a namespace of the lab.
func (l *Lab) ns(name string) string { return l.nsPrefix() + name }

// guestNS is the short name of a guest's namespace; no node is called so, for
// the dot.
func guestNS(guest string) string { return "guest." + guest }

// listNS returns the short names of the namespaces that the lab has.
func (l *Lab) listNS() ([]string, error) {
	entries, err := os.ReadDir(nsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if short, ok := strings.CutPrefix(e.Name(), l.nsPrefix()); ok {
			out = append(out, short)
		}
	}
	return out, nil
}

func (l *Lab) hasNS(name string) bool {
	h, err := netns.GetFromName(l.ns(name))
	if err != nil {
		return false
	}
	h.Close()
	return true
}

// makeNS makes a namespace with its loopback up, unless it exists.
func (l *Lab) makeNS(name string) error {
	if l.hasNS(name) {
		return nil
	}
	// A file that is no namespace is what a kill between its creation and the
	// mount leaves behind.
	if err := os.Remove(filepath.Join(nsDir, l.ns(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("namespace %s: %w", l.ns(name), err)
	}
	if err := shareNSDir(); err != nil {
		return fmt.Errorf("prepare %s: %w", nsDir, err)
	}
	err := nsthread.OnThread(func() error {
		h, err := netns.NewNamed(l.ns(name))
		if err != nil {
			return err
		}
		return h.Close()
	})
	if err != nil {
		return fmt.Errorf("cannot make namespace %s: %w", l.ns(name), err)
	}
	return l.in(name, func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err != nil {
			return err
		}
		return h.LinkSetUp(lo)
	})
}

// shareNSDir makes the directory of named namespaces a shared mount, as ip netns add
// does at its first call: that mounts the directory over itself, which would hide all
// namespaces that are there by then.
func shareNSDir() error {
	if err := os.MkdirAll(nsDir, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", nsDir, "", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) { // EINVAL: it is no mount yet
		return err
	}
	if err := unix.Mount(nsDir, nsDir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("", nsDir, "", unix.MS_SHARED|unix.MS_REC, "")
}

// inside runs f on a thread that is in the namespace.
func (l *Lab) inside(name string, f func() error) error {
	return nsthread.OnThread(func() error {
		h, err := netns.GetFromName(l.ns(name))
		if err != nil {
			return fmt.Errorf("namespace %s: %w", l.ns(name), err)
		}
		defer h.Close()
		if err := netns.Set(h); err != nil {
			return fmt.Errorf("cannot enter namespace %s: %w", l.ns(name), err)
		}
		return f()
	})
}

// in gives f a netlink handle on the namespace.
func (l *Lab) in(name string, f func(h *netlink.Handle) error) error {
	ns, err := netns.GetFromName(l.ns(name))
	if err != nil {
		return fmt.Errorf("namespace %s: %w", l.ns(name), err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("namespace %s: %w", l.ns(name), err)
	}
	defer h.Close()
	if err := f(h); err != nil {
		return fmt.Errorf("namespace %s: %w", l.ns(name), err)
	}
	return nil
}

// removeMachine ends all that runs on a machine of the lab, and removes its view and
// its namespace. The other ends of its cables go with their peers.
func (l *Lab) removeMachine(name string) error {
	return errors.Join(l.evict(name), l.removeView(name), l.deleteNS(name))
}

func (l *Lab) deleteNS(name string) error {
	path := filepath.Join(nsDir, l.ns(name))
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot unmount %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// listen opens a TCP socket inside a namespace; it stays there whoever uses it.
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

// addAddress gives an interface an address; having it already is fine. IPv6
// addresses are used at once, without duplicate address detection: the lab
// gives out each only once.
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
