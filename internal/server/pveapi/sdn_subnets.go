package pveapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

func (s *sdn) subnetOperations() []Operation {
	k := schema.Subnets()
	const all = "/cluster/sdn/vnets/{vnet}/subnets"
	const item = all + "/{subnet}"
	vnet, id := idParam(schema.VNets(), false), idParam(k, false)
	made := schema.Property{Name: "subnet", Form: schema.Text, Need: 'r', Check: schema.CIDR, Doc: "the network, like 10.0.1.0/24"}
	params := optional(k, "vnet")
	return []Operation{
		{
			Method: http.MethodGet, Path: all, Doc: "List the subnets of a VNet.",
			Params: append([]schema.Property{vnet}, viewParams...), Allow: s.onVNet(audit, allocate),
			Handle: s.viewing(func(c *Call, v *view) (any, error) {
				return s.list(v, k, func(o model.Object) bool { return o.(*model.Subnet).VNet == c.Text("vnet") }, v.decorateSubnet), nil
			}),
		},
		{
			Method: http.MethodPost, Path: all, Doc: "Create a subnet.",
			Params: append([]schema.Property{vnet, made, typed(k, "type", 'r'), lockToken}, params...),
			Allow:  s.onVNet(allocate), Handle: s.createSubnet,
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a subnet.",
			Params: append([]schema.Property{vnet, id}, viewParams...), Allow: s.onVNet(audit, allocate), Handle: s.readSubnet,
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a subnet.",
			Params: append([]schema.Property{vnet, id, digestText, deleteList, lockToken}, params...),
			Allow:  s.onVNet(allocate), Handle: s.updateSubnet,
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a subnet.",
			Params: []schema.Property{vnet, id, lockToken}, Allow: s.onVNet(allocate),
			Handle: func(c *Call) (any, error) {
				return s.changeSubnets(c, "delete sdn subnet object", func(v *revision.View) ([]model.Edit, error) {
					old := c.knownSubnet(v.Pending, c.Text("subnet"))
					if old == nil {
						return nil, nil // as Proxmox: it is already deleted, by this or another caller
					}
					if err := s.mayChange(c, v, old); err != nil {
						return nil, err
					}
					return []model.Edit{{Kind: k.Model, ID: old.ID}}, nil
				})
			},
		},
	}
}

// subnetOf returns a subnet by its ID, in which an IPv6 network may have any spelling.
func subnetOf(cfg *model.Config, id string) *model.Subnet {
	if s := cfg.Subnets[id]; s != nil {
		return s
	}
	zone, prefix, ok := model.ParseSubnetID(id)
	if !ok {
		return nil
	}
	return cfg.Subnets[model.SubnetID(zone, prefix)]
}

// knownSubnet is subnetOf for a caller; subnets of VNets that the caller may not know
// count as absent.
func (c *Call) knownSubnet(cfg *model.Config, id string) *model.Subnet {
	s := subnetOf(cfg, id)
	if s == nil {
		return nil
	}
	if v := cfg.VNets[s.VNet]; v != nil && !c.knowsVNet(v) {
		return nil
	}
	return s
}

// mayChange requires the permission on the VNet of a subnet, which can differ from the
// one in the request's path.
func (s *sdn) mayChange(c *Call, v *revision.View, subnet *model.Subnet) error {
	if vnet := v.Pending.VNets[subnet.VNet]; vnet != nil {
		return c.needVNet(vnet, allocate)
	}
	return nil
}

// decorateSubnet adds values that follow from a subnet's network and zone.
func (v *view) decorateSubnet(o model.Object, out schema.Object) {
	s := o.(*model.Subnet)
	words, id := schema.Network(s), schema.SubnetID(s)
	zone, _, _ := model.ParseSubnetID(s.ID)
	network, mask, _ := strings.Cut(words, "/")
	out["subnet"], out["id"], out["cidr"], out["zone"], out["network"], out["mask"] = id, id, words, zone, network, mask
	ranges := []map[string]string{}
	for _, text := range v.shownSubnet(s)["dhcp-range"] {
		r := map[string]string{}
		for part := range strings.SplitSeq(text, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			r[name] = value
		}
		ranges = append(ranges, r)
	}
	out["dhcp-range"] = ranges
}

// shownSubnet returns the values on the top level of a subnet's view.
func (v *view) shownSubnet(s *model.Subnet) schema.Values {
	if running := v.Running.Subnets[s.ID]; v.pending && running != nil {
		s = running
	} else if v.pending {
		return nil
	}
	return schema.Subnets().Of(s)
}

func (s *sdn) readSubnet(c *Call) (any, error) {
	v, err := s.view(c)
	if err != nil {
		return nil, err
	}
	k := schema.Subnets()
	subnet := c.knownSubnet(v.config(), c.Text("subnet"))
	if subnet == nil && v.pending {
		subnet = c.knownSubnet(v.Running, c.Text("subnet"))
	}
	if subnet == nil {
		return nil, k.Missing(c.Text("subnet"))
	}
	if subnet.VNet != c.Text("vnet") {
		return nil, Params{"vnet": "wrong vnet"}
	}
	return s.show(v, k, subnet, s.digest(v, k), v.decorateSubnet), nil
}

func (s *sdn) createSubnet(c *Call) (any, error) {
	k := schema.Subnets()
	given := c.given(k)
	given["vnet"] = []string{c.Text("vnet")}
	prefix, err := netip.ParsePrefix(c.Text("subnet"))
	if err != nil {
		return nil, Params{"subnet": schema.CIDR(c.Text("subnet"))}
	}
	return s.changeSubnets(c, "create sdn subnet object", func(v *revision.View) ([]model.Edit, error) {
		vnet := v.Pending.VNets[c.Text("vnet")]
		if vnet == nil {
			return nil, schema.VNets().Missing(c.Text("vnet"))
		}
		id := model.SubnetID(vnet.Zone, prefix)
		if v.Pending.Subnets[id] != nil {
			return nil, k.Defined(id)
		}
		subnet := &model.Subnet{ID: id, CIDR: prefix}
		if err := putSubnet(subnet, given, c.Text("subnet")); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: subnet}}, schema.CheckSubnet(v.Pending, subnet)
	})
}

// putSubnet sets a subnet's properties. Unreadable ranges are ignored, as in Proxmox.
// cidr is the original spelling of the network.
func putSubnet(subnet *model.Subnet, values schema.Values, cidr string) error {
	values = values.Clone()
	if ranges, ok := values["dhcp-range"]; ok {
		values["dhcp-range"] = slices.DeleteFunc(slices.Clone(ranges), func(r string) bool { return !isRange(r) })
		if len(values["dhcp-range"]) == 0 {
			delete(values, "dhcp-range")
		}
	}
	if err := schema.Subnets().Put(subnet, values); err != nil {
		return err
	}
	schema.SetNetwork(subnet, cidr)
	return nil
}

// isRange reports whether a text is start-address=A,end-address=B.
func isRange(text string) bool {
	var found int
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, err := netip.ParseAddr(value); err != nil || name != "start-address" && name != "end-address" {
			return false
		}
		found++
	}
	return found == 2
}

func (s *sdn) updateSubnet(c *Call) (any, error) {
	k := schema.Subnets()
	return s.changeSubnets(c, "update sdn subnet object", func(v *revision.View) ([]model.Edit, error) {
		old := c.knownSubnet(v.Pending, c.Text("subnet"))
		if old == nil {
			return nil, k.Missing(c.Text("subnet"))
		}
		if err := s.mayChange(c, v, old); err != nil {
			return nil, err
		}
		if err := s.checkDigest(c, v.Pending, k); err != nil {
			return nil, err
		}
		values := k.Of(old)
		delete(values, "type")
		given := c.given(k)
		delete(given, "vnet")
		merged, err := k.Merge("subnet", values, given, c.List("delete"))
		if err != nil {
			return nil, err
		}
		subnet := &model.Subnet{ID: old.ID, CIDR: old.CIDR}
		if err := putSubnet(subnet, merged, schema.Network(old)); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: subnet}}, schema.CheckSubnet(v.Pending, subnet)
	})
}
