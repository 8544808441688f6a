// Package topology makes the picture of the network that the web interface and `viaduct
// topology` show: from the configuration that a reader may see, what is pending, and what
// nodes report.
//
// Nodes are columns, sorted by name. Zones are bands across them with a row for each VNet: a
// line through the nodes that carry it, with guests where it crosses their column. Below are
// the fabrics, controllers and links that carry the zones. The layout depends on its input
// only and not on earlier layouts, so all readers have the same picture; an object that is
// added moves others apart and changes the order of none.
//
// It is after the agents' reports in the one-way flow and is pure.
package topology

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Bounds of what is drawn one by one; above them it is counted.
const (
	// maxVNets is how many VNets are rows without being asked for.
	maxVNets = 100
	// maxLinks is how many links are lines.
	maxLinks = 40
	// maxGuests is how many guests of a VNet on one node are drawn.
	maxGuests = 3
	// maxMarks is how many crossings of nodes and VNets are marked although nothing is
	// there.
	maxMarks = 400
	// maxSubnets is how many subnets of a VNet are drawn.
	maxSubnets = 2
	// maxRouters is how many routers that are no nodes are drawn.
	maxRouters = 24
	// maxInterfaces is how many interfaces of a node are drawn.
	maxInterfaces = 256
)

// MaxExpand bounds Options.Expand, MaxDepth bounds Options.Depth.
const (
	MaxExpand = 16
	MaxDepth  = 4
)

// Input is what a reader may see.
type Input struct {
	// Running and Pending are the two configurations, Live has the guests.
	Running, Pending, Live *model.Config
	Revision               int64
	// Nodes are the states of nodes, Facts the whole facts of some of them.
	Nodes []api.NodeStatus
	Facts map[string]*model.Facts
	// Ranks are where users moved elements to, by reference: see api.Positions.
	Ranks map[string]float64
}

// Options choose a part of the picture.
type Options struct {
	// Detail is DetailAuto, DetailCluster or DetailZone; empty means DetailAuto.
	Detail string
	// Expand are references of zones whose VNets are shown although they would be counted,
	// and of nodes whose interfaces are shown.
	Expand []string
	// Focus is the reference of an object: only it, and what is within Depth references of
	// it, is shown. Empty means everything.
	Focus string
	Depth int
}

// The levels of detail.
const (
	// DetailAuto counts the VNets of zones if there are many.
	DetailAuto = "auto"
	// DetailCluster counts the VNets of all zones.
	DetailCluster = "cluster"
	// DetailZone shows all VNets.
	DetailZone = "zone"
)

// Details are the levels of detail.
func Details() []string { return []string{DetailAuto, DetailCluster, DetailZone} }

// Of makes the picture. It returns false if there is no object that Focus names. The version
// is left to the caller.
func Of(in Input, o Options) (*api.Topology, bool) {
	g := collect(in, o)
	pending := len(g.changes)
	if o.Focus != "" && !g.focus(o.Focus, min(max(o.Depth, 1), MaxDepth)) {
		return nil, false
	}
	g.collapse()
	g.order()
	t := &api.Topology{Revision: in.Revision, Pending: pending, Summary: g.summary()}
	g.layout(t)
	return t, true
}

// graph is the network before it is laid out.
type graph struct {
	Input
	Options
	states  *states
	changes map[string]api.PendingChange // by reference
	columns []*column
	bands   []*band
	// lines are the fabrics, then the controllers.
	lines   []*line
	links   []*link
	routers []string // addresses, sorted
	// addresses are those by which nodes know each other, by node.
	addresses map[string][]netip.Addr
	// bundled counts the links that are not drawn one by one.
	bundled int
}

// column is a node.
type column struct {
	name string
	rank float64
	// x is its centre, set by layout.
	x float64
}

func (c *column) ref() string { return model.Ref(model.KindNode, c.name) }

// band is a zone. zone is nil if the reader may only see VNets in it.
type band struct {
	id        string
	zone      *model.Zone
	rows      []*row
	collapsed bool
	rank      float64
}

func (b *band) ref() string { return model.Ref(model.KindZone, b.id) }

// on reports whether a node carries the zone.
func (b *band) on(node string) bool { return b.zone == nil || b.zone.OnNode(node) }

// row is a VNet.
type row struct {
	vnet    *model.VNet
	subnets []*model.Subnet
	nics    map[string][]nic // by node; "" for guests that do not run
	rank    float64
}

func (r *row) ref() string { return model.Ref(model.KindVNet, r.vnet.ID) }

// nic is one NIC of a guest.
type nic struct {
	guest *model.Guest
	id    string
}

// line is a fabric or a controller.
type line struct {
	kind    api.ElementKind
	object  model.Object
	label   string
	detail  string
	members map[string]string // the references of the nodes' parts, by node
}

func (l *line) ref() string { return model.Ref(l.object.ObjectKind(), l.object.ObjectID()) }

// collect finds what there is to show.
func collect(in Input, o Options) *graph {
	for _, cfg := range []**model.Config{&in.Running, &in.Pending, &in.Live} {
		if *cfg == nil {
			*cfg = &model.Config{}
		}
	}
	g := &graph{Input: in, Options: o, states: statesOf(in.Nodes), changes: changesOf(in.Running, in.Pending)}
	g.collectZones()
	g.collectLines()
	g.collectNodes()
	g.collectLinks()
	return g
}

// merged are the objects of both configurations, sorted by ID; pending ones count.
func merged[P model.Object](running, pending map[string]P) []P {
	out := slices.Collect(maps.Values(pending))
	for id, o := range running {
		if _, ok := pending[id]; !ok {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b P) int { return diff.CompareNatural(a.ObjectID(), b.ObjectID()) })
	return out
}

func (g *graph) collectZones() {
	bands := make(map[string]*band)
	for _, z := range merged(g.Running.Zones, g.Pending.Zones) {
		b := &band{id: z.ID, zone: z}
		bands[z.ID] = b
		g.bands = append(g.bands, b)
	}
	rows := make(map[string]*row)
	for _, v := range merged(g.Running.VNets, g.Pending.VNets) {
		b := bands[v.Zone]
		if b == nil {
			b = &band{id: v.Zone}
			bands[v.Zone] = b
			g.bands = append(g.bands, b)
		}
		r := &row{vnet: v, nics: make(map[string][]nic)}
		rows[v.ID] = r
		b.rows = append(b.rows, r)
	}
	for _, s := range merged(g.Running.Subnets, g.Pending.Subnets) {
		if r := rows[s.VNet]; r != nil {
			r.subnets = append(r.subnets, s)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(g.Live.Guests)) {
		guest := g.Live.Guests[id]
		for _, n := range guest.NICs {
			if r := rows[n.VNet]; r != nil {
				r.nics[guest.Node] = append(r.nics[guest.Node], nic{guest, n.ID})
			}
		}
	}
}

// collectNodes finds the nodes: those that report, and those that visible objects name.
func (g *graph) collectNodes() {
	known := make(map[string]bool)
	add := func(name string) {
		if name != "" && !known[name] {
			known[name] = true
			g.columns = append(g.columns, &column{name: name})
		}
	}
	for i := range g.Nodes {
		add(g.Nodes[i].Name)
	}
	for _, n := range merged(g.Running.Nodes, g.Pending.Nodes) {
		add(n.ID)
	}
	for _, b := range g.bands {
		if b.zone != nil {
			for _, name := range b.zone.Nodes {
				add(name)
			}
		}
		for _, r := range b.rows {
			for name := range r.nics {
				add(name)
			}
		}
	}
	for _, l := range g.lines {
		for name := range l.members {
			add(name)
		}
		if c, ok := l.object.(*model.Controller); ok && c.Type == model.ControllerEVPN && len(c.Nodes) == 0 {
			g.membersByZones(l, c.ID)
		}
	}
	slices.SortFunc(g.columns, func(a, b *column) int { return diff.CompareNatural(a.name, b.name) })
}

// membersByZones are the nodes of an EVPN controller that names none: those of its zones.
func (g *graph) membersByZones(l *line, id string) {
	for _, b := range g.bands {
		if b.zone == nil || !slices.Contains(b.zone.Controllers(), id) {
			continue
		}
		for _, c := range g.columns {
			if b.on(c.name) {
				l.members[c.name] = l.ref()
			}
		}
	}
}

func (g *graph) collectLines() {
	members := make(map[string]map[string]string)
	for _, n := range merged(g.Running.FabricNodes, g.Pending.FabricNodes) {
		if members[n.Fabric] == nil {
			members[n.Fabric] = make(map[string]string)
		}
		if n.Role != model.RoleExternal {
			members[n.Fabric][n.Node] = model.Ref(model.KindFabricNode, n.ID)
		}
	}
	for _, f := range merged(g.Running.Fabrics, g.Pending.Fabrics) {
		l := &line{kind: api.ElementFabric, object: f, label: f.ID, detail: string(f.Protocol) + " fabric", members: members[f.ID]}
		if l.members == nil {
			l.members = make(map[string]string)
		}
		g.lines = append(g.lines, l)
	}
	for _, c := range merged(g.Running.Controllers, g.Pending.Controllers) {
		l := &line{kind: api.ElementController, object: c, label: c.ID, detail: controllerDetail(c), members: make(map[string]string)}
		for _, name := range append(slices.Clone(c.Nodes), c.Node) {
			if name != "" {
				l.members[name] = l.ref()
			}
		}
		g.lines = append(g.lines, l)
	}
}

// Kinds are the kinds of revisioned objects that the picture shows.
func Kinds() []model.Kind {
	return []model.Kind{model.KindNode, model.KindFabric, model.KindFabricNode, model.KindController, model.KindZone, model.KindVNet, model.KindSubnet}
}

// Movable are the kinds of objects that users can move.
func Movable() []model.Kind { return []model.Kind{model.KindNode, model.KindZone, model.KindVNet} }
