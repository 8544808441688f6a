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

// vmNetwork are the privileges needed to change a guest's NICs.
const vmNetwork access.Privilege = "VM.Config.Network"

// Privileges to read and write on paths that are not those of one object.
var (
	sdnRead  = []access.Privilege{access.SDNAudit, access.SDNAllocate}
	sdnWrite = []access.Privilege{access.SDNAllocate}
	sdnUse   = []access.Privilege{access.SDNUse}
	sysRead  = []access.Privilege{access.SysAudit}
	sysWrite = []access.Privilege{access.SysModify}
)

// right is any one of some privileges on a path.
type right struct {
	path  string
	anyOf []access.Privilege
}

// zones maps a VNet to its zone, empty if there is no such VNet.
type zones = model.ZoneOf

// zonesOf returns the zones of the VNets of a configuration.
func zonesOf(cfg *model.Config) zones {
	return func(vnet string) string {
		if v := cfg.VNets[vnet]; v != nil {
			return v.Zone
		}
		return ""
	}
}

// below is a path below a given one. A name that is not a valid part of a path gives the
// path itself, which needs more permissions.
func below(path, name string) string {
	if name == "" || strings.Contains(name, "/") {
		return path
	}
	return path + "/" + name
}

const (
	pathNodes = "/nodes"
	pathZones = "/sdn/zones"
)

// vnetPath is the path of the permissions on a VNet.
func vnetPath(zone, vnet string) string {
	return model.Rights(&model.VNet{ID: vnet, Zone: zone}, noZone, false)[0].Path
}

// rights are all the rights needed to read or write an object. Those on the VNets of a
// guest's NICs are not included: see guestRights.
func rights(o model.Object, zoneOf zones, write bool) []right {
	return convert(model.Rights(o, zoneOf, write), func(r model.Right) right { return right{r.Path, privileges(r.AnyOf)} })
}

func privileges(names []string) []access.Privilege {
	return convert(names, func(name string) access.Privilege { return access.Privilege(name) })
}

// guestRights are the rights needed for the NICs of a guest to join their VNets; NICs
// that stay where they are need none.
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

// nameOnly is an object of which only the name that the caller wrote is known: the
// rights that it needs must not reveal whether such an object exists.
func nameOnly(k model.Kind, id string) model.Object { return model.Named(k, id) }

func noZone(string) string { return "" }

// may reports whether the caller has any of the privileges on the path.
func (h *Handler) may(c caller, r right) bool {
	return c.admin || h.Access.Has(c.id, r.path, r.anyOf...)
}

// lacking returns the first right that the caller lacks; ok is true if they lack none.
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

// forbidden is the error with what the caller lacks and who can grant it.
func (h *Handler) forbidden(c caller, r right) error {
	names := convert(r.anyOf, func(p access.Privilege) string { return string(p) })
	return problem.New(http.StatusForbidden, api.TypeForbidden,
		"%s lacks %s on %s; whoever has Permissions.Modify there can give it, with a role that holds it: viaduct acl add %s ROLE %s",
		c.name, strings.Join(names, " or "), r.path, r.path, h.granteeFlags(c, r))
}

// mayWriteSome refuses a caller who may not write objects of the kind anywhere.
func (h *Handler) mayWriteSome(r *request, k model.Kind) error {
	id := r.PathValue("id")
	for _, one := range rights(nameOnly(k, id), noZone, true) {
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
		c.name, strings.Join(names, " or "), h.granteeFlags(c, right{"/", anyOf}))
}

// granteeFlags is who must be granted what the caller lacks, as flags of the command
// line: a token may do what its user may, and a separated one needs the permission
// itself.
func (h *Handler) granteeFlags(c caller, r right) string {
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

// canRead reports whether the caller may read an object of a configuration.
func (h *Handler) canRead(c caller, o model.Object, zoneOf zones) bool {
	if c.admin {
		return true
	}
	_, ok := h.lacking(c, rights(o, zoneOf, false))
	return ok
}

// absent refuses a caller who may not know that there is no such object; nil otherwise.
func (h *Handler) absent(c caller, k model.Kind, id string, write bool) error {
	return h.demand(c, rights(nameOnly(k, id), noZone, write)...)
}

// permit checks that the caller may make the edits, both where each object was and where
// it will be.
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
			known.Detail = fmt.Sprintf("edit %d of the request (%s): %s; nothing was changed", i+1, model.Ref(e.Target()), known.Detail)
			return known
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) permitEdit(c caller, v *revision.View, e model.Edit, before, after zones) error {
	k, id := e.Kind, e.ID
	var to model.Object
	if e.Put != nil {
		to = model.Completed(e.Put, after)
		k, id = to.ObjectKind(), to.ObjectID()
	}
	from := stored(v, v.Pending, k, id)
	if from != nil {
		if missing, ok := h.lacking(c, rights(from, before, true)); !ok {
			if !h.canRead(c, from, before) { // nor may they know where it is
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
		return problem.New(http.StatusForbidden, api.TypeForbidden, "%s: %s; to name it all the same takes Sys.Modify on /", model.Ref(e.Target()), err)
	}
	if g, ok := to.(*model.Guest); ok {
		old, _ := from.(*model.Guest)
		return h.demand(c, guestRights(old, g, either(after, zonesOf(v.Running)))...)
	}
	return nil
}

// demandName refuses with no more than the name that the caller wrote. If that name
// alone would be permitted, the missing privilege is reported.
func (h *Handler) demandName(c caller, k model.Kind, id string, missing right) error {
	if err := h.absent(c, k, id, true); err != nil {
		return err
	}
	return h.forbidden(c, missing)
}

// either looks a VNet up in a second configuration if it is not in the first: a guest
// may join a VNet that exists in the running one only.
func either(first, second zones) zones {
	return func(vnet string) string {
		if zone := first(vnet); zone != "" {
			return zone
		}
		return second(vnet)
	}
}

// stored returns an object as stored, or nil.
func stored(v *revision.View, cfg *model.Config, k model.Kind, id string) model.Object {
	if !k.Revisioned() {
		return v.Live.Get(k, id)
	}
	return cfg.Get(k, id)
}
