package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Privileges on guests.
const (
	vmAudit   access.Privilege = "VM.Audit"
	vmNetwork access.Privilege = "VM.Config.Network"
)

// What reading and writing need on an object's path.
var (
	sdnRead   = []access.Privilege{access.SDNAudit, access.SDNAllocate}
	sdnWrite  = []access.Privilege{access.SDNAllocate}
	sdnUse    = []access.Privilege{access.SDNUse}
	sysRead   = []access.Privilege{access.SysAudit}
	sysEither = []access.Privilege{access.SysAudit, access.SysModify}
	sysWrite  = []access.Privilege{access.SysModify}
	vmRead    = []access.Privilege{vmAudit}
	vmWrite   = []access.Privilege{vmNetwork}
)

// right is any one of some privileges on a path.
type right struct {
	path  string
	anyOf []access.Privilege
}

// zones tells which zone a VNet is in; empty if there is no such VNet.
type zones func(vnet string) string

// zonesOf are those of a configuration.
func zonesOf(cfg *model.Config) zones {
	return func(vnet string) string {
		if v := cfg.VNets[vnet]; v != nil {
			return v.Zone
		}
		return ""
	}
}

// below is a path below another one. A name that is no part of a path gives the
// path itself, on which it takes more to be permitted.
func below(path, name string) string {
	if name == "" || strings.Contains(name, "/") {
		return path
	}
	return path + "/" + name
}

const (
	pathNodes       = "/nodes"
	pathZones       = "/sdn/zones"
	pathFabrics     = "/sdn/fabrics"
	pathControllers = "/sdn/controllers"
	pathPrefixLists = "/sdn/prefix-lists"
	pathRouteMaps   = "/sdn/route-maps"
	pathIPAMs       = "/sdn/ipams"
	pathDNS         = "/sdn/dns"
	pathGuests      = "/vms"
)

// vnetPath is where the permissions on a VNet are looked for.
func vnetPath(zone, vnet string) string {
	if zone == "" {
		return pathZones
	}
	return below(below(pathZones, zone), vnet)
}

// rights are what reading or writing an object takes, all of them. What a guest's
// NICs join is not in here: see guestRights.
func rights(o model.Object, zoneOf zones, write bool) []right {
	sdn := sdnRead
	if write {
		sdn = sdnWrite
	}
	switch o := o.(type) {
	case *model.Zone:
		return []right{{below(pathZones, o.ID), sdn}}
	case *model.VNet:
		return []right{{vnetPath(o.Zone, o.ID), sdn}}
	case *model.Subnet:
		zone := zoneOf(o.VNet)
		if zone == "" {
			zone, _, _ = model.ParseSubnetID(o.ID)
		}
		return []right{{vnetPath(zone, o.VNet), sdn}}
	case *model.Controller:
		return []right{{below(pathControllers, o.ID), sdn}}
	case *model.Fabric:
		return []right{{below(pathFabrics, o.ID), sdn}}
	case *model.FabricNode:
		sys := sysEither
		if write {
			sys = sysWrite
		}
		return []right{{below(pathFabrics, o.Fabric), sdn}, {below(pathNodes, o.Node), sys}}
	case *model.PrefixList:
		return []right{{pathPrefixLists, sdn}}
	case *model.RouteMap:
		return []right{{pathRouteMaps, sdn}}
	case *model.Node:
		if write {
			return []right{{below(pathNodes, o.ID), sysWrite}}
		}
		return []right{{below(pathNodes, o.ID), sysRead}}
	case *model.IPAM:
		return []right{{below(pathIPAMs, o.ID), sdn}}
	case *model.NameServer:
		return []right{{below(pathDNS, o.ID), sdn}}
	case *model.Alias, *model.IPSet, *model.SecurityGroup:
		return []right{clusterRight(write)}
	case *model.Firewall:
		if o.ID == model.FirewallDatacenter {
			return []right{clusterRight(write)}
		}
		return []right{{vnetPath(zoneOf(o.ID), o.ID), sdn}}
	case *model.Guest:
		if write {
			return []right{{below(pathGuests, o.ID), vmWrite}}
		}
		return []right{{below(pathGuests, o.ID), vmRead}}
	}
	return []right{{"/", nil}} // nobody has none of no privileges
}

// clusterRight is what it takes for what concerns all.
func clusterRight(write bool) right {
	if write {
		return right{"/", sysWrite}
	}
	return right{"/", sysRead}
}

// rightsOn says for the documentation what rights works out.
var rightsOn = map[model.Kind]struct{ read, write string }{
	model.KindNode:       {"Sys.Audit on /nodes/{id}", "Sys.Modify on /nodes/{id}"},
	model.KindPrefixList: {"SDN.Audit or SDN.Allocate on /sdn/prefix-lists", "SDN.Allocate on /sdn/prefix-lists"},
	model.KindRouteMap:   {"SDN.Audit or SDN.Allocate on /sdn/route-maps", "SDN.Allocate on /sdn/route-maps"},
	model.KindFabric:     {"SDN.Audit or SDN.Allocate on /sdn/fabrics/{id}", "SDN.Allocate on /sdn/fabrics/{id}"},
	model.KindFabricNode: {
		"SDN.Audit or SDN.Allocate on /sdn/fabrics/{fabric}, and Sys.Audit or Sys.Modify on /nodes/{node}",
		"SDN.Allocate on /sdn/fabrics/{fabric}, and Sys.Modify on /nodes/{node}",
	},
	model.KindController:    {"SDN.Audit or SDN.Allocate on /sdn/controllers/{id}", "SDN.Allocate on /sdn/controllers/{id}"},
	model.KindZone:          {"SDN.Audit or SDN.Allocate on /sdn/zones/{id}", "SDN.Allocate on /sdn/zones/{id}"},
	model.KindVNet:          {"SDN.Audit or SDN.Allocate on /sdn/zones/{zone}/{id}", "SDN.Allocate on /sdn/zones/{zone}/{id}, for a VNet that moves in both zones"},
	model.KindSubnet:        {"SDN.Audit or SDN.Allocate on /sdn/zones/{zone}/{vnet}", "SDN.Allocate on /sdn/zones/{zone}/{vnet}, for a subnet that moves on both VNets"},
	model.KindIPAM:          {"SDN.Audit or SDN.Allocate on /sdn/ipams/{id}; its token is shown with SDN.Allocate only", "SDN.Allocate on /sdn/ipams/{id}"},
	model.KindDNS:           {"SDN.Audit or SDN.Allocate on /sdn/dns/{id}; its key is shown with SDN.Allocate only", "SDN.Allocate on /sdn/dns/{id}"},
	model.KindAlias:         {"Sys.Audit on /", "Sys.Modify on /"},
	model.KindIPSet:         {"Sys.Audit on /", "Sys.Modify on /"},
	model.KindSecurityGroup: {"Sys.Audit on /", "Sys.Modify on /"},
	model.KindFirewall: {
		"SDN.Audit or SDN.Allocate on /sdn/zones/{zone}/{id}; for datacenter Sys.Audit on /",
		"SDN.Allocate on /sdn/zones/{zone}/{id}; for datacenter Sys.Modify on /",
	},
	model.KindGuest: {"VM.Audit on /vms/{id}", "VM.Config.Network on /vms/{id}, and SDN.Use on each /sdn/zones/{zone}/{vnet} that a NIC is to join"},
}

// guestRights are what it takes that the NICs of a guest join their VNets; those
// that stay where they are take nothing.
func guestRights(old, new *model.Guest, zoneOf zones) []right {
	joined := make(map[string]string)
	if old != nil {
		for _, n := range old.NICs {
			joined[n.ID] = n.VNet
		}
	}
	var out []right
	for _, n := range new.NICs {
		if vnet, ok := joined[n.ID]; !ok || vnet != n.VNet {
			out = append(out, right{vnetPath(zoneOf(n.VNet), n.VNet), sdnUse})
		}
	}
	return out
}

// nameOnly is an object of which no more is known than the name that somebody
// wrote: what it takes must not tell whether there is such an object.
func nameOnly(k model.Kind, id string) model.Object {
	switch k {
	case model.KindZone:
		return &model.Zone{ID: id}
	case model.KindVNet:
		return &model.VNet{ID: id}
	case model.KindSubnet:
		return &model.Subnet{ID: id}
	case model.KindController:
		return &model.Controller{ID: id}
	case model.KindFabric:
		return &model.Fabric{ID: id}
	case model.KindFabricNode:
		fabric, node, _ := strings.Cut(id, "_")
		return &model.FabricNode{ID: id, Fabric: fabric, Node: node}
	case model.KindNode:
		return &model.Node{ID: id}
	case model.KindIPAM:
		return &model.IPAM{ID: id}
	case model.KindDNS:
		return &model.NameServer{ID: id}
	case model.KindFirewall:
		return &model.Firewall{ID: id}
	case model.KindGuest:
		return &model.Guest{ID: id}
	}
	return model.New(k)
}

func nowhere(string) string { return "" }

// may reports whether the caller has any of the privileges on the path.
func (h *Handler) may(c caller, r right) bool {
	return c.admin || h.Access.Has(c.id, r.path, r.anyOf...)
}

// lacking returns the first right that the caller does not have; ok is true if
// there is none.
func (h *Handler) lacking(c caller, rs []right) (missing right, ok bool) {
	for _, r := range rs {
		if !h.may(c, r) {
			return r, false
		}
	}
	return right{}, true
}

// demand refuses a caller who lacks any of the rights.
func (h *Handler) demand(c caller, rs ...right) error {
	missing, ok := h.lacking(c, rs)
	if ok {
		return nil
	}
	return h.forbidden(c, missing)
}

// forbidden says what the caller lacks and who can give it.
func (h *Handler) forbidden(c caller, r right) error {
	names := convert(r.anyOf, func(p access.Privilege) string { return string(p) })
	return problem.New(http.StatusForbidden, api.TypeForbidden,
		"%s lacks %s on %s; whoever has Permissions.Modify there can give it, with a role that holds it: viaduct acl add %s ROLE %s",
		c.name, strings.Join(names, " or "), r.path, r.path, h.lacksIt(c, r))
}

// mayWriteSome refuses a caller who may not write objects of the kind anywhere.
func (h *Handler) mayWriteSome(r *request, k model.Kind) error {
	id := r.PathValue("id")
	for _, one := range rights(nameOnly(k, id), nowhere, true) {
		if h.Access.HasAnywhere(r.caller.id, one.anyOf...) {
			continue
		}
		v, _ := h.Config.Latest()
		if _, err := h.find(r.caller, v, v.Pending, k, id, true); err != nil && !errors.Is(err, revision.ErrNotFound) {
			return err
		}
		return h.forbidden(r.caller, one)
	}
	return nil
}

// lacksAnywhere refuses a caller who has none of the privileges on any path.
func (h *Handler) lacksAnywhere(c caller, anyOf []access.Privilege) error {
	names := convert(anyOf, func(p access.Privilege) string { return string(p) })
	return problem.New(http.StatusForbidden, api.TypeForbidden,
		"%s lacks %s on / and on every path below it; whoever has Permissions.Modify on a path can give it there, with a role that holds it: viaduct acl add /PATH ROLE %s",
		c.name, strings.Join(names, " or "), h.lacksIt(c, right{"/", anyOf}))
}

// lacksIt is who has to be given what the caller lacks, as flags of the command
// line: a token may have what its user has, and a separated one needs it itself.
func (h *Handler) lacksIt(c caller, r right) string {
	user := "--user '" + c.id.User + "'"
	if c.id.Token == "" {
		return user
	}
	t, err := h.Access.Token(c.name)
	switch has := h.Access.Has(access.Identity{User: c.id.User}, r.path, r.anyOf...); {
	case err == nil && !t.Privsep:
		return user
	case has:
		return "--token '" + c.name + "'"
	}
	return user + ", and again with --token '" + c.name + "'"
}

// sees reports whether the caller may read an object of a configuration.
func (h *Handler) sees(c caller, o model.Object, zoneOf zones) bool {
	if c.admin {
		return true
	}
	_, ok := h.lacking(c, rights(o, zoneOf, false))
	return ok
}

// absent refuses a caller who may not know that there is no such object; nil
// otherwise.
func (h *Handler) absent(c caller, k model.Kind, id string, write bool) error {
	return h.demand(c, rights(nameOnly(k, id), nowhere, write)...)
}

// permit checks that the caller may make the edits, each where its object comes
// from and where it goes.
func (h *Handler) permit(c caller, v *revision.View, edits []model.Edit) error {
	if c.admin {
		return nil
	}
	before := zonesOf(v.Pending)
	moved := make(map[string]string)
	for _, e := range edits {
		if n, ok := e.Put.(*model.VNet); ok {
			moved[n.ID] = n.Zone
		}
	}
	after := func(vnet string) string {
		if zone, ok := moved[vnet]; ok {
			return zone
		}
		return before(vnet)
	}
	for i, e := range edits {
		err := h.permitEdit(c, v, e, before, after)
		if err != nil && len(edits) > 1 {
			known := problem.From(err)
			known.Detail = fmt.Sprintf("edit %d of the request (%s): %s; nothing was changed", i+1, reference(e), known.Detail)
			return known
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reference names the object of an edit.
func reference(e model.Edit) string {
	if e.Put != nil {
		return model.Ref(e.Put.ObjectKind(), e.Put.ObjectID())
	}
	return model.Ref(e.Kind, e.ID)
}

func (h *Handler) permitEdit(c caller, v *revision.View, e model.Edit, before, after zones) error {
	k, id := e.Kind, e.ID
	var to model.Object
	if e.Put != nil {
		to = completed(e.Put, after)
		k, id = to.ObjectKind(), to.ObjectID()
	}
	from := stored(v, v.Pending, k, id)
	if from != nil {
		if missing, ok := h.lacking(c, rights(from, before, true)); !ok {
			if !h.sees(c, from, before) { // nor may they know where it is
				return h.demandName(c, k, id, missing)
			}
			return h.forbidden(c, missing)
		}
	}
	if to == nil {
		if from != nil {
			return nil
		}
		if err := h.absent(c, k, id, true); err != nil {
			return err
		}
		return notFound(k, id)
	}
	if err := h.demand(c, append(rights(to, after, true), useRights(from, to)...)...); err != nil {
		return err
	}
	if err := h.External.Own(from, to); err != nil && !h.may(c, right{"/", sysWrite}) {
		return problem.New(http.StatusForbidden, api.TypeForbidden, "%s: %s; to name it all the same takes Sys.Modify on /", reference(e), err)
	}
	if g, ok := to.(*model.Guest); ok {
		old, _ := from.(*model.Guest)
		return h.demand(c, guestRights(old, g, either(after, zonesOf(v.Running)))...)
	}
	return nil
}

// demandName refuses by no more than the name that the caller wrote. If by that
// alone they were permitted it, what they lack is told.
func (h *Handler) demandName(c caller, k model.Kind, id string, missing right) error {
	if err := h.absent(c, k, id, true); err != nil {
		return err
	}
	return h.forbidden(c, missing)
}

// either looks in a second place for what is not in the first: a guest may join a
// VNet that only runs still.
func either(first, second zones) zones {
	return func(vnet string) string {
		if zone := first(vnet); zone != "" {
			return zone
		}
		return second(vnet)
	}
}

// completed is a copy of an object as it will be stored: its name may follow from
// what else it says. One that cannot be completed is refused later.
func completed(o model.Object, zoneOf zones) model.Object {
	switch o := o.(type) {
	case *model.Subnet:
		n := *o
		vnet := &model.Config{VNets: map[string]*model.VNet{}}
		if zone := zoneOf(n.VNet); zone != "" {
			vnet.VNets[n.VNet] = &model.VNet{ID: n.VNet, Zone: zone}
		}
		_ = vnet.Put(&n)
		return &n
	case *model.FabricNode:
		n := *o
		_ = (&model.Config{}).Put(&n)
		return &n
	}
	return o
}

// stored returns an object as it is stored, or nil.
func stored(v *revision.View, cfg *model.Config, k model.Kind, id string) model.Object {
	if !k.Revisioned() {
		return v.Live.Get(k, id)
	}
	return cfg.Get(k, id)
}
