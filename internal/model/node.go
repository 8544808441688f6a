package model

import (
	"net/netip"
	"path"
	"strings"
)

// Node holds the settings of one host that runs the agent. A host that has joined the cluster
// needs no Node object; it exists only to change a default.
type Node struct {
	// ID is the name under which the host joined.
	ID string `json:"id"`
	// Address is the node's VTEP address unless a zone's peer list determines it. If
	// unset, it is derived from the node's facts (see compile).
	Address netip.Addr `json:"address,omitzero"`
	// Reserved lists interface names, or shell patterns of them (path.Match
	// syntax), that Viaduct must never create, change or remove on the node.
	Reserved []string `json:"reserved,omitempty"`
	// Backend is how links are programmed on the node: BackendNetlink (also when empty) or
	// BackendIfupdown2.
	Backend string `json:"backend,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// The backends of a node.
const (
	// BackendNetlink uses netlink directly.
	BackendNetlink = "netlink"
	// BackendIfupdown2 writes a file for ifupdown2 and runs its reload.
	BackendIfupdown2 = "ifupdown2"
)

// KindNode is the kind of Node.
const KindNode Kind = "node"

func nodeKind() *Descriptor {
	return &Descriptor{
		Kind:  KindNode,
		check: checking((*checker).node),
		slot:  in(func(c *Config) *map[string]*Node { return &c.Nodes }),
		Doc:   "Settings of one host that runs the agent. A host needs none to take part.",
		Example: `kind: node
id: node1
address: 192.168.0.1
reserved: [eth9]
`,
		Permissions: []Permission{{Path: "/nodes/{id}", Read: []string{privSysAudit}, Write: []string{privSysModify}}},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "name under which the host joined"},
			{Name: "address", Doc: "own VTEP address, unless a peer list decides it"},
			{Name: "reserved", Doc: "interface names or patterns that Viaduct never touches"},
			{Name: "backend", Doc: "how links are programmed; netlink if left out", Values: []string{BackendNetlink, BackendIfupdown2}, Noun: "a way to program links"},
		},
		Columns: []Column{
			column("NODE", func(n *Node) string { return n.ID }),
			column("ADDRESS", func(n *Node) string { return addrText(n.Address) }),
			column("RESERVED", func(n *Node) string { return strings.Join(n.Reserved, ", ") }),
			column("BACKEND", func(n *Node) string { return n.Backend }),
		},
	}
}

// ObjectKind implements Object.
func (*Node) ObjectKind() Kind { return KindNode }

// ObjectID implements Object.
func (n *Node) ObjectID() string { return n.ID }

// NodeName returns the node name for a host name: the part before the first dot, as in Proxmox
// VE, in lower case.
func NodeName(host string) string {
	name, _, _ := strings.Cut(host, ".")
	return strings.ToLower(name)
}

func (c *checker) node(n *Node) {
	r := c.report(n)
	if !IsLabel(n.ID) {
		r.error("id", n.ID, msgNodeNameInvalid)
	}
	if n.Address.IsValid() {
		switch {
		case n.Address.Zone() != "":
			r.error("address", n.Address.String(), msgAddressWithInterface)
		case !isUnicast(n.Address):
			r.error("address", n.Address.String(), msgNodeAddressNotUnicast)
		}
	}
	for _, p := range n.Reserved {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			r.error("reserved", p, msgNodeReservedPatternInvalid)
		}
	}
}

// reservedBy returns the first node that reserves the interface name, and its matching
// pattern.
func reservedBy(nodes []*Node, name string) (node, pattern string) {
	for _, n := range nodes {
		for _, p := range n.Reserved {
			if ok, err := path.Match(p, name); ok && err == nil {
				return n.ID, p
			}
		}
	}
	return "", ""
}

// reservingNodes returns a function from a zone to its nodes that reserve names, sorted by ID.
// Only nodes with an object can reserve names.
func (c *checker) reservingNodes() func(z *Zone) []*Node {
	var reserving []*Node
	for _, id := range sortedKeys(c.cfg.Nodes) {
		if n := c.cfg.Nodes[id]; len(n.Reserved) > 0 {
			reserving = append(reserving, n)
		}
	}
	of := make(map[string][]*Node)
	return func(z *Zone) []*Node {
		nodes, known := of[z.ID]
		if !known {
			for _, n := range reserving {
				if z.OnNode(n.ID) {
					nodes = append(nodes, n)
				}
			}
			of[z.ID] = nodes
		}
		return nodes
	}
}
