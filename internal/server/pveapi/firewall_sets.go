package pveapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// firewallForm is the form of names of groups, IP sets and aliases, which are not
// case-sensitive.
var firewallForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]+$`)

func lower(name string) string { return strings.ToLower(name) }

func (s *sdn) groupOperations() []Operation {
	const path = clusterFirewall + "/groups"
	return []Operation{
		{Method: http.MethodGet, Path: path, Doc: "List the security groups.", Allow: seeFirewall, Handle: s.listGroups},
		{
			Method: http.MethodPost, Path: path, Doc: "Create, rename or describe a security group.", Allow: changeFirewall,
			Params: []schema.Property{groupName("group", 'r'), groupName("rename", 0), commentParam(), digestText},
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
					g := &model.SecurityGroup{ID: lower(c.Text("group"))}
					if err := c.unmodified(digestOf(v.Live.List(model.KindSecurityGroup))); err != nil {
						return nil, err
					}
					return renamed(c, v, g, lower(c.Text("rename")), "security group", func(old model.Object) {
						g.Rules, g.Comment = old.(*model.SecurityGroup).Rules, old.(*model.SecurityGroup).Comment
					}, &g.Comment)
				})
			},
		},
		{
			Method: http.MethodDelete, Path: path + "/{group}", Doc: "Delete a security group without rules.", Params: []schema.Property{groupName("group", 'r')}, Allow: changeFirewall,
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
					g, err := findGroup(v, c.Text("group"))
					switch {
					case err != nil:
						return nil, err
					case len(g.Rules) > 0:
						return nil, Failf("Security group '%s' is not empty", g.ID)
					}
					return []model.Edit{{Kind: model.KindSecurityGroup, ID: g.ID}}, nil
				})
			},
		},
	}
}

// renamed returns the edits that create an object, or that rename the object called
// rename and copy its content with copyFrom. An object with references cannot be renamed.
func renamed(c *Call, v *revision.View, o model.Object, rename, what string, copyFrom func(old model.Object), comment *string) ([]model.Edit, error) {
	kind, id := o.ObjectKind(), o.ObjectID()
	old := v.Live.Get(kind, rename)
	switch {
	case rename != "" && old == nil:
		return nil, Params{"rename": what + " '" + rename + "' does not exist"}
	case rename != id && v.Live.Get(kind, id) != nil:
		return nil, Params{"name": what + " '" + id + "' already exists"}
	}
	edits := []model.Edit{{Put: o}}
	if old != nil {
		copyFrom(old)
		if rename != id {
			edits = append(edits, model.Edit{Kind: kind, ID: rename})
		}
	}
	if c.Has("comment") {
		*comment = c.Text("comment")
	}
	return edits, nil
}

func (s *sdn) listGroups(c *Call) (any, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	all := v.Live.List(model.KindSecurityGroup)
	out, digest := []schema.Object{}, digestOf(all)
	for _, o := range all {
		g := o.(*model.SecurityGroup)
		out = append(out, withComment(schema.Object{"group": g.ID, "digest": digest}, g.Comment))
	}
	return out, nil
}

// withComment adds a comment, if there is one.
func withComment(o schema.Object, comment string) schema.Object {
	if comment != "" {
		o["comment"] = comment
	}
	return o
}

func setName(name string, need byte) schema.Property {
	return schema.Property{Name: name, Form: schema.Text, Need: need, MaxLength: 64, Check: matching(firewallForm, "IPset name"), Doc: "name of the IP set"}
}

var (
	entryCIDR    = schema.Property{Name: "cidr", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "address, network, range or alias"}
	entryNoMatch = schema.Property{Name: "nomatch", Form: schema.Boolean, Doc: "these addresses are not in the set"}
)

func (s *sdn) ipSetOperations() []Operation {
	const path = clusterFirewall + "/ipset"
	one := []schema.Property{setName("name", 'r')}
	out := []Operation{
		{Method: http.MethodGet, Path: path, Doc: "List the IP sets.", Allow: seeFirewall, Handle: s.listIPSets},
		{
			Method: http.MethodPost, Path: path, Doc: "Create, rename or describe an IP set.", Allow: changeFirewall,
			Params: []schema.Property{setName("name", 'r'), setName("rename", 0), commentParam(), digestText},
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
					set := &model.IPSet{ID: lower(c.Text("name"))}
					if err := c.unmodified(digestOf(v.Live.List(model.KindIPSet))); err != nil {
						return nil, err
					}
					return renamed(c, v, set, lower(c.Text("rename")), "IPSet", func(old model.Object) {
						set.Entries, set.Comment = old.(*model.IPSet).Entries, old.(*model.IPSet).Comment
					}, &set.Comment)
				})
			},
		},
		{
			Method: http.MethodDelete, Path: path + "/{name}", Doc: "Delete an IP set.", Allow: changeFirewall,
			Params: append(slices.Clone(one), schema.Property{Name: "force", Form: schema.Boolean, Doc: "also if it has entries"}),
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
					set, err := findIPSet(c, v)
					switch {
					case err != nil:
						return nil, err
					case len(set.Entries) > 0 && !c.Bool("force"):
						return nil, Failf("IPSet '%s' is not empty", set.ID)
					}
					return []model.Edit{{Kind: model.KindIPSet, ID: set.ID}}, nil
				})
			},
		},
		{
			Method: http.MethodGet, Path: path + "/{name}", Doc: "List the entries of an IP set.", Params: one, Allow: seeFirewall,
			Handle: func(c *Call) (any, error) {
				set, err := s.ipSet(c)
				if err != nil {
					return nil, err
				}
				out, digest := []schema.Object{}, digestOf(set.Entries)
				for _, e := range set.Entries {
					out = append(out, showEntry(e, digest))
				}
				return out, nil
			},
		},
		{
			Method: http.MethodPost, Path: path + "/{name}", Doc: "Add an entry to an IP set.", Allow: changeFirewall,
			Params: append(slices.Clone(one), entryCIDR, entryNoMatch, commentParam()),
			Handle: func(c *Call) (any, error) {
				return s.changeEntries(c, "entries[0].", func(entries []model.IPSetEntry) ([]model.IPSetEntry, error) {
					if entryAt(entries, c.Text("cidr")) >= 0 {
						return nil, Params{"cidr": "address '" + c.Text("cidr") + "' already exists"}
					}
					e := model.IPSetEntry{CIDR: c.Text("cidr"), NoMatch: c.Bool("nomatch"), Comment: c.Text("comment")}
					return append([]model.IPSetEntry{e}, entries...), nil
				})
			},
		},
	}
	return append(out, s.entryOperations(path+"/{name}/{cidr}")...)
}

// entryOperations are the operations on one entry. Its network is the rest of the path,
// because many clients do not escape the slash in it.
func (s *sdn) entryOperations(path string) []Operation {
	params := []schema.Property{setName("name", 'r'), entryCIDR}
	find := func(c *Call, entries []model.IPSetEntry) (int, error) {
		if at := entryAt(entries, c.Text("cidr")); at >= 0 {
			return at, nil
		}
		return 0, Params{"cidr": "no such IP/Network"}
	}
	return []Operation{
		{
			Method: http.MethodGet, Path: path, Rest: true, Doc: "Read an entry of an IP set.", Params: params, Allow: seeFirewall,
			Handle: func(c *Call) (any, error) {
				set, err := s.ipSet(c)
				if err != nil {
					return nil, err
				}
				at, err := find(c, set.Entries)
				if err != nil {
					return nil, err
				}
				return showEntry(set.Entries[at], digestOf(set.Entries)), nil
			},
		},
		{
			Method: http.MethodPut, Path: path, Rest: true, Doc: "Change an entry of an IP set.", Allow: changeFirewall,
			Params: append(slices.Clone(params), entryNoMatch, commentParam(), digestText),
			Handle: func(c *Call) (any, error) {
				return s.changeEntries(c, "", func(entries []model.IPSetEntry) ([]model.IPSetEntry, error) {
					at, err := find(c, entries)
					if err != nil {
						return nil, err
					}
					entries = slices.Clone(entries)
					entries[at].NoMatch, entries[at].Comment = c.Bool("nomatch"), c.Text("comment")
					return entries, nil
				})
			},
		},
		{
			Method: http.MethodDelete, Path: path, Rest: true, Doc: "Remove an entry of an IP set.", Params: append(slices.Clone(params), digestText), Allow: changeFirewall,
			Handle: func(c *Call) (any, error) {
				return s.changeEntries(c, "", func(entries []model.IPSetEntry) ([]model.IPSetEntry, error) {
					at, err := find(c, entries)
					if err != nil {
						return nil, err
					}
					return slices.Delete(slices.Clone(entries), at, at+1), nil
				})
			},
		},
	}
}

// entryAt returns the index of an entry; -1 if there is none.
func entryAt(entries []model.IPSetEntry, cidr string) int {
	return slices.IndexFunc(entries, func(e model.IPSetEntry) bool { return e.CIDR == cidr })
}

func showEntry(e model.IPSetEntry, digest string) schema.Object {
	out := withComment(schema.Object{"cidr": e.CIDR, "digest": digest}, e.Comment)
	if e.NoMatch {
		out["nomatch"] = true
	}
	return out
}

func findIPSet(c *Call, v *revision.View) (*model.IPSet, error) {
	if set := v.Live.IPSets[lower(c.Text("name"))]; set != nil {
		return set, nil
	}
	return nil, Failf("no such IPSet '%s'", c.Text("name"))
}

func (s *sdn) ipSet(c *Call) (*model.IPSet, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	return findIPSet(c, v)
}

func (s *sdn) changeEntries(c *Call, field string, change func([]model.IPSetEntry) ([]model.IPSetEntry, error)) (any, error) {
	return s.firewallChange(c, field, func(v *revision.View) ([]model.Edit, error) {
		old, err := findIPSet(c, v)
		if err != nil {
			return nil, err
		}
		if err := c.unmodified(digestOf(old.Entries)); err != nil {
			return nil, err
		}
		set := *old
		if set.Entries, err = change(old.Entries); err != nil {
			return nil, err
		}
		return []model.Edit{{Put: &set}}, nil
	})
}

func (s *sdn) listIPSets(c *Call) (any, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	all := v.Live.List(model.KindIPSet)
	out, digest := []schema.Object{}, digestOf(all)
	for _, o := range all {
		set := o.(*model.IPSet)
		out = append(out, withComment(schema.Object{"name": set.ID, "digest": digest}, set.Comment))
	}
	return out, nil
}

func (s *sdn) aliasOperations() []Operation {
	const path = clusterFirewall + "/aliases"
	name := schema.Property{Name: "name", Form: schema.Text, Need: 'r', MaxLength: 64, Check: matching(firewallForm, "alias name"), Doc: "name of the alias"}
	rename := name
	rename.Name, rename.Need, rename.Doc = "rename", 0, "another name for the alias"
	cidr := schema.Property{Name: "cidr", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "address or network"}
	return []Operation{
		{Method: http.MethodGet, Path: path, Doc: "List the aliases.", Allow: seeFirewall, Handle: s.listAliases},
		{
			Method: http.MethodPost, Path: path, Doc: "Create an alias.", Params: []schema.Property{name, cidr, commentParam()}, Allow: changeFirewall,
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
					a := &model.Alias{ID: lower(c.Text("name")), CIDR: c.Text("cidr"), Comment: c.Text("comment")}
					if v.Live.Aliases[a.ID] != nil {
						return nil, Params{"name": "alias '" + c.Text("name") + "' already exists"}
					}
					return []model.Edit{{Put: a}}, nil
				})
			},
		},
		{
			Method: http.MethodGet, Path: path + "/{name}", Doc: "Read an alias.", Params: []schema.Property{name}, Allow: seeFirewall,
			Handle: func(c *Call) (any, error) {
				v, err := s.Config.View(c)
				if err != nil {
					return nil, err
				}
				a, err := findAlias(c, v)
				if err != nil {
					return nil, err
				}
				return showAlias(a, aliasDigest(v)), nil
			},
		},
		{
			Method: http.MethodPut, Path: path + "/{name}", Doc: "Change or rename an alias.", Params: []schema.Property{name, rename, cidr, commentParam(), digestText}, Allow: changeFirewall,
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) { return updateAlias(c, v) })
			},
		},
		{
			Method: http.MethodDelete, Path: path + "/{name}", Doc: "Delete an alias.", Params: []schema.Property{name, digestText}, Allow: changeFirewall,
			Handle: func(c *Call) (any, error) {
				return s.firewallChange(c, "", func(v *revision.View) ([]model.Edit, error) {
					a, err := findAlias(c, v)
					if err == nil {
						err = c.unmodified(aliasDigest(v))
					}
					if err != nil {
						return nil, err
					}
					return []model.Edit{{Kind: model.KindAlias, ID: a.ID}}, nil
				})
			},
		},
	}
}

// findAlias returns the alias that a call names.
func findAlias(c *Call, v *revision.View) (*model.Alias, error) {
	if a := v.Live.Aliases[lower(c.Text("name"))]; a != nil {
		return a, nil
	}
	return nil, Params{"name": "no such alias"}
}

func aliasDigest(v *revision.View) string { return digestOf(v.Live.List(model.KindAlias)) }

func showAlias(a *model.Alias, digest string) schema.Object {
	ipversion := 4
	if r, _ := model.ParseAddresses(a.CIDR); r.Start.Is6() {
		ipversion = 6
	}
	return withComment(schema.Object{"name": a.ID, "cidr": a.CIDR, "ipversion": ipversion, "digest": digest}, a.Comment)
}

func (s *sdn) listAliases(c *Call) (any, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	out, digest := []schema.Object{}, aliasDigest(v)
	for _, o := range v.Live.List(model.KindAlias) {
		out = append(out, showAlias(o.(*model.Alias), digest))
	}
	return out, nil
}

// updateAlias returns the edits that change or rename an alias.
func updateAlias(c *Call, v *revision.View) ([]model.Edit, error) {
	old, err := findAlias(c, v)
	if err == nil {
		err = c.unmodified(aliasDigest(v))
	}
	if err != nil {
		return nil, err
	}
	a := &model.Alias{ID: old.ID, CIDR: c.Text("cidr"), Comment: c.Text("comment")}
	if !c.Has("rename") || lower(c.Text("rename")) == old.ID {
		return []model.Edit{{Put: a}}, nil
	}
	if a.ID = lower(c.Text("rename")); v.Live.Aliases[a.ID] != nil {
		return nil, Params{"name": "alias '" + c.Text("rename") + "' already exists"}
	}
	return []model.Edit{{Put: a}, {Kind: model.KindAlias, ID: old.ID}}, nil
}
