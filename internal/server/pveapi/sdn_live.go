package pveapi

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
)

// liveOperations are those that ask the node itself.
func (s *sdn) liveOperations() []Operation {
	const path = "/nodes/{node}/sdn"
	node, zone, vnet := nodeParam(), idParam(schema.Zones(), false), idParam(schema.VNets(), false)
	fabric := schema.Property{Name: "fabric", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "name of the fabric"}
	vnetIndex, fabricIndex := index(path+"/vnets/{vnet}", "subdir", "mac-vrf"), index(path+"/fabrics/{fabric}", "subdir", "neighbors", "routes", "interfaces")
	vnetIndex.Params, vnetIndex.Allow = append(vnetIndex.Params, vnet), s.onVNet(audit)
	fabricIndex.Params, fabricIndex.Allow = append(fabricIndex.Params, fabric), Need("/sdn/fabrics/{fabric}", audit)
	onFabric := func(what, doc string, show func(c *Call) (any, error)) Operation {
		return Operation{
			Method: http.MethodGet, Path: path + "/fabrics/{fabric}/" + what, Doc: doc,
			Params: []schema.Property{node, fabric}, Allow: Need("/sdn/fabrics/{fabric}", audit), Handle: show,
		}
	}
	return []Operation{
		{
			Method: http.MethodGet, Path: path + "/zones/{zone}/bridges", Doc: "List the bridges of a zone on a node, and their ports.",
			Params: []schema.Property{node, zone}, Allow: Need("/sdn/zones/{zone}", audit), Handle: s.bridges,
		},
		{
			Method: http.MethodGet, Path: path + "/zones/{zone}/ip-vrf", Doc: "List the routes of an EVPN zone on a node.",
			Params: []schema.Property{node, zone}, Allow: Need("/sdn/zones/{zone}", audit), Handle: s.vrfRoutes,
		},
		vnetIndex,
		{
			Method: http.MethodGet, Path: path + "/vnets/{vnet}/mac-vrf", Doc: "List the hosts that BGP knows of in a VNet of an EVPN zone.",
			Params: []schema.Property{node, vnet}, Allow: s.onVNet(audit),
			Handle: func(c *Call) (any, error) {
				var macs []protocol.MAC
				err := s.ask(c, protocol.AskMACs, c.Text("vnet"), &macs)
				return shown(macs, err, func(m protocol.MAC) schema.Object {
					return schema.Object{"ip": m.IP, "mac": m.MAC, "nexthop": m.NextHop}
				})
			},
		},
		{
			Method: http.MethodGet, Path: path + "/vnets/{vnet}/firewall", Doc: "List what the rules of a VNet's firewall counted on a node since they were made there.",
			Params: []schema.Property{node, vnet}, Allow: s.onVNet(audit, allocate),
			Handle: func(c *Call) (any, error) {
				var counters []protocol.FirewallCounter
				err := s.ask(c, protocol.AskFirewall, c.Text("vnet"), &counters)
				return shown(counters, err, func(f protocol.FirewallCounter) schema.Object {
					return schema.Object{"where": f.Where, "rule": f.What, "packets": int64(f.Packets), "bytes": int64(f.Bytes)} //nolint:gosec // no node counts that far
				})
			},
		},
		fabricIndex,
		onFabric("routes", "List the routes by way of a fabric on a node.", func(c *Call) (any, error) {
			var routes []protocol.FabricRoute
			err := s.ask(c, protocol.AskFabricRoutes, c.Text("fabric"), &routes)
			return shown(routes, err, func(r protocol.FabricRoute) schema.Object { return schema.Object{"route": r.Prefix, "via": r.Via} })
		}),
		onFabric("neighbors", "List the neighbours of a node in a fabric.", func(c *Call) (any, error) {
			var neighbours []protocol.FabricNeighbour
			err := s.ask(c, protocol.AskFabricNeighbours, c.Text("fabric"), &neighbours)
			return shown(neighbours, err, func(n protocol.FabricNeighbour) schema.Object {
				return schema.Object{"neighbor": n.Name, "status": n.State, "uptime": n.Uptime}
			})
		}),
		onFabric("interfaces", "List the interfaces of a node in a fabric.", func(c *Call) (any, error) {
			var links []protocol.FabricLink
			err := s.ask(c, protocol.AskFabricInterfaces, c.Text("fabric"), &links)
			return shown(links, err, func(l protocol.FabricLink) schema.Object {
				return schema.Object{"name": l.Name, "type": l.Type, "state": l.State}
			})
		}),
	}
}

// ask asks the node that a call names.
func (s *sdn) ask(c *Call, subject protocol.Subject, of string, out any) error {
	n, err := s.node(c)
	if err != nil {
		return err
	}
	err = s.Fleet.Ask(c, n.name, protocol.Question{Subject: subject, Of: of}, out)
	switch {
	case errors.Is(err, fleet.ErrSilent):
		return &Failure{Code: http.StatusGatewayTimeout, Text: err.Error()}
	case errors.Is(err, fleet.ErrCannotTell):
		return &Failure{Code: http.StatusBadRequest, Text: err.Error()}
	}
	return err
}

// shown is a list as the API gives it.
func shown[T any](list []T, err error, show func(T) schema.Object) (any, error) {
	out := []schema.Object{}
	for _, x := range list {
		out = append(out, show(x))
	}
	return out, err
}

func (s *sdn) vrfRoutes(c *Call) (any, error) {
	var routes []protocol.VRFRoute
	err := s.ask(c, protocol.AskRoutes, c.Text("zone"), &routes)
	return shown(routes, err, func(r protocol.VRFRoute) schema.Object {
		return schema.Object{"ip": r.Prefix, "metric": r.Metric, "protocol": r.Protocol, "nexthops": r.NextHops}
	})
}

// guestPort is the name of a guest's port: tap100i0, veth101i1, fwpr100p0.
var guestPort = regexp.MustCompile(`^(?:tap|veth|fwpr)(\d+)[ip](\d+)$`)

func (s *sdn) bridges(c *Call) (any, error) {
	var bridges []protocol.Bridge
	err := s.ask(c, protocol.AskBridges, c.Text("zone"), &bridges)
	out := []schema.Object{}
	for _, b := range bridges {
		if !c.May(zonePath(c.Text("zone"))+"/"+b.Name, audit, allocate) {
			continue
		}
		ports := []schema.Object{}
		for _, p := range b.Ports {
			o := schema.Object{"name": p.Name}
			if m := guestPort.FindStringSubmatch(p.Name); m != nil {
				if id, err := strconv.Atoi(m[1]); err == nil {
					o["vmid"], o["index"] = id, "net"+m[2]
				}
			}
			if p.PVID != 0 {
				o["primary_vlan"] = p.PVID
			}
			if len(p.VLANs) > 0 {
				o["vlans"] = p.VLANs
			}
			ports = append(ports, o)
		}
		out = append(out, schema.Object{"name": b.Name, "vlan_filtering": b.VLANFiltering, "ports": ports})
	}
	return out, err
}
