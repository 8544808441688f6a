package manifest

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Set holds the declarations of manifests, with the position of every object and
// property.
type Set struct {
	// Objects are in the order of the input.
	Objects []model.Object
	places  map[objectKey]*loaded
	// subnets finds those that are declared by their CIDR alone.
	subnets map[netip.Prefix][]*loaded
	// zones are the zones of VNets that the manifests only refer to.
	zones map[string]string
}

type objectKey struct {
	kind model.Kind
	id   string
}

func newSet() *Set {
	return &Set{places: make(map[objectKey]*loaded), subnets: make(map[netip.Prefix][]*loaded)}
}

// add adds an object, unless one of that name exists, which it returns. Two subnets of
// the same network are distinguished by their VNet.
func (s *Set) add(o *loaded) *loaded {
	k := objectKey{o.object.ObjectKind(), o.object.ObjectID()}
	sub, isSubnet := o.object.(*model.Subnet)
	if isSubnet && subnetCIDR(sub).IsValid() {
		p := subnetCIDR(sub)
		for _, other := range s.subnets[p] {
			if other.object.(*model.Subnet).VNet == sub.VNet {
				return other
			}
		}
		s.subnets[p] = append(s.subnets[p], o)
	} else if first := s.places[k]; first != nil {
		return first
	}
	s.places[k] = o
	s.Objects = append(s.Objects, o.object)
	return nil
}

// subnetCIDR is a subnet's network, from whichever property contains it.
func subnetCIDR(s *model.Subnet) netip.Prefix {
	if s.CIDR.IsValid() {
		return s.CIDR
	}
	return cidrOfID(s.ID)
}

// cidrOfID parses the network from "10.0.1.0/24" or "<zone>-10.0.1.0-24".
func cidrOfID(id string) netip.Prefix {
	if p, err := netip.ParsePrefix(id); err == nil {
		return p
	}
	_, p, _ := model.ParseSubnetID(id)
	return p
}

// Edits returns the declarations as edits, in dependency order and then in that of the
// input.
func (s *Set) Edits() []model.Edit {
	kinds := model.Kinds()
	out := make([]model.Edit, 0, len(s.Objects))
	for _, o := range s.Objects {
		out = append(out, model.Edit{Put: o, Kind: o.ObjectKind(), ID: o.ObjectID()})
	}
	slices.SortStableFunc(out, func(a, b model.Edit) int {
		return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind)
	})
	return out
}

// Find returns the declaration of an object, or nil. A subnet is also found by its full
// ID if the manifest has only its network.
func (s *Set) Find(k model.Kind, id string) model.Object {
	if l := s.find(k, id); l != nil {
		return l.object
	}
	return nil
}

func (s *Set) find(k model.Kind, id string) *loaded {
	if l := s.places[objectKey{k, id}]; l != nil && (k != model.KindSubnet || len(s.subnets[cidrOfID(id)]) <= 1) {
		return l
	}
	if k != model.KindSubnet {
		return nil
	}
	zone, _, _ := strings.Cut(id, "-")
	var unknown *loaded
	for _, l := range s.subnets[cidrOfID(id)] {
		switch s.zoneOf(l.object.(*model.Subnet).VNet) {
		case zone:
			return l
		case "":
			unknown = l
		}
	}
	// Without the zones, one with a VNet in a different zone cannot be excluded.
	if s.zones != nil {
		return nil
	}
	return unknown
}

// zoneOf is the zone of a VNet, empty if unknown.
func (s *Set) zoneOf(vnet string) string {
	if v, ok := s.places[objectKey{model.KindVNet, vnet}]; ok {
		return v.object.(*model.VNet).Zone
	}
	return s.zones[vnet]
}

// KnowZones sets the zones of VNets that are declared elsewhere. With them, a subnet
// that is written by its network only matches the one of its own zone: every zone may
// have the same network.
func (s *Set) KnowZones(ofVNet map[string]string) { s.zones = ofVNet }

// Position returns the position of a property of an object, or of the object if the
// property is not written; ok is false if the object is in no manifest.
func (s *Set) Position(k model.Kind, id, field string) (pos Position, ok bool) {
	l := s.find(k, id)
	if l == nil {
		return Position{}, false
	}
	if k == model.KindSubnet && field == "cidr" {
		if _, written := l.fields[field]; !written {
			field = "id"
		}
	}
	for field != "" {
		if p, ok := l.fields[field]; ok {
			return p, true
		}
		// If "nics[1].vnet" is missing, the position is that of "nics[1]".
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return l.pos, true
}

// Format shows a problem with its position, the line and a caret if the object is in a
// manifest, and alone if it is not.
func (s *Set) Format(p model.Problem) string {
	text := string(p.Severity) + ": " + p.String()
	l := s.find(p.Kind, p.ID)
	if l == nil {
		return text
	}
	pos, _ := s.Position(p.Kind, p.ID, p.Field)
	return pos.String() + ": " + text + excerpt(l.src.line(pos.Line), pos.Column)
}
