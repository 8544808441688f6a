package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A zone whose nodes serve guests, and nothing else of them is reached but SSH's port.
const guardedZone = `
kind: zone
id: fence
type: simple
ipam: pve
dhcp: dnsmasq
dnszone: lab.example
%s
---
kind: vnet
id: yard
zone: fence
---
kind: subnet
id: 10.66.0.0/24
vnet: yard
gateway: 10.66.0.1
snat: true
---
kind: subnet
id: fd00:66::/64
vnet: yard
gateway: fd00:66::1
ra: slaac
---
kind: guest
id: 100
name: vm1
node: node1
nics: [{id: net0, vnet: yard, mac: "BC:24:11:00:00:64", ips: [10.66.0.100]}]
`

// TestNodeAccess keeps guests off the nodes' own services, and off the networks that
// nodes are on, while what a gateway is there for goes on.
func TestNodeAccess(t *testing.T) {
	c := newCluster(t, 1)
	const own, router = "192.168.0.1", "192.168.0.254"
	apply := func(options string) { c.apply(fmt.Sprintf(guardedZone, options)) }
	apply("")
	c.labRun("guest", "start", "--all")
	told := "ip=10.66.0.100 router=10.66.0.1 dns=10.66.0.1 mtu=1500 server=10.66.0.1"
	c.takesLease(told)
	open, closed := c.listens("node1"), c.listens("node1")
	c.answers("vm1", own)
	c.answers("vm1", router)
	c.dials("vm1", own, closed, true)

	apply(fmt.Sprintf("node-services: tcp/%d", open))
	c.refused("vm1", own)
	c.dials("vm1", own, closed, false)
	c.dials("vm1", "10.66.0.1", closed, false) // the gateway is an address of the node, too
	c.dials("vm1", own, open, true)
	c.dials("vm1", "10.66.0.1", open, true)
	c.answers("vm1", router) // beyond the node
	c.servesGuest(told)
	c.answers("node1", "10.66.0.100") // the node itself reaches guests, and hears their answers

	apply("node-services: none")
	c.dials("vm1", "10.66.0.1", open, false)
	c.servesGuest(told)

	apply("node-networks: none")
	c.refused("vm1", router)
	c.answers("vm1", own)
	c.answers("vm1", "198.51.100.1") // the outside host, beyond the router

	apply("node-networks: snat")
	c.answers("vm1", router)
	c.stands()
}

// servesGuest demands what a gateway is there for.
func (c *cluster) servesGuest(told string) {
	c.t.Helper()
	c.takesLease(told)
	c.renews("vm1")
	c.names("vm1", "10.66.0.1", "vm1.lab.example", "10.66.0.100")
	c.slaac("vm1", "fd00:66::be24:11ff:fe00:64", true)
	c.answers("vm1", "10.66.0.1")
	c.answers("vm1", "fd00:66::1")
}

// takesLease demands that vm1 is told something by DHCP, and sets the default route that
// goes with the address that it had.
func (c *cluster) takesLease(told string) {
	c.t.Helper()
	c.leases("vm1", told)
	c.in("vm1", "ip", "route", "replace", "default", "via", "10.66.0.1")
}

// refused demands that a ping is not answered, but that its sender is told.
func (c *cluster) refused(guest, addr string) {
	c.t.Helper()
	if r := c.exec(guest, "ping", "-c", "1", "-W", "2", addr); r.code == 0 || !strings.Contains(r.out, "Packet filtered") {
		c.t.Errorf("%s was not told that its packet to %s was refused:\n%s%s", guest, addr, r.out, r.err)
	}
}

// listens takes connections on a machine's addresses until the test ends.
func (c *cluster) listens(machine string) (port int) {
	c.t.Helper()
	return c.serves(machine, func(net.Conn) {})
}

// serves takes connections on a machine's addresses until the test ends, and closes each
// after it was answered.
func (c *cluster) serves(machine string, answer func(net.Conn)) (port int) {
	c.t.Helper()
	var l net.Listener
	if err := c.inside(machine, func() (err error) {
		l, err = net.Listen("tcp", ":0")
		return err
	}); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answer(conn)
			_ = conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// dials demands that a guest gets a connection, or that it gets none.
func (c *cluster) dials(guest, addr string, port int, connects bool) {
	c.t.Helper()
	err := c.inside(guest, func() error {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(addr, fmt.Sprint(port)), 2*time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	if (err == nil) != connects {
		c.t.Errorf("%s dials %s port %d: %v", guest, addr, port, err)
	}
}
