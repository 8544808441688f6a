package pveapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// The states of zones and VNets on a node, in Proxmox's terms.
const (
	stateAvailable = "available"
	statePending   = "pending"
	stateError     = "error"
)

// localZone is the pseudo zone of the nodes' own bridges.
const localZone = "localnetwork"

// nodeStates is the state of the running configuration on one node.
type nodeStates struct {
	name string
	cfg  *model.Config
	api.NodeStatus
}

// states returns the state of the running configuration on each node.
func (s *sdn) states() ([]nodeStates, error) {
	st, err := s.Fleet.Status()
	if err != nil {
		return nil, err
	}
	v, _ := s.Config.Latest()
	out := make([]nodeStates, len(st.Nodes))
	for i, n := range st.Nodes {
		out[i] = nodeStates{name: n.Name, cfg: v.Running, NodeStatus: n}
	}
	return out, nil
}

// node returns the state of the running configuration on the node that a call names.
func (s *sdn) node(c *Call) (*nodeStates, error) {
	all, err := s.states()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].name == c.Text("node") {
			return &all[i], nil
		}
	}
	return nil, unknownNode(c.Text("node"))
}

// of returns the state of some objects, and their problems.
func (n *nodeStates) of(refs ...string) (state, message string) {
	switch {
	case n.Report == nil:
		return statePending, "the node has not reported yet: is its agent running?"
	case n.State == protocol.Applying:
		return statePending, "local sdn network configuration is too old, please reload"
	}
	var faults []string
	for _, o := range n.Report.Objects {
		if slices.Contains(refs, o.Object) && health.OfObject(o) == protocol.Degraded {
			faults = append(faults, o.Message)
		}
	}
	if len(faults) > 0 {
		return stateError, strings.Join(faults, ",")
	}
	return stateAvailable, ""
}

// zones returns the zones on the node, sorted.
func (n *nodeStates) zones() []*model.Zone {
	var out []*model.Zone
	for _, o := range n.cfg.List(model.KindZone) {
		if z := o.(*model.Zone); z.OnNode(n.name) {
			out = append(out, z)
		}
	}
	return out
}

// vnetsOf returns the VNets of a zone, sorted.
func vnetsOf(cfg *model.Config, zone string) []*model.VNet {
	var out []*model.VNet
	for _, o := range cfg.List(model.KindVNet) {
		if v := o.(*model.VNet); v.Zone == zone {
			out = append(out, v)
		}
	}
	return out
}

// zone returns the state of a zone, which includes errors of its VNets.
func (n *nodeStates) zone(z *model.Zone) string {
	refs := []string{model.Ref(model.KindZone, z.ID)}
	for _, id := range z.Controllers() {
		refs = append(refs, model.Ref(model.KindController, id))
	}
	for _, v := range vnetsOf(n.cfg, z.ID) {
		refs = append(refs, model.Ref(model.KindVNet, v.ID))
	}
	state, _ := n.of(refs...)
	return state
}

func (s *sdn) nodeOperations() []Operation {
	const path = "/nodes/{node}/sdn"
	node := nodeParam()
	zone := idParam(schema.Zones(), false)
	below := index(path+"/zones/{zone}", "subdir", "content", "bridges", "ip-vrf")
	below.Params, below.Allow = append(below.Params, zone), Need("/sdn/zones/{zone}", audit)
	return []Operation{
		index(path, "name", "fabrics", "vnets", "zones"),
		{
			Method: http.MethodGet, Path: path + "/zones", Doc: "List the zones on a node with their state.", Params: []schema.Property{node},
			Handle: func(c *Call) (any, error) {
				n, err := s.node(c)
				if err != nil {
					return nil, err
				}
				out := []schema.Object{}
				for _, z := range n.zones() {
					if c.May(zonePath(z.ID), audit, allocate) {
						out = append(out, schema.Object{"zone": z.ID, "status": n.zone(z)})
					}
				}
				return out, nil
			},
		},
		below,
		{
			Method: http.MethodGet, Path: path + "/zones/{zone}/content", Doc: "List the VNets of a zone on a node with their state.",
			Params: []schema.Property{node, zone}, Allow: Need("/sdn/zones/{zone}", audit),
			Handle: s.zoneContent,
		},
	}
}

func (s *sdn) zoneContent(c *Call) (any, error) {
	n, err := s.node(c)
	if err != nil {
		return nil, err
	}
	z := n.cfg.Zones[c.Text("zone")]
	if z == nil {
		return nil, schema.Zones().Missing(c.Text("zone"))
	}
	out := []schema.Object{}
	if !z.OnNode(n.name) {
		return out, nil
	}
	for _, v := range vnetsOf(n.cfg, z.ID) {
		state, message := n.of(model.Ref(model.KindVNet, v.ID))
		o := schema.Object{"vnet": v.ID, "status": state}
		if message != "" {
			o["statusmsg"] = message
		}
		out = append(out, o)
	}
	return out, nil
}

// resources returns the zones and fabrics of all nodes for GET /cluster/resources.
func (s *sdn) resources(c *Call, typ string) ([]schema.Object, error) {
	if typ != "" && typ != "network" && typ != "sdn" {
		return nil, nil
	}
	nodes, err := s.states()
	if err != nil {
		return nil, err
	}
	out := []schema.Object{}
	for i := range nodes {
		n := &nodes[i]
		for _, z := range n.zones() {
			if c.May(zonePath(z.ID), audit, allocate) {
				out = append(out, resource(n.name, "zone", z.ID, n.zone(z), "zone-type", string(z.Type)))
			}
		}
		if c.May(zonePath(localZone), audit, allocate) {
			out = append(out, resource(n.name, "zone", localZone, "ok", "", ""))
		}
		for _, id := range sortedKeys(n.cfg.FabricNodes) {
			m := n.cfg.FabricNodes[id]
			f := n.cfg.Fabrics[m.Fabric]
			if m.Node != n.name || f == nil || !c.May(fabricPath(f.ID), audit, allocate) {
				continue
			}
			state := "ok"
			if word, _ := n.of(model.Ref(model.KindFabric, f.ID), model.Ref(model.KindFabricNode, id)); word != stateAvailable {
				state = "not ok"
			}
			out = append(out, resource(n.name, "fabric", f.ID, state, "protocol", string(f.Protocol)))
		}
	}
	return out, nil
}

// resource returns the entry of a network.
func resource(node, kind, id, status, name, value string) schema.Object {
	o := schema.Object{
		"id": fmt.Sprintf("network/%s/%s/%s", node, kind, id), "type": "network", "network-type": kind,
		"network": id, "node": node, "status": status,
	}
	if name != "" {
		o[name] = value
	}
	return o
}

// interfaces returns the VNets of a node for GET /nodes/{node}/network.
func (s *sdn) interfaces(c *Call, node, filter string) []schema.Object {
	if !slices.Contains([]string{filterAnyBridge, filterIncludeSDN, "vnet"}, filter) {
		return nil
	}
	v, _ := s.Config.Latest()
	out := []schema.Object{}
	for _, o := range v.Running.List(model.KindVNet) {
		vnet := o.(*model.VNet)
		z := v.Running.Zones[vnet.Zone]
		if z == nil || !z.OnNode(node) || !c.May(vnetPath(vnet), audit, access.SDNUse) {
			continue
		}
		out = append(out, vnetInterface(v, z, vnet))
	}
	return out
}

func vnetInterface(v *revision.View, z *model.Zone, vnet *model.VNet) schema.Object {
	o := schema.Object{"iface": vnet.ID, "type": "vnet", "active": true, "vlanaware": vnet.VLANAware, "ipam": false}
	if vnet.Alias != "" {
		o["comments"] = vnet.Alias
	}
	for _, s := range v.Running.Subnets {
		if s.VNet == vnet.ID && z.IPAM != "" && z.DHCP != "" {
			o["ipam"] = true
		}
	}
	return o
}
