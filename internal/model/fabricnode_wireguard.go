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
				r.error(o.field, o.value, msgFabricNodeWireGuardOnly, f.Protocol)
			}
		}
		if n.Role != "" && (f.Protocol != FabricBGP || n.Role != RoleInternal) {
			r.error("role", n.Role, msgFabricNodeRoleNotUsed, f.Protocol)
		}
		if len(n.Peers) > 0 {
			r.error("peers", n.Peers[0].Node, msgFabricNodeWireGuardOnly, f.Protocol)
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
		r.error("role", n.Role, msgFabricNodeRoleUnknown)
	case n.PublicKey != "":
		r.error("public-key", n.PublicKey, msgFabricNodePublicKeyInternal)
	case n.Endpoint != "" && !isHost(n.Endpoint):
		r.error("endpoint", n.Endpoint, msgFabricNodeEndpointInvalid)
	}
	ports := map[int]string{}
	for i, l := range n.Interfaces {
		field := fmt.Sprintf("interfaces[%d].listen-port", i)
		if other := ports[l.ListenPort]; other != "" && l.ListenPort != 0 {
			r.error(field, strconv.Itoa(l.ListenPort), msgWireGuardPortUsed, other)
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
		r.error("public-key", n.PublicKey, msgWireGuardPeerKeyInvalid)
	}
	if !isHostPort(n.Endpoint) {
		r.error("endpoint", n.Endpoint, msgWireGuardPeerEndpointInvalid)
	}
	if len(n.Interfaces) > 0 || len(n.Peers) > 0 {
		r.error("role", n.Role, msgFabricNodeExternalSettings)
	}
}

// wireGuardPeer checks that both ends of a tunnel exist.
func (c *checker) wireGuardPeer(r report, at string, n *FabricNode, p FabricPeer) {
	if !hasInterface(n, p.IFace) {
		r.error(at+"iface", p.IFace, msgWireGuardInterfaceUnknown)
	}
	if p.AllowedIPs != "" {
		for text := range strings.SplitSeq(p.AllowedIPs, ";") {
			allowedIP(r, at+"allowed-ips", text)
		}
	}
	if p.Type != RoleInternal && p.Type != RoleExternal {
		r.error(at+"type", p.Type, msgFabricNodeRoleUnknown)
		return
	}
	external := p.Type == RoleExternal
	if p.Endpoint != "" && (external && !isHostPort(p.Endpoint) || !external && !isHost(p.Endpoint)) {
		r.error(at+"endpoint", p.Endpoint, msgWireGuardEndpointInvalid)
	}
	other := c.cfg.FabricNodes[FabricNodeID(n.Fabric, p.Node)]
	switch {
	case other == nil:
		r.error(at+"node", p.Node, msgWireGuardPeerUnknown, n.Fabric, FabricNodeID(n.Fabric, p.Node))
	case external != (other.Role == RoleExternal):
		r.error(at+"type", p.Type, msgWireGuardPeerRole, p.Node)
	case !external && !hasInterface(other, p.NodeIFace):
		r.error(at+"node-iface", p.NodeIFace, msgWireGuardPeerInterfaceUnknown, p.Node)
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
		r.error(field, text, msgAllowedIpsInvalid)
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
				r.error(field+o.field, o.value, msgFabricInterfaceWireGuardOnly)
			}
		}
		if l.IP6LL {
			r.error(field+".ip6-ll", "true", msgFabricInterfaceWireGuardOnly)
		}
		return
	}
	if !tunnelForm.MatchString(l.Name) {
		r.error(field+".name", l.Name, msgWireGuardInterfaceNameInvalid)
	}
	if l.ListenPort == 0 {
		r.error(field+".listen-port", "", msgWireGuardPortMissing, MaxPort)
	}
	row(KindFabricNode, "interfaces.listen-port").checkNumber(r, field+".listen-port", l.ListenPort)
	if l.PublicKey != "" && !IsWireGuardKey(l.PublicKey) {
		r.error(field+".public-key", l.PublicKey, msgWireGuardKeyInvalid)
	}
}
