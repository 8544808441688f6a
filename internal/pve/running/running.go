// Package running reads the running SDN configuration of Proxmox VE: the JSON
// file .running-config that an apply writes (Proxmox VE SDN manual,
// "Configuration").
//
// It is at the entrance of the one-way flow, next to package manifest, for rendering or
// adopting a network that Proxmox declared. It is pure, reads only the properties that
// Viaduct uses so far, and checks only their form: what Proxmox accepted is kept
// in its original spelling.
package running

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// Running is a running configuration. A map is nil if the file does not have
// its key: for Proxmox a configuration that never had zones differs from one
// without zones.
type Running struct {
	// Version counts the applies.
	Version     int64
	Zones       map[string]*Zone
	VNets       map[string]*VNet
	Subnets     map[string]*Subnet
	Controllers map[string]*Controller
	// Fabrics and FabricNodes share one list of sections; both are nil if the
	// file does not have it. A node's ID is "<fabric>_<node>".
	Fabrics     map[string]*Fabric
	FabricNodes map[string]*FabricNode
	// PrefixLists and RouteMaps exist in newer releases of Proxmox. Unreadable lists
	// and map entries are dropped.
	PrefixLists map[string]*model.PrefixList
	RouteMaps   map[string]*model.RouteMap
}

// maxVNI is the largest VNI (RFC 7348). maxTag is the largest number that Proxmox
// accepts for a service VLAN, far more than valid VLAN IDs: it limits nothing
// there.
const (
	maxVNI = 1<<24 - 1
	maxTag = 1<<31 - 1
)

// Zone is a zone of any type.
type Zone struct {
	ID, Type string
	// Broken is set if a property cannot be read, which a problem reports: the
	// zone is known, but cannot be rendered.
	Broken bool
	// Nodes are the nodes on which the zone is deployed; nil means every node.
	Nodes []string
	// MTU in bytes; 0 means unset.
	MTU int
	// Peers are the VTEPs of a VXLAN zone, in the order of the file.
	Peers []Address
	// Fabric names the fabric with the VTEPs of a VXLAN zone.
	Fabric string
	// VXLANPort is the UDP port; 0 means unset.
	VXLANPort int
	// Bridge carries the VLANs of a VLAN or QinQ zone, Tag is the service VLAN.
	Bridge string
	Tag    int
	// VLANProtocol is 802.1q, 802.1ad, or empty if unset.
	VLANProtocol string
	// Controller names the EVPN controller, SecondaryControllers further ones;
	// VRFVXLAN is the L3VNI, MAC the address of the gateways; 0 and empty mean unset.
	Controller           string
	SecondaryControllers []string
	VRFVXLAN             int
	MAC                  string
	// ExitNodes are the nodes that route to external networks; Primary is the
	// one that others prefer.
	ExitNodes               []string
	ExitNodesPrimary        string
	ExitNodesLocalRouting   bool
	AdvertiseSubnets        bool
	DisableARPNDSuppression bool
	// RTImport lists route targets in their original spelling: "65001:1000".
	RTImport []string
}

// OnNode reports whether the zone is deployed on the node.
func (z *Zone) OnNode(node string) bool { return z.Nodes == nil || slices.Contains(z.Nodes, node) }

// IsExit reports whether the node is an exit node of the zone.
func (z *Zone) IsExit(node string) bool { return slices.Contains(z.ExitNodes, node) }

// VNet is a virtual network.
type VNet struct {
	ID, Zone string
	// Tag is the VNI; 0 means unset.
	Tag       int
	Alias     string
	VLANAware bool
	// MAC is the bridge's MAC address, which only old files have.
	MAC string
}

// Subnet is an address range of a VNet.
type Subnet struct {
	ID, VNet string
	// Zone is the one in the ID.
	Zone string
	CIDR Network
	// Gateway is not valid if there is none.
	Gateway Address
	SNAT    bool
}

// Address is an IP address, with its text in the file.
type Address struct {
	netip.Addr
	Text string
}

// String returns the address in the spelling of the file.
func (a Address) String() string { return a.Text }

// Network is a range of addresses, with its text in the file.
type Network struct {
	netip.Prefix
	Text string
}

// String returns the network in the spelling of the file.
func (n Network) String() string { return n.Text }

// Parse parses a running configuration. The problems report what cannot be read in an
// object: a zone is then marked as broken, a VNet or subnet left out. An error means
// that the file as a whole is invalid.
func Parse(data []byte) (*Running, model.Problems, error) {
	top := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, nil, fmt.Errorf("not a running configuration of Proxmox SDN (JSON): %w", err)
	}
	version, ok := schema.Scalar(top["version"])
	r := &Running{}
	if version != "" {
		n, err := strconv.ParseInt(version, 10, 64)
		ok, r.Version = err == nil && n >= 0, n
	}
	if !ok {
		return nil, nil, fmt.Errorf("the version of the running configuration is %s, which is not a number", top["version"])
	}
	p := &parser{}
	for _, k := range []struct {
		key  string
		kind model.Kind
		read func(*section)
		made func()
	}{
		{"zones", model.KindZone, func(s *section) { r.Zones[s.id] = s.zone() }, func() { r.Zones = map[string]*Zone{} }},
		{"vnets", model.KindVNet, func(s *section) { keep(r.VNets, s, s.vnet()) }, func() { r.VNets = map[string]*VNet{} }},
		{"subnets", model.KindSubnet, func(s *section) { keep(r.Subnets, s, s.subnet()) }, func() { r.Subnets = map[string]*Subnet{} }},
		{"controllers", model.KindController, func(s *section) { r.Controllers[s.id] = s.controller() }, func() { r.Controllers = map[string]*Controller{} }},
		{"fabrics", model.KindFabric, r.fabricSection, r.makeFabrics},
		{"prefix-lists", model.KindPrefixList, func(s *section) { keep(r.PrefixLists, s, s.prefixList()) }, func() { r.PrefixLists = map[string]*model.PrefixList{} }},
		{"route-maps", model.KindRouteMap, r.routeMapSection, func() { r.RouteMaps = map[string]*model.RouteMap{} }},
	} {
		raw, has := top[k.key]
		if !has || string(raw) == "null" {
			continue
		}
		k.made()
		if err := p.sections(raw, k.kind, k.read); err != nil {
			return nil, nil, fmt.Errorf("not a running configuration of Proxmox SDN: %q: %w", k.key, err)
		}
	}
	return r, p.problems, nil
}

func keep[T any](m map[string]*T, s *section, o *T) {
	if !s.broken {
		m[s.id] = o
	}
}

type parser struct{ problems model.Problems }

// sections reads the objects of one kind, in the order of their IDs.
func (p *parser) sections(raw json.RawMessage, kind model.Kind, read func(*section)) error {
	var list struct {
		IDs json.RawMessage `json:"ids"`
	}
	if empty(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	var ids map[string]json.RawMessage
	if empty(list.IDs) {
		return nil
	}
	if err := json.Unmarshal(list.IDs, &ids); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		s := &section{kind: kind, id: id}
		if err := json.Unmarshal(ids[id], &s.properties); err != nil {
			s.fault("", "", "must be an object with properties")
		} else {
			read(s)
		}
		p.problems = append(p.problems, s.problems...)
	}
	return nil
}

// empty reports whether an object has no properties; Perl can write such an object as a
// list, too.
func empty(raw json.RawMessage) bool {
	text := strings.Join(strings.Fields(string(raw)), "")
	return text == "" || text == "null" || text == "[]"
}

func (s *section) zone() *Zone {
	z := &Zone{
		ID:        s.id,
		Type:      s.text("type"),
		Nodes:     s.set("nodes"),
		MTU:       s.number("mtu"),
		Peers:     s.addresses("peers"),
		Fabric:    s.text("fabric"),
		VXLANPort: s.number("vxlan-port"),

		Bridge:       s.word("bridge"),
		Tag:          s.bounded("tag", maxTag),
		VLANProtocol: s.choice("vlan-protocol", "802.1q", "802.1ad"),

		Controller:              s.text("controller"),
		SecondaryControllers:    s.list("secondary-controllers"),
		VRFVXLAN:                s.bounded("vrf-vxlan", maxVNI),
		MAC:                     s.mac("mac"),
		ExitNodes:               s.set("exitnodes"),
		ExitNodesPrimary:        s.text("exitnodes-primary"),
		ExitNodesLocalRouting:   s.boolean("exitnodes-local-routing"),
		AdvertiseSubnets:        s.boolean("advertise-subnets"),
		DisableARPNDSuppression: s.boolean("disable-arp-nd-suppression"),
		RTImport:                s.targets("rt-import"),
	}
	z.Broken = s.broken
	return z
}

func (s *section) vnet() *VNet {
	return &VNet{
		ID:        s.id,
		Zone:      s.text("zone"),
		Tag:       s.bounded("tag", maxVNI),
		Alias:     s.line("alias"),
		VLANAware: s.boolean("vlanaware"),
		MAC:       s.mac("mac"),
	}
}

func (s *section) subnet() *Subnet {
	zone, text, _ := strings.Cut(s.id, "-")
	text = strings.Replace(text, "-", "/", 1)
	_, prefix, ok := model.ParseSubnetID(s.id)
	if !ok {
		s.fault("id", s.id, "is not a subnet's name: it is written like <zone>-10.0.1.0-24")
	}
	return &Subnet{
		ID:      s.id,
		VNet:    s.text("vnet"),
		Zone:    zone,
		CIDR:    Network{Prefix: prefix, Text: text},
		Gateway: s.address("gateway", s.text("gateway")),
		SNAT:    s.boolean("snat"),
	}
}
