package dnsmasq

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// six is a server of one IPv6 network.
func six(router, autonomous bool, hosts ...desired.DHCPHost) desired.DHCPServer {
	return desired.DHCPServer{Zone: "z6", Owner: "zone/z6", Networks: []desired.DHCPNetwork{{
		Link: "vn1", Owner: "vnet/vn1", MTU: 1400, Router: router, Hosts: hosts,
		Subnets: []desired.DHCPSubnet{{
			ID: "z6-fd00:5::-64", Owner: "subnet/z6-fd00:5::-64", CIDR: prefix("fd00:5::/64"), Autonomous: autonomous,
			DNSServer: addr("fd00:5::53"), Domain: "lab.example",
		}},
	}}}
}

// bridge6 is a bridge whose address in the network is not the gateway's.
const bridge6 = "fd00:5::fdff:ffff:ffff:ffc3/64"

func newNode6(t *testing.T) *node {
	n := newNode(t)
	n.ip("address add " + bridge6 + " dev vn1 nodad noprefixroute")
	return n
}

func TestGuestMakesItsOwnAddress(t *testing.T) {
	n := newNode6(t)
	g := n.guest(mac1)
	n.reconcile(six(false, true))
	eventually(t, func() bool {
		return strings.Contains(in(t, g.ns, "ip", "-6", "address", "show", "dev", "eth0"), " fd00:5::ff:fe00:1/64 ")
	}, "the guest has no address of its own")
	if got := in(t, g.ns, "ip", "-6", "route", "show", "default"); got != "" {
		t.Errorf("the node, which is no router, became the default gateway: %s", got)
	}
	if got := in(t, g.ns, "ip", "-6", "route", "show", "dev", "eth0"); !strings.Contains(got, "fd00:5::/64 ") {
		t.Errorf("the guest does not know that its network is here: %s", got)
	}
	if got := in(t, g.ns, "sysctl", "-n", "net.ipv6.conf.eth0.mtu"); strings.TrimSpace(got) != "1400" {
		t.Errorf("the guest's MTU is %s", got)
	}
}

func TestGuestIsGivenAnAddress6(t *testing.T) {
	n := newNode6(t)
	g := n.guest(mac1)
	n.reconcile(six(true, false, host(mac1, "web", "fd00:5::7")))
	// The advertisement makes the node the gateway and gives no address.
	eventually(t, func() bool {
		return strings.Contains(in(t, g.ns, "ip", "-6", "route", "show", "default"), "default via fe80::")
	}, "the guest has no default gateway")
	if got := in(t, g.ns, "ip", "-6", "address", "show", "dev", "eth0", "scope", "global"); got != "" {
		t.Errorf("the guest made an address of its own: %s", got)
	}
	log := g.dhclient6()
	eventually(t, func() bool { b, _ := os.ReadFile(log); return strings.Contains(string(b), "BOUND6") }, "dhclient got nothing")
	b, _ := os.ReadFile(log)
	want := "BOUND6 fd00:5::7/128 dns=fd00:5::53 search=lab.example."
	if got := strings.TrimSpace(string(b)); !strings.Contains(got, want) {
		t.Errorf("dhclient was told\n%s\nwant\n%s", got, want)
	}
	// The server is the same to guests whatever node it is on.
	if got := n.read("var/lib/misc/dnsmasq.z6.vn1.leases"); !strings.Contains(got, "duid 00:02:00:00:7e:d9:") {
		t.Errorf("the leases are\n%s", got)
	}
}

// An IPv6 address that another NIC has now is taken from its old holder.
func TestAddress6MovesToAnotherNIC(t *testing.T) {
	n := newNode6(t)
	g := n.guest(mac1)
	n.reconcile(six(true, false, host(mac1, "old", "fd00:5::7")))
	log := g.dhclient6()
	eventually(t, func() bool { b, _ := os.ReadFile(log); return strings.Contains(string(b), "BOUND6 fd00:5::7/") }, "dhclient got nothing")
	n.reconcile(six(true, false, host(mac2, "new", "fd00:5::7")))
	if got := n.read("var/lib/misc/dnsmasq.z6.vn1.leases"); strings.Contains(got, "fd00:5::7") {
		t.Errorf("the lease of the old holder is still there:\n%s", got)
	}
	other := n.guest(mac2)
	log = other.dhclient6()
	eventually(t, func() bool { b, _ := os.ReadFile(log); return strings.Contains(string(b), "BOUND6 fd00:5::7/") }, "the new holder got nothing")
}

const dhclientScript = `#!/bin/sh
echo "$reason $new_ip6_address/$new_ip6_prefixlen dns=$new_dhcp6_name_servers search=$new_dhcp6_domain_search" >> %LOG%
`

// dhclient6 runs ISC's client for DHCPv6 and returns where it writes what it was
// told.
func (g *guest) dhclient6() (log string) {
	g.t.Helper()
	log = filepath.Join(g.dir, "log6")
	script := filepath.Join(g.dir, "script6")
	if err := os.WriteFile(script, []byte(strings.ReplaceAll(dhclientScript, "%LOG%", log)), 0o755); err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.Command("dhclient", "-6", "-d", "-cf", "/dev/null", "-lf", filepath.Join(g.dir, "leases6"), "-pf", filepath.Join(g.dir, "pid6"), "-sf", script, "eth0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := g.ns.Run(cmd.Start); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if g.t.Failed() {
			g.t.Logf("dhclient of %s: %s", g.mac, said.String())
		}
	})
	return log
}
