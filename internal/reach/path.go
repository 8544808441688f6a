package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// walk is a packet on its path.
type walk struct {
	n      *Network
	q      Query
	packet Packet
	out    Answer
	// seen are the nodes whose connection tracking has the connection.
	seen map[string]bool
	// end is how a packet left, for the way back of its reply.
	end end
	// reply is true for the first packet of the other direction.
	reply bool
}

// end is how a path ended.
type end struct {
	kind endKind
	// at is the node that the packet reached or left, dev the interface that it left by.
	at         *Node
	dev        string
	translated bool
	// through is the node whose gateway the packet passed before it came to an exit node; nil
	// without one.
	through *Node
}

type endKind int

const (
	endNowhere endKind = iota
	endGuest
	endNode
	endOutside
)

// Ask follows the first packet of a connection. The endpoints are as Resolve returns them,
// and both have an address of one family.
func (n *Network) Ask(q Query) *Answer {
	w := &walk{n: n, q: q, packet: Packet{Src: q.From.IP, Dst: q.To.IP, MAC: strings.ToLower(q.From.MAC), ToMAC: strings.ToLower(q.To.MAC)}, out: Answer{From: q.From, To: q.To, Verdict: Pass}, seen: make(map[string]bool)}
	if w.packet.Proto, w.packet.SrcPort, w.packet.DstPort = q.Proto, ephemeral, q.Port; q.Proto == 0 {
		w.packet.ping()
	}
	w.run()
	w.out.Verdict = w.out.Steps[len(w.out.Steps)-1].Verdict
	w.out.Reply = w.back()
	// A reply that is certainly lost ends a connection whatever its packet meets.
	if r := w.out.Reply; r != nil && (w.out.Verdict == Pass || r.Verdict == Drop || r.Verdict == Reject) {
		w.out.Verdict = r.Verdict
	}
	return &w.out
}

// step adds a step, and reports whether the packet goes on.
func (w *walk) step(node, vnet string, v Verdict, rule *Rule, format string, args ...any) bool {
	s := Step{Node: node, VNet: vnet, Text: fmt.Sprintf(format, args...), Verdict: v, Rule: rule}
	if net := w.n.Config.VNets[vnet]; net != nil {
		s.Zone = net.Zone
	}
	w.out.Steps = append(w.out.Steps, s)
	return v == Pass
}

// filter runs the packet through the filters at a hook, and adds a step if there is anything
// to say: something decided.
func (w *walk) filter(at *Node, vnet, family, name, what string) bool {
	if why := at.Faults[model.Ref(model.KindFirewall, vnet)]; why != "" && family == "bridge" {
		what += " is not in force on the node (" + why + ")"
	}
	if w.reply {
		w.packet.Established = w.seen[at.Name]
	} else {
		w.seen[at.Name] = true
	}
	d := hook(at.Want.Tables, family, name, &w.packet)
	rule := w.n.ruleOf(d)
	switch {
	case d.verdict == Pass && d.rule != nil && w.packet.Established && strings.HasPrefix(d.rule.Text, "ct state established"):
		return w.step(at.Name, vnet, Pass, nil, "%s: it belongs to an established connection", what)
	case d.verdict == Pass && (rule == nil || d.comment == ""):
		return w.step(at.Name, vnet, Pass, nil, "%s: nothing filters it", what)
	case d.verdict == Pass:
		return w.step(at.Name, vnet, Pass, rule, "%s: %s accepts it", what, d.comment)
	case d.verdict == Unknown:
		return w.step(at.Name, vnet, Unknown, rule, "%s: %s", what, d.comment)
	case d.comment == "":
		return w.step(at.Name, vnet, d.verdict, rule, "%s: %s", what, w.n.isolationText(rule))
	}
	does := map[Verdict]string{Drop: "drops", Reject: "rejects"}[d.verdict]
	return w.step(at.Name, vnet, d.verdict, rule, "%s: %s %s it", what, d.comment, does)
}

// isolationText explains a rule of the table that keeps zones apart.
func (n *Network) isolationText(r *Rule) string {
	switch {
	case strings.Contains(r.Text, "reject"):
		return "the zone may not reach networks or services of the node (see node-networks and node-services of the zone)"
	case strings.HasPrefix(r.Text, "oifgroup"), strings.HasPrefix(r.Text, "oifname"):
		return "zones are isolated from each other"
	case strings.HasPrefix(r.Text, "ip"):
		return "the gateways of other zones cannot be reached"
	}
	return "the node does not take part in the VNet"
}

// present adds a step if an end is not on its node, and reports whether it is.
func (w *walk) present(e Endpoint, who string) (*Node, bool) {
	if e.Node == "" {
		return nil, w.step("", e.VNet, Drop, nil, "guest %s (%s) runs on no node", e.Guest, who)
	}
	at := w.n.Node(e.Node)
	if at == nil || at.Want == nil {
		return nil, w.step(e.Node, e.VNet, Unknown, nil, "node %s has not reported its interfaces yet, so its state is not known", e.Node)
	}
	if at.Lost != "" {
		return at, w.step(e.Node, e.VNet, Unknown, nil, "%s", at.Lost)
	}
	for _, ref := range []string{model.Ref(model.KindZone, e.Zone), model.Ref(model.KindVNet, e.VNet)} {
		if why := at.Faults[ref]; why != "" {
			return at, w.step(e.Node, e.VNet, Drop, nil, "%s does not work on node %s: %s", ref, e.Node, why)
		}
	}
	if e.Kind == KindGuest && at.port(e) == nil {
		return at, w.step(e.Node, e.VNet, Drop, nil, "%s of guest %s is not on a bridge of node %s: the VNet is not on that node", e.NIC, e.Guest, e.Node)
	}
	return at, true
}

// port is the port of a guest's NIC; nil if there is none.
func (at *Node) port(e Endpoint) *desired.Port {
	name := naming.GuestPorts(e.Guest, e.NIC)[0]
	for i := range at.Want.Ports {
		if p := &at.Want.Ports[i]; slices.Contains(p.Names, name) {
			return p
		}
	}
	return nil
}

// uplink is what joins the bridge of a VNet to other nodes; empty if nothing does.
func (at *Node) uplink(vnet string) string {
	for _, l := range at.Want.Links {
		if l.Master == vnet && l.Name != naming.GatewayPort.Of(vnet) {
			return l.Name
		}
	}
	for _, p := range at.Want.Ports {
		if p.Bridge == vnet && strings.HasPrefix(p.Owner, string(model.KindVNet)+"/") {
			return p.Names[0]
		}
	}
	if i := slices.IndexFunc(at.Want.Links, func(l desired.Link) bool { return l.Name == vnet }); i < 0 {
		return vnet // a bridge of the operator's, with uplinks of its own
	}
	return ""
}

// has reports whether an address is one of the node's, and on which link.
func (at *Node) has(ip netip.Addr) (link string, ok bool) {
	for _, a := range at.Want.Addresses {
		if a.Prefix.Addr() == ip {
			return a.Link, true
		}
	}
	for _, i := range at.Facts.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == ip {
				return i.Name, true
			}
		}
	}
	return "", false
}

// ours reports whether a link is Viaduct's.
func (at *Node) ours(name string) bool {
	return slices.ContainsFunc(at.Want.Links, func(l desired.Link) bool { return l.Name == name })
}

func (w *walk) run() {
	from, ok := w.present(w.q.From, "where the packet comes from")
	if !ok {
		return
	}
	if w.q.From.Kind == KindNode {
		w.fromNode(from)
		return
	}
	w.packet.In, w.packet.Bridge = portName(from, w.q.From), w.q.From.VNet
	if !w.filter(from, w.q.From.VNet, "bridge", "prerouting", "The sender's filter") {
		return
	}
	if w.sameLink() {
		w.switched(from)
		return
	}
	w.routed(from)
}

// portName is the name of an end's port that rules have.
func portName(at *Node, e Endpoint) string { return at.port(e).Names[0] }

// sameLink reports whether both ends are in one VNet, and the sender takes the other for a
// neighbour: one subnet has both addresses, or none has either.
func (w *walk) sameLink() bool {
	if w.q.To.Kind != KindGuest || w.q.To.VNet != w.q.From.VNet {
		return false
	}
	one, other := w.n.subnet(w.q.From.VNet, w.packet.Src), w.n.subnet(w.q.From.VNet, w.packet.Dst)
	return one == other
}

// subnet is the subnet of a VNet that has an address; nil if none has.
func (n *Network) subnet(vnet string, ip netip.Addr) *model.Subnet {
	for _, s := range n.Config.Subnets {
		if s.VNet == vnet && s.CIDR.Masked().Contains(ip) {
			return s
		}
	}
	return nil
}

// switched is the path between two ports of a VNet.
func (w *walk) switched(from *Node) {
	to, ok := w.present(w.q.To, "where the packet goes to")
	if !ok {
		return
	}
	vnet := w.q.From.VNet
	if from.Name == to.Name {
		if from.port(w.q.From).Isolated && to.port(w.q.To).Isolated {
			w.step(from.Name, vnet, Drop, &Rule{Object: model.Ref(model.KindVNet, vnet), Position: -1, Text: "isolate-ports"}, "The ports of VNet %s are isolated from each other", vnet)
			return
		}
		w.packet.Out = portName(to, w.q.To)
		if w.filter(from, vnet, "bridge", "forward", "The VNet's firewall") {
			w.arrived()
		}
		return
	}
	if w.packet.Out = from.uplink(vnet); w.packet.Out == "" || to.uplink(vnet) == "" {
		w.apart(from, vnet)
		return
	}
	if !w.filter(from, vnet, "bridge", "forward", "The VNet's firewall") {
		return
	}
	w.step(from.Name, vnet, Pass, nil, "By %s to node %s", w.packet.Out, to.Name)
	w.packet.In, w.packet.Out = to.uplink(vnet), portName(to, w.q.To)
	if w.filter(to, vnet, "bridge", "prerouting", "The sender's filter") && w.filter(to, vnet, "bridge", "forward", "The VNet's firewall") {
		w.arrived()
	}
}

// apart ends a path on a node whose VNet nothing joins to the one of the guest's node.
func (w *walk) apart(at *Node, vnet string) {
	w.step(at.Name, vnet, Drop, nil, "VNet %s is a network of its own on each node, and guest %s runs on %s", vnet, w.q.To.Guest, w.q.To.Node)
}

// arrived ends a path.
func (w *walk) arrived() {
	if w.reply {
		w.step(w.q.To.Node, w.q.To.VNet, Pass, nil, "The reply reaches %s of guest %s", w.q.To.NIC, w.q.To.Guest)
		return
	}
	w.end = end{kind: endGuest}
	w.step(w.q.To.Node, w.q.To.VNet, Pass, nil, "It reaches %s of guest %s. What the guest does with it is not known here", w.q.To.NIC, w.q.To.Guest)
}
