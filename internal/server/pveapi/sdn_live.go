package pveapi

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
)

// liveOperations are the operations that query the node itself.
func (s *sdn) liveOperations() []Operation {
	const path = "/nodes/{node}/sdn"
	vnet, fabric := s.vnetSubject(audit), fabricSubject()
	vnetIndex, fabricIndex := index(path+vnet.path, "subdir", "mac-vrf"), index(path+fabric.path, "subdir", "neighbors", "routes", "interfaces")
	vnetIndex.Params, vnetIndex.Allow = append(vnetIndex.Params, vnet.param), vnet.allow
	fabricIndex.Params, fabricIndex.Allow = append(fabricIndex.Params, fabric.param), fabric.allow
	return []Operation{
		live(s, livequery.Bridges, "bridges", "List the bridges of a zone on a node, and their ports.", showBridge),
		live(s, livequery.Routes, "ip-vrf", "List the routes of an EVPN zone on a node.", func(_ *Call, r livequery.VRFRoute) schema.Object {
			return schema.Object{"ip": r.Prefix, "metric": r.Metric, "protocol": r.Protocol, "nexthops": r.NextHops}
		}),
		vnetIndex,
		live(s, livequery.MACs, "mac-vrf", "List the hosts that BGP knows of in a VNet of an EVPN zone.", func(_ *Call, m livequery.MAC) schema.Object {
			return schema.Object{"ip": m.IP, "mac": m.MAC, "nexthop": m.NextHop}
		}),
		live(s, livequery.FirewallCounters, "firewall", "List what the rules of a VNet's firewall counted on a node since they were made there.", func(_ *Call, f livequery.FirewallCounter) schema.Object {
			return schema.Object{"where": f.Where, "rule": f.What, "packets": int64(f.Packets), "bytes": int64(f.Bytes)} // no node counts that far
		}),
		fabricIndex,
		live(s, livequery.FabricRoutes, "routes", "List the routes by way of a fabric on a node.", func(_ *Call, r livequery.FabricRoute) schema.Object {
			return schema.Object{"route": r.Prefix, "via": r.Via}
		}),
		live(s, livequery.FabricNeighbours, "neighbors", "List the neighbours of a node in a fabric.", func(_ *Call, n livequery.FabricNeighbour) schema.Object {
			return schema.Object{"neighbor": n.Name, "status": n.State, "uptime": n.Uptime}
		}),
		live(s, livequery.FabricLinks, "interfaces", "List the interfaces of a node in a fabric.", func(_ *Call, l livequery.FabricLink) schema.Object {
			return schema.Object{"name": l.Name, "type": l.Type, "state": l.State}
		}),
	}
}

// querySubject has how operations name the object of a live query, and who may run it.
type querySubject struct {
	path  string
	param schema.Property
	allow Permission
}

func zoneSubject() querySubject {
	return querySubject{"/zones/{zone}", idParam(schema.Zones(), false), Need("/sdn/zones/{zone}", audit)}
}

func (s *sdn) vnetSubject(privileges ...access.Privilege) querySubject {
	return querySubject{"/vnets/{vnet}", idParam(schema.VNets(), false), s.onVNet(privileges...)}
}

func fabricSubject() querySubject {
	return querySubject{"/fabrics/{fabric}", schema.Property{Name: "fabric", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "name of the fabric"}, Need("/sdn/fabrics/{fabric}", audit)}
}

// live is the operation of a live query, which shows each item of the answer. An item
// that show returns as nil may not be seen.
func live[T any](s *sdn, q livequery.Query[T], what, doc string, show func(c *Call, item T) schema.Object) Operation {
	var a querySubject
	switch q.About {
	case model.KindVNet:
		if a = s.vnetSubject(audit); q.Writers {
			a = s.vnetSubject(audit, allocate)
		}
	case model.KindFabric:
		a = fabricSubject()
	default:
		a = zoneSubject()
	}
	return Operation{
		Method: http.MethodGet, Path: "/nodes/{node}/sdn" + a.path + "/" + what, Doc: doc,
		Params: []schema.Property{nodeParam(), a.param}, Allow: a.allow,
		Handle: func(c *Call) (any, error) {
			var items []T
			err := s.ask(c, q.Subject, c.Text(a.param.Name), &items)
			out := []schema.Object{}
			for _, x := range items {
				if o := show(c, x); o != nil {
					out = append(out, o)
				}
			}
			return out, err
		},
	}
}

// ask queries the node that a call names.
func (s *sdn) ask(c *Call, subject livequery.Subject, of string, out any) error {
	n, err := s.node(c)
	if err != nil {
		return err
	}
	_, err = s.Fleet.Query(c, n.name, protocol.LiveQuery{Subject: subject, Of: of}, out)
	switch {
	case errors.Is(err, fleet.ErrSilent):
		return &Failure{Code: http.StatusGatewayTimeout, Text: err.Error()}
	case errors.Is(err, fleet.ErrCannotTell):
		return &Failure{Code: http.StatusBadRequest, Text: err.Error()}
	}
	return err
}

// guestPort is the name of a guest's port: tap100i0, veth101i1, fwpr100p0.
var guestPort = regexp.MustCompile(`^(?:tap|veth|fwpr)(\d+)[ip](\d+)$`)

func showBridge(c *Call, b livequery.Bridge) schema.Object {
	if !c.May(zonePath(c.Text("zone"))+"/"+b.Name, audit, allocate) {
		return nil
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
	return schema.Object{"name": b.Name, "vlan_filtering": b.VLANFiltering, "ports": ports}
}
