package ipam

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// ParseState reads a pve-ipam-state.json. Proxmox VE writes it from Perl, which keeps no
// types, and other programs write it too: numbers, strings and booleans are
// interchangeable. Entries that cannot be read are skipped and reported in odd; an error
// means that the file as a whole is invalid.
func ParseState(b []byte) (state *State, odd []string, err error) {
	top, ok := members(b)
	if !ok {
		return nil, nil, fmt.Errorf("this is no pve-ipam-state.json: it must be an object with zones, like {\"zones\":{}}")
	}
	s := &stateReader{out: &State{}}
	s.zones(top["zones"])
	return s.out, s.odd, nil
}

// stateReader is the state of reading one file.
type stateReader struct {
	out *State
	odd []string
}

// reportOdd reports a value that cannot be read.
func (s *stateReader) reportOdd(where string, raw json.RawMessage, should string) {
	const longest = 40
	text := string(raw)
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	s.odd = append(s.odd, fmt.Sprintf("%s: %s must be %s", where, text, should))
}

// members are those of an object; nothing and null have none. Perl writes an empty object
// as a list, too.
func members(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var out map[string]json.RawMessage
	if text := strings.Join(strings.Fields(string(raw)), ""); text == "" || text == "[]" {
		return nil, true
	}
	return out, json.Unmarshal(raw, &out) == nil
}

func (s *stateReader) zones(raw json.RawMessage) {
	zones, ok := members(raw)
	if !ok {
		s.reportOdd("zones", raw, "an object with a member for each zone")
		return
	}
	s.out.Zones = make(map[string]StateZone, len(zones))
	for _, id := range slices.Sorted(maps.Keys(zones)) {
		where := "zone " + id
		zone, ok := members(zones[id])
		if !ok {
			s.reportOdd(where, zones[id], "an object with subnets")
			continue
		}
		subnets, ok := members(zone["subnets"])
		if !ok {
			s.reportOdd(where, zone["subnets"], "an object with a member for each subnet")
			continue
		}
		z := StateZone{Subnets: make(map[string]StateSubnet, len(subnets))}
		for _, cidr := range slices.Sorted(maps.Keys(subnets)) {
			z.Subnets[cidr] = s.subnet(where+", "+cidr, subnets[cidr])
		}
		s.out.Zones[id] = z
	}
}

func (s *stateReader) subnet(where string, raw json.RawMessage) StateSubnet {
	subnet, ok := members(raw)
	if !ok {
		s.reportOdd(where, raw, "an object with ips")
		return StateSubnet{}
	}
	ips, ok := members(subnet["ips"])
	if !ok {
		s.reportOdd(where, subnet["ips"], "an object with a member for each address")
		return StateSubnet{}
	}
	out := StateSubnet{IPs: make(map[string]StateIP, len(ips))}
	for _, ip := range slices.Sorted(maps.Keys(ips)) {
		if x, ok := s.ip(where+", "+ip, ips[ip]); ok {
			out.IPs[ip] = x
		}
	}
	return out
}

// ip reads the data of an address. It ignores unknown data.
func (s *stateReader) ip(where string, raw json.RawMessage) (out StateIP, ok bool) {
	values, ok := members(raw)
	if !ok {
		s.reportOdd(where, raw, "an object with mac, vmid and hostname, or gateway")
		return out, false
	}
	for name, into := range map[string]**string{"vmid": &out.VMID, "hostname": &out.Hostname, "mac": &out.MAC} {
		word, fine := schema.Scalar(values[name])
		if !fine {
			s.reportOdd(where+", "+name, values[name], "a single value")
			ok = false
		}
		*into = text(word)
	}
	switch word, fine := schema.Scalar(values["gateway"]); {
	case !fine:
		s.reportOdd(where+", gateway", values["gateway"], "1 or 0")
		ok = false
	case word != "" && word != "0":
		out.Gateway = 1
	}
	return out, ok
}
