package pveapi

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (h *Handler) clusterOperations() []Operation {
	return []Operation{
		index("/cluster", "name", "firewall", "nextid", "options", "resources", "sdn", "status", "tasks"),
		{
			Method: "GET", Path: "/cluster/status", Doc: "Return the state of the cluster and of its nodes.",
			Allow: Need("/", access.SysAudit), Handle: h.clusterStatus,
		},
		{
			Method: "GET", Path: "/cluster/resources", Doc: "List what the cluster has.",
			Params: []schema.Property{{
				Name: "type", Form: schema.Text, Enum: []string{"vm", "storage", "node", "sdn", "network"}, Doc: "only this type",
			}},
			Handle: h.resources,
		},
	}
}

// host is a node of the cluster.
type host struct {
	api.NodeStatus
	number int // from 1, in the order of names
	facts  *model.Facts
	ip     netip.Addr
}

// hosts returns the nodes that have joined, sorted by name.
func (h *Handler) hosts() ([]host, error) {
	s, err := h.Fleet.Status()
	if err != nil {
		return nil, err
	}
	v, _ := h.Config.Latest()
	out := make([]host, len(s.Nodes))
	for i, n := range s.Nodes {
		out[i] = host{NodeStatus: n, number: i + 1, facts: &model.Facts{}}
		if facts, ok := h.Fleet.Facts(n.Name); ok {
			out[i].facts = facts
		}
		if o, ok := v.Running.Get(model.KindNode, n.Name).(*model.Node); ok && o != nil {
			out[i].ip = o.Address
		}
		if !out[i].ip.IsValid() {
			out[i].ip = address(out[i].facts)
		}
	}
	return out, nil
}

// status returns the node's state in Proxmox's terms.
func (n *host) status() string {
	switch {
	case n.State == protocol.Unreachable:
		return "offline"
	case n.Report == nil:
		return "unknown"
	}
	return statusOnline
}

// statusOnline is the status of a node that answers.
const statusOnline = "online"

// address returns the address of the node's default route, if it can be determined.
func address(f *model.Facts) netip.Addr {
	var best *model.FactRoute
	for i, r := range f.Routes {
		if r.Dst.Bits() == 0 && (best == nil || cmp.Or(
			cmp.Compare(r.Dst.Addr().BitLen(), best.Dst.Addr().BitLen()), cmp.Compare(r.Metric, best.Metric)) < 0) {
			best = &f.Routes[i]
		}
	}
	if best == nil {
		return netip.Addr{}
	}
	if best.Src.IsValid() {
		return best.Src
	}
	i := slices.IndexFunc(f.Interfaces, func(i model.Interface) bool { return i.Name == best.Dev })
	if i < 0 {
		return netip.Addr{}
	}
	return global(f.Interfaces[i].Addresses, best.Dst.Addr().Is4()).Addr()
}

// global returns the first address of a family with a scope beyond the link, or the
// zero prefix if there is none.
func global(addresses []netip.Prefix, four bool) netip.Prefix {
	for _, p := range addresses {
		if p.Addr().Is4() == four && p.Addr().IsGlobalUnicast() {
			return p
		}
	}
	return netip.Prefix{}
}

func (h *Handler) clusterStatus(c *Call) (any, error) {
	v, err := h.Config.View(c) // fails if the store does not answer
	if err != nil {
		return nil, err
	}
	nodes, err := h.hosts()
	if err != nil {
		return nil, err
	}
	out := []schema.Object{{
		"type": "cluster", "id": "cluster", "name": "viaduct", "nodes": len(nodes), "quorate": true, "version": v.Revision,
	}}
	for _, n := range nodes {
		o := schema.Object{
			"type": "node", "id": "node/" + n.Name, "name": n.Name, "nodeid": n.number, "level": "",
			"online": n.status() == statusOnline, "local": n.Name == h.Node,
		}
		if n.ip.IsValid() {
			o["ip"] = n.ip.String()
		}
		out = append(out, o)
	}
	return out, nil
}

func (h *Handler) resources(c *Call) (any, error) {
	typ := c.Text("type")
	out := []schema.Object{}
	if typ == "" || typ == "node" {
		nodes, err := h.hosts()
		if err != nil {
			return nil, err
		}
		for i := range nodes {
			out = append(out, nodeRow(c, &nodes[i]))
		}
	}
	networks, err := h.networks().resources(c, typ)
	return append(out, networks...), err
}

// unknownNode returns Proxmox's error for a node that does not exist.
func unknownNode(name string) error {
	return Failf("hostname lookup '%s' failed - failed to get address info for: %s: Name or service not known", name, name)
}

// host returns a node that has joined.
func (h *Handler) host(name string) (host, error) {
	nodes, err := h.hosts()
	if err != nil {
		return host{}, err
	}
	i := slices.IndexFunc(nodes, func(n host) bool { return n.Name == name })
	if i < 0 {
		return host{}, unknownNode(name)
	}
	return nodes[i], nil
}

// localhost is the name that clients use for the node that answers them.
const localhost = "localhost"

// resolveNode replaces the node name "localhost" before any check of permissions: with
// the name of the server's host or, if that is not a node, with that of another node,
// preferably one that is online.
func (s *server) resolveNode(c *Call) error {
	p := c.Op.property("node")
	if p == nil || p.Need != 'r' || c.Text("node") != localhost {
		return nil
	}
	name := s.Node
	if !c.Op.AtServer {
		nodes, err := s.hosts()
		if err != nil {
			return err
		}
		name = nodeFor(s.Node, nodes)
	}
	c.Params["node"] = []string{name}
	return nil
}

// nodeFor returns the node that represents a host.
func nodeFor(name string, nodes []host) string {
	is := func(n host) bool { return n.Name == name }
	online := func(n host) bool { return n.status() == statusOnline }
	any := func(host) bool { return true }
	for _, good := range []func(host) bool{is, online, any} {
		if i := slices.IndexFunc(nodes, good); i >= 0 {
			return nodes[i].Name
		}
	}
	return name
}

// kernel formats a kernel's release as Proxmox does.
func kernel(release string) string { return fmt.Sprintf("Linux %s", release) }
