package dnsmasq

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// DefaultFile is the name of the file with the settings of a zone.
const DefaultFile = "00-default.conf"

// Marker is the first line of every file that Viaduct makes: it identifies a folder of
// Viaduct.
const Marker = "# Made by Viaduct. Changes here are undone; settings of your own go into a file 90-<name>.conf beside it."

// The durations of leases, in dnsmasq's notation.
const (
	// StaticLease is the lease of a NIC with its own address: half of it is the longest
	// time until a guest learns of a change, and all of it is how long guests survive
	// without any server.
	StaticLease = "12h"
	// DynamicLease is the lease of an address out of a range.
	DynamicLease = "1h"
)

// enterprise is the number in the server's identifier (RFC 8415, 11.3): that for examples
// (RFC 5612), as Viaduct has no own number.
const enterprise = 32473

// maxLeases is more than the guests of a node; dnsmasq's own limit is 1000.
const maxLeases = 1_000_000

// NetworkFile is the name of the file with the settings of a link.
func NetworkFile(link string) string { return "10-" + link + ".conf" }

// HostsFile is the name of the file of the known NICs.
func HostsFile(link string) string { return "ethers-" + link }

// AddedFolder is the name of the folder of NICs that were added since dnsmasq read the
// hosts file. It reads new files there without reading all others again, which needs a
// tenth of a second for ten thousand.
func AddedFolder(link string) string { return "ethers-" + link + ".d" }

// LinkOf is the link of a NetworkFile, if the name is that of one.
func LinkOf(name string) (link string, ok bool) {
	link, prefix := strings.CutPrefix(name, "10-")
	link, suffix := strings.CutSuffix(link, ".conf")
	return link, prefix && suffix && link != ""
}

// Paths are the places of the files of a network: the folder of its zone's configuration,
// and its leases.
type Paths struct{ Folder, Leases string }

// Main renders the file that dnsmasq is started with: it names those of the configuration,
// which are in the folder.
func Main(folder string, files ...string) string {
	lines := []string{Marker}
	for _, name := range files {
		lines = append(lines, "conf-file="+folder+"/"+name)
	}
	return text(lines)
}

// Default renders the file with the settings of a zone.
func Default(s *desired.DHCPServer) string {
	lines := []string{
		Marker,
		"port=0",
		"except-interface=lo",
		"bind-dynamic",
		"no-hosts",
		"no-resolv",
		"quiet-ra",
		"dhcp-lease-max=" + strconv.Itoa(maxLeases),
		"dhcp-authoritative",
		fmt.Sprintf("dhcp-duid=%d,%s", enterprise, serverID(s.Zone)),
	}
	if !s.Dynamic {
		lines = append(lines, "dhcp-ignore=tag:!known")
	}
	// As in Proxmox VE: no search for a proxy by Windows (252), DHCP release at its
	// shutdown, and no guest called wpad.
	lines = append(lines,
		`dhcp-option=252,"\n"`,
		"dhcp-option=vendor:MSFT,2,1i",
		"dhcp-name-match=set:wpad-ignore,wpad",
		"dhcp-ignore-names=tag:wpad-ignore")
	return text(lines)
}

// serverID differs between the servers of zones, but not between those of nodes: a guest
// that moves continues with the server of its new node.
func serverID(zone string) string {
	sum := sha256.Sum256([]byte("viaduct dhcp server " + zone))
	var parts []string
	for _, b := range sum[:8] {
		parts = append(parts, hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, ":")
}

// Network renders the file with the settings of a link.
func Network(n *desired.DHCPNetwork, p Paths) string {
	lines := []string{
		Marker,
		"interface=" + n.Link,
		"dhcp-leasefile=" + p.Leases,
		"dhcp-hostsfile=" + p.Folder + "/" + HostsFile(n.Link),
		"dhcp-hostsdir=" + p.Folder + "/" + AddedFolder(n.Link),
	}
	six := false
	for i := range n.Subnets {
		s := &n.Subnets[i]
		if s.CIDR.Addr().Is4() {
			lines = append(lines, subnet4(n, s)...)
		} else {
			six = true
			lines = append(lines, subnet6(s)...)
		}
	}
	if six && !n.Quiet {
		lines = append(lines, "enable-ra", raParam(n))
	}
	return text(lines)
}

// raParam configures the router advertisements of a link: where the node is no router,
// with a lifetime of 0 (RFC 4861, 6.2.3), so that they contain only networks and how to
// get addresses.
func raParam(n *desired.DHCPNetwork) string {
	line := "ra-param=" + n.Link
	if n.MTU != 0 {
		line += ",mtu:" + strconv.Itoa(n.MTU)
	}
	line += ",0" // dnsmasq's own interval: ten minutes
	if !n.Router {
		line += ",0"
	}
	return line
}

func subnet4(n *desired.DHCPNetwork, s *desired.DHCPSubnet) []string {
	network, mask := s.CIDR.Masked().Addr().String(), dotted(s.CIDR.Bits())
	var lines []string
	if s.Shared {
		lines = append(lines, "shared-network="+n.Link+","+network)
	}
	if len(s.Ranges) == 0 {
		lines = append(lines, "dhcp-range=set:"+s.ID+","+network+",static,"+mask+","+StaticLease)
	}
	for _, r := range s.Ranges {
		lines = append(lines, fmt.Sprintf("dhcp-range=set:%s,%s,%s,%s,%s", s.ID, r.Start, r.End, mask, DynamicLease))
	}
	option := func(name string, values ...string) {
		lines = append(lines, strings.Join(append([]string{"dhcp-option=tag:" + s.ID, "option:" + name}, values...), ","))
	}
	if s.Gateway.IsValid() {
		option("router", s.Gateway.String())
	} else {
		option("router") // none, instead of dnsmasq's own address
	}
	if s.DNSServer.IsValid() {
		option("dns-server", s.DNSServer.String())
	}
	if s.Domain != "" {
		option("domain-name", s.Domain)
	}
	if n.MTU != 0 {
		option("mtu", strconv.Itoa(n.MTU))
	}
	if len(s.Routes) > 0 {
		option("classless-static-route", routes(s)...)
	}
	return lines
}

// routes are the values of option 121. A client that reads it ignores the router option
// (RFC 3442), so the default route is among them.
func routes(s *desired.DHCPSubnet) []string {
	var out []string
	add := func(dst string, via netip.Addr) {
		if !via.IsValid() {
			via = netip.IPv4Unspecified()
		}
		out = append(out, dst, via.String())
	}
	for _, r := range s.Routes {
		add(r.Dst.String(), r.Via)
	}
	if s.Gateway.IsValid() {
		add("0.0.0.0/0", s.Gateway)
	}
	return out
}

func subnet6(s *desired.DHCPSubnet) []string {
	network, bits := s.CIDR.Masked().Addr().String(), strconv.Itoa(s.CIDR.Bits())
	var lines []string
	switch {
	case s.Autonomous:
		lines = append(lines, "dhcp-range=set:"+s.ID+","+network+",ra-stateless,"+bits+","+StaticLease)
	case len(s.Ranges) == 0:
		lines = append(lines, "dhcp-range=set:"+s.ID+","+network+",static,"+bits+","+StaticLease)
	default:
		for _, r := range s.Ranges {
			lines = append(lines, fmt.Sprintf("dhcp-range=set:%s,%s,%s,%s,%s", s.ID, r.Start, r.End, bits, DynamicLease))
		}
	}
	if s.DNSServer.IsValid() {
		lines = append(lines, "dhcp-option=tag:"+s.ID+",option6:dns-server,["+s.DNSServer.String()+"]")
	}
	if s.Domain != "" {
		lines = append(lines, "dhcp-option=tag:"+s.ID+",option6:domain-search,"+s.Domain)
	}
	return lines
}

// dotted is an IPv4 mask: 255.255.255.0 for 24 bits.
func dotted(bits int) string {
	m := ^uint32(0) << (32 - bits)
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }
