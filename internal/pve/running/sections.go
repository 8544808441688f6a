package running

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// ParseFabrics parses fabrics in the form of the file fabrics.cfg, and checks
// them as Proxmox does before it stores a change. Problems that are errors mean
// that Proxmox refuses the file; what it ignores is a warning. An error
// means that the text as a whole is invalid.
func ParseFabrics(text string) (*Running, model.Problems, error) {
	list, err := sections(text)
	if err != nil {
		return nil, nil, err
	}
	r := newRunning()
	r.makeFabrics()
	var problems model.Problems
	slices.SortStableFunc(list, func(a, b *object) int { return strings.Compare(a.id, b.id) })
	for _, s := range list {
		warn := func(field, value, reason string) {
			problems = append(problems, model.NewProblem(model.Warning, model.KindFabric, s.id, field, value, msgFabricSectionSkipped.Of(reason)))
		}
		known := fabricKeys[s.text("type")]
		if known == nil && !strings.HasPrefix(s.text("type"), string(model.FabricWireGuard)+"_") {
			warn("type", s.text("type"), "is not a type of section that this release knows; the section is skipped")
			continue
		}
		for _, key := range s.keys() {
			if known != nil && !slices.Contains(known, key) {
				warn(key, "", "is not a property that this release knows; it is skipped")
			}
		}
		r.fabricSection(s)
		problems = append(problems, s.problems...)
	}
	return r, append(problems, r.CheckFabrics()...), nil
}

// fabricKeys are the properties of each type of section.
var fabricKeys = map[string][]string{
	"openfabric_fabric": {"type", "ip_prefix", "ip6_prefix", "hello_interval", "csnp_interval", "route_filter"},
	"openfabric_node":   {"type", "ip", "ip6", "interfaces"},
	"ospf_fabric":       {"type", "ip_prefix", "ip6_prefix", "area", "route_filter", "redistribute"},
	"ospf_node":         {"type", "ip", "ip6", "interfaces"},
	"bgp_fabric":        {"type", "ip_prefix", "ip6_prefix", "bfd", "route_filter", "redistribute", "route_map_in", "route_map_out"},
	"bgp_node":          {"type", "ip", "ip6", "interfaces", "asn", "role"},
}

// sections parses the form of Proxmox's section files.
func sections(text string) ([]*object, error) {
	list, err := section.Parse(text)
	if err != nil {
		return nil, err
	}
	var out []*object
	for _, in := range list {
		s := &object{kind: model.KindFabric, id: in.ID, properties: map[string]json.RawMessage{"type": quoted(in.Type)}}
		for name, values := range in.Values {
			if len(values) == 1 && name != "interfaces" && name != "redistribute" {
				s.properties[name] = quoted(values[0])
			} else {
				s.properties[name] = quoted(values)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// quoted encodes a text or a list of texts, which are always valid JSON.
func quoted(v any) json.RawMessage {
	raw, _ := json.Marshal(v)
	return raw
}
