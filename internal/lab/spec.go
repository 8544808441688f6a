// Package lab makes virtual clusters on one machine: every node is a network
// namespace with an agent process of its own, joined to the others by an
// underlay; guests are namespaces whose NIC is plugged in as a hypervisor would.
//
// The lab is outside the one-way flow. It acts as the data centre, the hypervisor
// and the operator, and uses the product by its public interfaces: the command
// line, the API and the names of interfaces.
package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"

	"github.com/goccy/go-yaml"
)

// Spec describes a lab; it is the content of lab.yaml.
type Spec struct {
	// Nodes are the nodes, at least one.
	Nodes []NodeSpec `json:"nodes"`
	// Hosts are further machines, which Viaduct does not manage.
	Hosts []HostSpec `json:"hosts,omitempty"`
	// Underlay is the network between the nodes. The server listens on its
	// second last address, the outside host is the third last.
	Underlay netip.Prefix `json:"underlay"`
	// Underlay6 is the same for IPv6; the nodes have both.
	Underlay6 netip.Prefix `json:"underlay6"`
	// MTU is that of the underlay, in bytes.
	MTU int `json:"mtu"`
	// Switches are further networks between nodes and hosts, such as a trunk that
	// carries VLANs.
	Switches []SwitchSpec `json:"switches,omitempty"`
	// Links are cables between two of them, each written as its two ends:
	// [node1.eth1, node2.eth1].
	Links [][]string `json:"links,omitempty"`
}

// SwitchSpec is a switch that forwards every frame unchanged.
type SwitchSpec struct {
	// Name is up to 8 letters and digits.
	Name string `json:"name"`
	// Ports are interfaces of nodes and hosts: "node1.eth1".
	Ports []string `json:"ports"`
}

// BridgeSpec is a node's own bridge, as its operator created it.
type BridgeSpec struct {
	Name string `json:"name"`
	// Ports are interfaces of the node.
	Ports []string `json:"ports,omitempty"`
	// VLANAware makes the bridge filter VLANs; its ports carry all of them.
	VLANAware bool `json:"vlan-aware,omitempty"`
	// OVS makes it an Open vSwitch bridge; the node then runs a separate Open
	// vSwitch.
	OVS bool `json:"ovs,omitempty"`
	// Datapath of such a bridge: system (the kernel's) or netdev (in user space).
	// Unset means the kernel's where there is one.
	Datapath string `json:"datapath,omitempty"`
}

// NodeSpec is one node of a lab.
type NodeSpec struct {
	Name string `json:"name"`
	// Address in the underlay; unset means the address with the node's number.
	Address netip.Addr `json:"address,omitzero"`
	// Bridges are those that the node has before Viaduct is started.
	Bridges []BridgeSpec `json:"bridges,omitempty"`
	// Ifupdown2 gives the node a separate folder /etc/network, with the bridges in
	// its file interfaces, so that ifupdown2 can be used on it.
	Ifupdown2 bool `json:"ifupdown2,omitempty"`

	SystemSpec `yaml:",inline"`
}

// HostSpec is a machine in addition to the nodes that Viaduct does not manage, such
// as a router.
type HostSpec struct {
	Name string `json:"name"`
	// Address in the underlay; unset means that it is not connected to it.
	Address netip.Addr `json:"address,omitzero"`

	SystemSpec `yaml:",inline"`
}

// SystemSpec is an operator's configuration of a machine before Viaduct is started.
type SystemSpec struct {
	// Loopback are addresses on the interface lo.
	Loopback []netip.Prefix `json:"loopback,omitempty"`
	// Setup are shell commands that run inside once, when all interfaces exist: "ip
	// -6 route add default via fd00::1".
	Setup []string `json:"setup,omitempty"`
	// FRR is the configuration of FRR.
	FRR *FRRSpec `json:"frr,omitempty"`
}

// FRRSpec is an operator's own configuration of FRR.
type FRRSpec struct {
	// Daemons are those to start in addition to zebra: [bgpd, bfdd].
	Daemons []string `json:"daemons"`
	// Config is the text of frr.conf.
	Config string `json:"config"`
}

// MaxNodes bounds a lab: each node is a process.
const MaxNodes = 64

// DefaultSpec is a lab of n nodes, named node1, node2 and so on, with the addresses
// of the Proxmox manual's examples: 192.168.0.1 and up.
func DefaultSpec(n int) *Spec {
	s := &Spec{
		Underlay:  netip.MustParsePrefix("192.168.0.0/24"),
		Underlay6: netip.MustParsePrefix("fd00:192:168::/64"),
		MTU:       1500,
	}
	for i := range n {
		s.Nodes = append(s.Nodes, NodeSpec{Name: fmt.Sprintf("node%d", i+1)})
	}
	return s
}

// LoadSpec reads a lab.yaml; defaults are as in DefaultSpec.
func LoadSpec(path string) (*Spec, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := DefaultSpec(0)
	if err := yaml.UnmarshalWithOptions(b, s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	if len(s.Nodes) == 0 {
		s.Nodes = DefaultSpec(3).Nodes
	}
	return s, nil
}

var nodeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// reservedNames are the hosts of every lab.
var reservedNames = []string{underlayNS, outsideNS}

// complete fills in addresses and checks the spec.
func (s *Spec) complete() error {
	var errs []error
	if len(s.Nodes) == 0 || len(s.Nodes) > MaxNodes {
		errs = append(errs, fmt.Errorf("a lab has 1 to %d nodes, not %d", MaxNodes, len(s.Nodes)))
	}
	if s.MTU < 1280 || s.MTU > 65535 {
		errs = append(errs, fmt.Errorf("mtu %d: must be 1280 to 65535 bytes", s.MTU))
	}
	if !s.Underlay.IsValid() || !s.Underlay.Addr().Is4() || s.Underlay.Bits() > 24 || s.Underlay.Bits() < 16 {
		errs = append(errs, fmt.Errorf("underlay %s: must be an IPv4 network of 16 to 24 bits, like 192.168.0.0/24", s.Underlay))
	}
	if !s.Underlay6.IsValid() || !s.Underlay6.Addr().Is6() || s.Underlay6.Bits() > 64 {
		errs = append(errs, fmt.Errorf("underlay6 %s: must be an IPv6 network of at most 64 bits, like fd00:192:168::/64", s.Underlay6))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	names, addrs := map[string]bool{}, map[netip.Addr]string{
		s.serverAddr(): "the server", s.outsideAddr(): "the outside host",
	}
	for _, r := range reservedNames {
		names[r] = true
	}
	claim := func(kind, name string, addr netip.Addr) {
		switch {
		case !nodeName.MatchString(name):
			errs = append(errs, fmt.Errorf("%s name %q: must be lower-case letters, digits and hyphens, at most 32", kind, name))
		case names[name]:
			errs = append(errs, fmt.Errorf("%s name %q is taken", kind, name))
		case addr.IsValid() && !s.Underlay.Contains(addr):
			errs = append(errs, fmt.Errorf("%s %s: address %s is not in the underlay %s", kind, name, addr, s.Underlay))
		case addr.IsValid() && addrs[addr] != "":
			errs = append(errs, fmt.Errorf("%s %s: address %s belongs to %s", kind, name, addr, addrs[addr]))
		}
		names[name], addrs[addr] = true, kind+" "+name
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if !n.Address.IsValid() {
			n.Address = nth(s.Underlay, i+1)
		}
		claim("node", n.Name, n.Address)
	}
	for _, h := range s.Hosts {
		claim("host", h.Name, h.Address)
	}
	return errors.Join(append(errs, s.checkTopology()...)...)
}

// nth returns the n-th address of a network, counted from its end when n < 0.
func nth(p netip.Prefix, n int) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	if n < 0 {
		for bit := p.Bits(); bit < len(b)*8; bit++ {
			b[bit/8] |= 1 << (7 - bit%8)
		}
		n++
	}
	for i := len(b) - 1; i >= 0 && n != 0; i-- {
		sum := int(b[i]) + n
		b[i] = byte(sum & 0xff)
		n = sum >> 8
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (s *Spec) serverAddr() netip.Addr  { return nth(s.Underlay, -2) }
func (s *Spec) outsideAddr() netip.Addr { return nth(s.Underlay, -3) }

// address6 returns a node's IPv6 address in the underlay: that with the node's
// number.
func (s *Spec) address6(i int) netip.Addr { return nth(s.Underlay6, i+1) }

// OutsideHost is an address beyond the underlay's router, which guests reach by
// their gateway (RFC 5737, RFC 3849).
var (
	OutsideHost  = netip.MustParseAddr("198.51.100.1")
	OutsideHost6 = netip.MustParseAddr("2001:db8:ffff::1")
)
