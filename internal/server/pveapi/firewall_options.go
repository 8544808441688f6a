package pveapi

import (
	"net/http"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// firewallOption is an option of a firewall: a boolean or a text.
type firewallOption struct {
	property schema.Property
	// vnet and datacenter are true if that kind of firewall has the option.
	vnet, datacenter bool
	// One of these returns the option's field in a firewall.
	flag func(f *model.Firewall) *bool
	text func(f *model.Firewall) *string
}

// firewallOptions returns all options.
func firewallOptions() []firewallOption {
	policies := []string{model.FirewallAccept, model.FirewallDrop}
	hostPolicies := []string{model.FirewallAccept, model.FirewallReject, model.FirewallDrop}
	flag := func(name, doc string) schema.Property {
		return schema.Property{Name: name, Form: schema.Boolean, Doc: doc}
	}
	text := func(name string, enum []string, doc string) schema.Property {
		return schema.Property{Name: name, Form: schema.Text, Enum: enum, Doc: doc}
	}
	limit := schema.Property{Name: "log_ratelimit", Form: schema.Text, MaxLength: 128, Check: rateLimitFault, Doc: "bound on what all firewalls log: enable=1,rate=1/second,burst=5"}
	const idle = ", which Viaduct does not run: kept, without effect"
	return []firewallOption{
		{flag("enable", "put the rules in force"), true, true, func(f *model.Firewall) *bool { return &f.Enable }, nil},
		{text("policy_forward", policies, "what becomes of what no rule decides"), true, true, nil, func(f *model.Firewall) *string { return &f.PolicyForward }},
		{text("log_level_forward", model.LogLevels, "level at which drops by the policy are logged"), true, true, nil, func(f *model.Firewall) *string { return &f.LogLevelForward }},
		{flag("macfilter", "guests send under their own MAC addresses only"), true, false, func(f *model.Firewall) *bool { return &f.MACFilter }, nil},
		{flag("ipfilter", "guests send under their own IP addresses only"), true, false, func(f *model.Firewall) *bool { return &f.IPFilter }, nil},
		{limit, false, true, nil, func(f *model.Firewall) *string { return &f.LogRateLimit }},
		{text("policy_in", hostPolicies, "policy of firewalls of hosts"+idle), false, true, nil, func(f *model.Firewall) *string { return &f.PolicyIn }},
		{text("policy_out", hostPolicies, "policy of firewalls of hosts"+idle), false, true, nil, func(f *model.Firewall) *string { return &f.PolicyOut }},
		{flag("ebtables", "rules for Ethernet in firewalls of guests"+idle), false, true, nil, func(f *model.Firewall) *string { return &f.EBTables }},
	}
}

func rateLimitFault(text string) string {
	if _, err := model.ParseLogRateLimit(text); text == "" || err != nil {
		return "invalid format - write it like enable=1,rate=1/second,burst=5"
	}
	return ""
}

// of reports whether the firewall with this ID has the option.
func (o *firewallOption) of(id string) bool {
	if id == model.FirewallDatacenter {
		return o.datacenter
	}
	return o.vnet
}

// show returns the option's value in the form of the API; ok is false if it is not set.
func (o *firewallOption) show(f *model.Firewall) (value any, ok bool) {
	if o.flag != nil {
		return true, *o.flag(f)
	}
	text := *o.text(f)
	if o.property.Form == schema.Boolean {
		n, err := strconv.Atoi(text)
		return n, err == nil
	}
	return text, text != ""
}

// set sets the option to the value in a call.
func (o *firewallOption) set(c *Call, f *model.Firewall) {
	name := o.property.Name
	switch {
	case !c.Has(name):
	case o.flag != nil:
		*o.flag(f) = c.Bool(name)
	case o.property.Form == schema.Boolean && c.Bool(name):
		*o.text(f) = "1"
	case o.property.Form == schema.Boolean:
		*o.text(f) = "0"
	default:
		*o.text(f) = c.Text(name)
	}
}

func (o *firewallOption) clear(f *model.Firewall) {
	if o.flag != nil {
		*o.flag(f) = false
	} else {
		*o.text(f) = ""
	}
}

// firewallOptionOperations are the operations on enable switches and policies.
func (s *sdn) firewallOptionOperations() []Operation {
	vnet := idParam(schema.VNets(), false)
	params := func(id string, first ...schema.Property) []schema.Property {
		for _, o := range firewallOptions() {
			if o.of(id) {
				first = append(first, o.property)
			}
		}
		return append(first, deleteList, digestText)
	}
	all := func(*Call) string { return model.FirewallDatacenter }
	of := func(c *Call) string { return c.Text("vnet") }
	return []Operation{
		{
			Method: http.MethodGet, Path: clusterFirewall + "/options", Doc: "Read the options of the firewall of the datacenter.", Allow: seeFirewall,
			Handle: func(c *Call) (any, error) { return s.firewallOptions(c, all(c)) },
		},
		{
			Method: http.MethodPut, Path: clusterFirewall + "/options", Doc: "Change the options of the firewall of the datacenter.", Allow: changeFirewall,
			Params: params(model.FirewallDatacenter),
			Handle: func(c *Call) (any, error) { return s.setFirewallOptions(c, all(c)) },
		},
		{
			Method: http.MethodGet, Path: vnetFirewall + "/options", Doc: "Read the options of a VNet's firewall.", Allow: s.onVNet(audit, allocate),
			Params: []schema.Property{vnet}, Handle: func(c *Call) (any, error) { return s.firewallOptions(c, of(c)) },
		},
		{
			Method: http.MethodPut, Path: vnetFirewall + "/options", Doc: "Change the options of a VNet's firewall.", Allow: s.onVNet(allocate),
			Params: params("", vnet),
			Handle: func(c *Call) (any, error) { return s.setFirewallOptions(c, of(c)) },
		},
	}
}

// optionsOf returns the options that are set. An existing firewall always has "enable".
func optionsOf(f *model.Firewall) schema.Object {
	out := schema.Object{}
	if f == nil {
		return out
	}
	for _, o := range firewallOptions() {
		if value, ok := o.show(f); ok {
			out[o.property.Name] = value
		}
	}
	out["enable"] = f.Enable
	return out
}

func (s *sdn) firewallOptions(c *Call, id string) (any, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	out := optionsOf(v.Live.Firewalls[id])
	out["digest"] = digestOf(optionsOf(v.Live.Firewalls[id]))
	return out, nil
}

func (s *sdn) setFirewallOptions(c *Call, id string) (any, error) {
	return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
		if err := c.unmodified(digestOf(optionsOf(v.Live.Firewalls[id]))); err != nil {
			return nil, err
		}
		f := &model.Firewall{ID: id}
		if old := v.Live.Firewalls[id]; old != nil {
			*f = *old
		}
		known := map[string]firewallOption{}
		for _, o := range firewallOptions() {
			if o.of(id) {
				known[o.property.Name] = o
			}
		}
		for _, name := range c.List(deleteList.Name) {
			o, ok := known[name]
			if !ok {
				return nil, Params{deleteList.Name: "no such option '" + name + "'"}
			}
			o.clear(f)
		}
		for _, o := range known {
			o.set(c, f)
		}
		return []model.Edit{{Put: f}}, nil
	})
}
