package running

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

func (r *Running) makeFabrics() {
	r.Fabrics, r.FabricNodes = map[string]*model.Fabric{}, map[string]*model.FabricNode{}
}

// fabricSection reads a section of the list of both: its type is
// "<protocol>_fabric" or "<protocol>_node".
func (r *Running) fabricSection(s *object) {
	kind := strings.ToLower(s.text("type"))
	if protocol, _, _ := strings.Cut(kind, "_"); model.FabricProtocol(protocol) == model.FabricWireGuard {
		s.problems = append(s.problems, model.NewProblem(model.Warning, model.KindFabric, s.id, "type", kind, msgFabricWireGuard.Of()))
		return
	}
	if protocol, ok := strings.CutSuffix(kind, "_fabric"); ok {
		r.Fabrics[s.id] = s.fabric(s.protocol(protocol))
		r.note(s)
		return
	}
	if protocol, ok := strings.CutSuffix(kind, "_node"); ok {
		s.kind = model.KindFabricNode
		r.protocols[s.id] = s.protocol(protocol)
		r.FabricNodes[s.id] = s.fabricNode()
		r.note(s)
		return
	}
	s.fault("type", kind, "is not a type of a section of fabrics")
}

func (s *object) protocol(text string) model.FabricProtocol {
	p := model.FabricProtocol(text)
	if !slices.Contains(model.FabricProtocols(), p) {
		s.fault("type", text, "is a protocol that this release does not know; the fabric is left out")
	}
	return p
}

// maxInterval limits OpenFabric's intervals, in seconds.
const maxInterval = 600

func (s *object) fabric(protocol model.FabricProtocol) *model.Fabric {
	f := &model.Fabric{
		ID:            s.id,
		Protocol:      protocol,
		IPPrefix:      s.prefix("ip_prefix", s.text("ip_prefix"), false),
		IP6Prefix:     s.prefix("ip6_prefix", s.text("ip6_prefix"), true),
		HelloInterval: s.bounded("hello_interval", maxInterval),
		CSNPInterval:  s.bounded("csnp_interval", maxInterval),
		Area:          s.word("area"),
		BFD:           s.boolean("bfd"),
		RouteFilter:   s.word("route_filter"),
		RouteMapIn:    s.word("route_map_in"),
		RouteMapOut:   s.word("route_map_out"),
	}
	for _, text := range s.texts("redistribute") {
		f.Redistribute = append(f.Redistribute, s.redistribution(text))
	}
	if _, ok := areaNumber(f.Area); f.Area != "" && !ok {
		s.fault("area", f.Area, "must be a number or written like 0.0.0.1")
	}
	return f
}

// sources are the routes that FRR can redistribute.
var sources = []string{"bgp", "connected", "isis", "kernel", "openfabric", "ospf", "ospf6", "static"}

// redistribution parses a property string: "source=static,metric=20".
func (s *object) redistribution(text string) model.Redistribution {
	var r model.Redistribution
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		_, number := decimal(value)
		switch {
		case part == "": // an extra comma
		case key == "source" && slices.Contains(sources, value):
			r.Source = value
		case key == "metric" && number:
			r.Metric = value
		case key == "route-map":
			r.RouteMap = s.oneWord("redistribute", value)
		default:
			s.fault("redistribute", text, "has a part that cannot be read: "+part)
		}
	}
	if r.Source == "" {
		s.fault("redistribute", text, "names no source: it is written like source=static")
	}
	return r
}

func (s *object) fabricNode() *model.FabricNode {
	n := &model.FabricNode{
		ID:  s.id,
		IP:  s.addressOf("ip", false),
		IP6: s.addressOf("ip6", true),
		ASN: s.bounded("asn", 1<<32-1),
	}
	var ok bool
	if n.Fabric, n.Node, ok = strings.Cut(s.id, "_"); !ok || n.Fabric == "" || n.Node == "" {
		s.fault("id", s.id, "must be <fabric>_<node>")
	}
	for _, text := range s.texts("interfaces") {
		n.Interfaces = append(n.Interfaces, s.fabricInterface(text))
	}
	return n
}

func (s *object) addressOf(field string, six bool) netip.Addr {
	a := s.address(field, s.text(field))
	if a.IsValid() && a.Is6() != six {
		s.fault(field, a.Text, "must be an "+family(six)+" address")
		return netip.Addr{}
	}
	return a.Addr
}

// networkTypes are those of OSPF.
var networkTypes = []string{"broadcast", "non-broadcast", "point-to-multipoint", "point-to-point"}

// fabricInterface parses a property string: "name=ens19,ip=10.0.0.1/31".
func (s *object) fabricInterface(text string) model.FabricInterface {
	var i model.FabricInterface
	for part := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found { // the name may have no key
			key, value = "name", key
		}
		switch {
		case value == "" && !found: // an extra comma
		case key == "name" && i.Name == "":
			i.Name = s.oneWord("interfaces", value)
		case key == "ip":
			i.IP = s.prefix("interfaces", value, false)
		case key == "ip6":
			i.IP6 = s.prefix("interfaces", value, true)
		case key == "hello_multiplier":
			i.HelloMultiplier = s.multiplier(value)
		case key == "network_type" && slices.Contains(networkTypes, value):
			i.NetworkType = value
		default:
			s.fault("interfaces", text, "has a part that cannot be read: "+part)
		}
	}
	if i.Name == "" {
		s.fault("interfaces", text, "names no interface: it is written like name=ens19")
	}
	return i
}

func (s *object) multiplier(text string) int {
	n, ok := decimal(text)
	if !ok || n < 2 || n > 100 {
		s.fault("interfaces", text, "hello_multiplier must be 2 to 100")
		return 0
	}
	return int(n)
}
