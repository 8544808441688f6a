package model

import (
	"net/netip"
	"strings"
)

// Node holds the settings of one host that runs the agent. A host needs no
// Node object to take part: joining the cluster is enough; the object exists to
// change a default.
type Node struct {
	// ID is the name under which the host joined.
	ID string `json:"id"`
	// Address is the node's own end of tunnels when a zone's peer list does
	// not decide it. Unset means: found on the node (see compile).
	Address netip.Addr `json:"address,omitzero"`
	// Reserved lists interface names, or shell patterns of them (path.Match
	// syntax), that Viaduct must never create, change or remove on the node.
	Reserved []string `json:"reserved,omitempty"`
	// Backend says how links are programmed on the node: BackendNetlink (also
	// when empty) or BackendIfupdown2.
	Backend string `json:"backend,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// The backends of a node.
const (
	// BackendNetlink talks to the kernel directly.
	BackendNetlink = "netlink"
	// BackendIfupdown2 writes a file for ifupdown2 and lets it reload.
	BackendIfupdown2 = "ifupdown2"
)

// ObjectKind implements Object.
func (*Node) ObjectKind() Kind { return KindNode }

// ObjectID implements Object.
func (n *Node) ObjectID() string { return n.ID }

// NodeName is the name of the node that a host with this name is: the part before the
// first dot, as Proxmox VE has it, in lower case.
func NodeName(host string) string {
	name, _, _ := strings.Cut(host, ".")
	return strings.ToLower(name)
}
