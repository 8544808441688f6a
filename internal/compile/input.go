package compile

import (
	"path"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// input is what the node's state is compiled of; nothing changes it.
type input struct {
	name   string
	cfg    *model.Config
	guests map[string]*model.Guest
	facts  *model.Facts
	// bindings are those of the node's zones, and bindingsOf those of each guest.
	bindings   []*model.Binding
	bindingsOf map[string][]*model.Binding
	// allVNets are sorted by ID, and so are vnets, by zone, and subnets, by VNet.
	allVNets []*model.VNet
	vnets    map[string][]*model.VNet
	subnets  map[string][]*model.Subnet
}

func newInput(doc *document.Document, facts *model.Facts) *input {
	in := &input{
		name: doc.Node, cfg: &doc.Config, guests: doc.Guests, facts: facts,
		bindings: doc.Bindings, bindingsOf: map[string][]*model.Binding{},
		vnets: map[string][]*model.VNet{}, subnets: subnetsByVNet(&doc.Config),
	}
	for _, b := range in.bindings {
		in.bindingsOf[b.Guest] = append(in.bindingsOf[b.Guest], b)
	}
	for _, o := range in.cfg.List(model.KindVNet) {
		v := o.(*model.VNet)
		in.allVNets = append(in.allVNets, v)
		in.vnets[v.Zone] = append(in.vnets[v.Zone], v)
	}
	return in
}

func subnetsByVNet(cfg *model.Config) map[string][]*model.Subnet {
	by := map[string][]*model.Subnet{}
	for _, o := range cfg.List(model.KindSubnet) {
		s := o.(*model.Subnet)
		by[s.VNet] = append(by[s.VNet], s)
	}
	return by
}

// node is the work of one pass on the node: what it may read, and what it has made so far.
type node struct {
	*input
	pass  *pass
	parts map[string]any
	// out is what the pass adds to the node's state.
	out   *desired.Space
	notes []Note
}

func (n *node) note(level Level, object string, def *message.Definition, args ...any) {
	n.put("", level, object, def.Of(args...))
}

// noteOf is note for faults outside the declaration itself.
func (n *node) noteOf(class fault.Class, level Level, object string, def *message.Definition, args ...any) {
	n.put(class, level, object, def.Of(args...))
}

func (n *node) put(class fault.Class, level Level, object string, m message.Message) {
	n.notes = append(n.notes, Note{Object: object, Level: level, Message: m.Text, Details: m.Details, Class: class})
}

// reserved returns the pattern that reserves an interface name on the node;
// empty if none does.
func (n *node) reserved(name string) string {
	self := n.cfg.Nodes[n.name]
	if self == nil {
		return ""
	}
	for _, pattern := range self.Reserved {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return pattern
		}
	}
	return ""
}

// needs reports whether the node has the features that an object requires, and notes
// those that are missing. A feature that the node has not probed is assumed to exist:
// otherwise the driver reports an error.
func (n *node) needs(object string, features ...model.Feature) bool {
	complete := true
	for _, f := range features {
		if !n.lacks(f) {
			continue
		}
		complete = false
		what, part := f.Words()
		n.noteOf(fault.Lacking, LevelError, object, msgFeatureMissing, what, part, n.name, n.facts.Kernel)
	}
	return complete
}

// lacks reports whether the node has probed a feature and does not have it.
func (n *node) lacks(f model.Feature) bool {
	has, probed := n.facts.Features[f]
	return probed && !has
}

func (n *node) sysctl(owner, key, value string) {
	n.out.Sysctls = append(n.out.Sysctls, desired.Sysctl{Key: key, Value: value, Owner: owner})
}
