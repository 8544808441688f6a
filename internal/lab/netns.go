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

// nsDir is iproute2's directory of named network namespaces.
const nsDir = "/run/netns"

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

// makeNS creates a namespace with its loopback up, unless it exists.
func (l *Lab) makeNS(name string) error {
	if l.hasNS(name) {
		return nil
	}
	// A file that is no namespace is left behind by a kill between its creation and
	// the mount.
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

// shareNSDir makes the directory of named namespaces a shared mount, as ip netns
// add does at its first call: that mounts the directory over itself, which would
// hide all existing namespaces.
func shareNSDir() error {
	if err := os.MkdirAll(nsDir, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", nsDir, "", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) { // EINVAL: it is not a mount yet
		return err
	}
	if err := unix.Mount(nsDir, nsDir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("", nsDir, "", unix.MS_SHARED|unix.MS_REC, "")
}

// inside runs f on a thread in the namespace.
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

// in calls f with a netlink handle on the namespace.
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

// removeMachine ends all processes on a machine of the lab, and removes its view
// and its namespace. The other ends of its cables are deleted with their peers.
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
