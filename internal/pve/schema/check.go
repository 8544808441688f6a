package schema

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Faults are the errors of an object by property name: a parameter error with the
// texts of Proxmox.
type Faults map[string]string

// Error implements error.
func (f Faults) Error() string {
	out := "400 Parameter verification failed."
	for _, name := range slices.Sorted(maps.Keys(f)) {
		out += "\n" + name + ": " + f[name]
	}
	return out + "\n"
}

// Refusal is an error with the text of Proxmox.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// objectError is an error that names an object which not every user may see.
type objectError struct {
	error
	ref string
}

// References implements the interface of model.ReferencesIn.
func (t objectError) References() string { return t.ref }

// Unwrap returns the underlying error.
func (t objectError) Unwrap() error { return t.error }

// naming adds the object that an error names.
func naming(k model.Kind, id string, err error) error { return objectError{err, model.Ref(k, id)} }

// Options checks that an object's type has all of its properties, and that it has those
// that the type requires.
func (k *Kind) Options(typ string, v Values) error {
	for _, name := range v.Names() {
		if name == typeKey {
			continue
		}
		if p := k.Property(name); p == nil || p.Takes(typ) == 0 {
			return refuse("unexpected property '%s'", clip(name))
		}
	}
	for _, p := range k.Properties {
		if p.Takes(typ) == 'r' && len(v[p.Name]) == 0 {
			return refuse("missing value for required option '%s'", p.Name)
		}
	}
	return nil
}

// Merge returns an object's properties after a PUT: without those to delete, and with
// the given ones, where no values mean that the property is cleared.
func (k *Kind) Merge(typ string, old, given Values, remove []string) (Values, error) {
	out := old.Clone()
	for _, name := range remove {
		p := k.Property(name)
		switch {
		case p == nil || p.Takes(typ) == 0:
			return nil, refuse("no such option '%s'", clip(name))
		case p.Takes(typ) == 'r':
			return nil, refuse("unable to delete required option '%s'", name)
		case len(given[name]) > 0:
			return nil, refuse("cannot set and delete property '%s' at the same time!", name)
		}
		delete(out, name)
	}
	for name, values := range given {
		p := k.Property(name)
		switch {
		case p != nil && len(values) == 0 && p.Takes(typ) == 'r':
			return nil, refuse("unable to delete required option '%s'", name)
		case p != nil && len(values) == 0:
			delete(out, name)
		case p == nil || p.Takes(typ) == 0:
			return nil, refuse("unexpected property '%s'", clip(name))
		default:
			out[name] = values
		}
	}
	return out, nil
}

// CheckZone checks a new (old is nil) or changed zone as Proxmox does; given are the
// parameters of the request, live has the current plugins.
func CheckZone(cfg *model.Config, old, z *model.Zone, given Values, live *model.Config) error {
	if old != nil && old.IPAM != z.IPAM && zoneHasSubnets(cfg, z.ID) {
		return Faults{"ipam": "can't change ipam if a subnet is already defined in this zone"}
	}
	for _, name := range []string{"dns", "reversedns"} {
		if id := given.Get(name); id != "" && live.NameServers[id] == nil {
			return refuse("dns server '%s' does not exist", id)
		}
	}
	if id := given.Get("ipam"); id != "" && live.IPAMs[id] == nil {
		return refuse("ipam '%s' does not exist", id)
	}
	if given.Get("dnszone") != "" && given.Get("dns") == "" {
		return Faults{"dnszone": "missing dns server"}
	}
	switch z.Type {
	case model.ZoneVXLAN:
		if (len(z.Peers) > 0) == (z.Fabric != "") {
			const what = "must have exactly one of peers / fabric defined"
			return Faults{"peers": what, "fabric": what}
		}
	case model.ZoneEVPN:
		return checkEVPN(cfg, z)
	case model.ZoneSimple, model.ZoneVLAN, model.ZoneQinQ:
	}
	return nil
}

func zoneHasSubnets(cfg *model.Config, zone string) bool {
	for _, s := range cfg.Subnets {
		if v := cfg.VNets[s.VNet]; v != nil && v.Zone == zone {
			return true
		}
	}
	return false
}

func checkEVPN(cfg *model.Config, z *model.Zone) error {
	for _, id := range z.Controllers() {
		c := cfg.Controllers[id]
		if c == nil {
			return refuse("controller %s don't exist", id)
		}
		if c.Type != model.ControllerEVPN {
			return naming(model.KindController, id, refuse("%s is not a evpn controller", id))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cfg.Zones)) {
		if other := cfg.Zones[id]; id != z.ID && other.VRFVXLAN != 0 && other.VRFVXLAN == z.VRFVXLAN {
			return naming(model.KindZone, id, refuse("vrf-vxlan %d is already declared in %s", z.VRFVXLAN, id))
		}
	}
	return nil
}

// CheckZoneDelete refuses to delete a zone that has VNets.
func CheckZoneDelete(cfg *model.Config, id string) error {
	for _, vnet := range slices.Sorted(maps.Keys(cfg.VNets)) {
		if cfg.VNets[vnet].Zone == id {
			return naming(model.KindVNet, vnet, refuse("zone %s is used by vnet %s", id, vnet))
		}
	}
	return nil
}

// CheckVNet checks a new or changed VNet as Proxmox does. in is the index of the
// configuration.
func CheckVNet(cfg *model.Config, in *model.Index, old, v *model.VNet) error {
	z := cfg.Zones[v.Zone]
	if z == nil {
		return refuse("cannot lookup undefined type!")
	}
	subnets := len(in.Subnets(v.ID)) > 0
	if old != nil && old.Zone != v.Zone && subnets {
		return Faults{"zone": "can't change zone if subnets exist"}
	}
	if err := checkTag(cfg, in, z, v); err != nil {
		return err
	}
	if z.Type == model.ZoneEVPN && v.VLANAware {
		return Faults{"vlan-aware": "vlan-aware option can't be enabled with evpn plugin"}
	}
	if v.VLANAware && subnets {
		return Faults{"vlanaware": "vlanaware vnet is not compatible with subnets"}
	}
	return nil
}

// Limits of tags, as Proxmox checks them.
const (
	maxVLANTag  = 4096
	maxVXLANTag = 16777216
)

func checkTag(cfg *model.Config, in *model.Index, z *model.Zone, v *model.VNet) error {
	switch z.Type {
	case model.ZoneSimple:
		if v.Tag != 0 {
			return Faults{"tag": "vlan tag is not allowed on simple zone"}
		}
	case model.ZoneVLAN, model.ZoneQinQ:
		if v.Tag == 0 && z.Type == model.ZoneVLAN {
			return Faults{"tag": "missing vlan tag"}
		}
		if v.Tag > maxVLANTag {
			return Faults{"tag": "vlan tag max value is 4096"}
		}
		if other := sameTag(cfg, in.Tagged(z.ID, v.Tag), v, func(*model.Zone) bool { return true }); other != nil {
			if v.Tag == 0 {
				return naming(model.KindVNet, other.ID, Faults{"tag": fmt.Sprintf("vnet %s without tag already exists in zone %s", other.ID, z.ID)})
			}
			return naming(model.KindVNet, other.ID, Faults{"tag": fmt.Sprintf("tag %d already exist in vnet %s", v.Tag, other.ID)})
		}
	case model.ZoneVXLAN, model.ZoneEVPN:
		if v.Tag == 0 {
			return Faults{"tag": "missing vxlan tag"}
		}
		if v.Tag > maxVXLANTag {
			return Faults{"tag": "vxlan tag max value is 16777216"}
		}
		if other := sameTag(cfg, in.Tagged("", v.Tag), v, func(other *model.Zone) bool { return other.Type == model.ZoneVXLAN || other.Type == model.ZoneEVPN }); other != nil {
			return naming(model.KindVNet, other.ID, Faults{"tag": fmt.Sprintf("vxlan tag %d already exist in vnet %s in zone %s ", v.Tag, other.ID, other.Zone)})
		}
	}
	return nil
}

// sameTag returns the first of the VNets, sorted by ID, that is not v and is in one of
// the zones.
func sameTag(cfg *model.Config, tagged []*model.VNet, v *model.VNet, in func(*model.Zone) bool) *model.VNet {
	for _, other := range tagged {
		if z := cfg.Zones[other.Zone]; other.ID != v.ID && z != nil && in(z) {
			return other
		}
	}
	return nil
}

// CheckVNetDelete refuses to delete a VNet that has subnets.
func CheckVNetDelete(in *model.Index, id string) error {
	if len(in.Subnets(id)) > 0 {
		return Faults{"vnet": "Can't delete vnet if subnets exists"}
	}
	return nil
}

// CheckSubnet checks a new or changed subnet as Proxmox does.
func CheckSubnet(cfg *model.Config, s *model.Subnet) error {
	if v := cfg.VNets[s.VNet]; v != nil && v.VLANAware {
		return Faults{"vnet": fmt.Sprintf("you can't add a subnet on a vlanaware vnet %s", v.ID)}
	}
	point := s.CIDR.Addr().Is4() && s.CIDR.Bits() == 32
	if s.Gateway.IsValid() && !s.CIDR.Contains(s.Gateway) && (!point || !s.Gateway.Is4()) {
		return Faults{"gateway": fmt.Sprintf("%s is not in subnet %s", s.Gateway, s.CIDR)}
	}
	ranges := slices.Clone(s.DHCPRange)
	slices.SortFunc(ranges, func(a, b model.Range) int { return a.Start.Compare(b.Start) })
	var last netip.Addr
	for _, r := range ranges {
		switch {
		case !s.CIDR.Contains(r.Start):
			return Faults{"dhcp-range": fmt.Sprintf("start-address %s is not in subnet %s", r.Start, s.CIDR)}
		case !s.CIDR.Contains(r.End):
			return Faults{"dhcp-range": fmt.Sprintf("end-address %s is not in subnet %s", r.End, s.CIDR)}
		case r.End.Less(r.Start):
			return Faults{"dhcp-range": fmt.Sprintf("start-address %s needs to be smaller than end-address %s", r.Start, r.End)}
		case last.IsValid() && r.Start.Compare(last) <= 0:
			return Faults{"dhcp-range": fmt.Sprintf("overlapping DHCP ranges at %s", r.Start)}
		}
		last = r.End
	}
	return nil
}

// CheckController checks a new or changed controller as Proxmox does.
func CheckController(cfg *model.Config, c *model.Controller) error {
	switch c.Type {
	case model.ControllerEVPN:
		if (len(c.Peers) > 0) == (c.Fabric != "") {
			return refuse("must have exactly one of peers / fabric defined")
		}
		if c.Fabric != "" && cfg.Fabrics[c.Fabric] == nil {
			return refuse("fabric %s does not exist", c.Fabric)
		}
		return checkPeerGroup(cfg, c)
	case model.ControllerBGP, model.ControllerISIS:
		for _, id := range slices.Sorted(maps.Keys(cfg.Controllers)) {
			if other := cfg.Controllers[id]; id != c.ID && other.Type == c.Type && other.Node == c.Node {
				return naming(model.KindController, id, refuse("%s controller %s is already defined on node %s", c.Type, id, c.Node))
			}
		}
	}
	return nil
}

// checkPeerGroup refuses two EVPN controllers with the same peer group name on a node.
func checkPeerGroup(cfg *model.Config, c *model.Controller) error {
	for _, id := range slices.Sorted(maps.Keys(cfg.Controllers)) {
		other := cfg.Controllers[id]
		if id == c.ID || other.Type != model.ControllerEVPN || other.PeerGroup() != c.PeerGroup() {
			continue
		}
		together := len(c.Nodes) == 0 || len(other.Nodes) == 0 || slices.ContainsFunc(c.Nodes, other.OnNode)
		if together {
			return naming(model.KindController, id, refuse("only 1 global evpn controller can be defined with peer-group-name %s: there is %s", c.PeerGroup(), id))
		}
	}
	return nil
}

// CheckControllerDelete refuses to delete a controller that a zone uses.
func CheckControllerDelete(cfg *model.Config, id string) error {
	if c := cfg.Controllers[id]; c != nil && c.Type == model.ControllerISIS {
		return nil
	}
	for _, zone := range slices.Sorted(maps.Keys(cfg.Zones)) {
		if slices.Contains(cfg.Zones[zone].Controllers(), id) {
			return naming(model.KindZone, zone, refuse("controller %s is used by %s", id, zone))
		}
	}
	return nil
}

// CheckFabricDelete refuses to delete a fabric that a zone or controller uses.
func CheckFabricDelete(cfg *model.Config, id string) error {
	for _, c := range slices.Sorted(maps.Keys(cfg.Controllers)) {
		if cfg.Controllers[c].Fabric == id {
			return naming(model.KindController, c, refuse("fabric %s is used by controller %s", id, c))
		}
	}
	for _, z := range slices.Sorted(maps.Keys(cfg.Zones)) {
		if cfg.Zones[z].Fabric == id {
			return naming(model.KindZone, z, refuse("fabric %s is used by zone %s", id, z))
		}
	}
	return nil
}

// Defined and Missing return Proxmox's errors for an ID that is in use, and for one
// that is not.
func (k *Kind) Defined(id string) error {
	switch k.Model {
	case model.KindFabric, model.KindFabricNode:
		return refuse("%s '%s' already exists: already defined", k.Noun, id)
	default: // has the usual words
	}
	return refuse("sdn %s object ID '%s' already defined", k.Noun, id)
}

// Missing returns the error that there is no object with the ID.
func (k *Kind) Missing(id string) error {
	noun := map[model.Kind]string{model.KindZone: "", model.KindFabric: "fabric ", model.KindFabricNode: "fabric node "}
	word, special := noun[k.Model]
	if !special {
		word = "sdn " + k.Noun + " "
	}
	if k.Model == model.KindZone {
		word = "sdn "
	}
	return refuse("%s'%s' does not exist", cmp.Or(word, "sdn "), id)
}
