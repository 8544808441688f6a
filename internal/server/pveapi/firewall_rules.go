package pveapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// ruleList is an object that has rules: the firewall of the datacenter or of a VNet,
// or a security group.
type ruleList struct {
	// path is that of one rule without "/{pos}", params are the parameters in it.
	path        string
	params      []schema.Property
	what        string
	see, change Permission
	types       []string
	// iface is true if rules may name an interface of the nodes.
	iface bool
	// get returns the rules, put the edit that replaces them.
	get func(c *Call, v *revision.View) ([]model.FirewallRule, error)
	put func(c *Call, v *revision.View, rules []model.FirewallRule) model.Object
}

func (s *sdn) clusterRules() ruleList {
	l := s.rulesOf(func(*Call) string { return model.FirewallDatacenter })
	l.path, l.what = clusterFirewall+"/rules", "the firewall of the datacenter"
	l.see, l.change = seeFirewall, changeFirewall
	l.types, l.iface = []string{model.RuleIn, model.RuleOut, model.RuleForward, model.RuleGroup}, true
	return l
}

func (s *sdn) vnetRules() ruleList {
	l := s.rulesOf(func(c *Call) string { return c.Text("vnet") })
	l.path, l.params, l.what = vnetFirewall+"/rules", []schema.Property{idParam(schema.VNets(), false)}, "a VNet's firewall"
	l.see, l.change = s.onVNet(audit, allocate), s.onVNet(allocate)
	l.types = []string{model.RuleForward, model.RuleGroup}
	return l
}

// rulesOf returns the rule list of the firewall that a call is about.
func (s *sdn) rulesOf(id func(c *Call) string) ruleList {
	return ruleList{
		get: func(c *Call, v *revision.View) ([]model.FirewallRule, error) {
			if f := v.Live.Firewalls[id(c)]; f != nil {
				return f.Rules, nil
			}
			return nil, nil
		},
		put: func(c *Call, v *revision.View, rules []model.FirewallRule) model.Object {
			f := model.Firewall{ID: id(c)}
			if old := v.Live.Firewalls[f.ID]; old != nil {
				f = *old
			}
			f.Rules = rules
			return &f
		},
	}
}

func (s *sdn) groupRules() ruleList {
	return ruleList{
		path: clusterFirewall + "/groups/{group}", params: []schema.Property{groupName("group", 'r')}, what: "a security group",
		see: seeFirewall, change: changeFirewall, types: []string{model.RuleIn, model.RuleOut, model.RuleForward},
		get: func(c *Call, v *revision.View) ([]model.FirewallRule, error) {
			g, err := findGroup(v, c.Text("group"))
			if err != nil {
				return nil, err
			}
			return g.Rules, nil
		},
		put: func(c *Call, v *revision.View, rules []model.FirewallRule) model.Object {
			g, _ := findGroup(v, c.Text("group"))
			changed := *g
			changed.Rules = rules
			return &changed
		},
	}
}

var rulePos = schema.Property{Name: "pos", Form: schema.Integer, Need: 'r', Max: model.MaxRules, Doc: "place of the rule, from 0"}

// ruleParams returns the fields of a rule as parameters.
func (l *ruleList) ruleParams(need byte) []schema.Property {
	text := func(name, doc string) schema.Property {
		return schema.Property{Name: name, Form: schema.Text, MaxLength: 512, Doc: doc}
	}
	params := []schema.Property{
		{Name: "type", Form: schema.Text, Need: need, Enum: l.types, Doc: "what the rule is for"},
		{Name: "action", Form: schema.Text, Need: need, MaxLength: 20, Doc: "ACCEPT, DROP, REJECT, or the name of a security group"},
		text("macro", "name for protocol and ports"),
		text("source", "addresses, networks, ranges, aliases and IP sets that packets are from"),
		text("dest", "and to"),
		text("proto", "name or number of the protocol"),
		text("sport", "source ports"),
		text("dport", "destination ports"),
		text("icmp-type", "type of message of ICMP"),
		{Name: "log", Form: schema.Text, Enum: model.LogLevels, Doc: "level at which matches are logged"},
		{Name: "enable", Form: schema.Integer, Max: 1, Doc: "whether the rule is in force"},
		{Name: "comment", Form: schema.Text, MaxLength: model.MaxComment, Doc: "description"},
	}
	if l.iface {
		params = append(params, text("iface", "interface of the nodes, for rules of hosts: kept, without effect"))
	}
	return params
}

func (s *sdn) ruleOperations(l ruleList) []Operation {
	item := append(slices.Clone(l.params), rulePos)
	with := func(params []schema.Property, more ...schema.Property) []schema.Property {
		return append(slices.Clone(params), more...)
	}
	return []Operation{
		{
			Method: http.MethodGet, Path: l.path, Doc: "List the rules of " + l.what + ".", Params: l.params, Allow: l.see,
			Handle: func(c *Call) (any, error) { return s.listRules(c, l) },
		},
		{
			Method: http.MethodPost, Path: l.path, Doc: "Put a rule before all others of " + l.what + ".", Allow: l.change,
			Params: with(with(l.params, l.ruleParams('r')...), digestText, schema.Property{Name: "pos", Form: schema.Integer, Max: model.MaxRules, Doc: "has no effect"}),
			Handle: func(c *Call) (any, error) {
				return s.changeRules(c, l, "rules[0].", func(rules []model.FirewallRule) ([]model.FirewallRule, error) {
					rule := model.FirewallRule{Disable: true}
					c.putRule(&rule)
					return append([]model.FirewallRule{rule}, rules...), nil
				})
			},
		},
		{
			Method: http.MethodGet, Path: l.path + "/{pos}", Doc: "Read a rule of " + l.what + ".", Params: item, Allow: l.see,
			Handle: func(c *Call) (any, error) { return s.readRule(c, l) },
		},
		{
			Method: http.MethodPut, Path: l.path + "/{pos}", Doc: "Change or move a rule of " + l.what + ".", Allow: l.change,
			Params: with(with(item, l.ruleParams(0)...), digestText, deleteList,
				schema.Property{Name: "moveto", Form: schema.Integer, Max: model.MaxRules, Doc: "move the rule before that at this place, and change nothing else"}),
			Handle: func(c *Call) (any, error) {
				return s.changeRules(c, l, "rules["+c.Text("pos")+"].", func(rules []model.FirewallRule) ([]model.FirewallRule, error) { return c.changeRule(rules) })
			},
		},
		{
			Method: http.MethodDelete, Path: l.path + "/{pos}", Doc: "Delete a rule of " + l.what + ".", Params: with(item, digestText), Allow: l.change,
			Handle: func(c *Call) (any, error) {
				return s.changeRules(c, l, "", func(rules []model.FirewallRule) ([]model.FirewallRule, error) {
					at, err := c.ruleIndex(rules)
					if err != nil {
						return nil, err
					}
					return slices.Delete(slices.Clone(rules), at, at+1), nil
				})
			},
		},
	}
}

// ruleIndex returns the index that a call names, if it is that of a rule.
func (c *Call) ruleIndex(rules []model.FirewallRule) (int, error) {
	at, err := strconv.Atoi(c.Text("pos"))
	if err != nil || at < 0 || at >= len(rules) {
		return 0, Failf("no rule at position %s", c.Text("pos"))
	}
	return at, nil
}

// ruleFields returns the text fields of a rule by parameter name.
func ruleFields(r *model.FirewallRule) map[string]*string {
	return map[string]*string{
		"type": &r.Type, "action": &r.Action, "macro": &r.Macro, "source": &r.Source, "dest": &r.Dest, "proto": &r.Proto,
		"sport": &r.Sport, "dport": &r.Dport, "icmp-type": &r.ICMPType, "log": &r.Log, "comment": &r.Comment, "iface": &r.IFace,
	}
}

// putRule sets a rule's fields from a call.
func (c *Call) putRule(r *model.FirewallRule) {
	for name, into := range ruleFields(r) {
		if c.Has(name) {
			*into = c.Text(name)
		}
	}
	if c.Has("enable") {
		r.Disable = c.Text("enable") == "0"
	}
}

// changeRule changes or moves the rule that a call names.
func (c *Call) changeRule(rules []model.FirewallRule) ([]model.FirewallRule, error) {
	at, err := c.ruleIndex(rules)
	if err != nil {
		return nil, err
	}
	rules = slices.Clone(rules)
	if c.Has("moveto") {
		to, _ := strconv.Atoi(c.Text("moveto"))
		rule := rules[at]
		if to > at { // the target index counts the rule itself
			to--
		}
		rules = slices.Delete(rules, at, at+1)
		return slices.Insert(rules, min(to, len(rules)), rule), nil
	}
	r := &rules[at]
	c.putRule(r)
	for _, name := range c.List("delete") {
		into := ruleFields(r)[name]
		switch {
		case name == "enable":
			r.Disable = true
		case into == nil || name == "type" || name == "action":
			return nil, Params{"delete": "cannot delete '" + name + "'"}
		default:
			*into = ""
		}
	}
	return rules, nil
}

func (s *sdn) changeRules(c *Call, l ruleList, field string, change func(rules []model.FirewallRule) ([]model.FirewallRule, error)) (any, error) {
	return s.firewallChange(c, field, func(v *revision.View) ([]model.Edit, error) {
		rules, err := l.get(c, v)
		if err != nil {
			return nil, err
		}
		if err := c.unmodified(digestOf(rules)); err != nil {
			return nil, err
		}
		if rules, err = change(rules); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: l.put(c, v, rules)}}, nil
	})
}

// showRule returns a rule in the form of the API.
func showRule(r model.FirewallRule, at int, digest string) schema.Object {
	out := schema.Object{"pos": at, "enable": 1, "digest": digest}
	if r.Disable {
		out["enable"] = 0
	}
	for name, text := range ruleFields(&r) {
		if *text != "" {
			out[name] = *text
		}
	}
	return out
}

func (s *sdn) rules(c *Call, l ruleList) ([]model.FirewallRule, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	return l.get(c, v)
}

func (s *sdn) listRules(c *Call, l ruleList) (any, error) {
	rules, err := s.rules(c, l)
	if err != nil {
		return nil, err
	}
	out, digest := []schema.Object{}, digestOf(rules)
	for i, r := range rules {
		out = append(out, showRule(r, i, digest))
	}
	return out, nil
}

func (s *sdn) readRule(c *Call, l ruleList) (any, error) {
	rules, err := s.rules(c, l)
	if err != nil {
		return nil, err
	}
	at, err := c.ruleIndex(rules)
	if err != nil {
		return nil, err
	}
	out := showRule(rules[at], at, digestOf(rules))
	out["pos"] = strconv.Itoa(at) // a part of the path, which is text in Proxmox
	return out, nil
}

// findGroup returns a security group.
func findGroup(v *revision.View, id string) (*model.SecurityGroup, error) {
	if g := v.Live.SecurityGroups[lower(id)]; g != nil {
		return g, nil
	}
	return nil, Failf("no such security group '%s'", id)
}

func groupName(name string, need byte) schema.Property {
	return schema.Property{Name: name, Form: schema.Text, Need: need, MaxLength: 20, Check: matching(firewallForm, "security group name"), Doc: fmt.Sprintf("name of the security group, %d characters at most", 20)}
}
