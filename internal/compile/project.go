package compile

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Project returns the document of one node; live may be nil. For those of many nodes, see
// Projector.
func Project(cfg *model.Config, live *model.Config, revision int64, node string) *document.Document {
	return NewProjector(cfg, live, revision).Node(node)
}

// Projector makes the documents of the nodes. It walks over the configuration
// once; a document then costs no more than what is in it. It may be used by
// several goroutines at once.
type Projector struct {
	cfg, live *model.Config // live may be nil
	revision  int64
	// Of each map the key is the name of a node, or that in the comment.
	everywhere    []*model.Zone
	zones         map[string][]*model.Zone
	vnets         map[string][]*model.VNet       // zone
	subnets       map[string][]*model.Subnet     // VNet
	members       map[string][]*model.FabricNode // fabric
	memberships   map[string][]*model.FabricNode
	controllers   map[string][]*model.Controller
	loadBalancers map[string][]*model.LoadBalancer // by sector
	guests        map[string][]*model.Guest
}

// NewProjector prepares the documents of a revision. Neither the configuration
// nor the live objects, which may be nil, may change as long as it is used.
func NewProjector(cfg, live *model.Config, revision int64) *Projector {
	p := &Projector{
		cfg: cfg, live: live, revision: revision,
		zones: map[string][]*model.Zone{}, vnets: map[string][]*model.VNet{}, subnets: map[string][]*model.Subnet{},
		members: map[string][]*model.FabricNode{}, memberships: map[string][]*model.FabricNode{},
		controllers: map[string][]*model.Controller{}, loadBalancers: map[string][]*model.LoadBalancer{}, guests: map[string][]*model.Guest{},
	}
	for _, z := range cfg.Zones {
		if len(z.Nodes) == 0 {
			p.everywhere = append(p.everywhere, z)
		}
		for _, node := range z.Nodes {
			p.zones[node] = append(p.zones[node], z)
		}
	}
	for _, v := range cfg.VNets {
		p.vnets[v.Zone] = append(p.vnets[v.Zone], v)
	}
	for _, s := range cfg.Subnets {
		p.subnets[s.VNet] = append(p.subnets[s.VNet], s)
	}
	for _, m := range cfg.FabricNodes {
		p.members[m.Fabric] = append(p.members[m.Fabric], m)
		p.memberships[m.Node] = append(p.memberships[m.Node], m)
	}
	for _, c := range cfg.Controllers {
		if c.Node != "" {
			p.controllers[c.Node] = append(p.controllers[c.Node], c)
		}
	}
	for _, l := range cfg.LoadBalancers {
		p.loadBalancers[l.Sector] = append(p.loadBalancers[l.Sector], l)
	}
	if live == nil {
		return p
	}
	for _, g := range live.Guests {
		p.guests[g.Node] = append(p.guests[g.Node], g)
	}
	return p
}

// Node returns the document of one node: the part of the revision it needs and
// the guests that run on it. What belongs to zones of other nodes stays out, so
// a node neither learns of them nor wakes when they change.
func (p *Projector) Node(node string) *document.Document {
	doc := &document.Document{Format: document.Format, Revision: p.revision, Node: node}
	out := &doc.Config
	if self, ok := p.cfg.Nodes[node]; ok {
		set(&out.Nodes, node, self)
	}
	for _, c := range p.controllers[node] {
		set(&out.Controllers, c.ID, c)
	}
	for _, zones := range [][]*model.Zone{p.everywhere, p.zones[node]} {
		for _, z := range zones {
			p.zone(out, z, node)
		}
	}
	p.projectSectors(out)
	// Of the fabrics that provide the node's VTEPs it needs all members, of the others
	// its own part.
	for _, m := range p.memberships[node] {
		p.fabricNodes(out, m.Fabric, m)
	}
	for _, z := range out.Zones {
		p.fabricNodes(out, z.Fabric, p.members[z.Fabric]...)
	}
	need := newPolicies()
	for _, c := range out.Controllers {
		if c.OnNode(node) {
			p.fabricNodes(out, c.Fabric, p.members[c.Fabric]...)
			need.controller(c)
		}
	}
	p.policies(out, need, node)
	p.firewalls(out)
	for _, g := range p.guests[node] {
		set(&doc.Guests, g.ID, g)
	}
	return doc
}

// zone adds a zone of the node with all that is in it.
func (p *Projector) zone(out *model.Config, z *model.Zone, node string) {
	set(&out.Zones, z.ID, z)
	for _, id := range z.Controllers() {
		// The first one's AS number is that of the zone's route targets, also where a
		// secondary one carries the zone.
		c := p.cfg.Controllers[id]
		if c != nil && c.Type == model.ControllerEVPN && (id == z.Controller || c.OnNode(node)) {
			set(&out.Controllers, id, c)
		}
	}
	if slices.Contains(z.ExitNodes, node) {
		// Traffic that leaves the zone must not enter a different one, on any node.
		for id, s := range p.cfg.Subnets {
			set(&out.Subnets, id, s)
		}
	}
	for _, v := range p.vnets[z.ID] {
		set(&out.VNets, v.ID, v)
		for _, s := range p.subnets[v.ID] {
			set(&out.Subnets, s.ID, s)
		}
	}
}

// projectSectors adds the sectors of the zones that a node has, and their backplanes.
func (p *Projector) projectSectors(out *model.Config) {
	for id, s := range p.cfg.Sectors {
		if out.VNets[s.VNet] == nil {
			continue
		}
		set(&out.Sectors, id, s)
		if b := p.cfg.Backplanes[s.Backplane]; b != nil {
			set(&out.Backplanes, b.ID, b)
		}
		for _, l := range p.loadBalancers[id] {
			set(&out.LoadBalancers, l.ID, l)
		}
	}
}

// policies adds the route maps and prefix lists that the node's objects refer to.
func (p *Projector) policies(out *model.Config, need *policies, node string) {
	for _, m := range p.memberships[node] {
		if f := p.cfg.Fabrics[m.Fabric]; f != nil {
			need.fabric(f)
		}
	}
	routeMaps, lists := need.close(p.cfg)
	for _, m := range routeMaps {
		set(&out.RouteMaps, m.ID, m)
	}
	for _, l := range lists {
		set(&out.PrefixLists, l.ID, l)
	}
}

// fabricNodes adds members of a fabric, if there is one.
func (p *Projector) fabricNodes(out *model.Config, id string, members ...*model.FabricNode) {
	f := p.cfg.Fabrics[id]
	if f == nil {
		return
	}
	for _, m := range members {
		set(&out.Fabrics, id, f)
		set(&out.FabricNodes, m.ID, m)
	}
}

func set[T any](m *map[string]T, id string, o T) {
	if *m == nil {
		*m = make(map[string]T)
	}
	(*m)[id] = o
}
