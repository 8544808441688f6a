package pvesdn

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// ParseFabrics reads fabrics in the form of the file fabrics.cfg, and checks
// them as Proxmox does before it stores a change. Problems that are errors mean
// that Proxmox refuses the file; what it passes over is a warning. An error
// means that the text as a whole is no such file.
func ParseFabrics(text string) (*Running, model.Problems, error) {
	list, err := sections(text)
	if err != nil {
		return nil, nil, err
	}
	r := &Running{}
	r.makeFabrics()
	var problems model.Problems
	slices.SortStableFunc(list, func(a, b *section) int { return strings.Compare(a.id, b.id) })
	for _, s := range list {
		warn := func(field, value, message string) {
			problems = append(problems, model.Problem{Severity: model.Warning, Kind: model.KindFabric, ID: s.id, Field: field, Value: value, Message: message})
		}
		known := fabricKeys[s.text("type")]
		if known == nil {
			warn("type", s.text("type"), "is not a type of section that this release knows; the section is passed over")
			continue
		}
		for _, key := range s.keys() {
			if !slices.Contains(known, key) {
				warn(key, "", "is not a property that this release knows; it is passed over")
			}
		}
		r.fabricSection(s)
		problems = append(problems, s.problems...)
	}
	return r, append(problems, r.CheckFabrics()...), nil
}

// fabricKeys are the properties of each type of section.
var fabricKeys = map[string][]string{
	"openfabric_fabric": {"type", "ip_prefix", "ip6_prefix", "hello_interval", "csnp_interval"},
	"openfabric_node":   {"type", "ip", "ip6", "interfaces"},
	"ospf_fabric":       {"type", "ip_prefix", "ip6_prefix", "area"},
	"ospf_node":         {"type", "ip", "ip6", "interfaces"},
	"bgp_fabric":        {"type", "ip_prefix", "ip6_prefix", "bfd"},
	"bgp_node":          {"type", "ip", "ip6", "interfaces", "asn", "role"},
}

// sections reads the form of Proxmox's section files: "<type>: <id>" at the
// margin, then lines of a property and its value. A property that stands in
// several lines is a list.
func sections(text string) ([]*section, error) {
	var out []*section
	seen := map[string]bool{}
	values := map[string][]string{}
	finish := func() {
		if len(out) == 0 {
			return
		}
		s := out[len(out)-1]
		for key, list := range values {
			var raw []byte
			if len(list) == 1 && key != "interfaces" {
				raw, _ = json.Marshal(list[0]) // text is always JSON
			} else {
				raw, _ = json.Marshal(list)
			}
			s.properties[key] = raw
		}
		clear(values)
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		trimmed := strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#':
		case trimmed == line:
			kind, id, ok := strings.Cut(line, ":")
			id = strings.TrimSpace(id)
			if !ok || kind == "" || id == "" || strings.ContainsAny(kind+id, " \t") {
				return nil, fmt.Errorf("line %d: %q does not begin a section: it is written like ospf_fabric: myfab", number, line)
			}
			if seen[id] {
				return nil, fmt.Errorf("line %d: section %s stands there twice", number, id)
			}
			seen[id] = true
			finish()
			raw, _ := json.Marshal(strings.ToLower(kind)) // text is always JSON
			out = append(out, &section{kind: model.KindFabric, id: id, properties: map[string]json.RawMessage{"type": raw}})
		case len(out) == 0:
			return nil, fmt.Errorf("line %d: %q stands in no section", number, trimmed)
		default:
			key, value, _ := strings.Cut(trimmed, " ")
			values[key] = append(values[key], strings.TrimSpace(value))
		}
	}
	finish()
	return out, nil
}
