// Package running reads the running SDN configuration of Proxmox VE: the JSON
// file .running-config that an apply writes (Proxmox VE SDN manual,
// "Configuration").
//
// It is at the entrance of the one-way flow, next to package manifest, for rendering or
// adopting a network that Proxmox declared; a configuration of Viaduct is rendered as such
// a one. It is pure, reads only the properties that Viaduct uses so far, and checks only
// their form: what Proxmox accepted is kept in its original spelling.
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

// Running is a running configuration: its objects, in the model's form and with their
// original spelling, are those of the embedded configuration. A map is nil if the file does
// not have its key: for Proxmox a configuration that never had zones differs from one
// without zones. Unreadable VNets, subnets, prefix lists and entries of route maps are
// dropped; other objects are kept, see Broken.
type Running struct {
	*model.Config
	// Version counts the applies.
	Version int64

	// broken are the objects with a property that cannot be read, by reference.
	broken map[string]bool
	// protocols are those of the fabrics' nodes, by ID.
	protocols map[string]model.FabricProtocol
}

func newRunning() *Running {
	return &Running{Config: &model.Config{}, broken: map[string]bool{}, protocols: map[string]model.FabricProtocol{}}
}

// Of returns a configuration of Viaduct as Proxmox would have it running. It has none of
// the fabrics that need no files of Proxmox.
func Of(cfg *model.Config, version int64) *Running {
	r := newRunning()
	*r.Config, r.Version = *cfg, version
	r.Zones, r.VNets = nonNil(cfg.Zones), nonNil(cfg.VNets)
	r.Subnets = make(map[string]*model.Subnet, len(cfg.Subnets))
	for _, s := range cfg.Subnets {
		r.Subnets[schema.SubnetID(s)] = s // their order in files
	}
	r.makeFabrics()
	for id, f := range cfg.Fabrics {
		if f.Protocol != model.FabricWireGuard {
			r.Fabrics[id] = f
		}
	}
	for id, n := range cfg.FabricNodes {
		if r.Fabrics[n.Fabric] != nil {
			r.FabricNodes[id] = inFileOrder(n)
		}
	}
	return r
}

// inFileOrder returns a node of a fabric with its interfaces in the order in which they
// are written to files: sorted, unless a client gave another one.
func inFileOrder(n *model.FabricNode) *model.FabricNode {
	if n.ClientSpelling["interfaces"] != nil {
		return n
	}
	out := *n
	out.Interfaces = slices.SortedFunc(slices.Values(n.Interfaces), func(a, b model.FabricInterface) int { return strings.Compare(a.Name, b.Name) })
	return &out
}

func nonNil[T any](m map[string]*T) map[string]*T {
	if m == nil {
		return map[string]*T{}
	}
	return m
}

// Broken reports whether an object has a property that cannot be read, which a problem
// reports: it is known, but cannot be rendered.
func (r *Running) Broken(o model.Object) bool {
	return r.broken[model.Ref(o.ObjectKind(), o.ObjectID())]
}

// maxVNI is the largest VNI (RFC 7348). maxTag is the largest number that Proxmox
// accepts for a service VLAN, far more than valid VLAN IDs: it limits nothing
// there.
const (
	maxVNI = 1<<24 - 1
	maxTag = 1<<31 - 1
)

// Address is an IP address, with its text in the file.
type Address struct {
	netip.Addr
	Text string
}

// String returns the address in the spelling of the file.
func (a Address) String() string { return a.Text }

// ZonePeers returns the peers of a zone, in the order and the spelling of the file.
func ZonePeers(z *model.Zone) []Address { return addresses(z.Peers, z.ClientSpelling["peers"]) }

// ControllerPeers returns the peers of a controller: see ZonePeers.
func ControllerPeers(c *model.Controller) []Address {
	return addresses(c.Peers, c.ClientSpelling["peers"])
}

// Gateway returns the gateway of a subnet, which is not valid if there is none: see
// ZonePeers.
func Gateway(s *model.Subnet) Address {
	return addresses([]netip.Addr{s.Gateway}, s.ClientSpelling["gateway"])[0]
}

// addresses returns addresses in a spelling, unless that has other addresses.
func addresses(list []netip.Addr, spelling []string) []Address {
	texts := schema.Items(spelling...)
	out := make([]Address, len(list))
	for i, a := range list {
		out[i] = Address{a, a.String()}
		if len(texts) == len(list) {
			if was, err := netip.ParseAddr(texts[i]); err == nil && was == a {
				out[i].Text = texts[i]
			}
		}
	}
	return out
}

// spelled keeps the spelling of addresses if it is not that of the model.
func spelled(o model.Object, property string, list ...Address) {
	texts := make([]string, len(list))
	other := false
	for i, a := range list {
		texts[i] = a.Text
		other = other || a.Text != a.Addr.String() && a.IsValid()
	}
	if other {
		keepSpelling(o, property, strings.Join(texts, ","))
	}
}

func keepSpelling(o model.Object, property, text string) {
	w := model.ClientSpelling{property: {text}}
	maps.Copy(w, model.ClientSpellingOf(o))
	model.SetClientSpelling(o, w)
}

func addrs(list []Address) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, a.Addr)
	}
	return out
}

// Parse parses a running configuration. The problems report what cannot be read in an
// object: a zone is then marked as broken, a VNet or subnet left out. An error means
// that the file as a whole is invalid.
func Parse(data []byte) (*Running, model.Problems, error) {
	top := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, nil, fmt.Errorf("not a running configuration of Proxmox SDN (JSON): %w", err)
	}
	version, ok := schema.Scalar(top["version"])
	r := newRunning()
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
		read func(*object)
		made func()
	}{
		{"zones", model.KindZone, func(s *object) { r.Zones[s.id] = s.zone(); r.note(s) }, func() { r.Zones = map[string]*model.Zone{} }},
		{"vnets", model.KindVNet, func(s *object) { keep(r.VNets, s, s.vnet()) }, func() { r.VNets = map[string]*model.VNet{} }},
		{"subnets", model.KindSubnet, func(s *object) { keep(r.Subnets, s, s.subnet()) }, func() { r.Subnets = map[string]*model.Subnet{} }},
		{"controllers", model.KindController, func(s *object) { r.Controllers[s.id] = s.controller(); r.note(s) }, func() { r.Controllers = map[string]*model.Controller{} }},
		{"fabrics", model.KindFabric, r.fabricSection, r.makeFabrics},
		{"prefix-lists", model.KindPrefixList, func(s *object) { keep(r.PrefixLists, s, s.prefixList()) }, func() { r.PrefixLists = map[string]*model.PrefixList{} }},
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

// note notes whether the object of a section is broken.
func (r *Running) note(s *object) {
	if s.broken {
		r.broken[model.Ref(s.kind, s.id)] = true
	}
}

func keep[T any](m map[string]*T, s *object, o *T) {
	if !s.broken {
		m[s.id] = o
	}
}

type parser struct{ problems model.Problems }

// sections reads the objects of one kind, in the order of their IDs.
func (p *parser) sections(raw json.RawMessage, kind model.Kind, read func(*object)) error {
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
		s := &object{kind: kind, id: id}
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

func (s *object) zone() *model.Zone {
	peers := s.addresses("peers")
	z := &model.Zone{
		ID:        s.id,
		Type:      model.ZoneType(s.text("type")),
		Nodes:     s.nodes("nodes"),
		MTU:       s.number("mtu"),
		Peers:     addrs(peers),
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
	spelled(z, "peers", peers...)
	return z
}

// LegacyMAC is the MAC address of a VNet's bridge, which only old files have; empty if
// unset. The model has no property for it.
func LegacyMAC(v *model.VNet) string {
	if w := v.ClientSpelling["mac"]; len(w) == 1 {
		return w[0]
	}
	return ""
}

func (s *object) vnet() *model.VNet {
	v := &model.VNet{
		ID:        s.id,
		Zone:      s.text("zone"),
		Tag:       s.bounded("tag", maxVNI),
		Alias:     s.line("alias"),
		VLANAware: s.boolean("vlanaware"),
	}
	if mac := s.mac("mac"); mac != "" {
		keepSpelling(v, "mac", mac)
	}
	return v
}

func (s *object) subnet() *model.Subnet {
	_, prefix, ok := model.ParseSubnetID(s.id)
	if !ok {
		s.fault("id", s.id, "is not a subnet's name: it is written like <zone>-10.0.1.0-24")
	}
	gateway := s.address("gateway", s.text("gateway"))
	out := &model.Subnet{ID: s.id, VNet: s.text("vnet"), CIDR: prefix, Gateway: gateway.Addr, SNAT: s.boolean("snat")}
	spelled(out, "gateway", gateway)
	_, text, _ := strings.Cut(s.id, "-")
	schema.SetNetwork(out, strings.Replace(text, "-", "/", 1))
	return out
}
