package model

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Config is a configuration: objects by their IDs. That of a revision has objects of
// revisioned kinds only, what is live those of the others.
// The objects it holds are shared and must not be changed in place: put a
// changed copy. The zero value is empty and ready to use.
type Config struct {
	Nodes          map[string]*Node          `json:"nodes,omitempty"`
	PrefixLists    map[string]*PrefixList    `json:"prefix-lists,omitempty"`
	RouteMaps      map[string]*RouteMap      `json:"route-maps,omitempty"`
	Fabrics        map[string]*Fabric        `json:"fabrics,omitempty"`
	FabricNodes    map[string]*FabricNode    `json:"fabric-nodes,omitempty"`
	Controllers    map[string]*Controller    `json:"controllers,omitempty"`
	Zones          map[string]*Zone          `json:"zones,omitempty"`
	VNets          map[string]*VNet          `json:"vnets,omitempty"`
	Subnets        map[string]*Subnet        `json:"subnets,omitempty"`
	IPAMs          map[string]*IPAM          `json:"ipams,omitempty"`
	NameServers    map[string]*NameServer    `json:"dns,omitempty"`
	Aliases        map[string]*Alias         `json:"aliases,omitempty"`
	IPSets         map[string]*IPSet         `json:"ip-sets,omitempty"`
	SecurityGroups map[string]*SecurityGroup `json:"security-groups,omitempty"`
	Firewalls      map[string]*Firewall      `json:"firewalls,omitempty"`
	Guests         map[string]*Guest         `json:"guests,omitempty"`
}

// Clone returns a configuration whose maps can be changed without touching c;
// the objects themselves are shared.
func (c *Config) Clone() *Config {
	return &Config{
		Nodes:          maps.Clone(c.Nodes),
		PrefixLists:    maps.Clone(c.PrefixLists),
		RouteMaps:      maps.Clone(c.RouteMaps),
		Fabrics:        maps.Clone(c.Fabrics),
		FabricNodes:    maps.Clone(c.FabricNodes),
		Controllers:    maps.Clone(c.Controllers),
		Zones:          maps.Clone(c.Zones),
		VNets:          maps.Clone(c.VNets),
		Subnets:        maps.Clone(c.Subnets),
		IPAMs:          maps.Clone(c.IPAMs),
		NameServers:    maps.Clone(c.NameServers),
		Aliases:        maps.Clone(c.Aliases),
		IPSets:         maps.Clone(c.IPSets),
		SecurityGroups: maps.Clone(c.SecurityGroups),
		Firewalls:      maps.Clone(c.Firewalls),
		Guests:         maps.Clone(c.Guests),
	}
}

// CloneKind gives c a map of its own for one kind of object, in place of one that it
// shares with another configuration; the objects themselves stay shared.
func (c *Config) CloneKind(k Kind) {
	switch k {
	case KindNode:
		c.Nodes = maps.Clone(c.Nodes)
	case KindPrefixList:
		c.PrefixLists = maps.Clone(c.PrefixLists)
	case KindRouteMap:
		c.RouteMaps = maps.Clone(c.RouteMaps)
	case KindFabric:
		c.Fabrics = maps.Clone(c.Fabrics)
	case KindFabricNode:
		c.FabricNodes = maps.Clone(c.FabricNodes)
	case KindController:
		c.Controllers = maps.Clone(c.Controllers)
	case KindZone:
		c.Zones = maps.Clone(c.Zones)
	case KindVNet:
		c.VNets = maps.Clone(c.VNets)
	case KindSubnet:
		c.Subnets = maps.Clone(c.Subnets)
	case KindIPAM:
		c.IPAMs = maps.Clone(c.IPAMs)
	case KindDNS:
		c.NameServers = maps.Clone(c.NameServers)
	case KindAlias:
		c.Aliases = maps.Clone(c.Aliases)
	case KindIPSet:
		c.IPSets = maps.Clone(c.IPSets)
	case KindSecurityGroup:
		c.SecurityGroups = maps.Clone(c.SecurityGroups)
	case KindFirewall:
		c.Firewalls = maps.Clone(c.Firewalls)
	case KindGuest:
		c.Guests = maps.Clone(c.Guests)
	}
}

// Put completes an object and adds it, or replaces the one there is. It checks
// nothing else: see Validate.
func (c *Config) Put(o Object) error {
	if err := c.Complete(o); err != nil {
		return err
	}
	c.Set(o)
	return nil
}

// Complete fills in what an object to be put leaves to be worked out: a subnet's ID
// and CIDR from each other and from the VNet's zone, so the VNet must be there
// already, and a fabric node's ID, fabric and node from each other. It writes to o,
// refusing what cannot be.
func (c *Config) Complete(o Object) error {
	switch o := o.(type) {
	case *FabricNode:
		return completeFabricNode(o)
	case *Subnet:
		return c.completeSubnet(o)
	}
	return nil
}

// Set adds or replaces an object that is complete.
func (c *Config) Set(o Object) {
	switch o := o.(type) {
	case *Node:
		put(&c.Nodes, o.ID, o)
	case *PrefixList:
		put(&c.PrefixLists, o.ID, o)
	case *RouteMap:
		put(&c.RouteMaps, o.ID, o)
	case *Fabric:
		put(&c.Fabrics, o.ID, o)
	case *FabricNode:
		put(&c.FabricNodes, o.ID, o)
	case *Controller:
		put(&c.Controllers, o.ID, o)
	case *Zone:
		put(&c.Zones, o.ID, o)
	case *VNet:
		put(&c.VNets, o.ID, o)
	case *Subnet:
		put(&c.Subnets, o.ID, o)
	case *IPAM:
		put(&c.IPAMs, o.ID, o)
	case *NameServer:
		put(&c.NameServers, o.ID, o)
	case *Alias:
		put(&c.Aliases, o.ID, o)
	case *IPSet:
		put(&c.IPSets, o.ID, o)
	case *SecurityGroup:
		put(&c.SecurityGroups, o.ID, o)
	case *Firewall:
		put(&c.Firewalls, o.ID, o)
	case *Guest:
		put(&c.Guests, o.ID, o)
	}
}

func put[T any](m *map[string]T, id string, o T) {
	if *m == nil {
		*m = make(map[string]T)
	}
	(*m)[id] = o
}

// completeSubnet fills in ID and CIDR. It writes to o, which is the caller's
// own copy until Put returns.
func (c *Config) completeSubnet(o *Subnet) error {
	if p, err := netip.ParsePrefix(o.ID); err == nil {
		if o.CIDR.IsValid() && o.CIDR != p {
			return Problems{{Severity: Error, Kind: KindSubnet, ID: o.ID, Field: "cidr", Value: o.CIDR.String(),
				Message: "differs from the network given as id; leave one of them out"}}
		}
		o.CIDR, o.ID = p, ""
	}
	if _, p, ok := ParseSubnetID(o.ID); ok && !o.CIDR.IsValid() {
		o.CIDR = p
	}
	v := c.VNets[o.VNet]
	if v == nil {
		id := o.ID
		if id == "" {
			id = o.CIDR.String()
		}
		return Problems{{Severity: Error, Kind: KindSubnet, ID: id, Field: "vnet", Value: o.VNet,
			Message: "no such vnet; declare the vnet first or correct the name"}}
	}
	if !o.CIDR.IsValid() {
		return Problems{{Severity: Error, Kind: KindSubnet, ID: o.ID, Field: "id", Value: o.ID,
			Message: "is not a network; write it like 10.0.1.0/24 or fd00:1::/64"}}
	}
	want := SubnetID(v.Zone, o.CIDR)
	if o.ID != "" && o.ID != want {
		return Problems{{Severity: Error, Kind: KindSubnet, ID: o.ID, Field: "id", Value: o.ID,
			Message: fmt.Sprintf("does not fit: the subnet %s of vnet %s in zone %s is called %s", o.CIDR, o.VNet, v.Zone, want)}}
	}
	o.ID = want
	return nil
}

// completeFabricNode fills in the ID from fabric and node, or those from the ID.
func completeFabricNode(n *FabricNode) error {
	fabric, node, _ := strings.Cut(n.ID, "_")
	if n.Fabric == "" {
		n.Fabric = fabric
	}
	if n.Node == "" {
		n.Node = node
	}
	want := FabricNodeID(n.Fabric, n.Node)
	if n.ID != "" && n.ID != want {
		return Problems{{Severity: Error, Kind: KindFabricNode, ID: n.ID, Field: "id", Value: n.ID,
			Message: fmt.Sprintf("does not fit: node %s of fabric %s is called %s", n.Node, n.Fabric, want)}}
	}
	n.ID = want
	return nil
}

// Get returns an object, or nil if there is none.
func (c *Config) Get(k Kind, id string) Object {
	switch k {
	case KindNode:
		return get(c.Nodes, id)
	case KindPrefixList:
		return get(c.PrefixLists, id)
	case KindRouteMap:
		return get(c.RouteMaps, id)
	case KindFabric:
		return get(c.Fabrics, id)
	case KindFabricNode:
		return get(c.FabricNodes, id)
	case KindController:
		return get(c.Controllers, id)
	case KindZone:
		return get(c.Zones, id)
	case KindVNet:
		return get(c.VNets, id)
	case KindSubnet:
		return get(c.Subnets, id)
	case KindIPAM:
		return get(c.IPAMs, id)
	case KindDNS:
		return get(c.NameServers, id)
	case KindAlias:
		return get(c.Aliases, id)
	case KindIPSet:
		return get(c.IPSets, id)
	case KindSecurityGroup:
		return get(c.SecurityGroups, id)
	case KindFirewall:
		return get(c.Firewalls, id)
	case KindGuest:
		return get(c.Guests, id)
	}
	return nil
}

// get avoids a typed nil inside the interface.
func get[T any, P interface {
	*T
	Object
}](m map[string]P, id string) Object {
	if o, ok := m[id]; ok {
		return o
	}
	return nil
}

// Delete removes an object and reports whether it was there.
func (c *Config) Delete(k Kind, id string) bool {
	if c.Get(k, id) == nil {
		return false
	}
	switch k {
	case KindNode:
		delete(c.Nodes, id)
	case KindPrefixList:
		delete(c.PrefixLists, id)
	case KindRouteMap:
		delete(c.RouteMaps, id)
	case KindFabric:
		delete(c.Fabrics, id)
	case KindFabricNode:
		delete(c.FabricNodes, id)
	case KindController:
		delete(c.Controllers, id)
	case KindZone:
		delete(c.Zones, id)
	case KindVNet:
		delete(c.VNets, id)
	case KindSubnet:
		delete(c.Subnets, id)
	case KindIPAM:
		delete(c.IPAMs, id)
	case KindDNS:
		delete(c.NameServers, id)
	case KindAlias:
		delete(c.Aliases, id)
	case KindIPSet:
		delete(c.IPSets, id)
	case KindSecurityGroup:
		delete(c.SecurityGroups, id)
	case KindFirewall:
		delete(c.Firewalls, id)
	case KindGuest:
		delete(c.Guests, id)
	}
	return true
}

// List returns the objects of a kind, sorted by ID.
func (c *Config) List(k Kind) []Object {
	switch k {
	case KindNode:
		return list(c.Nodes)
	case KindPrefixList:
		return list(c.PrefixLists)
	case KindRouteMap:
		return list(c.RouteMaps)
	case KindFabric:
		return list(c.Fabrics)
	case KindFabricNode:
		return list(c.FabricNodes)
	case KindController:
		return list(c.Controllers)
	case KindZone:
		return list(c.Zones)
	case KindVNet:
		return list(c.VNets)
	case KindSubnet:
		return list(c.Subnets)
	case KindIPAM:
		return list(c.IPAMs)
	case KindDNS:
		return list(c.NameServers)
	case KindAlias:
		return list(c.Aliases)
	case KindIPSet:
		return list(c.IPSets)
	case KindSecurityGroup:
		return list(c.SecurityGroups)
	case KindFirewall:
		return list(c.Firewalls)
	case KindGuest:
		return list(c.Guests)
	}
	return nil
}

func list[T any, P interface {
	*T
	Object
}](m map[string]P) []Object {
	out := make([]Object, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[id])
	}
	return out
}

// Each goes through the objects of a kind in no particular order.
func (c *Config) Each(k Kind) iter.Seq[Object] {
	switch k {
	case KindNode:
		return each(c.Nodes)
	case KindPrefixList:
		return each(c.PrefixLists)
	case KindRouteMap:
		return each(c.RouteMaps)
	case KindFabric:
		return each(c.Fabrics)
	case KindFabricNode:
		return each(c.FabricNodes)
	case KindController:
		return each(c.Controllers)
	case KindZone:
		return each(c.Zones)
	case KindVNet:
		return each(c.VNets)
	case KindSubnet:
		return each(c.Subnets)
	case KindIPAM:
		return each(c.IPAMs)
	case KindDNS:
		return each(c.NameServers)
	case KindAlias:
		return each(c.Aliases)
	case KindIPSet:
		return each(c.IPSets)
	case KindSecurityGroup:
		return each(c.SecurityGroups)
	case KindFirewall:
		return each(c.Firewalls)
	case KindGuest:
		return each(c.Guests)
	}
	return func(func(Object) bool) {}
}

func each[T any, P interface {
	*T
	Object
}](m map[string]P) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, o := range m {
			if !yield(o) {
				return
			}
		}
	}
}

// Len is the number of objects in the configuration.
func (c *Config) Len() int {
	return len(c.Nodes) + len(c.PrefixLists) + len(c.RouteMaps) + len(c.Fabrics) + len(c.FabricNodes) + len(c.Controllers) + len(c.Zones) + len(c.VNets) + len(c.Subnets) +
		len(c.IPAMs) + len(c.NameServers) + len(c.Aliases) + len(c.IPSets) + len(c.SecurityGroups) + len(c.Firewalls) + len(c.Guests)
}
