package model

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// tunnelForm is the name of a WireGuard interface as Proxmox VE accepts it: a part of file
// names.
var tunnelForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,6}[a-zA-Z0-9]?$`)

// maxPort is the highest UDP port.
const maxPort = 65535

// keyBytes is the length of a WireGuard key (Curve25519).
const keyBytes = 32

// IsWireGuardKey reports whether text is a key in the format of wg(8).
func IsWireGuardKey(text string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == keyBytes
}

// wireGuardNode checks the properties that only nodes of WireGuard fabrics have.
func (c *checker) wireGuardNode(r report, f *Fabric, n *FabricNode) {
	if f.Protocol != FabricWireGuard {
		for _, o := range []option{{"endpoint", n.Endpoint}, {"public-key", n.PublicKey}, {"allowed-ips", strings.Join(n.AllowedIPs, ", ")}} {
			if o.value != "" {
				r.errorf(o.field, o.value, "is not an option of an %s fabric, only of wireguard; remove it", f.Protocol)
			}
		}
		if n.Role != "" && (f.Protocol != FabricBGP || n.Role != RoleInternal) {
			r.errorf("role", n.Role, "is not possible in an %s fabric; remove it", f.Protocol)
		}
		if len(n.Peers) > 0 {
			r.errorf("peers", n.Peers[0].Node, "is not an option of an %s fabric, only of wireguard; remove it", f.Protocol)
		}
		return
	}
	for _, text := range n.AllowedIPs {
		allowedIP(r, "allowed-ips", text)
	}
	if n.Role == RoleExternal {
		externalNode(r, n)
		return
	}
	switch {
	case n.Role != "" && n.Role != RoleInternal:
		r.errorf("role", n.Role, "is neither internal nor external")
	case n.PublicKey != "":
		r.errorf("public-key", n.PublicKey, "is that of external nodes; those of an internal one are of its interfaces")
	case n.Endpoint != "" && !isHost(n.Endpoint):
		r.errorf("endpoint", n.Endpoint, "is no address or host name; the port is that of the interface")
	}
	ports := map[int]string{}
	for i, l := range n.Interfaces {
		field := fmt.Sprintf("interfaces[%d].listen-port", i)
		if other := ports[l.ListenPort]; other != "" && l.ListenPort != 0 {
			r.errorf(field, strconv.Itoa(l.ListenPort), "is already the port of interface %s", other)
		}
		ports[l.ListenPort] = l.Name
	}
	for i, p := range n.Peers {
		c.wireGuardPeer(r, fmt.Sprintf("peers[%d].", i), n, p)
	}
}

// externalNode checks a node outside the cluster, which Viaduct does not configure.
func externalNode(r report, n *FabricNode) {
	if !IsWireGuardKey(n.PublicKey) {
		r.errorf("public-key", n.PublicKey, "is not the public key of the external node: 32 bytes in base64, as wg pubkey writes it")
	}
	if !isHostPort(n.Endpoint) {
		r.errorf("endpoint", n.Endpoint, "is not where the external node is: write it like vpn.example.com:51820")
	}
	if len(n.Interfaces) > 0 || len(n.Peers) > 0 {
		r.errorf("role", n.Role, "is that of a node which Viaduct does not configure; remove its interfaces and peers")
	}
}

// wireGuardPeer checks that both ends of a tunnel exist.
func (c *checker) wireGuardPeer(r report, at string, n *FabricNode, p FabricPeer) {
	if !hasInterface(n, p.IFace) {
		r.errorf(at+"iface", p.IFace, "is no interface of this node; name one of its interfaces")
	}
	if p.AllowedIPs != "" {
		for text := range strings.SplitSeq(p.AllowedIPs, ";") {
			allowedIP(r, at+"allowed-ips", text)
		}
	}
	if p.Type != RoleInternal && p.Type != RoleExternal {
		r.errorf(at+"type", p.Type, "is neither internal nor external")
		return
	}
	external := p.Type == RoleExternal
	if p.Endpoint != "" && (external && !isHostPort(p.Endpoint) || !external && !isHost(p.Endpoint)) {
		r.errorf(at+"endpoint", p.Endpoint, "is no endpoint: a host for an internal peer, host:port for an external one")
	}
	other := c.cfg.FabricNodes[FabricNodeID(n.Fabric, p.Node)]
	switch {
	case other == nil:
		r.errorf(at+"node", p.Node, "is no node of fabric %s; declare fabric-node %s first", n.Fabric, FabricNodeID(n.Fabric, p.Node))
	case external != (other.Role == RoleExternal):
		r.errorf(at+"type", p.Type, "is not the role of node %s", p.Node)
	case !external && !hasInterface(other, p.NodeIFace):
		r.errorf(at+"node-iface", p.NodeIFace, "is no interface of node %s; name one of its interfaces", p.Node)
	}
}

func hasInterface(n *FabricNode, name string) bool {
	for _, l := range n.Interfaces {
		if l.Name == name {
			return true
		}
	}
	return false
}

func allowedIP(r report, field, text string) {
	if _, err := netip.ParsePrefix(text); err != nil {
		r.errorf(field, text, "is no network; write it like 10.0.1.0/24 or fd00::/64")
	}
}

// isHost reports whether text is an IP address or a host name.
func isHost(text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Zone() == ""
	}
	for label := range strings.SplitSeq(text, ".") {
		if !IsLabel(label) {
			return false
		}
	}
	return true
}

// isHostPort reports whether text is host:port, with an IPv6 address in brackets.
func isHostPort(text string) bool {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return false
	}
	host, bracketed := text[:i], false
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, bracketed = strings.CutSuffix(inner, "]")
	}
	n, err := strconv.Atoi(text[i+1:])
	return err == nil && n > 0 && n <= maxPort && isHost(host) && bracketed == strings.Contains(host, ":")
}

// wireGuardInterface checks an interface that WireGuard creates.
func wireGuardInterface(r report, field string, f *Fabric, l FabricInterface) {
	if f.Protocol != FabricWireGuard {
		for _, o := range []option{{".listen-port", nonZero(l.ListenPort)}, {".public-key", l.PublicKey}} {
			if o.value != "" {
				r.errorf(field+o.field, o.value, "is an option of wireguard only; remove it")
			}
		}
		if l.IP6LL {
			r.errorf(field+".ip6-ll", "true", "is an option of wireguard only; remove it")
		}
		return
	}
	if !tunnelForm.MatchString(l.Name) {
		r.errorf(field+".name", l.Name, "is no name for a WireGuard interface: use up to 8 letters, digits and hyphens, no hyphen at the ends")
	}
	if l.ListenPort == 0 {
		r.errorf(field+".listen-port", "", "is missing: the UDP port, 1 to %d", MaxPort)
	}
	row(KindFabricNode, "interfaces.listen-port").checkNumber(r, field+".listen-port", l.ListenPort)
	if l.PublicKey != "" && !IsWireGuardKey(l.PublicKey) {
		r.errorf(field+".public-key", l.PublicKey, "is no public key: 32 bytes in base64, as wg pubkey writes it")
	}
}
