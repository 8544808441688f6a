package reach

import (
	"net/netip"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Network is what a path is computed of.
type Network struct {
	Config   *model.Config
	Guests   map[string]*model.Guest
	Bindings []*model.Binding
	// Node returns a node's compiled state; nil if it is not known.
	Node func(name string) *Node
}

// Node is one node with its state.
type Node struct {
	Name  string
	Facts *model.Facts
	Want  *desired.Space
	// Faults are the objects that the node cannot have, with the reasons: "vnet/vnet1".
	Faults map[string]string
	// Lost is why the node may not be as declared; empty if it is.
	Lost string
}

// Query asks for the first packet of a connection. Proto is a protocol's number, 0 for a
// ping; Port is its destination port.
type Query struct {
	From, To Endpoint
	Proto    int
	Port     uint16
}

// The kinds of Endpoint.
const (
	KindGuest   = "guest"
	KindNode    = "node"
	KindAddress = "address"
)

// Endpoint is an end of a path.
type Endpoint struct {
	// Kind is one of those above. A gateway is an address of a node.
	Kind string `json:"kind"`
	// Guest and NIC are for KindGuest.
	Guest string `json:"guest,omitempty"`
	Name  string `json:"name,omitempty"`
	NIC   string `json:"nic,omitempty"`
	VNet  string `json:"vnet,omitempty"`
	Zone  string `json:"zone,omitempty"`
	// Node is where the guest runs, or the node itself.
	Node string     `json:"node,omitempty"`
	MAC  string     `json:"mac,omitempty"`
	IP   netip.Addr `json:"ip,omitzero"`
}

// Step is one place of a path.
type Step struct {
	Node string `json:"node,omitempty"`
	Zone string `json:"zone,omitempty"`
	VNet string `json:"vnet,omitempty"`
	// Text says what happens there.
	Text    string  `json:"text"`
	Verdict Verdict `json:"verdict"`
	// Rule is what decides; nil if nothing has to.
	Rule *Rule `json:"rule,omitempty"`
}

// Rule is a rule of a firewall, or another filter.
type Rule struct {
	// Object has the rule: "firewall/vnet1", "security-group/web", "zone/z1".
	Object string `json:"object,omitempty"`
	// Position is the place of the rule in the object's list, from 0; -1 for its policy, and
	// for filters without a list.
	Position int    `json:"position"`
	Comment  string `json:"comment,omitempty"`
	// Text is the rule as the node has it.
	Text string `json:"text"`
	// Origin is the last change of Object, as far as it is known to the reader.
	Origin *Origin `json:"origin,omitempty"`
}

// Origin is who changed an object, and when. Revision is 0 for objects that take effect at
// once, without one.
type Origin struct {
	// Time is as in RFC 3339.
	Time     string `json:"time"`
	Author   string `json:"author"`
	Revision int64  `json:"revision,omitempty"`
}

// Answer is a path as far as the packet comes.
type Answer struct {
	From Endpoint `json:"from"`
	To   Endpoint `json:"to"`
	// Verdict is that of the last step; if the reply does not come back, that of the reply.
	Verdict Verdict `json:"verdict"`
	Steps   []Step  `json:"steps"`
	// Reply is the path of the first reply; nil without a reply, or if its path is unknown.
	Reply *Reply `json:"reply,omitempty"`
}

// Reply is the path of a reply as far as it comes. Filters that saw the packet take it for part
// of an established connection.
type Reply struct {
	// Verdict is that of the last step.
	Verdict Verdict `json:"verdict"`
	Steps   []Step  `json:"steps"`
}

// ruleOf describes what decided.
func (n *Network) ruleOf(d decision) *Rule {
	if d.rule == nil {
		return nil
	}
	out := &Rule{Object: d.rule.Owner, Position: -1, Text: d.rule.Text}
	if ref, position := model.ParseRuleName(d.comment); ref != "" {
		out.Object, out.Position = ref, position
	}
	if rules := n.Rules(out.Object); out.Position >= 0 && out.Position < len(rules) {
		out.Comment = rules[out.Position].Comment
	}
	return out
}

// Rules are those of a firewall or a security group.
func (n *Network) Rules(ref string) []model.FirewallRule {
	kind, id, _ := strings.Cut(ref, "/")
	if f := n.Config.Firewalls[id]; f != nil && kind == string(model.KindFirewall) {
		return f.Rules
	}
	if g := n.Config.SecurityGroups[id]; g != nil && kind == string(model.KindSecurityGroup) {
		return g.Rules
	}
	return nil
}
