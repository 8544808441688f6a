package pveapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// zonePath returns the permission path of a zone.
func zonePath(zone string) string { return "/sdn/zones/" + zone }

func (s *sdn) zoneOperations() []Operation {
	k := schema.Zones()
	const item = "/cluster/sdn/zones/{zone}"
	id := idParam(k, false)
	return []Operation{
		{
			Method: http.MethodGet, Path: "/cluster/sdn/zones", Doc: "List the zones.",
			Params: append([]schema.Property{typed(k, "type", 'o')}, viewParams...),
			Handle: s.listZones,
		},
		{
			Method: http.MethodPost, Path: "/cluster/sdn/zones", Doc: "Create a zone.",
			Params: append([]schema.Property{idParam(k, true), typed(k, "type", 'r'), lockToken}, optional(k)...),
			Allow:  withReferences(model.KindZone, Need("/sdn/zones", allocate)), Handle: s.createZone,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a zone.",
			Params: append([]schema.Property{id}, viewParams...), Allow: Need("/sdn/zones/{zone}", allocate),
			Handle: s.reading(k, nil),
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a zone.",
			Params: append([]schema.Property{id, digestText, deleteList, lockToken}, optional(k)...),
			Allow:  withReferences(model.KindZone, Need("/sdn/zones/{zone}", allocate)), Handle: s.updateZone,
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a zone.",
			Params: []schema.Property{id, lockToken}, Allow: Need("/sdn/zones/{zone}", allocate),
			Handle: func(c *Call) (any, error) {
				return s.change(c, "delete sdn zone object", func(v *revision.View) ([]model.Edit, error) {
					id := c.Text("zone")
					if v.Pending.Zones[id] == nil {
						return nil, k.Missing(id)
					}
					return []model.Edit{{Kind: k.Model, ID: id}}, schema.CheckZoneDelete(v.Pending, id)
				})
			},
		},
	}
}

func (s *sdn) listZones(c *Call) (any, error) {
	v, err := s.view(c)
	if err != nil {
		return nil, err
	}
	return s.list(v, schema.Zones(), func(o model.Object) bool {
		z := o.(*model.Zone)
		return (!c.Has("type") || c.Text("type") == string(z.Type)) && c.May(zonePath(z.ID), audit, allocate)
	}, nil), nil
}

func (s *sdn) createZone(c *Call) (any, error) {
	k := schema.Zones()
	id, typ, given := c.Text("zone"), c.Text("type"), c.given(k)
	if err := k.Options(typ, given); err != nil {
		return nil, err
	}
	if model.ZoneType(typ) == model.ZoneEVPN && !c.Has("mac") {
		given["mac"] = []string{randomMAC()}
	}
	return s.change(c, "create sdn zone object", func(v *revision.View) ([]model.Edit, error) {
		if v.Pending.Zones[id] != nil {
			return nil, k.Defined(id)
		}
		z := &model.Zone{ID: id, Type: model.ZoneType(typ)}
		if err := k.Put(z, given); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: z}}, schema.CheckZone(v.Pending, nil, z, given, v.Live)
	})
}

func (s *sdn) updateZone(c *Call) (any, error) {
	k := schema.Zones()
	id, given := c.Text("zone"), c.given(k)
	return s.change(c, "update sdn zone object", func(v *revision.View) ([]model.Edit, error) {
		old := v.Pending.Zones[id]
		if old == nil {
			return nil, k.Missing(id)
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		z := &model.Zone{ID: id, Type: old.Type}
		if err := changed(c, k, old, z, string(old.Type)); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: z}}, schema.CheckZone(v.Pending, old, z, given, v.Live)
	})
}

// randomMAC returns a MAC address with Proxmox's default prefix.
func randomMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", b[0], b[1], b[2])
}

// vnetPath returns the permission path of a VNet.
func vnetPath(v *model.VNet) string { return zonePath(v.Zone) + "/" + v.ID }

// needVNet refuses the call unless the caller has one of the privileges on a VNet. The
// error names its zone only to callers who may see or use one of the two.
func (c *Call) needVNet(v *model.VNet, anyOf ...access.Privilege) error {
	if !c.knowsVNet(v) {
		return c.noVNet(v.ID, anyOf...)
	}
	return c.Need(vnetPath(v), anyOf...)
}

// knowsVNet reports whether the caller may know that a VNet exists, and its zone: the
// caller may see or use it or the zone.
func (c *Call) knowsVNet(v *model.VNet) bool {
	return c.May(vnetPath(v), audit, allocate, access.SDNUse) || c.May(zonePath(v.Zone), audit, allocate, access.SDNUse)
}

// noVNet is the answer for a VNet that does not exist, or that the caller may not know
// about. Both are the same: Proxmox VE answers everybody that it does not exist.
func (c *Call) noVNet(id string, anyOf ...access.Privilege) error {
	if err := c.Need("/sdn/zones", anyOf...); err != nil {
		return err
	}
	return schema.VNets().Missing(id)
}

// onVNet requires a privilege on the VNet that a call names, which must exist.
func (s *sdn) onVNet(anyOf ...access.Privilege) Permission {
	return Permission{Doc: privilegeNames(anyOf) + " on /sdn/zones/<zone>/{vnet}", Check: func(c *Call) error {
		v, err := s.Config.View(c)
		if err != nil {
			return err
		}
		vnet := v.Pending.VNets[c.Text("vnet")]
		if vnet == nil {
			return c.noVNet(c.Text("vnet"), anyOf...)
		}
		return c.needVNet(vnet, anyOf...)
	}}
}

func (s *sdn) vnetOperations() []Operation {
	k := schema.VNets()
	const item = "/cluster/sdn/vnets/{vnet}"
	id := idParam(k, false)
	return []Operation{
		{
			Method: http.MethodGet, Path: "/cluster/sdn/vnets", Doc: "List the VNets.", Params: slices.Clone(viewParams),
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				return s.list(v, k, func(o model.Object) bool { return c.May(vnetPath(o.(*model.VNet)), audit, allocate) }, nil), nil
			}),
		},
		{
			Method: http.MethodPost, Path: "/cluster/sdn/vnets", Doc: "Create a VNet.",
			Params: append([]schema.Property{idParam(k, true), typed(k, "type", 'o'), lockToken}, withNeed(optional(k), "zone")...),
			Allow:  Need("/sdn/zones/{zone}", allocate), Handle: s.createVNet,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a VNet.",
			Params: append([]schema.Property{id}, viewParams...), Allow: s.onVNet(audit, allocate),
			Handle: s.reading(k, nil),
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a VNet.",
			Params: append([]schema.Property{id, digestText, deleteList, lockToken}, optional(k)...),
			Allow:  s.onVNet(allocate), Handle: s.updateVNet,
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a VNet.",
			Params: []schema.Property{id, lockToken}, Allow: s.onVNet(allocate),
			Handle: func(c *Call) (any, error) {
				return s.change(c, "delete sdn vnet object", func(v *revision.View) ([]model.Edit, error) {
					id := c.Text("vnet")
					if v.Pending.VNets[id] == nil {
						return nil, k.Missing(id)
					}
					return []model.Edit{{Kind: k.Model, ID: id}}, schema.CheckVNetDelete(v.Index(), id)
				})
			},
		},
	}
}

// withNeed makes a parameter required.
func withNeed(params []schema.Property, name string) []schema.Property {
	for i := range params {
		if params[i].Name == name {
			params[i].Need = 'r'
		}
	}
	return params
}

func (s *sdn) createVNet(c *Call) (any, error) {
	k := schema.VNets()
	id, given := c.Text("vnet"), c.given(k)
	return s.change(c, "create sdn vnet object", func(v *revision.View) ([]model.Edit, error) {
		if v.Pending.VNets[id] != nil {
			return nil, k.Defined(id)
		}
		vnet := &model.VNet{ID: id}
		if err := k.Put(vnet, given); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: vnet}}, schema.CheckVNet(v.Pending, v.Index(), nil, vnet)
	})
}

func (s *sdn) updateVNet(c *Call) (any, error) {
	k := schema.VNets()
	id := c.Text("vnet")
	return s.change(c, "update sdn vnet object", func(v *revision.View) ([]model.Edit, error) {
		old := v.Pending.VNets[id]
		if old == nil {
			return nil, k.Missing(id)
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		if slices.Contains(c.List("delete"), "zone") {
			return nil, schema.Faults{"zone": "cannot delete zone"}
		}
		vnet := &model.VNet{ID: id}
		if err := changed(c, k, old, vnet, "vnet"); err != nil {
			return nil, err
		}
		if vnet.Zone != old.Zone {
			if err := c.Need(zonePath(vnet.Zone), allocate); err != nil {
				return nil, err
			}
		}
		return []model.Edit{{Put: vnet}}, schema.CheckVNet(v.Pending, v.Index(), old, vnet)
	})
}
