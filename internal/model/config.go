package model

import "iter"

// Config is a configuration: objects by their IDs. A revision holds objects of revisioned
// kinds only, the live configuration those of live kinds. The objects are shared and must not
// be changed in place: put a changed copy. The zero value is empty and ready to use.
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
	Backplanes     map[string]*Backplane     `json:"backplanes,omitempty"`
	Sectors        map[string]*Sector        `json:"sectors,omitempty"`
	LoadBalancers  map[string]*LoadBalancer  `json:"load-balancers,omitempty"`
	IPAMs          map[string]*IPAM          `json:"ipams,omitempty"`
	NameServers    map[string]*NameServer    `json:"dns,omitempty"`
	Aliases        map[string]*Alias         `json:"aliases,omitempty"`
	IPSets         map[string]*IPSet         `json:"ip-sets,omitempty"`
	SecurityGroups map[string]*SecurityGroup `json:"security-groups,omitempty"`
	Firewalls      map[string]*Firewall      `json:"firewalls,omitempty"`
	Guests         map[string]*Guest         `json:"guests,omitempty"`
	// Others holds the objects of kinds without a field here.
	Others Others `json:"others,omitempty"`
}

// Clone returns a copy with its own maps; the objects themselves are shared.
func (c *Config) Clone() *Config {
	n := *c
	for _, d := range table {
		d.slot.clone(&n)
	}
	return &n
}

// CloneKind replaces c's map for one kind, which it may share with another configuration, by a
// copy; the objects themselves stay shared.
func (c *Config) CloneKind(k Kind) {
	if d := byKind[k]; d != nil {
		d.slot.clone(c)
	}
}

// Put completes an object and adds it, or replaces the existing one. It checks nothing else:
// see Validate.
func (c *Config) Put(o Object) error {
	if err := c.Complete(o); err != nil {
		return err
	}
	c.Set(o)
	return nil
}

// Complete fills in derived properties of an object before Put: a subnet's ID and CIDR from
// each other and from the VNet's zone (so the VNet must already exist), and a fabric node's
// ID, fabric and node from each other. It writes to o and returns an error if they contradict
// each other.
func (c *Config) Complete(o Object) error {
	if d := byKind[o.ObjectKind()]; d != nil && d.Complete != nil {
		return d.Complete(c, o)
	}
	return nil
}

// Set adds or replaces a complete object.
func (c *Config) Set(o Object) {
	if d := byKind[o.ObjectKind()]; d != nil {
		d.slot.set(c, o)
	}
}

// Get returns an object, or nil if there is none.
func (c *Config) Get(k Kind, id string) Object {
	if d := byKind[k]; d != nil {
		return d.slot.get(c, id)
	}
	return nil
}

// Delete removes an object and reports whether it existed.
func (c *Config) Delete(k Kind, id string) bool {
	if c.Get(k, id) == nil {
		return false
	}
	byKind[k].slot.remove(c, id)
	return true
}

// List returns the objects of a kind, sorted by ID.
func (c *Config) List(k Kind) []Object {
	if d := byKind[k]; d != nil {
		return d.slot.list(c)
	}
	return nil
}

// Each iterates over the objects of a kind in no particular order.
func (c *Config) Each(k Kind) iter.Seq[Object] {
	if d := byKind[k]; d != nil {
		return d.slot.each(c)
	}
	return func(func(Object) bool) {}
}

// Differing iterates, in no particular order, over the pairs of objects of a kind that c and
// new do not share, with nil for a missing object. Objects are compared by pointer, so pairs
// with the same content may be among them.
func (c *Config) Differing(k Kind, new *Config) iter.Seq2[Object, Object] {
	if d := byKind[k]; d != nil {
		return d.slot.differ(c, new)
	}
	return func(func(Object, Object) bool) {}
}

// Len is the number of objects in the configuration.
func (c *Config) Len() int {
	n := 0
	for _, d := range table {
		n += d.slot.len(c)
	}
	return n
}
