package pveapi

import (
	"net/http"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve"
)

// ipSets are the sets of addresses that every VNet has, for rules of firewalls to
// refer to.
var ipSets = []struct{ suffix, comment string }{
	{"all", "All subnets of VNet "},
	{"gateway", "All gateways of VNet "},
	{"no-gateway", "All subnets of VNet, without its gateways: "},
	{"dhcp", "All DHCP ranges of VNet "},
}

func (s *sdn) firewallOperations() []Operation {
	return []Operation{{
		Method: http.MethodGet, Path: "/cluster/firewall/refs", Doc: "List what rules of a firewall can refer to.",
		Params: []pve.Property{{Name: "type", Form: pve.Text, Enum: []string{"alias", "ipset"}, Doc: "only this type"}},
		Handle: s.firewallRefs,
	}}
}

func (s *sdn) firewallRefs(c *Call) (any, error) {
	out := []pve.Object{}
	if c.Text("type") == "alias" {
		return out, nil
	}
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	for _, o := range v.Running.List(model.KindVNet) {
		vnet := o.(*model.VNet)
		if !c.May(vnetPath(vnet), audit, access.SDNUse) {
			continue
		}
		for _, set := range ipSets {
			name := vnet.ID + "-" + set.suffix
			out = append(out, pve.Object{"type": "ipset", "scope": "sdn", "name": name, "ref": "+sdn/" + name, "comment": set.comment + vnet.ID})
		}
	}
	return out, nil
}
