package config

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// harmless are the properties without which an object works the same, only less well, or
// with another display. An object with an invalid value of any other is left out.
var harmless = []string{
	"alias", "mtu", "dnszoneprefix", "dhcp-dns-server", "exitnodes-primary", "disable-arp-nd-suppression", "bridge-disable-mac-learning",
	"bgp-multipath-as-path-relax", "bfd", "hello_interval", "csnp_interval", "ttl", "reversemaskv6",
}

// protective are the booleans that isolate something: an unreadable one is on.
var protective = []string{"isolate-ports"}

// values returns the usable values of a section: without properties that the type does
// not have, which Proxmox VE ignores as well, and without invalid ones that the object
// does not need. ok is false if the object was left out.
func (r *reader) values(k *schema.Kind, typ string, s *section.Section, at place) (out schema.Values, ok bool) {
	out = schema.Values{}
	ok = true
	for _, name := range schema.Values(s.Values).Names() {
		p, values := k.Property(name), s.Values[name]
		if p == nil || p.Takes(typ) == 0 {
			r.report(at, k.Model, s.ID, name, strings.Join(values, ", "), "is no option of type "+typ+" that this release knows; the option was left out")
			continue
		}
		if p.Form != schema.Array && len(values) > 1 {
			r.report(at, k.Model, s.ID, name, values[1], "is given twice: the first one counts")
			values = values[:1]
		}
		fault := p.Fault(values)
		switch {
		case fault == "":
		case slices.Contains(protective, name):
			r.report(at, k.Model, s.ID, name, values[0], fault+"; 1 was taken, so that nothing is less protected")
			values = []string{"1"}
		case slices.Contains(harmless, name):
			r.report(at, k.Model, s.ID, name, strings.Join(values, ", "), fault+"; the option was left out")
			continue
		case p.Form == schema.List && p.Unordered && len(goodItems(p, values[0])) > 0: // names of nodes that no node has
			r.report(at, k.Model, s.ID, name, values[0], fault+"; the rest of the list was taken")
			values = []string{strings.Join(goodItems(p, values[0]), ",")}
		default:
			r.leaveOut(at, k.Model, s.ID, name, strings.Join(values, ", "), fault)
			ok = false
			continue
		}
		out[name] = values
	}
	return out, ok
}

// goodItems returns the valid items of a list.
func goodItems(p *schema.Property, text string) []string {
	return slices.DeleteFunc(schema.Items(text), func(item string) bool { return p.Check != nil && p.Check(item) != "" })
}
