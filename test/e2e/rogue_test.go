package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// advertise sends a router advertisement (RFC 4861, section 4.2) to all nodes on
// a guest's network, with the guest itself as the router.
func (c *cluster) advertise(guest string) error {
	return c.inside(guest, sendAdvertisement)
}

func sendAdvertisement() error {
	iface, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
		return err
	}
	// Type 134, hop limit 64, lifetime 1800 s; the kernel fills in the checksum.
	message := []byte{134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0}
	all := netip.MustParseAddr("ff02::1").As16()
	return unix.Sendto(fd, message, 0, &unix.SockaddrInet6{Addr: all, ZoneId: uint32(iface.Index)})
}

// TestGuestIsNoRouter: a guest that plays the router is believed by guests, as
// ever, but does not become the way out of the node.
func TestGuestIsNoRouter(t *testing.T) {
	c := newCluster(t, 1)
	c.example("snat")
	c.labRun("guest", "add", "victim", "--vnet", "vnet1", "--node", "node1", "--ip", "172.16.0.99")
	c.eventually(10*time.Second, func() error {
		if err := c.advertise("vm1"); err != nil {
			return err // no link-local address yet
		}
		if out := c.in("victim", "ip", "-6", "route", "show", "default"); !strings.Contains(out, "dev eth0") {
			return fmt.Errorf("the advertisement does not work even on a guest: %s", out)
		}
		return nil
	})
	if out := c.in("node1", "ip", "-6", "route", "show", "default"); strings.Contains(out, "vnet1") {
		t.Errorf("the node routes by its guest:\n%s", out)
	}
	c.stands()
}
