package pveapi

import (
	"crypto/sha1" // the digest that Proxmox has, which protects nothing
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

const (
	clusterFirewall = "/cluster/firewall"
	vnetFirewall    = "/cluster/sdn/vnets/{vnet}/firewall"
)

// The permissions to read and write the firewall of the datacenter.
var (
	seeFirewall    = Need("/", access.SysAudit)
	changeFirewall = Need("/", access.SysModify)
)

// firewallOperations are the operations on firewalls, which take effect at once: they
// need no lock and no apply.
func (s *sdn) firewallOperations() []Operation {
	base := index(clusterFirewall, "name", "rules", "options", "groups", "ipset", "aliases", "macros", "refs")
	vnet := index(vnetFirewall, "name", "rules", "options")
	vnet.Params, vnet.Allow = []schema.Property{idParam(schema.VNets(), false)}, s.onVNet(audit, allocate)
	ops := []Operation{base, vnet, s.refsOperation(), macrosOperation()}
	ops = append(ops, s.ruleOperations(s.clusterRules())...)
	ops = append(ops, s.ruleOperations(s.vnetRules())...)
	ops = append(ops, s.ruleOperations(s.groupRules())...)
	ops = append(ops, s.firewallOptionOperations()...)
	ops = append(ops, s.groupOperations()...)
	ops = append(ops, s.ipSetOperations()...)
	return append(ops, s.aliasOperations()...)
}

// maxTries limits how often a change is retried because of concurrent changes of
// the same object.
const maxTries = 8

// firewallChange makes edits that are computed from the live objects. If what they
// replace has changed before they are stored, they are computed again. A fault is
// reported as that of the parameter with the prefix field.
func (s *sdn) firewallChange(c *Call, field string, work func(v *revision.View) ([]model.Edit, error)) (any, error) {
	var err error
	for range maxTries {
		var v *revision.View
		if v, err = s.Config.View(c); err != nil {
			return nil, err
		}
		var edits []model.Edit
		if edits, err = work(v); err != nil || len(edits) == 0 {
			return nil, err
		}
		match := map[string]string{}
		for _, e := range edits {
			kind, id := e.Target()
			match[model.Ref(kind, id)] = revision.Absent
			if old := v.Live.Get(kind, id); old != nil {
				match[model.Ref(kind, id)] = revision.ETag(old)
			}
		}
		_, err = s.Config.Edit(c, c.Who.String(), edits, revision.EditOptions{Lax: true, IfMatch: match, Uncounted: true})
		if !errors.Is(err, revision.ErrPrecondition) {
			break
		}
	}
	return nil, faultsOf(s.redact(c, err), field)
}

// faultsOf converts problems of parameters to Params.
func faultsOf(err error, field string) error {
	var problems model.Problems
	if !errors.As(err, &problems) {
		return err
	}
	faults := Params{}
	for _, p := range problems {
		name, ours := strings.CutPrefix(p.Field, field)
		if !ours || name == "" || strings.ContainsAny(name, ".[") || p.Severity != model.Error {
			return Failf("%s", problems)
		}
		faults[name] = p.Message
		if p.Value != "" {
			faults[name] = "'" + p.Value + "' " + p.Message
		}
	}
	return faults
}

// digestOf returns the digest of a part of the configuration.
func digestOf(part any) string {
	b, _ := json.Marshal(part)                // plain values only
	sum := sha1.Sum(append(b, 'v', 'f', 'w')) // see above
	return hex.EncodeToString(sum[:])
}

// macrosOperation lists the macros.
func macrosOperation() Operation {
	return Operation{
		Method: http.MethodGet, Path: clusterFirewall + "/macros", Doc: "List the macros of rules.",
		Handle: func(*Call) (any, error) {
			out := []schema.Object{}
			for _, m := range model.Macros() {
				out = append(out, schema.Object{"macro": m.Name, "descr": m.Doc})
			}
			return out, nil
		},
	}
}

// ipSets are the sets of addresses that every VNet has, for use in rules.
var ipSets = []struct{ suffix, comment string }{
	{model.SDNSetAll, "All subnets of VNet "},
	{model.SDNSetGateway, "All gateways of VNet "},
	{model.SDNSetNoGateway, "All subnets of VNet, without its gateways: "},
	{model.SDNSetDHCP, "All DHCP ranges of VNet "},
}

func (s *sdn) refsOperation() Operation {
	return Operation{
		Method: http.MethodGet, Path: clusterFirewall + "/refs", Doc: "List what rules of a firewall can refer to.",
		Params: []schema.Property{{Name: "type", Form: schema.Text, Enum: []string{"alias", "ipset"}, Doc: "only this type"}},
		Handle: s.firewallRefs,
	}
}

// firewallRefs lists the aliases and IP sets of the datacenter to callers who may see
// them, and the sets of the networks and guests that a caller may see or use.
func (s *sdn) firewallRefs(c *Call) (any, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	out := []schema.Object{}
	add := func(typ, scope, name, ref, comment string) {
		if c.Has("type") && c.Text("type") != typ {
			return
		}
		o := schema.Object{"type": typ, "scope": scope, "name": name, "ref": ref}
		if comment != "" {
			o["comment"] = comment
		}
		out = append(out, o)
	}
	if c.May("/", access.SysAudit) {
		for _, o := range v.Live.List(model.KindAlias) {
			a := o.(*model.Alias)
			add("alias", model.ScopeDatacenter, a.ID, "dc/"+a.ID, a.Comment)
		}
		for _, o := range v.Live.List(model.KindIPSet) {
			set := o.(*model.IPSet)
			add("ipset", model.ScopeDatacenter, set.ID, "+dc/"+set.ID, set.Comment)
		}
	}
	for _, o := range v.Running.List(model.KindVNet) {
		vnet := o.(*model.VNet)
		if !c.May(vnetPath(vnet), audit, access.SDNUse) {
			continue
		}
		for _, set := range ipSets {
			name := vnet.ID + "-" + set.suffix
			add("ipset", model.ScopeSDN, name, "+sdn/"+name, set.comment+vnet.ID)
		}
	}
	for _, o := range v.Live.List(model.KindGuest) {
		g := o.(*model.Guest)
		if c.May("/vms/"+g.ID, "VM.Audit") {
			name := model.GuestSet(g.ID)
			add("ipset", model.ScopeSDN, name, "+sdn/"+name, "All addresses of guest "+g.ID)
		}
	}
	return out, nil
}
