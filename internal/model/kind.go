package model

import "slices"

// Kind names a kind of object, in the singular, as it is written in the
// "kind" field of a manifest.
type Kind string

// The kinds of object. Those from KindIPAM on are live: they take effect at once.
// All others are edited as pending configuration and take effect when a revision is
// applied.
const (
	KindNode          Kind = "node"
	KindPrefixList    Kind = "prefix-list"
	KindRouteMap      Kind = "route-map"
	KindFabric        Kind = "fabric"
	KindFabricNode    Kind = "fabric-node"
	KindController    Kind = "controller"
	KindZone          Kind = "zone"
	KindVNet          Kind = "vnet"
	KindSubnet        Kind = "subnet"
	KindIPAM          Kind = "ipam"
	KindDNS           Kind = "dns"
	KindAlias         Kind = "alias"
	KindIPSet         Kind = "ip-set"
	KindSecurityGroup Kind = "security-group"
	KindFirewall      Kind = "firewall"
	KindGuest         Kind = "guest"
)

// Kinds returns every kind in dependency order: an object refers only to
// objects of kinds that stand before its own, or route maps to each other. Zones name
// address management and name servers, which are there or not whatever is pending.
func Kinds() []Kind {
	return []Kind{KindNode, KindPrefixList, KindRouteMap, KindFabric, KindFabricNode, KindController, KindZone, KindVNet, KindSubnet, KindIPAM, KindDNS,
		KindAlias, KindIPSet, KindSecurityGroup, KindFirewall, KindGuest}
}

// Plural is the name of the kind as it appears in API paths and in the
// command line's tables.
func (k Kind) Plural() string {
	switch k {
	case KindDNS:
		return string(k)
	case KindAlias:
		return "aliases"
	}
	return string(k) + "s"
}

// Revisioned reports whether objects of the kind are part of a revision. Live ones
// are not: where a guest runs is a fact that must not wait for an apply, nor carry
// other people's pending edits along.
func (k Kind) Revisioned() bool { return !slices.Contains(liveKinds, k) }

var liveKinds = []Kind{KindIPAM, KindDNS, KindAlias, KindIPSet, KindSecurityGroup, KindFirewall, KindGuest}

// LiveKinds returns the kinds that take effect at once, in dependency order.
func LiveKinds() []Kind { return slices.Clone(liveKinds) }

// ParseKind accepts a kind in the singular or the plural; ok is false for
// anything else.
func ParseKind(s string) (k Kind, ok bool) {
	for _, k := range Kinds() {
		if s == string(k) || s == k.Plural() {
			return k, true
		}
	}
	return "", false
}

// Object is one declared object. The concrete types are *Node, *PrefixList,
// *RouteMap, *Fabric, *FabricNode, *Controller, *Zone, *VNet, *Subnet,
// *IPAM, *NameServer, *Alias, *IPSet, *SecurityGroup, *Firewall and *Guest.
type Object interface {
	// ObjectKind is the kind of the object.
	ObjectKind() Kind
	// ObjectID identifies the object among those of its kind.
	ObjectID() string
}

// Ref names an object: "zone/myzone".
func Ref(k Kind, id string) string { return string(k) + "/" + id }

// New returns an empty object of the kind, or nil for an unknown kind.
func New(k Kind) Object {
	switch k {
	case KindNode:
		return &Node{}
	case KindPrefixList:
		return &PrefixList{}
	case KindRouteMap:
		return &RouteMap{}
	case KindFabric:
		return &Fabric{}
	case KindFabricNode:
		return &FabricNode{}
	case KindController:
		return &Controller{}
	case KindZone:
		return &Zone{}
	case KindVNet:
		return &VNet{}
	case KindSubnet:
		return &Subnet{}
	case KindIPAM:
		return &IPAM{}
	case KindDNS:
		return &NameServer{}
	case KindAlias:
		return &Alias{}
	case KindIPSet:
		return &IPSet{}
	case KindSecurityGroup:
		return &SecurityGroup{}
	case KindFirewall:
		return &Firewall{}
	case KindGuest:
		return &Guest{}
	}
	return nil
}
